//! Where the bytes of whole files are kept: on a disk, in a bucket. The seam for whatever keeps
//! them for more than one server. Must never know whose a file is.

use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;

use bytes::Bytes;
use packetboat_proto::id::FileId;

/// What comes of work on a store.
pub type Doing<'a, T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send + 'a>>;

/// A store of whole files. All of it may be asked again after any error.
pub trait FileStore: Send + Sync + 'static {
    /// Keeps the bytes that are staged in a file, which are synced; durably, once it resolves.
    fn keep<'a>(&'a self, file: &'a FileId, staged: &'a Path) -> Doing<'a, ()>;

    /// Reads bytes of a file that is kept; fewer only at its end.
    fn read<'a>(&'a self, file: &'a FileId, offset: u64, length: usize) -> Doing<'a, Bytes>;

    /// Removes the bytes of a file, whether or not there are any.
    fn remove<'a>(&'a self, file: &'a FileId) -> Doing<'a, ()>;
}
