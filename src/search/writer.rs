//! What writes the index: entries, how far each chat was read, and both in one commit, so that the
//! cursors never say more than the index has. Must never read a log: it is told what to write.

use std::time::{Duration, Instant};

use ahash::HashMap;
use packetboat_proto::id::ChatId;
use tantivy::IndexWriter;
use tantivy::indexer::{IndexWriterOptions, LogMergePolicy};

use super::erasing::Erasing;
use super::folder::Folder;
use super::index::Indexed;
use super::open::{Open, OpenError};

/// Bytes of words that the writer keeps before it writes them out.
const WRITER_BYTES: usize = 32 * 1024 * 1024;
/// How often it commits: what is stored, edited or recalled is so in the index after that time.
pub(super) const COMMIT_EVERY: Duration = Duration::from_secs(1);
/// Changes after which it commits earlier.
const CHANGES_PER_COMMIT: usize = 20_000;
/// Chats of which it is at hand how far they were read.
const CURSORS_CACHED: usize = 65_536;
/// A part of the index of which this much is gone is written anew, without it.
const GONE_RATIO: f32 = 0.2;

/// Writes the index.
pub(super) struct Writer {
    pub(super) open: Open,
    tantivy: IndexWriter,
    folder: Folder,
    mark: String,
    known: HashMap<ChatId, u64>,
    moved: HashMap<ChatId, u64>,
    changes: usize,
    /// Some of the changes remove words of entries.
    removes: bool,
    committed: Option<Instant>,
    erasing: Erasing,
}

impl Writer {
    /// `erase_after`: so long after a commit what it removes begins to leave the files.
    pub(super) fn open(
        folder: &Folder,
        mark: String,
        erase_after: Duration,
    ) -> Result<Self, OpenError> {
        let open = Open::at(folder, &mark)?;
        let options = IndexWriterOptions::builder()
            .memory_budget_per_thread(WRITER_BYTES)
            .num_worker_threads(1)
            .num_merge_threads(1)
            .build();
        let tantivy: IndexWriter =
            open.index.writer_with_options(options).map_err(OpenError::of)?;
        let mut policy = LogMergePolicy::default();
        policy.set_del_docs_ratio_before_merge(GONE_RATIO);
        tantivy.set_merge_policy(Box::new(policy));
        let erasing = Erasing::new(erase_after, open.reader.searcher().num_docs() == 0);
        Ok(Self {
            open,
            tantivy,
            folder: folder.clone(),
            mark,
            known: HashMap::default(),
            moved: HashMap::default(),
            changes: 0,
            removes: false,
            committed: None,
            erasing,
        })
    }

    /// Up to where a chat was read.
    pub(super) fn cursor(&mut self, chat: &ChatId) -> tantivy::Result<u64> {
        if let Some(upto) = self.moved.get(chat).or_else(|| self.known.get(chat)) {
            return Ok(*upto);
        }
        let upto = self.open.cursor(chat)?;
        self.keep(chat.clone(), upto);
        Ok(upto)
    }

    fn keep(&mut self, chat: ChatId, upto: u64) {
        if self.known.len() >= CURSORS_CACHED {
            self.known.clear();
        }
        self.known.insert(chat, upto);
    }

    /// A chat was read up to a seq.
    pub(super) fn moved(&mut self, chat: &ChatId, upto: u64) {
        self.changes += 1;
        self.moved.insert(chat.clone(), upto);
    }

    pub(super) fn add(&mut self, entry: &Indexed<'_>) -> tantivy::Result<()> {
        self.tantivy.add_document(self.open.fields.entry(entry))?;
        self.changes += 1;
        Ok(())
    }

    pub(super) fn remove(&mut self, chat: &ChatId, seq: u64) {
        self.tantivy.delete_term(self.open.fields.at(chat, seq));
        self.removes = true;
        self.changes += 1;
    }

    /// Forgets all of a chat, and that it was read.
    pub(super) fn forget(&mut self, chat: &ChatId) {
        self.tantivy.delete_term(self.open.fields.of_chat(chat));
        self.removes = true;
        self.moved(chat, 0);
    }

    /// Removes what has expired.
    pub(super) fn expire(&mut self, now_ms: u64) -> tantivy::Result<()> {
        if self.open.has_expired(now_ms)? {
            self.tantivy.delete_query(Box::new(self.open.expired(now_ms)))?;
            self.removes = true;
            self.changes += 1;
        }
        Ok(())
    }

    /// Whether there is something to commit.
    pub(super) fn has_changes(&self) -> bool {
        self.changes > 0
    }

    /// How long it may still gather.
    pub(super) fn time_left(&self) -> Duration {
        if self.changes >= CHANGES_PER_COMMIT {
            return Duration::ZERO;
        }
        let since = self.committed.map_or(COMMIT_EVERY, |committed| committed.elapsed());
        COMMIT_EVERY.saturating_sub(since)
    }

    /// From here on all of it is found, and stays after a loss of power.
    pub(super) fn commit(&mut self) -> tantivy::Result<()> {
        for (chat, upto) in std::mem::take(&mut self.moved) {
            self.tantivy.delete_term(self.open.fields.read(&chat));
            self.tantivy.add_document(self.open.fields.cursor(&chat, upto))?;
            self.keep(chat, upto);
        }
        let mut commit = self.tantivy.prepare_commit()?;
        commit.set_payload(&self.mark);
        commit.commit()?;
        self.open.reader.reload()?;
        self.changes = 0;
        self.committed = Some(Instant::now());
        if std::mem::take(&mut self.removes) {
            self.erasing.ask();
        }
        Ok(())
    }

    /// In how long it is to go on with erasing; `None`: there is nothing to erase.
    pub(super) fn erases_in(&self) -> Option<Duration> {
        self.erasing.time_left()
    }

    /// Goes on with having what was removed leave the files, if it is time; takes no longer than to
    /// look. `has_room` says whether the disk has room for so many bytes more.
    pub(super) fn erase(&mut self, has_room: impl FnOnce(u64) -> bool) -> tantivy::Result<()> {
        self.erasing.go_on((&self.open, &self.folder), &mut self.tantivy, has_room)
    }
}

#[cfg(test)]
mod erased;

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::search::words::Wanted;
    use crate::store::said::Seen;

    pub(super) fn chat(text: &str) -> ChatId {
        ChatId::new(text).unwrap()
    }

    fn open(data: &Path, mark: &str) -> Result<Writer, OpenError> {
        Writer::open(&Folder::in_data(data), mark.to_owned(), Duration::from_mins(1))
    }

    pub(super) fn add(
        writer: &mut Writer,
        chat: &ChatId,
        seq: u64,
        text: &str,
        expires_ms: Option<u64>,
    ) {
        writer.add(&Indexed { chat, seq, at_ms: 10 + seq, expires_ms, text }).unwrap();
    }

    /// The seqs of what the index has, within a stretch of a chat.
    pub(super) fn found(
        writer: &Writer,
        of: &ChatId,
        words: &str,
        (first, last): (u64, u64),
    ) -> Vec<u64> {
        let wanted = Wanted::of(words).unwrap();
        let seen: Arc<[Seen]> = Arc::new([(of.clone(), vec![(first, last)])]);
        let places = writer.open.newest(&wanted, &seen, None, 9).unwrap();
        assert!(places.iter().all(|place| place.chat == *of && place.at_ms == 10 + place.seq));
        places.into_iter().map(|place| place.seq).collect()
    }

    #[test]
    fn what_is_written_is_found_within_what_is_seen_and_removed_is_not() {
        let data = tempfile::tempdir().unwrap();
        let (one, other) = (chat("dm:ann:bob"), chat("group:crew"));
        let mut writer = open(data.path(), "mark").unwrap();
        for seq in 1..=4 {
            add(&mut writer, &one, seq, "tide", (seq == 2).then_some(50));
        }
        add(&mut writer, &other, 1, "tide and ebb", None);
        writer.moved(&one, 4);
        assert_eq!(found(&writer, &one, "tide", (1, 9)), [0; 0], "not before it is committed");
        writer.commit().unwrap();
        assert!(!writer.has_changes());
        assert_eq!(found(&writer, &one, "tide", (1, u64::MAX)), [4, 3, 2, 1]);
        assert_eq!(found(&writer, &one, "tide", (2, 3)), [3, 2]);
        assert_eq!(found(&writer, &other, "TIDE ebb", (1, 9)), [1]);
        assert_eq!(found(&writer, &one, "tide ebb", (1, 9)), [0; 0]);
        writer.remove(&one, 3);
        writer.expire(49).unwrap();
        writer.commit().unwrap();
        assert_eq!(found(&writer, &one, "tide", (1, 9)), [4, 2, 1]);
        writer.expire(50).unwrap();
        writer.forget(&other);
        writer.commit().unwrap();
        assert_eq!(found(&writer, &one, "tide", (1, 9)), [4, 1]);
        assert_eq!(found(&writer, &other, "tide", (1, 9)), [0; 0]);
        writer.expire(50).unwrap();
        assert!(!writer.has_changes(), "nothing more has expired");
    }

    #[test]
    fn how_far_chats_were_read_is_committed_with_what_was_read() {
        let data = tempfile::tempdir().unwrap();
        let one = chat("dm:ann:bob");
        let mut writer = open(data.path(), "mark").unwrap();
        for upto in [3, 7] {
            add(&mut writer, &one, upto, "tide", None);
            writer.moved(&one, upto);
            writer.commit().unwrap();
        }
        add(&mut writer, &one, 9, "tide", None);
        writer.moved(&one, 9);
        assert_eq!(writer.cursor(&one).unwrap(), 9);
        assert!(matches!(open(data.path(), "mark"), Err(OpenError::Taken)));
        drop(writer);
        let mut writer = open(data.path(), "mark").unwrap();
        assert_eq!(writer.cursor(&one).unwrap(), 7, "what was not committed is read again");
        assert_eq!(found(&writer, &one, "tide", (1, 9)), [7, 3]);
        assert_eq!(writer.cursor(&chat("group:crew")).unwrap(), 0);
        drop(writer);
        let foreign = open(data.path(), "another").err().unwrap();
        assert!(matches!(foreign, OpenError::Foreign) && foreign.is_broken());
    }
}
