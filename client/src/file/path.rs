//! Files on this machine: what is uploaded from one, and saved to one. Must never leave a file
//! under its own name that is not whole.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use packetboat_proto::content::{FileSent, check_file_name};
use packetboat_proto::id::{ChatId, FileId};
use packetboat_proto::limits::FILE_NAME_BYTES_MAX;
use ring::digest::{Context, SHA256};
use tokio::fs;
use tokio::task::spawn_blocking;

use super::error::FileError;
use super::saving::Saving;
use super::{Source, Upload};
use crate::client::Client;

/// Bytes that are read at a time to be hashed.
const READ_BYTES: usize = 256 * 1024;

impl Upload {
    /// Looks at a file: its size, its hash, its name.
    pub async fn of_path(path: &Path, media_type: &str) -> Result<Self, FileError> {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        check_file_name(&name).map_err(|_| FileError::Name(path.to_owned()))?;
        let (size, hash) = hashed(path.to_owned()).await?;
        if size == 0 {
            return Err(FileError::Empty(path.to_owned()));
        }
        let sha256 = hash.finish().as_ref().try_into().expect("SHA-256 has 32 bytes");
        Ok(Self {
            file: Client::new_file_id(),
            name,
            media_type: media_type.to_owned(),
            size,
            sha256,
            thumbnail: Bytes::new(),
        })
    }
}

/// How many bytes are in a file, and the hash of them, to go on with.
async fn hashed(path: PathBuf) -> io::Result<(u64, Context)> {
    let hashing = spawn_blocking(move || {
        let (mut file, mut buffer) = (File::open(path)?, vec![0; READ_BYTES]);
        let (mut size, mut hash) = (0, Context::new(&SHA256));
        loop {
            match file.read(&mut buffer) {
                Ok(0) => return Ok((size, hash)),
                Ok(read) => {
                    hash.update(&buffer[..read]);
                    size += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    });
    hashing.await.map_err(io::Error::other)?
}

/// Where a file is while it is not whole: beside `path`, by as much of its name as there is room
/// for. A name that is too long for the file system is none to save to.
fn unfinished(path: &Path, file: &FileId) -> PathBuf {
    let (name, ending) = (path.file_name().unwrap_or_default(), format!(".{file}.part"));
    let room = FILE_NAME_BYTES_MAX - ending.len();
    let mut part = name.to_owned();
    if name.len() > room {
        let name = name.to_string_lossy();
        part = name[..name.floor_char_boundary(room)].into();
    }
    part.push(ending);
    path.with_file_name(part)
}

/// Goes on with what is there.
async fn open(path: &Path, size: u64) -> Result<Saving<fs::File>, FileError> {
    let there = fs::metadata(path).await.is_ok_and(|found| found.len() <= size);
    let (have, hash) =
        if there { hashed(path.to_owned()).await? } else { (0, Context::new(&SHA256)) };
    let mut options = fs::OpenOptions::new();
    let file = options.create(true).append(there).write(true).truncate(!there).open(path);
    Ok(Saving { sink: file.await?, hash, have })
}

impl Client {
    /// Uploads the file at a path. See [`upload`](Self::upload).
    pub async fn upload_path(
        &self,
        upload: &Upload,
        path: &Path,
        progress: impl FnMut(u64),
    ) -> Result<(), FileError> {
        let mut source = fs::File::open(path).await?;
        self.upload(upload, &mut source, progress).await
    }

    /// Saves a file that an entry of `chat` has, or, without a chat, one of the user's own. Until
    /// it is whole and checked it has another name beside `path`, and the next call goes on with
    /// it. What is at `path` already is not touched. `progress` is told how many bytes there are.
    pub async fn save_file(
        &self,
        sent: &FileSent,
        chat: Option<&ChatId>,
        path: &Path,
        mut progress: impl FnMut(u64) + Send,
    ) -> Result<(), FileError> {
        if fs::try_exists(path).await? {
            return Err(FileError::Exists(path.to_owned()));
        }
        let part = unfinished(path, &sent.file);
        let mut saving = open(&part, sent.size).await?;
        let source = Source { file: sent.file, chat, size: sent.size };
        self.fetch(source, &mut saving, &mut progress).await?;
        saving.sink.sync_all().await?;
        if saving.hash.finish().as_ref() != sent.sha256 {
            fs::remove_file(&part).await?;
            return Err(FileError::Hash);
        }
        // A link, where there are any, never takes the place of what has come there meanwhile.
        match fs::hard_link(&part, path).await {
            Ok(()) => Ok(fs::remove_file(&part).await?),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(FileError::Exists(path.to_owned()))
            }
            Err(_) => Ok(fs::rename(&part, path).await?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_whole_has_a_name_that_a_file_may_have() {
        let file = FileId::from([7; 16]);
        let part = |name: &str| {
            let part = unfinished(&Path::new("in").join(name), &file);
            assert_eq!(part.parent(), Some(Path::new("in")));
            part.file_name().unwrap().to_str().unwrap().to_owned()
        };
        let ending = format!(".{file}.part");
        assert_eq!(part("log.txt"), format!("log.txt{ending}"));
        let room = FILE_NAME_BYTES_MAX - ending.len();
        for name in ["n".repeat(room), "n".repeat(room + 1), "n".repeat(FILE_NAME_BYTES_MAX)] {
            assert_eq!(part(&name), format!("{}{ending}", "n".repeat(room)));
        }
        for letter in ["ж", "日", "🚢"] {
            let name = part(&letter.repeat(FILE_NAME_BYTES_MAX / letter.len()));
            assert!(name.len() <= FILE_NAME_BYTES_MAX && name.len() > FILE_NAME_BYTES_MAX - 4);
            assert!(name.starts_with(letter) && name.ends_with(&ending));
        }
    }
}
