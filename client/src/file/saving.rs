//! A download: bytes as they come, hashed on their way to wherever they go, over as many
//! connections as it takes. Must never skip a byte, nor write one twice.

use packetboat_proto::content::FileSent;
use packetboat_proto::id::ChatId;
use ring::digest::{Context, SHA256};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::Source;
use super::error::FileError;
use super::patience::Patience;
use crate::client::Client;

/// A file that is being saved.
pub(super) struct Saving<W> {
    pub(super) sink: W,
    pub(super) hash: Context,
    pub(super) have: u64,
}

impl Client {
    /// Downloads a file that an entry of `chat` has, or, without a chat, one of the user's own, to
    /// anything that can be written, from its first byte on. `progress` is told how many bytes
    /// have come. What was written before an error is not the whole of it, or is not what was sent.
    pub async fn download<W: AsyncWrite + Unpin>(
        &self,
        sent: &FileSent,
        chat: Option<&ChatId>,
        sink: &mut W,
        mut progress: impl FnMut(u64),
    ) -> Result<(), FileError> {
        let mut saving = Saving { sink, hash: Context::new(&SHA256), have: 0 };
        let source = Source { file: sent.file, chat, size: sent.size };
        self.fetch(source, &mut saving, &mut progress).await?;
        if saving.hash.finish().as_ref() == sent.sha256 { Ok(()) } else { Err(FileError::Hash) }
    }

    /// Goes on until all of it has come; gives up when nothing moves any more.
    pub(super) async fn fetch<W: AsyncWrite + Unpin>(
        &self,
        source: Source<'_>,
        saving: &mut Saving<W>,
        progress: &mut impl FnMut(u64),
    ) -> Result<(), FileError> {
        let mut patience = Patience::default();
        progress(saving.have);
        while saving.have < source.size {
            if let Err(error) = self.fetch_on(source, saving, &mut patience, progress).await {
                // What was taken stays for the next call.
                saving.sink.flush().await?;
                patience.wait(error).await?;
            }
        }
        Ok(saving.sink.flush().await?)
    }

    async fn fetch_on<W: AsyncWrite + Unpin>(
        &self,
        source: Source<'_>,
        saving: &mut Saving<W>,
        patience: &mut Patience,
        progress: &mut impl FnMut(u64),
    ) -> Result<(), FileError> {
        let mut reading = self.read_file(source, saving.have).await?;
        while saving.have < source.size {
            let bytes = reading.chunk().await?;
            saving.sink.write_all(&bytes).await?;
            saving.hash.update(&bytes);
            saving.have += bytes.len() as u64;
            patience.moved(saving.have);
            progress(saving.have);
        }
        Ok(())
    }
}
