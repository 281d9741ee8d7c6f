//! Search in one's own chats: what a session asks for, and behind the cargo feature `search` an
//! index of words beside the logs. The index is a hint, the log is the truth: must never answer
//! with what the store's reader has not just given for this user.

#[cfg(feature = "search")]
mod erasing;
#[cfg(feature = "search")]
pub mod finder;
mod folder;
#[cfg(feature = "search")]
pub mod hints;
#[cfg(feature = "search")]
mod index;
#[cfg(feature = "search")]
pub mod indexer;
#[cfg(feature = "search")]
mod newest;
#[cfg(feature = "search")]
mod open;
#[cfg(all(feature = "search", feature = "proof"))]
mod plain;
#[cfg(feature = "search")]
mod said;
#[cfg(feature = "search")]
mod words;
#[cfg(feature = "search")]
mod writer;

use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;

use packetboat_proto::id::UserId;
use packetboat_proto::packet;

use self::folder::Folder;
use crate::store::{PageLimit, StoreError};

/// What is found, once it is.
pub type Finding<'a> =
    Pin<Box<dyn Future<Output = Result<packet::SearchPage, StoreError>> + Send + 'a>>;

/// Finds entries by their words.
pub trait Search: Send + Sync + 'static {
    /// Entries that have all of the words and that the user may see now.
    fn find(&self, user: UserId, asked: packet::Search, limit: PageLimit) -> Finding<'_>;
}

/// Removes an index that is not kept on with: what is recalled meanwhile would stay in it. Whether
/// there was one.
pub fn forget(data: &Path) -> io::Result<bool> {
    Folder::in_data(data).remove()
}
