//! The small picture of a file: read to be sent, and saved. Must never read more than may be sent,
//! nor leave half a picture in the way.

use std::io;
use std::path::Path;

use bytes::Bytes;
use packetboat_proto::limits::FILE_THUMBNAIL_BYTES_MAX;
use tokio::fs::{self, File};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// What stands behind the name of a file where its small picture is saved.
pub(crate) const ENDING: &str = ".thumbnail";

/// Reads one that is to be sent.
pub(crate) async fn read(path: &Path) -> io::Result<Bytes> {
    let (mut bytes, most) = (Vec::new(), FILE_THUMBNAIL_BYTES_MAX as u64);
    File::open(path).await?.take(most + 1).read_to_end(&mut bytes).await?;
    if bytes.len() > FILE_THUMBNAIL_BYTES_MAX {
        let why = format!("a small picture has at most {FILE_THUMBNAIL_BYTES_MAX} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    }
    Ok(bytes.into())
}

/// Saves one, unless there is something in its place.
pub(crate) async fn save(place: &Path, picture: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(place).await?;
    let written = async {
        file.write_all(picture).await?;
        file.sync_all().await
    };
    let written = written.await;
    if written.is_err() {
        drop(fs::remove_file(place).await);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_too_large_is_not_read_whole_and_what_is_there_is_not_touched() {
        let folder = tempfile::tempdir().unwrap();
        let (small, large) = (folder.path().join("small"), folder.path().join("large"));
        save(&small, &vec![7; FILE_THUMBNAIL_BYTES_MAX]).await.unwrap();
        assert_eq!(read(&small).await.unwrap().len(), FILE_THUMBNAIL_BYTES_MAX);
        save(&large, &vec![7; FILE_THUMBNAIL_BYTES_MAX + 1]).await.unwrap();
        assert_eq!(read(&large).await.unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert_eq!(save(&small, b"other").await.unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert!(read(&small).await.unwrap().iter().all(|byte| *byte == 7));
        #[cfg(unix)]
        assert!(read(Path::new("/dev/zero")).await.is_err(), "it has no end");
    }
}
