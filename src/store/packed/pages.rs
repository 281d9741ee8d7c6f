//! Blocks in an engine, each under its first key. Must never be written by more than one thread.

use std::ops::ControlFlow;

use bytes::Bytes;

use crate::store::backend::{Backend, BackendError};

/// In front of the first key of a block.
const BLOCK: u8 = b'B';
/// Behind all blocks.
const END: u8 = BLOCK + 1;

/// A block and the keys that belong to it: from its first key up to the next block's.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    /// The key that it stands under.
    pub(crate) first: Vec<u8>,
    pub(crate) block: Bytes,
}

/// Where a block with this first key stands.
pub(crate) fn key_of(first: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + first.len());
    key.push(BLOCK);
    key.extend_from_slice(first);
    key
}

/// The block to which a key belongs; `None` before the first block.
pub(crate) fn page_of(engine: &impl Backend, key: &[u8]) -> Result<Option<Page>, BackendError> {
    let mut behind = key_of(key);
    behind.push(0);
    page_below(engine, &behind)
}

/// The last block whose first key is below a key.
pub(crate) fn page_before(engine: &impl Backend, key: &[u8]) -> Result<Option<Page>, BackendError> {
    page_below(engine, &key_of(key))
}

fn page_below(engine: &impl Backend, below: &[u8]) -> Result<Option<Page>, BackendError> {
    let row = engine.last_row(&[BLOCK], below)?;
    Ok(row.map(|(mut key, value)| {
        key.remove(0);
        Page { first: key, block: value.into() }
    }))
}

/// The first key of the first block that begins behind a key.
pub(crate) fn next_first(
    engine: &impl Backend,
    key: &[u8],
) -> Result<Option<Vec<u8>>, BackendError> {
    let mut from = key_of(key);
    from.push(0);
    let mut next = None;
    engine.scan(&from, &[END], &mut |key, _| {
        next = Some(key[1..].to_vec());
        ControlFlow::Break(())
    })?;
    Ok(next)
}
