//! New rows into a block: what becomes of the block. Pure: knows no engine and no file. Must never
//! leave out a row, nor one of another block take in.

use std::borrow::Cow;
use std::cmp::Ordering;

use bytes::Bytes;

use super::block::{self, BLOCK_BYTES, BlockError, Cell, Packer, Place, Rows};

/// A change of a row: `None` removes it.
pub(crate) type Change<'a> = (&'a [u8], Option<Cell>);

/// A block, and the first key in it.
pub(crate) type Block = (Vec<u8>, Vec<u8>);

/// What a block becomes with changes, which are in order: no block if no row is left. Places that
/// it named and does no more go to `dead`.
pub(crate) fn merge(
    block: Option<Bytes>,
    changes: &[Change<'_>],
    dead: &mut Vec<Place>,
) -> Result<Vec<Block>, BlockError> {
    let (rows, appended) = merged(block, changes, dead)?;
    let bytes = encoded_len(&rows);
    // Where rows come between others, more will come: each block is left some room. Behind all
    // others that room would be lost.
    let target = match bytes.div_ceil(BLOCK_BYTES) {
        2.. if !appended => bytes / bytes.div_ceil(BLOCK_BYTES),
        _ => BLOCK_BYTES,
    };
    let (mut packer, mut blocks, mut first) = (Packer::default(), Vec::new(), None);
    for (key, cell) in &rows {
        let full = packer.bytes() >= target || !packer.add(key, cell);
        if full {
            blocks.extend(first.take().map(|first: Vec<u8>| (first, packer.finish())));
            let fits = packer.add(key, cell);
            debug_assert!(fits, "a row fits into a block of its own");
        }
        first.get_or_insert_with(|| key.to_vec());
    }
    blocks.extend(first.map(|first| (first, packer.finish())));
    Ok(blocks)
}

/// A row of a block to be.
type Merged<'a> = (Cow<'a, [u8]>, Cell);

/// The rows with the changes, and whether all that came is behind all that was there.
fn merged<'a>(
    block: Option<Bytes>,
    changes: &'a [Change<'a>],
    dead: &mut Vec<Place>,
) -> Result<(Vec<Merged<'a>>, bool), BlockError> {
    let mut rows = Vec::with_capacity(changes.len());
    let mut changes = changes.iter().peekable();
    let mut appended = true;
    let mut old = block.map(Rows::of);
    while let Some((key, cell)) = old.as_mut().map_or(Ok(None), Rows::next_row)? {
        let mut kept = true;
        while let Some((changed, new)) = changes.next_if(|(changed, _)| *changed <= key) {
            appended = false;
            rows.extend(new.clone().map(|cell| (Cow::Borrowed(*changed), cell)));
            kept = changed.cmp(&key) != Ordering::Equal;
        }
        match cell {
            cell if kept => rows.push((Cow::Owned(key.to_vec()), cell)),
            Cell::There(place) => dead.push(place),
            Cell::Here(_) => {}
        }
    }
    rows.extend(changes.filter_map(|(key, cell)| Some((Cow::Borrowed(*key), cell.clone()?))));
    Ok((rows, appended))
}

fn encoded_len(rows: &[Merged<'_>]) -> usize {
    let mut before: &[u8] = &[];
    let mut bytes = 0;
    for (key, cell) in rows {
        bytes += block::row_len(before, key, cell);
        before = key;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn value(byte: u8, length: usize) -> Cell {
        Cell::Here(vec![byte; length].into())
    }

    fn rows(blocks: &[Block]) -> BTreeMap<Vec<u8>, Cell> {
        let mut found = BTreeMap::new();
        for (first, block) in blocks {
            let mut rows = Rows::of(Bytes::from(block.clone()));
            let mut expected = Some(first.as_slice());
            while let Some((key, cell)) = rows.next_row().unwrap() {
                assert_eq!(
                    expected.take().unwrap_or(key),
                    key,
                    "a block begins with its first key"
                );
                assert_eq!(found.insert(key.to_vec(), cell), None);
            }
        }
        found
    }

    #[test]
    fn rows_behind_all_others_fill_their_blocks() {
        let keys: Vec<String> = (0..400).map(|number| format!("key {number:05}")).collect();
        let changes: Vec<Change<'_>> =
            keys.iter().map(|key| (key.as_bytes(), Some(value(1, 40)))).collect();
        let blocks = merge(None, &changes, &mut Vec::new()).unwrap();
        let full = blocks.iter().rev().skip(1);
        assert!(full.clone().count() >= 3);
        assert!(full.clone().all(|(_, block)| block.len() > BLOCK_BYTES - 64));
    }

    #[test]
    fn rows_between_others_leave_room_in_each_block() {
        let keys: Vec<String> = (0..90).map(|number| format!("key {number:05}")).collect();
        let changes: Vec<Change<'_>> =
            keys.iter().map(|key| (key.as_bytes(), Some(value(1, 40)))).collect();
        let blocks = merge(None, &changes, &mut Vec::new()).unwrap();
        let whole = Bytes::from(blocks[0].1.clone());
        let blocks =
            merge(Some(whole), &[(b"key 00001a", Some(value(2, 900)))], &mut Vec::new()).unwrap();
        assert_eq!(blocks.len(), 2);
        assert!(blocks.iter().all(|(_, block)| block.len() < 3_500), "{blocks:?}");
    }

    #[test]
    fn a_block_without_rows_is_none() {
        let blocks = merge(None, &[(b"a", Some(value(1, 1)))], &mut Vec::new()).unwrap();
        let whole = Bytes::from(blocks[0].1.clone());
        assert_eq!(merge(Some(whole), &[(b"a", None), (b"b", None)], &mut Vec::new()).unwrap(), []);
    }

    #[test]
    fn places_that_are_named_no_more_are_told() {
        let place = |at| Place { file: 1, at, length: 200, checksum: 7 };
        let there = |at| Some(Cell::There(place(at)));
        let rows: [Change<'_>; 4] =
            [(b"a", there(0)), (b"b", there(200)), (b"c", there(400)), (b"d", Some(value(1, 9)))];
        let mut dead = Vec::new();
        let blocks = merge(None, &rows, &mut dead).unwrap();
        assert_eq!(dead, []);
        let whole = Bytes::from(blocks[0].1.clone());
        let changes: [Change<'_>; 4] =
            [(b"a", None), (b"aa", there(900)), (b"c", Some(value(1, 9))), (b"d", None)];
        merge(Some(whole), &changes, &mut dead).unwrap();
        assert_eq!(dead, [place(0), place(400)]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn blocks_are_the_rows_with_the_changes(
            rounds in proptest::collection::vec(
                proptest::collection::btree_map(
                    "[a-d]{0,4}",
                    proptest::option::of(0..300_usize),
                    1..60,
                ),
                1..4,
            ),
        ) {
            let mut wanted: BTreeMap<Vec<u8>, Cell> = BTreeMap::new();
            let mut old: Option<Bytes> = None;
            for round in &rounds {
                let changes: Vec<Change<'_>> = round
                    .iter()
                    .map(|(key, length)| (key.as_bytes(), length.map(|length| value(7, length))))
                    .collect();
                // What one block can hold: the rows so far are those of the first.
                let blocks = merge(old.take(), &changes, &mut Vec::new()).unwrap();
                for (key, cell) in &changes {
                    match cell {
                        Some(cell) => drop(wanted.insert(key.to_vec(), cell.clone())),
                        None => drop(wanted.remove(*key)),
                    }
                }
                prop_assert_eq!(&rows(&blocks), &wanted);
                prop_assert!(blocks.iter().all(|(_, block)| block.len() <= BLOCK_BYTES));
                old = blocks.first().map(|(_, block)| Bytes::from(block.clone()));
                wanted = rows(&blocks[..blocks.len().min(1)]);
            }
        }
    }
}
