//! Has what is gone leave the files of the index: some time after the first commit that removed
//! the words of an entry, each segment that still has words of entries that are gone is written
//! anew without them, one at a time, and the files that were there before are removed. How far a
//! chat was read is no content: must never write a segment anew for that alone.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use ahash::HashSet;
use tantivy::index::SegmentId;
use tantivy::{FutureResult, IndexWriter, Searcher, SegmentMeta, SegmentReader};
use tracing::warn;

use super::folder::Folder;
use super::index::SEQ;
use super::open::Open;

/// How often it looks whether a segment is written.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long after an open it looks, at the most.
const AFTER_OPEN_MAX: Duration = Duration::from_secs(10);
/// How long it waits when the disk has no room to write a segment anew.
const ROOM_WAIT: Duration = Duration::from_mins(1);
/// How often it looks for segments with what is gone. tantivy may have been writing one of them
/// into another when it looked first; that is done once one of its own is, for there is one thread
/// for all of that, and is seen when it looks again.
const PASSES: u32 = 2;

/// When the files are to be freed of what is gone, and how far it is with that.
pub(super) struct Erasing {
    /// From a commit that removes something until it begins.
    after: Duration,
    due: Option<Instant>,
    /// It does not begin again before: what it costs is half of the time at most.
    rests_until: Option<Instant>,
    work: Option<Work>,
    /// Nothing has changed since it last looked, up to then.
    look_at: Option<Instant>,
}

struct Work {
    begun: Instant,
    passes: u32,
    /// To be written anew.
    owed: Vec<SegmentId>,
    /// Nothing that was gone as it began stands in them.
    clean: HashSet<SegmentId>,
    /// What was written anew: the files are to be removed.
    going: HashSet<SegmentId>,
    writing: Option<(SegmentId, FutureResult<Option<SegmentMeta>>)>,
}

/// Whether words of an entry that is gone stand in a segment.
fn is_stale(segment: &SegmentReader) -> tantivy::Result<bool> {
    let Some(alive) = segment.alive_bitset() else { return Ok(false) };
    // It holds nothing but how far chats were read.
    let Some(seqs) = segment.fast_fields().column_opt::<u64>(SEQ)? else { return Ok(false) };
    Ok((0..segment.max_doc()).any(|doc| alive.is_deleted(doc) && seqs.first(doc).is_some()))
}

fn stale_in(searcher: &Searcher) -> tantivy::Result<Vec<SegmentId>> {
    let mut stale = Vec::new();
    for segment in searcher.segment_readers() {
        if is_stale(segment)? {
            stale.push(segment.segment_id());
        }
    }
    Ok(stale)
}

fn live_in(searcher: &Searcher) -> HashSet<SegmentId> {
    searcher.segment_readers().iter().map(SegmentReader::segment_id).collect()
}

/// The files of segments, each with its segment.
fn files_in(folder: &Folder) -> tantivy::Result<Vec<(SegmentId, fs::DirEntry)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder.path())? {
        let entry = entry?;
        let name = entry.file_name();
        let segment = name.to_str().and_then(|name| name.split('.').next());
        // What else there is has no name that could be that of a segment.
        if let Some(id) = segment.and_then(|id| SegmentId::from_uuid_string(id).ok()) {
            files.push((id, entry));
        }
    }
    Ok(files)
}

impl Erasing {
    /// Looks once after an open of one that is not new: it is not known what the life before has
    /// left undone, nor for how long.
    pub(super) fn new(after: Duration, is_new: bool) -> Self {
        let due = (!is_new).then(|| Instant::now() + after.min(AFTER_OPEN_MAX));
        Self { after, due, rests_until: None, work: None, look_at: None }
    }

    /// A commit has removed words of entries.
    pub(super) fn ask(&mut self) {
        self.due.get_or_insert_with(|| Instant::now() + self.after);
    }

    /// In how long it is to go on; `None`: nothing is to be erased.
    pub(super) fn time_left(&self) -> Option<Duration> {
        let at = match &self.work {
            Some(_) => self.look_at,
            None => Some(self.due?.max(self.rests_until.unwrap_or(self.due?))),
        };
        Some(at.map_or(Duration::ZERO, |at| at.saturating_duration_since(Instant::now())))
    }

    /// Goes on with it, if it is time; it takes no longer than to look. `has_room` says whether the
    /// disk has room for so many bytes more.
    pub(super) fn go_on(
        &mut self,
        (open, folder): (&Open, &Folder),
        tantivy: &mut IndexWriter,
        has_room: impl FnOnce(u64) -> bool,
    ) -> tantivy::Result<()> {
        if self.time_left().is_none_or(|left| !left.is_zero()) {
            return Ok(());
        }
        self.look_at = None;
        let mut work = if let Some(work) = self.work.take() {
            work
        } else {
            self.due = None;
            Work::begin(open)?
        };
        match work.go_on((open, folder), tantivy, has_room)? {
            Step::Next => self.work = Some(work),
            Step::Waits => {
                self.look_at = Some(Instant::now() + LOOK_EVERY);
                self.work = Some(work);
            }
            Step::NoRoom => {
                warn!("there is no room to write the index of search anew: what is gone stays");
                self.due = Some(Instant::now() + ROOM_WAIT);
            }
            Step::Done => self.rests_until = Some(Instant::now() + work.begun.elapsed()),
        }
        Ok(())
    }
}

/// What has come of a step.
enum Step {
    Next,
    Waits,
    NoRoom,
    Done,
}

impl Work {
    fn begin(open: &Open) -> tantivy::Result<Self> {
        open.reader.reload()?;
        let searcher = open.reader.searcher();
        let owed = stale_in(&searcher)?;
        let clean = live_in(&searcher).into_iter().filter(|id| !owed.contains(id)).collect();
        let (begun, going) = (Instant::now(), HashSet::default());
        Ok(Self { begun, passes: 1, owed, clean, going, writing: None })
    }

    fn go_on(
        &mut self,
        (open, folder): (&Open, &Folder),
        tantivy: &mut IndexWriter,
        has_room: impl FnOnce(u64) -> bool,
    ) -> tantivy::Result<Step> {
        if let Some((id, mut writing)) = self.writing.take() {
            match Pin::new(&mut writing).poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Pending => {
                    self.writing = Some((id, writing));
                    return Ok(Step::Waits);
                }
                Poll::Ready(written) => self.has_written(open, id, written)?,
            }
        }
        if let Some(id) = self.owed.pop() {
            let files = files_in(folder)?.into_iter().filter(|(of, _)| *of == id);
            let bytes = files.map(|(_, file)| file.metadata().map_or(0, |found| found.len()));
            if !has_room(bytes.sum()) {
                return Ok(Step::NoRoom);
            }
            self.going.insert(id);
            self.writing = Some((id, tantivy.merge(&[id])));
            return Ok(Step::Next);
        }
        open.reader.reload()?;
        let searcher = open.reader.searcher();
        if self.passes < PASSES {
            self.passes += 1;
            self.owed = stale_in(&searcher)?;
            self.owed.retain(|id| !self.clean.contains(id));
            return Ok(Step::Next);
        }
        let live = live_in(&searcher);
        drop(searcher);
        tantivy.garbage_collect_files().wait()?;
        self.remove_rest(open, folder, &live)?;
        Ok(Step::Done)
    }

    /// Removes what tantivy holds for a merge that has come too late, and what it does not know of:
    /// a merge that outlived its writer has left that. What is on its way into the index it knows.
    fn remove_rest(
        &self,
        open: &Open,
        folder: &Folder,
        live: &HashSet<SegmentId>,
    ) -> tantivy::Result<()> {
        let files = files_in(folder)?;
        let known = open.index.directory().list_managed_files();
        for (id, file) in files {
            let is_known = known.contains(Path::new(&file.file_name()));
            if live.contains(&id) || is_known && !self.going.contains(&id) {
                continue;
            }
            match fs::remove_file(file.path()) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        Ok(())
    }

    /// A segment was written anew, or it could not be.
    fn has_written(
        &mut self,
        open: &Open,
        id: SegmentId,
        written: tantivy::Result<Option<SegmentMeta>>,
    ) -> tantivy::Result<()> {
        match written {
            Ok(meta) => {
                self.clean.extend(meta.map(|meta| meta.id()));
                Ok(())
            }
            // Another merge has taken it in before.
            Err(_) if !open.index.searchable_segment_ids()?.contains(&id) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
