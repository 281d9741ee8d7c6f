//! Rows into blocks: one set of rows at a time, behind the commits, on a thread of its own. Must
//! never let a set go before all of it is durable where it went.

use super::block::Cell;
use super::fresh::Rows;
use super::merge::{Change, merge};
use super::pages::{Page, key_of, next_first, page_of};
use super::values::Writer;
use crate::store::backend::{Backend, BackendError};
use crate::store::batch::Batch;
use crate::store::record::number;

/// Bytes of a value that stands in a block; a larger one stands in a file.
const HERE_BYTES_MAX: usize = 128;
/// Blocks that are written at once: the engine is not read meanwhile.
const BLOCKS_PER_BATCH: usize = 64;
/// Rows that go into one block's range at once: what becomes of it fits into one batch.
const ROWS_PER_MERGE: usize = 2_048;

/// Where it is noted up to which commit all is packed.
pub(crate) const PACKED: &[u8] = b"@packed";

/// Packs a set of rows, the last of which came with commit `last`. `go_on` is asked between the
/// batches; whether it came to the end.
pub(crate) fn pack(
    rows: &Rows,
    last: u64,
    engine: &impl Backend,
    values: &mut Writer,
    mut go_on: impl FnMut() -> bool,
) -> Result<bool, BackendError> {
    let changes = placed(rows, values)?;
    let mut rest = changes.as_slice();
    let mut batch = Batch::default();
    while let Some((key, _)) = rest.first() {
        let page = page_of(engine, key)?;
        let first = page.as_ref().map_or(&[][..], |page| &page.first);
        let end = next_first(engine, first)?;
        let inside = |key: &[u8]| end.as_deref().is_none_or(|end| key < end);
        let most = &rest[..rest.len().min(ROWS_PER_MERGE)];
        let (part, behind) = rest.split_at(most.partition_point(|(key, _)| inside(key)));
        rest = behind;
        rewrite(first, page.as_ref(), part, &mut batch)?;
        // What is left for the same block is to find it as it is now.
        let cut = rest.first().is_some_and(|(key, _)| inside(key));
        if cut || batch.operations() >= BLOCKS_PER_BATCH {
            if !go_on() {
                return Ok(false);
            }
            engine.commit(std::mem::take(&mut batch))?;
        }
    }
    batch.put(PACKED.to_vec(), number(last));
    engine.commit(batch)?;
    Ok(true)
}

/// The rows as changes of blocks; what is too large for one is durable in its file.
fn placed<'a>(rows: &'a Rows, values: &mut Writer) -> Result<Vec<Change<'a>>, BackendError> {
    let mut changes = Vec::with_capacity(rows.len());
    for (key, value) in rows {
        let cell = match value {
            None => None,
            Some(value) if value.len() <= HERE_BYTES_MAX => Some(Cell::Here(value.clone())),
            Some(value) => Some(Cell::There(values.put(value)?)),
        };
        changes.push((key.as_slice(), cell));
    }
    values.sync()?;
    Ok(changes)
}

/// What becomes of the block under `first`.
fn rewrite(
    first: &[u8],
    page: Option<&Page>,
    changes: &[Change<'_>],
    batch: &mut Batch,
) -> Result<(), BackendError> {
    let blocks = merge(page.map(|page| page.block.clone()), changes)?;
    if blocks.is_empty() {
        batch.remove(key_of(first));
    }
    let mut under = Some(key_of(first));
    for (own_first, block) in blocks {
        batch.put(under.take().unwrap_or_else(|| key_of(&own_first)), block);
    }
    Ok(())
}
