//! An index that is open: what is asked of it. Must never be the reason for anything but a search
//! not to be answered.

use std::ops::Bound;
use std::sync::Arc;

use packetboat_proto::id::ChatId;
use packetboat_proto::packet::SearchPlace;
use tantivy::collector::{Count, DocSetCollector};
use tantivy::directory::MmapDirectory;
use tantivy::directory::error::LockError;
use tantivy::query::{BooleanQuery, Query, RangeQuery, TermQuery, TermSetQuery};
use tantivy::schema::IndexRecordOption;
use tantivy::{Index, IndexReader, ReloadPolicy, TantivyError};
use thiserror::Error;

use super::folder::Folder;
use super::index::{Fields, UPTO};
use super::newest::Newest;
use super::words::Wanted;
use crate::store::said::Seen;

/// Why the index does not open.
#[derive(Debug, Error)]
pub(super) enum OpenError {
    /// Another has it open.
    #[error("it is open already")]
    Taken,
    /// It is that of another store, or of another version.
    #[error("it is not that of this store and this version")]
    Foreign,
    /// The folder cannot be made.
    #[error(transparent)]
    Folder(#[from] std::io::Error),
    /// What is in it is no index.
    #[error(transparent)]
    Index(#[from] TantivyError),
}

impl OpenError {
    /// Whether it may open once it is made anew.
    pub(super) fn is_broken(&self) -> bool {
        matches!(self, Self::Foreign | Self::Index(_))
    }

    pub(super) fn of(error: TantivyError) -> Self {
        match error {
            TantivyError::LockFailure(LockError::LockBusy, _) => Self::Taken,
            other => Self::Index(other),
        }
    }
}

/// An index that is open for questions.
#[derive(Clone)]
pub(super) struct Open {
    pub(super) index: Index,
    pub(super) fields: Fields,
    pub(super) reader: IndexReader,
}

fn has(term: tantivy::Term) -> Box<dyn Query> {
    Box::new(TermQuery::new(term, IndexRecordOption::Basic))
}

impl Open {
    /// Opens it, or makes an empty one.
    pub(super) fn at(folder: &Folder, mark: &str) -> Result<Self, OpenError> {
        folder.make()?;
        let directory = MmapDirectory::open(folder.path()).map_err(TantivyError::from)?;
        let fields = Fields::new();
        let index = Index::open_or_create(directory, fields.schema.clone())?;
        let metas = index.load_metas()?;
        let is_ours = metas.payload.as_deref() == Some(mark);
        if !is_ours && !metas.segments.is_empty() {
            return Err(OpenError::Foreign);
        }
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        Ok(Self { index, fields, reader })
    }

    /// Up to where a chat was read.
    pub(super) fn cursor(&self, chat: &ChatId) -> tantivy::Result<u64> {
        let searcher = self.reader.searcher();
        let found = searcher.search(&*has(self.fields.read(chat)), &DocSetCollector)?;
        let mut upto = 0;
        for address in found {
            let columns = searcher.segment_reader(address.segment_ord).fast_fields();
            let read = columns.u64(UPTO)?.first(address.doc_id);
            upto = upto.max(read.unwrap_or(0));
        }
        Ok(upto)
    }

    /// The entries whose time is over.
    pub(super) fn expired(&self, now_ms: u64) -> RangeQuery {
        RangeQuery::new(Bound::Unbounded, Bound::Included(self.fields.expiry(now_ms)))
    }

    /// Whether there are any.
    pub(super) fn has_expired(&self, now_ms: u64) -> tantivy::Result<bool> {
        Ok(self.reader.searcher().search(&self.expired(now_ms), &Count)? > 0)
    }

    /// The newest entries that may have what is wanted, behind a place.
    pub(super) fn newest(
        &self,
        wanted: &Wanted,
        chats: &Arc<[Seen]>,
        before: Option<&SearchPlace>,
        limit: usize,
    ) -> tantivy::Result<Vec<SearchPlace>> {
        let mut all: Vec<Box<dyn Query>> =
            wanted.words().iter().map(|word| has(self.fields.word(word))).collect();
        let within = chats.iter().map(|(chat, _)| self.fields.of_chat(chat));
        all.push(Box::new(TermSetQuery::new(within)));
        let newest = Newest::new(Arc::clone(chats), before, limit);
        self.reader.searcher().search(&BooleanQuery::intersection(all), &newest)
    }
}
