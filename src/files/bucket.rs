//! Files in a bucket of any service that speaks S3. Must never show a credential: they come from
//! the environment, and stay there.

use std::io::{self, ErrorKind};
use std::path::Path;

use bytes::Bytes;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path as Key;
use object_store::{ObjectStoreExt, PutPayload, WriteMultipart};
use packetboat_proto::id::FileId;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::store::{Doing, FileStore};
use super::workers::Workers;

/// Bytes of one part of an upload to the bucket; a smaller file goes in one piece.
const PART_BYTES: usize = 8 * 1024 * 1024;
/// Parts on their way at a time.
const PARTS_AT_ONCE: usize = 2;

/// A bucket.
pub struct BucketStore {
    bucket: AmazonS3,
    prefix: Key,
    workers: Workers,
}

impl BucketStore {
    /// That of `s3://bucket/prefix`; region, endpoint and credentials are those of the environment
    /// (`AWS_REGION`, `AWS_ENDPOINT`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, …).
    pub fn open(url: &str, workers: Workers) -> Result<Self, object_store::Error> {
        // That another was chosen before is as good.
        drop(rustls::crypto::ring::default_provider().install_default());
        let bucket = AmazonS3Builder::from_env().with_url(url).build()?;
        let path = url.trim_start_matches("s3://").split_once('/').map_or("", |(_, path)| path);
        Ok(Self { bucket, prefix: Key::parse(path.trim_end_matches('/'))?, workers })
    }

    fn key(&self, file: &FileId) -> Key {
        self.prefix.clone().join(file.to_string())
    }

    async fn put(&self, file: &FileId, staged: &Path) -> io::Result<()> {
        let (key, path) = (self.key(file), staged.to_owned());
        let opened = self.workers.run(move || std::fs::File::open(path)).await??;
        let mut source = tokio::fs::File::from_std(opened);
        let first = part(&mut source).await?;
        if first.len() < PART_BYTES {
            let put = self.bucket.put(&key, PutPayload::from_bytes(first)).await;
            return put.map(drop).map_err(io::Error::other);
        }
        let upload = self.bucket.put_multipart(&key).await.map_err(io::Error::other)?;
        let mut upload = WriteMultipart::new_with_chunk_size(upload, PART_BYTES);
        match put_parts(&mut upload, first, &mut source).await {
            Ok(()) => upload.finish().await.map(drop).map_err(io::Error::other),
            Err(error) => {
                // Else the bucket keeps the parts, and its owner pays for them.
                drop(upload.abort().await);
                Err(error)
            }
        }
    }
}

async fn put_parts(
    upload: &mut WriteMultipart,
    first: Bytes,
    source: &mut (impl AsyncRead + Unpin),
) -> io::Result<()> {
    let mut next = first;
    while !next.is_empty() {
        upload.wait_for_capacity(PARTS_AT_ONCE).await.map_err(io::Error::other)?;
        upload.put(next);
        next = part(source).await?;
    }
    Ok(())
}

/// The next part of a file; fewer bytes only at its end.
async fn part(source: &mut (impl AsyncRead + Unpin)) -> io::Result<Bytes> {
    let mut part = Vec::with_capacity(PART_BYTES);
    source.take(PART_BYTES as u64).read_to_end(&mut part).await?;
    Ok(part.into())
}

impl FileStore for BucketStore {
    fn keep<'a>(&'a self, file: &'a FileId, staged: &'a Path) -> Doing<'a, ()> {
        Box::pin(self.put(file, staged))
    }

    fn read<'a>(&'a self, file: &'a FileId, offset: u64, length: usize) -> Doing<'a, Bytes> {
        Box::pin(async move {
            let range = offset..offset + length as u64;
            let read = self.bucket.get_range(&self.key(file), range).await;
            read.map_err(|error| match error {
                object_store::Error::NotFound { .. } => ErrorKind::NotFound.into(),
                error => io::Error::other(error),
            })
        })
    }

    fn remove<'a>(&'a self, file: &'a FileId) -> Doing<'a, ()> {
        Box::pin(async move {
            match self.bucket.delete(&self.key(file)).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
                Err(error) => Err(io::Error::other(error)),
            }
        })
    }
}
