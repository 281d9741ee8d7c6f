//! Files: uploaded from a path or anything that can be read, resumed after lost connections, sent
//! by an entry, and saved. Must never call a file saved whose hash is another, nor keep more of one
//! in memory than what is asked for at a time.

mod error;
mod path;
mod patience;
mod saving;

use std::io::SeekFrom;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesOrdered;
use packetboat_proto::content::{Content, FileHash, FileSent};
use packetboat_proto::id::{ChatId, FileId};
use packetboat_proto::limits::{BODY_OVERHEAD_BYTES, FILE_CHUNK_BYTES_MAX};
use packetboat_proto::packet::{
    Answer, FileBegin, FileChunk, FileGet, FilePart, FilePut, FileState, FilesPage, Operation,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncSeek, AsyncSeekExt};
use uuid::Uuid;

pub use self::error::FileError;
use self::patience::Patience;
use crate::client::Client;
use crate::error::{RequestError, SendError};
use crate::sending::Sending;

/// Chunks that are asked for at a time: one on its way, and one that is made ready. A message of
/// the same connection waits behind no more.
const CHUNKS_AT_ONCE: usize = 2;

/// What is to be uploaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// How it is named on the server. The same id goes on with what was begun.
    pub file: FileId,
    /// What people call it.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Its bytes.
    pub size: u64,
    /// Their SHA-256.
    pub sha256: FileHash,
    /// A small picture of it, at most 16 KiB, or nothing.
    pub thumbnail: Bytes,
}

impl Upload {
    /// What an entry says of it.
    pub fn sent(&self, caption: &str) -> FileSent {
        FileSent {
            file: self.file,
            name: self.name.clone(),
            media_type: self.media_type.clone(),
            size: self.size,
            sha256: self.sha256,
            caption: caption.to_owned(),
            from: None,
        }
    }

    fn begin(&self) -> FileBegin {
        FileBegin {
            file: self.file,
            size: self.size,
            media_type: self.media_type.clone(),
            sha256: self.sha256,
            thumbnail: self.thumbnail.clone(),
        }
    }
}

/// Where the bytes of a file are asked for.
#[derive(Clone, Copy, Debug)]
struct Source<'a> {
    file: FileId,
    chat: Option<&'a ChatId>,
    size: u64,
}

type Getting<'a> = BoxFuture<'a, Result<FileChunk, RequestError>>;

/// A file that is being read.
struct Reading<'a> {
    client: &'a Client,
    source: Source<'a>,
    /// Bytes to ask for at once.
    chunk: u64,
    next: u64,
    asked: u64,
    gets: FuturesOrdered<Getting<'a>>,
}

impl Reading<'_> {
    /// The next bytes.
    async fn chunk(&mut self) -> Result<Bytes, RequestError> {
        while self.gets.len() < CHUNKS_AT_ONCE && self.asked < self.source.size {
            let bytes = self.chunk.min(self.source.size - self.asked);
            let length = u32::try_from(bytes).expect("a chunk is small");
            let (file, chat) = (self.source.file, self.source.chat.cloned());
            let (offset, part) = (self.asked, FilePart::Whole);
            let get = self.client.get_file(FileGet { file, chat, offset, length, part });
            self.gets.push_back(Box::pin(get));
            self.asked += bytes;
        }
        let chunk = self.gets.next().await.ok_or(RequestError::Unexpected)??;
        if chunk.offset != self.next || chunk.bytes.is_empty() {
            return Err(RequestError::Unexpected);
        }
        self.next += chunk.bytes.len() as u64;
        Ok(chunk.bytes)
    }
}

impl Client {
    /// A file id that nobody else makes (a `UUIDv7`).
    pub fn new_file_id() -> FileId {
        FileId::from(*Uuid::now_v7().as_bytes())
    }

    /// Uploads a file, from where the server has it, over as many connections as it takes; gives
    /// up when nothing moves any more. `progress` is told how many bytes the server has.
    pub async fn upload<S: AsyncRead + AsyncSeek + Unpin>(
        &self,
        upload: &Upload,
        source: &mut S,
        mut progress: impl FnMut(u64),
    ) -> Result<(), FileError> {
        let mut patience = Patience::default();
        loop {
            match self.upload_on(upload, source, &mut progress, &mut patience).await {
                Ok(()) => return Ok(()),
                Err(error) => patience.wait(error).await?,
            }
        }
    }

    async fn upload_on<S: AsyncRead + AsyncSeek + Unpin>(
        &self,
        upload: &Upload,
        source: &mut S,
        progress: &mut impl FnMut(u64),
        patience: &mut Patience,
    ) -> Result<(), FileError> {
        let mut state = self.begin_file(upload.begin()).await?;
        let chunk = self.chunk_bytes().await?;
        progress(state.have);
        source.seek(SeekFrom::Start(state.have)).await?;
        let (mut next, mut puts) = (state.have, FuturesOrdered::new());
        while !state.complete {
            while puts.len() < CHUNKS_AT_ONCE && next < upload.size {
                let bytes = read_chunk(source, chunk.min(upload.size - next)).await?;
                let offset = next;
                next += bytes.len() as u64;
                puts.push_back(self.put_file(FilePut { file: upload.file, offset, bytes }));
            }
            let put = puts.next().await.ok_or(RequestError::Unexpected)?;
            state = put.inspect_err(|error| patience.not_taken(error))?;
            progress(state.have);
            patience.moved(state.have);
        }
        Ok(())
    }

    /// Sends a file that is uploaded, or that stands in a chat of the user's.
    pub async fn send_file(&self, chat: &ChatId, sent: FileSent) -> Result<Sending, SendError> {
        self.send(chat, &Content::File(sent)).await
    }

    /// How a file stands: an upload of the user's own, or one that an entry of `chat` has.
    pub async fn file_state(
        &self,
        file: FileId,
        chat: Option<ChatId>,
    ) -> Result<FileState, RequestError> {
        match self.ask_of_file(Operation::FileState { file, chat }).await? {
            Answer::FileState(state) => Ok(state),
            _ => Err(RequestError::Unexpected),
        }
    }

    /// A page of the user's own files, and what all of them count for.
    pub async fn files(
        &self,
        after: Option<FileId>,
        limit: u32,
    ) -> Result<FilesPage, RequestError> {
        match self.ask_of_file(Operation::Files { after, limit }).await? {
            Answer::Files(page) => Ok(page),
            _ => Err(RequestError::Unexpected),
        }
    }

    /// The small picture of a file; empty if there is none.
    pub async fn thumbnail(
        &self,
        file: FileId,
        chat: Option<ChatId>,
    ) -> Result<Bytes, RequestError> {
        let mut whole = Vec::new();
        loop {
            let (offset, chat) = (whole.len() as u64, chat.clone());
            let part = FilePart::Thumbnail;
            let chunk = self.get_file(FileGet { file, chat, offset, length: 0, part }).await?;
            whole.extend_from_slice(&chunk.bytes);
            if chunk.bytes.is_empty() || whole.len() as u64 >= chunk.size {
                return Ok(whole.into());
            }
        }
    }

    /// Begins to read a file from there on.
    async fn read_file<'a>(
        &'a self,
        source: Source<'a>,
        next: u64,
    ) -> Result<Reading<'a>, RequestError> {
        let chunk = self.chunk_bytes().await?;
        let gets = FuturesOrdered::new();
        Ok(Reading { client: self, source, chunk, next, asked: next, gets })
    }

    /// Bytes of a file in one packet of this server's.
    async fn chunk_bytes(&self) -> Result<u64, RequestError> {
        let welcome = self.connected().await.map_err(RequestError::Closed)?;
        let fits = welcome.limits.max_body.saturating_sub(BODY_OVERHEAD_BYTES);
        Ok(u64::from(fits).clamp(1, FILE_CHUNK_BYTES_MAX as u64))
    }

    async fn begin_file(&self, begin: FileBegin) -> Result<FileState, RequestError> {
        match self.ask_of_file(Operation::FileBegin(begin)).await? {
            Answer::FileBegin(state) => Ok(state),
            _ => Err(RequestError::Unexpected),
        }
    }

    async fn put_file(&self, put: FilePut) -> Result<FileState, RequestError> {
        match self.ask_of_file(Operation::FilePut(put)).await? {
            Answer::FilePut(state) => Ok(state),
            _ => Err(RequestError::Unexpected),
        }
    }

    async fn get_file(&self, get: FileGet) -> Result<FileChunk, RequestError> {
        match self.ask_of_file(Operation::FileGet(get)).await? {
            Answer::FileGet(chunk) => Ok(chunk),
            _ => Err(RequestError::Unexpected),
        }
    }
}

/// So many bytes, neither more nor fewer.
async fn read_chunk<S: AsyncRead + Unpin>(source: &mut S, bytes: u64) -> Result<Bytes, FileError> {
    let mut chunk = vec![0; usize::try_from(bytes).expect("a chunk is small")];
    match source.read_exact(&mut chunk).await {
        Ok(_) => Ok(chunk.into()),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Err(FileError::Changed),
        Err(error) => Err(error.into()),
    }
}
