//! The folder of a store, whatever engine keeps its data: its lock, the mark that says that a store
//! was founded there, the copy of what is damaged, and what makes new names survive a loss of
//! power. Must never remove anything, nor touch a folder with the data of another engine.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::backend::{BackendError, io_error};

/// Copies that are made of a damaged folder: a supervisor that starts the server again and again
/// must not fill the disk with them.
const ASIDE_MAX: u32 = 3;

/// The file that says that there is a store in the folder. An engine makes an empty database where
/// it finds none, or none that it can read: what was accepted would be forgotten in silence.
const MARK_FILE: &str = "founded";
const MARK: &str = "A Packetboat store was founded in this folder. Leave this file with it.\n";

/// What keeps the data in a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Sled,
    Fjall,
}

impl Engine {
    const ALL: [Self; 2] = [Self::Sled, Self::Fjall];

    /// As the configuration says it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sled => "sled",
            Self::Fjall => "fjall",
        }
    }

    /// Names in the folder that only this engine makes, the first of them at once.
    const fn traces(self) -> &'static [&'static str] {
        match self {
            Self::Sled => &["conf", "db"],
            Self::Fjall => &["fjall"],
        }
    }

    /// Whether it has left its data there.
    pub(crate) fn is_in(self, path: &Path) -> Result<bool, BackendError> {
        for trace in self.traces() {
            let file = path.join(trace);
            if file.try_exists().map_err(io_error("look for", &file))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The engine, other than this one, that has left its data there.
    pub(crate) fn other_in(self, path: &Path) -> Result<Option<Self>, BackendError> {
        for other in Self::ALL.into_iter().filter(|other| *other != self) {
            if other.is_in(path)? {
                return Ok(Some(other));
            }
        }
        Ok(None)
    }
}

/// A folder that is ours for as long as this lives.
pub(crate) struct Folder {
    path: PathBuf,
    /// How many of the folders above got a new name in them: at least the next one is synced.
    above: usize,
    lock: File,
}

impl Drop for Folder {
    /// To close it is not enough: a child that another thread is just starting has it open, too,
    /// until it runs its program. What cannot be unlocked is closed all the same.
    fn drop(&mut self) {
        let _ = self.lock.unlock();
    }
}

impl Folder {
    /// Makes the folder if there is none, and locks it.
    pub(crate) fn claim(path: &Path, engine: Engine) -> Result<Self, BackendError> {
        if let Some(other) = engine.other_in(path)? {
            let (path, found, asked) = (path.to_owned(), other.name(), engine.name());
            return Err(BackendError::OtherEngine { path, found, asked });
        }
        let whole = std::path::absolute(path).map_err(io_error("find", path))?;
        let missing = whole.ancestors().take_while(|folder| !folder.exists()).count();
        private(DirBuilder::new().recursive(true))
            .create(path)
            .map_err(io_error("make the folder", path))?;
        let path = fs::canonicalize(path).map_err(io_error("find", path))?;
        let file = path.join("lock");
        let opened = OpenOptions::new().create(true).truncate(false).write(true).open(&file);
        let lock = opened.map_err(io_error("open", &file))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, above: missing.max(1), lock }),
            Err(TryLockError::WouldBlock) => Err(BackendError::Locked { path }),
            Err(TryLockError::Error(error)) => Err(io_error("lock", &file)(error)),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether something was ever made durable here.
    pub(crate) fn is_marked(&self) -> Result<bool, BackendError> {
        let file = self.path.join(MARK_FILE);
        file.try_exists().map_err(io_error("look for", &file))
    }

    /// Notes that something is durable here.
    pub(crate) fn mark(&self) -> Result<(), BackendError> {
        let file = self.path.join(MARK_FILE);
        let written = File::create(&file).and_then(|mut mark| {
            mark.write_all(MARK.as_bytes())?;
            mark.sync_all()?;
            File::open(&self.path)?.sync_all()
        });
        written.map_err(io_error("write", &file))
    }

    /// Makes the names in the folder, and its own, survive a loss of power.
    pub(crate) fn sync(&self) -> Result<(), BackendError> {
        self.path.ancestors().take(1 + self.above).try_for_each(sync_one)
    }

    /// Copies everything into a folder of its own beside this one.
    pub(crate) fn copy_aside(&self) -> Result<PathBuf, BackendError> {
        let aside = self.free_name()?;
        let copied = copy(&self.path, &aside);
        copied.map_err(io_error("copy the damaged data to", &aside))?;
        Ok(aside)
    }

    fn free_name(&self) -> Result<PathBuf, BackendError> {
        for number in 1..=ASIDE_MAX {
            let mut name = self.path.clone().into_os_string();
            name.push(format!(".damaged-{number}"));
            let aside = PathBuf::from(name);
            match private(&mut DirBuilder::new()).create(&aside) {
                Ok(()) => return Ok(aside),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(io_error("make the folder", &aside)(error)),
            }
        }
        let full = io::Error::other(format!("there are {ASIDE_MAX} copies already"));
        Err(io_error("copy aside", &self.path)(full))
    }

    /// The bytes that can still be written where the folder is.
    pub(crate) fn free_bytes(&self) -> Result<Option<u64>, BackendError> {
        let space = rustix::fs::statvfs(&self.path).map_err(io::Error::from);
        let space = space.map_err(io_error("look at the free space of", &self.path))?;
        Ok(Some(space.f_bavail.saturating_mul(space.f_frsize)))
    }
}

/// Makes a file durable, or the names in a folder.
pub(crate) fn sync_one(path: &Path) -> Result<(), BackendError> {
    let synced = File::open(path).and_then(|file| file.sync_all());
    synced.map_err(io_error("sync", path))
}

/// For its owner alone: it holds everybody's messages.
fn private(builder: &mut DirBuilder) -> &mut DirBuilder {
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(builder, 0o700);
    builder
}

/// Copies files and folders. Sockets are left: a server that was killed leaves its own.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            fs::create_dir(&target)?;
            copy(&entry.path(), &target)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), &target)?;
            File::open(&target)?.sync_all()?;
        }
    }
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn a_copy_aside_is_private_and_leaves_sockets_out() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::claim(&place.path().join("data"), Engine::Sled).unwrap();
        fs::create_dir(folder.path().join("inner")).unwrap();
        fs::write(folder.path().join("inner/file"), b"bytes").unwrap();
        let _socket = UnixListener::bind(folder.path().join("control.sock")).unwrap();
        let aside = folder.copy_aside().unwrap();
        assert_eq!(fs::read(aside.join("inner/file")).unwrap(), b"bytes");
        assert!(!aside.join("control.sock").exists());
        assert_eq!(fs::metadata(&aside).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn there_are_only_so_many_copies() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::claim(&place.path().join("data"), Engine::Fjall).unwrap();
        for _ in 0..ASIDE_MAX {
            folder.copy_aside().unwrap();
        }
        assert!(matches!(folder.copy_aside(), Err(BackendError::Io { .. })));
    }
}
