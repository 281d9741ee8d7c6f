//! Rows into blocks: one set of rows at a time, behind the commits, on a thread of its own. Must
//! never let a set go before all of it is durable where it went.

use super::block::{Cell, Place};
use super::erasing;
use super::fresh::Rows;
use super::merge::{Change, merge};
use super::pages::{Page, key_of, next_first, page_of};
use super::values::{End, Writer};
use crate::store::backend::{Backend, BackendError};
use crate::store::batch::Batch;
use crate::store::record::number;

/// Bytes of a value that stands in a block; a larger one stands in a file, and so does each of the
/// kinds of rows that are kept apart.
const HERE_BYTES_MAX: usize = 128;
/// Blocks that are written at once: the engine is not read meanwhile.
const BLOCKS_PER_BATCH: usize = 64;
/// Rows that go into one block's range at once: what becomes of it fits into one batch.
const ROWS_PER_MERGE: usize = 2_048;

/// Places of no use that are noted in one batch, about.
const DEAD_PER_BATCH: usize = 1_024;
/// Bytes of values that are written between two syncs: no step takes long, and no commit waits
/// long behind one.
const VALUE_BYTES_PER_SYNC: usize = 1024 * 1024;
/// Rows for each block that is written anew: with fewer, most of the work is for rows that are not
/// new, and larger sets are better.
const ROWS_PER_BLOCK_WANTED: usize = 16;

/// Where it is noted up to which commit all is packed.
pub(crate) const PACKED: &[u8] = b"@packed";
/// Where it is noted where the values ended then.
pub(crate) const VALUES: &[u8] = b"@values";

/// What a set of rows came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Packed {
    rows: usize,
    blocks: usize,
}

impl Packed {
    /// Bytes of the next set, after one of `bytes`: twice as many while the rows are strewn over
    /// many blocks, half as many once they would not be even then.
    pub(crate) fn next_bytes(self, bytes: usize, least: usize, most: usize) -> usize {
        let wanted = self.blocks.saturating_mul(ROWS_PER_BLOCK_WANTED);
        if self.rows < wanted {
            bytes.saturating_mul(2).min(most)
        } else if self.rows / 4 >= wanted {
            (bytes / 2).max(least)
        } else {
            bytes
        }
    }
}

/// The end of values as it is noted, if it was noted with the last packing: a version that knows
/// nothing of it may have packed since.
pub(crate) fn values_end(value: &[u8], packed: u64) -> Option<End> {
    let (numbers, rest) = value.as_chunks::<8>();
    let numbers: &[_; 3] = numbers.try_into().ok().filter(|_| rest.is_empty())?;
    let [last, file, at] = numbers.map(u64::from_be_bytes);
    (last == packed).then_some((file, at))
}

/// Packs a set of rows, the last of which came with commit `last`; rows whose key begins with one
/// of `apart` stand in files. `go_on` is asked between the batches; without it there is no end.
pub(crate) fn pack(
    (rows, last): (&Rows, u64),
    apart: &[u8],
    engine: &impl Backend,
    values: &mut Writer,
    mut go_on: impl FnMut() -> bool,
) -> Result<Option<Packed>, BackendError> {
    let Some(changes) = placed(rows, apart, values, &mut go_on)? else { return Ok(None) };
    let mut packed = Packed { rows: rows.len(), blocks: 0 };
    let mut rest = changes.as_slice();
    let (mut batch, mut dead) = (Batch::default(), Vec::new());
    while let Some((key, _)) = rest.first() {
        let page = page_of(engine, key)?;
        let first = page.as_ref().map_or(&[][..], |page| &page.first);
        let end = next_first(engine, first)?;
        let inside = |key: &[u8]| end.as_deref().is_none_or(|end| key < end);
        let most = &rest[..rest.len().min(ROWS_PER_MERGE)];
        let (part, behind) = rest.split_at(most.partition_point(|(key, _)| inside(key)));
        rest = behind;
        packed.blocks += rewrite(first, page.as_ref(), part, (&mut batch, &mut dead))?;
        // What is left for the same block is to find it as it is now.
        let cut = rest.first().is_some_and(|(key, _)| inside(key));
        if cut || batch.operations() >= BLOCKS_PER_BATCH || dead.len() >= DEAD_PER_BATCH {
            if !go_on() {
                return Ok(None);
            }
            erasing::note(&mut dead, &mut batch);
            engine.commit(std::mem::take(&mut batch))?;
        }
    }
    erasing::note(&mut dead, &mut batch);
    erasing::note_stretches(&values.take_torn(), &mut batch);
    let (file, at) = values.end();
    batch.put(VALUES.to_vec(), [last, file, at].map(u64::to_be_bytes).concat());
    batch.put(PACKED.to_vec(), number(last));
    engine.commit(batch)?;
    Ok(Some(packed))
}

/// The rows as changes of blocks; what is too large for one is durable in its file.
fn placed<'a>(
    rows: &'a Rows,
    apart: &[u8],
    values: &mut Writer,
    go_on: &mut impl FnMut() -> bool,
) -> Result<Option<Vec<Change<'a>>>, BackendError> {
    let is_apart = |key: &[u8]| key.first().is_some_and(|kind| apart.contains(kind));
    let mut changes = Vec::with_capacity(rows.len());
    let mut unsynced = 0;
    for (key, value) in rows {
        let cell = match value {
            None => None,
            Some(value) if value.len() <= HERE_BYTES_MAX && !is_apart(key) => {
                Some(Cell::Here(value.clone()))
            }
            Some(value) => {
                unsynced += value.len();
                Some(Cell::There(values.put(value)?))
            }
        };
        changes.push((key.as_ref(), cell));
        if unsynced >= VALUE_BYTES_PER_SYNC {
            values.sync()?;
            unsynced = 0;
            if !go_on() {
                return Ok(None);
            }
        }
    }
    values.sync()?;
    Ok(Some(changes))
}

/// What becomes of the block under `first`; how many blocks that are.
fn rewrite(
    first: &[u8],
    page: Option<&Page>,
    changes: &[Change<'_>],
    (batch, dead): (&mut Batch, &mut Vec<Place>),
) -> Result<usize, BackendError> {
    let blocks = merge(page.map(|page| page.block.clone()), changes, dead)?;
    let count = blocks.len();
    if blocks.is_empty() {
        batch.remove(key_of(first));
    }
    let mut under = Some(key_of(first));
    for (own_first, block) in blocks {
        batch.put(under.take().unwrap_or_else(|| key_of(&own_first)), block);
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_grow_while_their_rows_are_strewn_and_shrink_when_they_no_longer_are() {
        let next = |rows, blocks, bytes| Packed { rows, blocks }.next_bytes(bytes, 100, 400);
        assert_eq!(next(1_000, 500, 100), 200);
        assert_eq!(next(1_000, 500, 300), 400);
        assert_eq!(next(1_000, 500, 400), 400);
        assert_eq!(next(1_000, 62, 200), 200);
        assert_eq!(next(1_000, 16, 200), 200);
        assert_eq!(next(1_000, 15, 200), 100);
        assert_eq!(next(1_000, 15, 100), 100);
        assert_eq!(next(1, 0, 100), 100);
    }
}
