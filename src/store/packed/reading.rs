//! Rows wherever they stand: in memory, or packed. Must never miss a row that goes from one to the
//! other while it looks: memory is looked at first, or again if rows left it meanwhile. What a
//! block named may be erased from then on, so a value that is not what it was is looked for again.

use std::sync::{PoisonError, RwLock};

use bytes::Bytes;

use super::block::{self, Cell, Packed, Place};
use super::fresh::{Fresh, Known, Rows};
use super::pages::{next_first, page_before, page_of};
use super::values::{Values, follows};
use crate::store::backend::{Backend, BackendError, Visit};

/// Rows of memory that a scan takes at once.
const ROWS_PER_STEP: usize = 256;
/// Bytes of values that a scan reads at once.
const RUN_BYTES_MAX: usize = 64 * 1024;

/// Where rows stand.
pub(crate) struct Places<'a, E> {
    pub(crate) fresh: &'a RwLock<Fresh>,
    pub(crate) engine: &'a E,
    pub(crate) values: &'a Values,
}

/// Rows between two keys, some of them in memory, some packed.
struct Step {
    /// As of then.
    drops: u64,
    fresh: Rows,
    packed: Vec<Packed>,
    /// Where the next one begins.
    next: Option<Vec<u8>>,
}

/// What was shown of a step.
enum Shown {
    All,
    /// What comes before that key: the rest has to be looked for again.
    Upto(Vec<u8>),
    /// As much as was wanted.
    Enough,
}

impl<E: Backend> Places<'_, E> {
    fn fresh<T>(&self, read: impl FnOnce(&Fresh) -> T) -> T {
        read(&self.fresh.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Looks at what is packed, and at memory as it is beside that.
    fn beside<P, T>(
        &self,
        mut packed: impl FnMut() -> Result<P, BackendError>,
        read: impl Fn(&Fresh, &P) -> T,
    ) -> Result<(P, T), BackendError> {
        loop {
            let drops = self.fresh(Fresh::drops);
            let found = packed()?;
            let told = self.fresh(|fresh| (fresh.drops() == drops).then(|| read(fresh, &found)));
            if let Some(told) = told {
                return Ok((found, told));
            }
        }
    }

    /// The value of a key.
    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Bytes>, BackendError> {
        loop {
            let (known, drops) = self.fresh(|fresh| (fresh.get(key), fresh.drops()));
            match known {
                Known::Row(value) => return Ok(Some(value)),
                Known::Removed => return Ok(None),
                Known::Nothing => {}
            }
            let Some(page) = page_of(self.engine, key)? else { return Ok(None) };
            let cell = block::find(page.block, key)?;
            match cell.map(|cell| self.value(&cell)).transpose() {
                Err(error) if self.is_stale(&error, drops) => {}
                found => return found,
            }
        }
    }

    /// Whether a place was read that may have been erased since it was found, and not damaged.
    fn is_stale(&self, error: &BackendError, drops: u64) -> bool {
        matches!(error, BackendError::Value { .. }) && self.fresh(Fresh::drops) != drops
    }

    fn value(&self, cell: &Cell) -> Result<Bytes, BackendError> {
        match cell {
            Cell::Here(value) => Ok(value.clone()),
            Cell::There(place) => self.values.get(*place),
        }
    }

    /// Shows the rows from one key up to another.
    pub(crate) fn scan(
        &self,
        from: &[u8],
        to: &[u8],
        visit: &mut Visit<'_>,
    ) -> Result<(), BackendError> {
        let mut from = from.to_vec();
        while from.as_slice() < to {
            let mut step = self.step(&from, to)?;
            let next = step.next.take();
            from = match self.show(step, visit)? {
                Shown::All => match next {
                    Some(next) => next,
                    None => return Ok(()),
                },
                Shown::Upto(stale) => stale,
                Shown::Enough => return Ok(()),
            };
        }
        Ok(())
    }

    /// The rows of one block, or of a part of it, with what memory has in between.
    fn step(&self, from: &[u8], to: &[u8]) -> Result<Step, BackendError> {
        let packed = || {
            let page = page_of(self.engine, from)?;
            // Behind `from`, not behind the page's first key: the page may have been divided since
            // it was read, and the scan would go on before where it began.
            Ok((next_first(self.engine, from)?.filter(|next| next.as_slice() < to), page))
        };
        let ((end, page), (drops, (fresh, rest))) = self.beside(packed, |fresh, (end, _)| {
            let end = end.as_deref().unwrap_or(to);
            (fresh.drops(), fresh.range(from, Some(end), ROWS_PER_STEP))
        })?;
        let next = rest.or(end);
        let upto = next.as_deref().unwrap_or(to);
        let packed = match page {
            Some(page) => block::rows_between(page.block, from, upto)?,
            None => Vec::new(),
        };
        Ok(Step { drops, fresh, packed, next })
    }

    /// Shows rows in order; a row of memory replaces the packed one.
    fn show(&self, step: Step, visit: &mut Visit<'_>) -> Result<Shown, BackendError> {
        let Step { drops, fresh, mut packed, .. } = step;
        packed.retain(|(key, _)| !fresh.contains_key(key.as_slice()));
        let mut fresh = fresh.into_iter().filter_map(|(key, value)| Some((key, value?))).peekable();
        let mut rest = packed.as_slice();
        while !rest.is_empty() {
            let (run, behind) = rest.split_at(run_of(rest));
            rest = behind;
            let values = match self.run(run) {
                Err(error) if self.is_stale(&error, drops) => {
                    let packed = run.first().map(|(key, _)| key.as_slice());
                    let first = fresh.peek().map(|(key, _)| key.as_ref()).into_iter().chain(packed);
                    let first = first.min().expect("a run has a row");
                    return Ok(Shown::Upto(first.to_vec()));
                }
                values => values?,
            };
            for ((key, _), value) in run.iter().zip(values) {
                while let Some((earlier, value)) = fresh.next_if(|(earlier, _)| earlier < key) {
                    if visit(&earlier, &value).is_break() {
                        return Ok(Shown::Enough);
                    }
                }
                if visit(key, &value).is_break() {
                    return Ok(Shown::Enough);
                }
            }
        }
        for (key, value) in fresh {
            if visit(&key, &value).is_break() {
                return Ok(Shown::Enough);
            }
        }
        Ok(Shown::All)
    }

    /// The values of rows that stand side by side.
    fn run(&self, run: &[Packed]) -> Result<Vec<Bytes>, BackendError> {
        match run {
            [(_, Cell::Here(value))] => Ok(vec![value.clone()]),
            run => self.values.get_run(&run.iter().filter_map(place).collect::<Vec<_>>()),
        }
    }

    /// The last key from one up to another.
    pub(crate) fn last_key(&self, from: &[u8], to: &[u8]) -> Result<Option<Vec<u8>>, BackendError> {
        let mut to = to.to_vec();
        while from < to.as_slice() {
            let packed = || match page_before(self.engine, &to)? {
                Some(page) => {
                    let low = page.first.as_slice().max(from).to_vec();
                    let rows = block::rows_between(page.block, &low, &to)?;
                    Ok((low, rows))
                }
                None => Ok((from.to_vec(), Vec::new())),
            };
            let ((low, _), last) = self.beside(packed, |fresh, (low, rows)| {
                let is_there = |key: &&Vec<u8>| fresh.get(key) != Known::Removed;
                let packed = rows.iter().rev().map(|(key, _)| key).find(is_there).cloned();
                packed.max(fresh.last(low, &to))
            })?;
            if last.is_some() {
                return Ok(last);
            }
            to = low;
        }
        Ok(None)
    }
}

fn place((_, cell): &Packed) -> Option<Place> {
    match cell {
        Cell::Here(_) => None,
        Cell::There(place) => Some(*place),
    }
}

/// How many of the first rows can be read at once: one, or values that stand side by side.
fn run_of(rows: &[Packed]) -> usize {
    let Some(mut before) = rows.first().and_then(place) else { return 1 };
    let mut bytes = before.length as usize;
    let mut count = 1;
    for place in rows[1..].iter().map_while(place) {
        bytes += place.length as usize;
        if bytes > RUN_BYTES_MAX || !follows(before, place) {
            break;
        }
        before = place;
        count += 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;
    use std::sync::Mutex;

    use super::*;
    use crate::store::backend::Row;
    use crate::store::batch::Batch;
    use crate::store::memory::MemoryBackend;
    use crate::store::packed::merge::{Change, merge};
    use crate::store::packed::pages::key_of;
    use crate::store::packed::values;

    /// An engine to which something is written right after its next read.
    struct Beside {
        rows: MemoryBackend,
        next: Mutex<Option<Batch>>,
    }

    impl Beside {
        fn then<T>(&self, read: T) -> T {
            if let Some(batch) = self.next.lock().unwrap().take() {
                self.rows.commit(batch).unwrap();
            }
            read
        }
    }

    impl Backend for Beside {
        fn apply(&self, batch: Batch) -> Result<(), BackendError> {
            self.rows.apply(batch)
        }

        fn sync(&self) -> Result<(), BackendError> {
            self.rows.sync()
        }

        fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, BackendError> {
            self.then(self.rows.get(key))
        }

        fn scan(&self, from: &[u8], to: &[u8], visit: &mut Visit<'_>) -> Result<(), BackendError> {
            self.then(self.rows.scan(from, to, visit))
        }

        fn last_key(&self, from: &[u8], to: &[u8]) -> Result<Option<Vec<u8>>, BackendError> {
            self.then(self.rows.last_key(from, to))
        }

        fn last_row(&self, from: &[u8], to: &[u8]) -> Result<Option<Row>, BackendError> {
            self.then(self.rows.last_row(from, to))
        }

        fn free_bytes(&self) -> Result<Option<u64>, BackendError> {
            self.rows.free_bytes()
        }
    }

    /// One block of such rows, which have their keys for values.
    fn put_block(keys: &[&str], batch: &mut Batch) {
        let cell = |key: &&str| Some(Cell::Here(Bytes::copy_from_slice(key.as_bytes())));
        let rows: Vec<Change<'_>> = keys.iter().map(|key| (key.as_bytes(), cell(key))).collect();
        let [(first, block)] = &merge(None, &rows, &mut Vec::new()).unwrap()[..] else {
            panic!("one block")
        };
        batch.put(key_of(first), block.clone());
    }

    #[test]
    fn a_scan_shows_nothing_before_its_beginning_while_blocks_are_made_and_divided() {
        let folder = tempfile::tempdir().unwrap();
        let (values, _writer) = values::open(folder.path(), None).unwrap();
        for before in [&[][..], &["a", "b", "c", "d", "e"]] {
            for from in ["a", "b", "c", "d", "e", "f"] {
                let (mut now, mut next) = (Batch::default(), Batch::default());
                if !before.is_empty() {
                    put_block(before, &mut now);
                }
                put_block(&["a", "b"], &mut next);
                put_block(&["c"], &mut next);
                put_block(&["d", "e"], &mut next);
                let engine = Beside { rows: MemoryBackend::default(), next: Mutex::default() };
                engine.rows.commit(now).unwrap();
                *engine.next.lock().unwrap() = Some(next);
                // What is packed just now stands in memory, too, as long as that lasts.
                let mut fresh = Fresh::default();
                let writes = b"abcde".iter().flat_map(|&letter| [1, letter, 2, letter]);
                fresh.apply(writes.collect::<Vec<u8>>().into()).unwrap();
                fresh.freeze();
                let fresh = RwLock::new(fresh);
                let places = Places { fresh: &fresh, engine: &engine, values: &values };
                let mut found = Vec::new();
                let scanned = places.scan(from.as_bytes(), b"z", &mut |key, value| {
                    assert_eq!(key, value);
                    found.push(String::from_utf8(key.to_vec()).unwrap());
                    ControlFlow::Continue(())
                });
                scanned.unwrap();
                let wanted: Vec<&str> =
                    ["a", "b", "c", "d", "e"].into_iter().filter(|key| *key >= from).collect();
                assert_eq!(found, wanted, "from {from}, with {before:?} packed before");
            }
        }
    }
}
