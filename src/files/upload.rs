//! An upload in progress: one file on the local disk that only grows, and the hash of what is in
//! it. Must never call bytes whole whose hash is not the one announced: after a crash they are read
//! again, whatever the disk has made of them.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use packetboat_proto::code::RejectCode;
use packetboat_proto::content::FileHash;
use packetboat_proto::planted::{self, Bug};
use ring::digest::{Context, SHA256};
use thiserror::Error;

use super::folder::remove_if_there;
use super::rules::{known, refusal};
use crate::store::Refusal;
use crate::store::file::StoredFile;

/// Bytes that are read at a time.
const READ_BYTES: usize = 256 * 1024;

/// Why bytes are not taken.
#[derive(Debug, Error)]
pub(super) enum UploadError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Disk(#[from] io::Error),
}

/// An upload in progress.
pub(super) struct Upload {
    path: PathBuf,
    size: u64,
    sha256: FileHash,
    have: u64,
    digest: Context,
    /// Whole, checked and synced.
    whole: bool,
    /// It was given up: nothing more is written.
    gone: bool,
}

impl Upload {
    /// Finds an upload as it was left, or begins it. Reads all that is there.
    pub(super) fn open(path: PathBuf, stored: &StoredFile) -> io::Result<Self> {
        let (size, sha256) = (stored.size, stored.sha256);
        let mut upload = Self {
            path,
            size,
            sha256,
            have: 0,
            digest: Context::new(&SHA256),
            whole: false,
            gone: false,
        };
        let file = match fs::File::open(&upload.path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(upload),
            Err(error) => return Err(error),
        };
        let (mut file, mut buffer) = (file.take(size), vec![0; READ_BYTES]);
        loop {
            match file.read(&mut buffer) {
                Ok(0) => return Ok(upload),
                Ok(read) => {
                    upload.digest.update(&buffer[..read]);
                    upload.have += read as u64;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Bytes that are there.
    pub(super) fn have(&self) -> u64 {
        self.have
    }

    /// Where they are.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Takes bytes; whether the file is whole now.
    pub(super) fn put(&mut self, offset: u64, bytes: &[u8]) -> Result<bool, UploadError> {
        if self.gone {
            let reason = "the upload was given up meanwhile: begin it again";
            return Err(refusal(RejectCode::NotAllowed, reason).into());
        }
        let new = &bytes[known(self.have, self.size, offset, bytes.len())?..];
        if !new.is_empty() {
            let file = OpenOptions::new().create(true).truncate(false).write(true).open(&self.path);
            let file = file?;
            if file.metadata()?.len() < self.have {
                let lost = "the disk has lost what was uploaded: the upload starts over";
                return Err(self.start_over(lost));
            }
            // At its place, over whatever a write that failed has left there.
            file.write_all_at(new, self.have)?;
            self.digest.update(new);
            self.have += new.len() as u64;
        }
        self.check()
    }

    /// Whether the file is whole. One that is not what was announced starts over.
    pub(super) fn check(&mut self) -> Result<bool, UploadError> {
        if self.gone || self.whole || self.have < self.size {
            return Ok(self.whole && !self.gone);
        }
        let is_right = self.digest.clone().finish().as_ref() == self.sha256;
        if !is_right && !planted::is(Bug::HashUnchecked) {
            let reason = "the bytes are not those that were announced: the upload starts over";
            return Err(self.start_over(reason));
        }
        let file = OpenOptions::new().write(true).open(&self.path)?;
        // What a write that failed has left behind the end.
        file.set_len(self.size)?;
        file.sync_all()?;
        self.whole = true;
        Ok(true)
    }

    fn start_over(&mut self, reason: &str) -> UploadError {
        self.have = 0;
        self.digest = Context::new(&SHA256);
        match remove_if_there(&self.path) {
            Ok(()) => refusal(RejectCode::HashMismatch, reason).into(),
            Err(error) => error.into(),
        }
    }

    /// Gives it up, with what is there.
    pub(super) fn give_up(&mut self) -> io::Result<()> {
        self.gone = true;
        remove_if_there(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use packetboat_proto::id::{FileId, UserId};
    use ring::digest::digest;

    use super::*;

    fn stored(bytes: &[u8]) -> StoredFile {
        StoredFile {
            file: FileId::from([1; 16]),
            owner: UserId::new("ann").unwrap(),
            size: bytes.len() as u64,
            media_type: "a/b".into(),
            sha256: digest(&SHA256, bytes).as_ref().try_into().unwrap(),
            thumbnail_bytes: 0,
            complete: false,
        }
    }

    fn code(refused: Result<bool, UploadError>) -> RejectCode {
        match refused {
            Err(UploadError::Refused(refusal)) => refusal.code,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_upload_is_found_again_as_it_was_left() {
        let place = tempfile::tempdir().unwrap();
        let (path, bytes) = (place.path().join("u"), b"sixteen bytes, ok");
        let mut upload = Upload::open(path.clone(), &stored(bytes)).unwrap();
        assert!(!upload.put(0, &bytes[..5]).unwrap());
        assert!(!upload.put(2, &bytes[2..9]).unwrap(), "what is there already does no harm");
        assert_eq!(code(upload.put(10, &bytes[10..12])), RejectCode::Invalid);
        let mut again = Upload::open(path.clone(), &stored(bytes)).unwrap();
        assert_eq!(again.have(), 9);
        assert!(again.put(9, &bytes[9..]).unwrap());
        assert_eq!(fs::read(&path).unwrap(), bytes);
        let mut whole = Upload::open(path, &stored(bytes)).unwrap();
        assert!(whole.check().unwrap() && whole.put(0, bytes).unwrap());
    }

    #[test]
    fn bytes_that_are_not_those_announced_start_over() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("u");
        let mut upload = Upload::open(path.clone(), &stored(b"right")).unwrap();
        assert_eq!(code(upload.put(0, b"wrong")), RejectCode::HashMismatch);
        assert_eq!((upload.have(), path.exists()), (0, false));
        assert!(upload.put(0, b"right").unwrap());
    }

    #[test]
    fn what_a_disk_has_torn_is_never_whole() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("u");
        // The length came to the disk, the bytes did not.
        fs::write(&path, [0; 5]).unwrap();
        let mut upload = Upload::open(path.clone(), &stored(b"right")).unwrap();
        assert_eq!(upload.have(), 5);
        assert_eq!(code(upload.check()), RejectCode::HashMismatch);
        // And a write that failed left more than there is to be.
        fs::write(&path, b"right and more").unwrap();
        let mut upload = Upload::open(path.clone(), &stored(b"right")).unwrap();
        assert!(upload.check().unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"right");
    }

    #[test]
    fn one_that_was_given_up_takes_nothing_more() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("u");
        let mut upload = Upload::open(path.clone(), &stored(b"right")).unwrap();
        upload.put(0, b"ri").unwrap();
        upload.give_up().unwrap();
        assert_eq!(code(upload.put(2, b"ght")), RejectCode::NotAllowed);
        assert!(!path.exists() && !upload.check().unwrap());
    }
}
