//! What became of no use in files of values: noted in the engine with the block that drops it, and
//! written over with zeros once no block names it. Must never touch a place while a block that is
//! durable names it.

use std::ops::ControlFlow;

use super::block::Place;
use super::values::{Stretch, Values};
use crate::store::backend::{Backend, BackendError};
use crate::store::batch::Batch;
use crate::store::record::{as_number, number};

/// In front of the file and the place of bytes that are of no use; the value is how many.
const DEAD: &[u8] = b"@dead";
/// Behind all of them.
const DEAD_END: &[u8] = b"@deae";
/// Stretches that are erased between two commits.
const STRETCHES_PER_BATCH: usize = 1_024;

fn key_of(stretch: &Stretch) -> Vec<u8> {
    [DEAD, &stretch.file.to_be_bytes(), &stretch.at.to_be_bytes()].concat()
}

fn stretch_of(key: &[u8], value: &[u8]) -> Option<Stretch> {
    let (file, at) = key.strip_prefix(DEAD)?.split_first_chunk::<8>()?;
    let at = <[u8; 8]>::try_from(at).ok()?;
    let (file, at) = (u64::from_be_bytes(*file), u64::from_be_bytes(at));
    Some(Stretch { file, at, bytes: as_number(value).ok()? })
}

/// Notes what no block names any more, in the batch with which that is so.
pub(crate) fn note(dead: &mut Vec<Place>, batch: &mut Batch) {
    dead.sort_unstable_by_key(|place| (place.file, place.at));
    let mut stretches: Vec<Stretch> = Vec::new();
    // What has no bytes has its place in common with what stands behind it.
    for place in dead.drain(..).filter(|place| place.length > 0) {
        let bytes = u64::from(place.length);
        match stretches.last_mut().filter(|last| last.ends_at(place.file, place.at)) {
            Some(last) => last.bytes += bytes,
            None => stretches.push(Stretch { file: place.file, at: place.at, bytes }),
        }
    }
    note_stretches(&stretches, batch);
}

/// Notes stretches that are of no use.
pub(crate) fn note_stretches(stretches: &[Stretch], batch: &mut Batch) {
    for stretch in stretches {
        batch.put(key_of(stretch), number(stretch.bytes));
    }
}

/// Erases all that is noted; `go_on` is asked now and then, and without it there is an end before.
/// Whether all of it is erased.
pub(crate) fn erase(
    engine: &impl Backend,
    values: &Values,
    mut go_on: impl FnMut() -> bool,
) -> Result<bool, BackendError> {
    loop {
        let (mut stretches, mut batch) = (Vec::new(), Batch::default());
        let mut unknown = None;
        engine.scan(DEAD, DEAD_END, &mut |key, value| {
            match stretch_of(key, value) {
                Some(stretch) => stretches.push(stretch),
                None => unknown = Some(BackendError::Layout { detail: format!("row {key:?}") }),
            }
            batch.remove(key.to_vec());
            let full = stretches.len() >= STRETCHES_PER_BATCH || unknown.is_some();
            if full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        if let Some(unknown) = unknown {
            return Err(unknown);
        }
        if stretches.is_empty() {
            return Ok(true);
        }
        if !values.erase(&stretches, &mut go_on)? || !go_on() {
            return Ok(false);
        }
        engine.commit(batch)?;
    }
}

#[cfg(test)]
mod tests {
    use super::super::values;
    use super::*;
    use crate::store::memory::MemoryBackend;

    fn count(engine: &MemoryBackend) -> usize {
        let mut count = 0;
        let counted = engine.scan(DEAD, DEAD_END, &mut |_, _| {
            count += 1;
            ControlFlow::Continue(())
        });
        counted.unwrap();
        count
    }

    #[test]
    fn what_is_noted_is_erased_and_what_stands_beside_it_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (values, mut writer) = values::open(folder.path(), None).unwrap();
        let put = |text: &str| writer.put(text.as_bytes()).unwrap();
        let places = ["one", "two", "three", "four", "five", "", "six"].map(put);
        writer.sync().unwrap();
        let engine = MemoryBackend::default();
        let mut batch = Batch::default();
        note(&mut vec![places[3], places[0], places[2], places[6], places[5]], &mut batch);
        engine.commit(batch).unwrap();
        assert_eq!(count(&engine), 3, "what stands side by side is one stretch");
        assert!(!erase(&engine, &values, || false).unwrap());
        assert_eq!(count(&engine), 3, "what is not erased stays noted");
        assert!(erase(&engine, &values, || true).unwrap());
        assert_eq!(count(&engine), 0);
        let bytes = std::fs::read(folder.path().join("000000.values")).unwrap();
        assert_eq!(bytes, b"\0\0\0two\0\0\0\0\0\0\0\0\0five\0\0\0");
        assert_eq!(values.get(places[4]).unwrap(), "five");
        assert!(matches!(values.get(places[2]), Err(BackendError::Value { .. })));
    }
}
