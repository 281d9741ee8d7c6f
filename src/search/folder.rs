//! The folder of the index. All that is in it can be made again from the logs, so what does not
//! open is removed. Must never remove what this server has not made: a file in it says so.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Its name in the data folder.
const FOLDER: &str = "search";
/// The file in it that says that it is ours.
const MARK: &str = "made-by-packetboat";
/// What that is called while the rest is removed: one that is removed by half is not opened.
const GOING: &str = "made-by-packetboat.removed";

/// Where the index is; it may be a link to a folder elsewhere.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    path: PathBuf,
}

impl Folder {
    pub(super) fn in_data(data: &Path) -> Self {
        Self { path: data.join(FOLDER) }
    }

    #[cfg(feature = "search")]
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes it if it is not there, and ends a removal that was begun. An error if it is not ours.
    #[cfg(feature = "search")]
    pub(super) fn make(&self) -> io::Result<()> {
        fs::create_dir_all(&self.path)?;
        if self.path.join(GOING).try_exists()? {
            self.clear()?;
        }
        if self.path.join(MARK).try_exists()? {
            return Ok(());
        }
        if fs::read_dir(&self.path)?.next().is_some() {
            return Err(self.not_ours());
        }
        fs::write(self.path.join(MARK), [])
    }

    /// Removes it with all that is in it, if it is there: whether it was. An error if it is not
    /// ours.
    pub(super) fn remove(&self) -> io::Result<bool> {
        if !self.path.try_exists()? {
            return Ok(false);
        }
        let (mark, going) = (self.path.join(MARK), self.path.join(GOING));
        match fs::rename(mark, &going) {
            Err(error) if error.kind() == ErrorKind::NotFound && !going.try_exists()? => {
                return Err(self.not_ours());
            }
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        self.clear()?;
        if !fs::symlink_metadata(&self.path)?.is_symlink() {
            fs::remove_dir(&self.path)?;
        }
        Ok(true)
    }

    /// Leaves nothing in it; what says that it goes goes last.
    fn clear(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                fs::remove_dir_all(entry.path())?;
            } else if entry.file_name() != GOING {
                fs::remove_file(entry.path())?;
            }
        }
        fs::remove_file(self.path.join(GOING))
    }

    fn not_ours(&self) -> io::Error {
        let what = format!("{} is nothing that this server has made", self.path.display());
        io::Error::other(what)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_the_index_is_removed_and_also_what_was_left_of_it() {
        let data = tempfile::tempdir().unwrap();
        fs::write(data.path().join("db"), "the store").unwrap();
        let folder = Folder::in_data(data.path());
        assert!(!folder.remove().unwrap());
        folder.make().unwrap();
        fs::write(folder.path().join("meta.json"), "x").unwrap();
        folder.make().unwrap();
        assert!(folder.path().join("meta.json").exists());
        // A removal that a crash has cut short.
        fs::rename(folder.path().join(MARK), folder.path().join(GOING)).unwrap();
        folder.make().unwrap();
        assert!(!folder.path().join("meta.json").exists() && folder.path().join(MARK).exists());
        fs::write(folder.path().join("words"), "x").unwrap();
        fs::rename(folder.path().join(MARK), folder.path().join(GOING)).unwrap();
        assert!(folder.remove().unwrap() && !folder.path().exists());
        assert_eq!(fs::read_to_string(data.path().join("db")).unwrap(), "the store");
    }

    #[test]
    fn what_another_has_put_there_is_never_touched() {
        let data = tempfile::tempdir().unwrap();
        let folder = Folder::in_data(data.path());
        fs::create_dir(folder.path()).unwrap();
        fs::write(folder.path().join("thesis"), "mine").unwrap();
        assert!(folder.make().is_err() && folder.remove().is_err());
        assert_eq!(fs::read_to_string(folder.path().join("thesis")).unwrap(), "mine");
        fs::remove_dir_all(folder.path()).unwrap();
        fs::write(folder.path(), "a file").unwrap();
        assert!(folder.make().is_err() && folder.remove().is_err());
        assert_eq!(fs::read_to_string(folder.path()).unwrap(), "a file");
    }

    #[test]
    fn an_index_behind_a_link_is_removed_where_it_is() {
        let (data, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let folder = Folder::in_data(data.path());
        symlink(elsewhere.path(), folder.path()).unwrap();
        folder.make().unwrap();
        fs::write(folder.path().join("words"), "recalled").unwrap();
        assert!(folder.remove().unwrap());
        assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
        folder.make().unwrap();
    }
}
