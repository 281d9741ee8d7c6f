//! Files on a local disk, one for each. Must never have bytes under a file's name that are not
//! synced: a name is given at the end.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use packetboat_proto::id::FileId;

use super::store::{Doing, FileStore};
use super::workers::Workers;

/// A folder of files.
pub struct FolderStore {
    root: PathBuf,
    workers: Workers,
}

impl FolderStore {
    /// Of a folder that is there.
    pub fn new(root: PathBuf, workers: Workers) -> Self {
        Self { root, workers }
    }

    fn place(&self, file: &FileId) -> PathBuf {
        // The last byte: the first ones are a time, and would be the same for all of a day.
        let shard = file.as_bytes()[file.as_bytes().len() - 1];
        self.root.join(format!("{shard:02x}")).join(file.to_string())
    }
}

/// Syncs a folder: what was named in it stays named.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Removes a file, if it is there.
pub(super) fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn keep(place: &Path, staged: &Path) -> io::Result<()> {
    let shard = place.parent().ok_or(ErrorKind::InvalidInput)?;
    if !shard.is_dir() {
        fs::create_dir_all(shard)?;
        sync_folder(shard.parent().ok_or(ErrorKind::InvalidInput)?)?;
    }
    let new = place.with_extension("new");
    remove_if_there(&new)?;
    // The staged name stays until the store knows that the file is whole: no crash leaves neither.
    if fs::hard_link(staged, &new).is_err() {
        fs::copy(staged, &new)?;
        File::open(&new)?.sync_all()?;
    }
    fs::rename(&new, place)?;
    // Were both the same already, nothing was renamed.
    remove_if_there(&new)?;
    sync_folder(shard)
}

fn read(place: &Path, offset: u64, length: usize) -> io::Result<Bytes> {
    let file = File::open(place)?;
    let mut bytes = vec![0; length];
    let mut filled = 0;
    while filled < length {
        match file.read_at(&mut bytes[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes.into())
}

impl FileStore for FolderStore {
    fn keep<'a>(&'a self, file: &'a FileId, staged: &'a Path) -> Doing<'a, ()> {
        let (place, staged) = (self.place(file), staged.to_owned());
        Box::pin(async move { self.workers.run(move || keep(&place, &staged)).await? })
    }

    fn read<'a>(&'a self, file: &'a FileId, offset: u64, length: usize) -> Doing<'a, Bytes> {
        let place = self.place(file);
        Box::pin(async move { self.workers.run(move || read(&place, offset, length)).await? })
    }

    fn remove<'a>(&'a self, file: &'a FileId) -> Doing<'a, ()> {
        let place = self.place(file);
        Box::pin(async move {
            let removed = self.workers.run(move || {
                remove_if_there(&place.with_extension("new"))?;
                remove_if_there(&place)
            });
            removed.await?
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_kept_is_read_and_removed_and_each_of_it_twice() {
        let place = tempfile::tempdir().unwrap();
        let staged = place.path().join("staged");
        fs::write(&staged, b"the whole of it").unwrap();
        let store = FolderStore::new(place.path().join("kept"), Workers::default());
        fs::create_dir(place.path().join("kept")).unwrap();
        let file = FileId::from([7; 16]);
        for _ in 0..2 {
            store.keep(&file, &staged).await.unwrap();
            assert_eq!(store.read(&file, 4, 5).await.unwrap(), &b"whole"[..]);
        }
        assert_eq!(store.read(&file, 10, 50).await.unwrap(), &b"of it"[..]);
        fs::remove_file(&staged).unwrap();
        assert_eq!(store.read(&file, 0, 3).await.unwrap(), &b"the"[..]);
        for _ in 0..2 {
            store.remove(&file).await.unwrap();
            assert!(store.read(&file, 0, 3).await.is_err());
        }
    }
}
