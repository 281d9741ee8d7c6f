//! The folder of the index. All that is in it can be made again from the logs, so what does not
//! open is removed. Must never remove anything but that folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Its name in the data folder.
const FOLDER: &str = "search";
/// What it is called while it is removed: one that is removed by half is not opened.
const GOING: &str = "search.removed";

/// Where the index is.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    data: PathBuf,
}

impl Folder {
    pub(super) fn in_data(data: &Path) -> Self {
        Self { data: data.to_owned() }
    }

    #[cfg(feature = "search")]
    pub(super) fn path(&self) -> PathBuf {
        self.data.join(FOLDER)
    }

    /// Makes it if it is not there, and ends a removal that was begun.
    #[cfg(feature = "search")]
    pub(super) fn make(&self) -> io::Result<()> {
        gone(fs::remove_dir_all(self.data.join(GOING)))?;
        fs::create_dir_all(self.path())
    }

    /// Whether it is there, or something of it.
    pub(super) fn is_there(&self) -> io::Result<bool> {
        Ok(self.data.join(FOLDER).try_exists()? || self.data.join(GOING).try_exists()?)
    }

    /// Removes it with all that is in it.
    pub(super) fn remove(&self) -> io::Result<()> {
        let going = self.data.join(GOING);
        gone(fs::remove_dir_all(&going))?;
        gone(fs::rename(self.data.join(FOLDER), &going))?;
        gone(fs::remove_dir_all(&going))
    }
}

/// What is not there need not be removed.
fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_index_is_removed_and_also_what_was_left_of_it() {
        let data = tempfile::tempdir().unwrap();
        let folder = Folder::in_data(data.path());
        folder.remove().unwrap();
        folder.make().unwrap();
        fs::write(folder.path().join("meta.json"), "x").unwrap();
        fs::create_dir(data.path().join(GOING)).unwrap();
        fs::write(data.path().join("db"), "the store").unwrap();
        folder.make().unwrap();
        assert!(!data.path().join(GOING).exists() && folder.path().join("meta.json").exists());
        folder.remove().unwrap();
        assert!(!folder.path().exists() && !data.path().join(GOING).exists());
        assert!(!folder.is_there().unwrap());
        fs::create_dir(data.path().join(GOING)).unwrap();
        assert!(folder.is_there().unwrap());
        assert_eq!(fs::read_to_string(data.path().join("db")).unwrap(), "the store");
    }
}
