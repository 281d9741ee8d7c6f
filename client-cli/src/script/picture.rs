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
    let file = File::create_new(place).await?;
    let written = write(file, picture).await;
    if written.is_err() {
        drop(fs::remove_file(place).await);
    }
    written
}

async fn write(mut file: File, bytes: &[u8]) -> io::Result<()> {
    file.write_all(bytes).await?;
    // That only began it. Whether it succeeded `flush` says, and `sync_all` does not.
    file.flush().await?;
    file.sync_all().await
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

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_write_that_fails_is_not_taken_for_one_that_was_done() {
        let full = File::options().write(true).open("/dev/full").await.unwrap();
        assert_eq!(write(full, b"x").await.unwrap_err().kind(), io::ErrorKind::StorageFull);
    }

    /// Runs itself once more in a process that may not make a file larger than nothing.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_picture_that_cannot_be_written_is_not_called_saved_nor_left_behind() {
        const PLACE: &str = "PACKETBOAT_TEST_PICTURE";
        if let Some(place) = std::env::var_os(PLACE) {
            let kind = save(place.as_ref(), b"x").await.unwrap_err().kind();
            return assert_eq!(kind, io::ErrorKind::FileTooLarge);
        }
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("small");
        let of_crate = module_path!().split_once("::").unwrap().1;
        let name = format!(
            "{of_crate}::a_picture_that_cannot_be_written_is_not_called_saved_nor_left_behind"
        );
        let mut limited = std::process::Command::new("sh");
        limited.args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$@\"", "sh"]);
        limited.arg(std::env::current_exe().unwrap()).args(["--exact", &name]);
        let ran = limited.env(PLACE, &place).output().unwrap();
        let told = String::from_utf8_lossy(&ran.stdout);
        assert!(ran.status.success() && told.contains("1 passed"), "{told}");
        assert!(!place.exists());
    }
}
