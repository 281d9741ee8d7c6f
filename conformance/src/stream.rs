//! One connection, as bytes, frames and packets, with a bound on every wait. Must never forgive
//! what a peer may not write: what is no frame or packet of its side fails the check at hand.

use std::io;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use packetboat_proto::code::{CloseCode, Fault, Retry};
use packetboat_proto::frame::{Frame, PREFACE};
use packetboat_proto::limits::HANDSHAKE_BODY_BYTES_MAX;
use packetboat_proto::packet::{Packet, Verdict};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use crate::outcome::{Checked, ensure, fail};
use crate::wire::has_group;

/// Bytes in both directions.
pub(crate) trait Transport: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Transport for T {}

/// Who is at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

/// One connection.
pub(crate) struct Stream {
    io: Box<dyn Transport>,
    came: BytesMut,
    other: Side,
    body_max: u32,
    patience: Duration,
}

impl Stream {
    /// With `other` at the other end, of whom each word is waited for at most `patience`.
    pub(crate) fn new(io: Box<dyn Transport>, other: Side, patience: Duration) -> Self {
        let body_max = HANDSHAKE_BODY_BYTES_MAX;
        Self { io, came: BytesMut::new(), other, body_max, patience }
    }

    /// The largest body that the other side may write from now on.
    pub(crate) const fn set_body_max(&mut self, bytes: u32) {
        self.body_max = bytes;
    }

    /// From now on each word is waited for at most so long.
    pub(crate) const fn set_patience(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// Writes bytes as they are.
    pub(crate) async fn raw(&mut self, bytes: &[u8]) -> Checked {
        match timeout(self.patience, self.io.write_all(bytes)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => fail("a connection that takes bytes", error),
            Err(_) => fail("a connection that takes bytes", "it takes none"),
        }
    }

    /// Writes bytes as long as the other side takes them: it may close before it has all.
    pub(crate) async fn raw_unless_closed(&mut self, bytes: &[u8]) {
        drop(timeout(self.patience, self.io.write_all(bytes)).await);
    }

    /// Writes a packet.
    pub(crate) async fn say(&mut self, packet: &Packet) -> Checked {
        let mut bytes = BytesMut::new();
        packet.put(&mut bytes);
        self.raw(&bytes).await
    }

    /// Waits for more bytes: whether there are any; `false` once the stream is over.
    pub(crate) async fn more(&mut self) -> Checked<bool> {
        let read = timeout(self.patience, self.io.read_buf(&mut self.came));
        match read.await {
            Ok(Ok(count)) => Ok(count > 0),
            // What was not read by a peer that closes makes the system reset the connection.
            Ok(Err(error)) if is_end(&error) => Ok(false),
            Ok(Err(error)) => fail("bytes, or an end of the stream", error),
            Err(_) => fail("a word from the peer", format!("silence for {:?}", self.patience)),
        }
    }

    /// Takes the preface off what comes.
    pub(crate) async fn preface(&mut self) -> Checked {
        loop {
            let length = self.came.len().min(PREFACE.len());
            let begun = &self.came[..length];
            ensure(PREFACE.starts_with(begun), "the preface", format_args!("{begun:02x?}"))?;
            if length == PREFACE.len() {
                self.came.advance(length);
                return Ok(());
            }
            if !self.more().await? {
                return fail("the preface", "the end of the stream");
            }
        }
    }

    /// The next frame; `None` once the stream is over.
    pub(crate) async fn frame(&mut self) -> Checked<Option<Frame>> {
        loop {
            match Frame::take(&mut self.came, self.body_max) {
                Ok(Some(frame)) => return Ok(Some(frame)),
                Ok(None) => {}
                Err(error) => return fail("a frame", error),
            }
            if !self.more().await? {
                let rest = self.came.len();
                ensure(rest == 0, "whole frames", format_args!("{rest} bytes of one"))?;
                return Ok(None);
            }
        }
    }

    /// The next packet; `None` once the stream is over. Later kinds are passed over.
    pub(crate) async fn packet(&mut self) -> Checked<Option<Packet>> {
        while let Some(frame) = self.frame().await? {
            match Packet::decode(&frame) {
                Ok(Some(packet)) => {
                    let allowed = match self.other {
                        Side::Client => packet.sent_by_client(),
                        Side::Server => packet.sent_by_server(),
                    };
                    let kind = packet.kind();
                    ensure(allowed, "a packet of its side", format_args!("a {kind:?}"))?;
                    let clean = !has_group(&frame.body);
                    ensure(clean, "no groups (P-7)", format_args!("one in a {kind:?}"))?;
                    return Ok(Some(packet));
                }
                Ok(None) => {}
                Err(error) => return fail("a packet", error),
            }
        }
        Ok(None)
    }

    /// The end of the stream, with nothing before it.
    pub(crate) async fn end(&mut self) -> Checked {
        match self.packet().await? {
            None => Ok(()),
            Some(packet) => fail("an end of the stream", format_args!("a {:?}", packet.kind())),
        }
    }

    /// Whatever comes within a time, in packets; `None` at the end if the stream is over.
    pub(crate) async fn within(&mut self, time: Duration) -> Checked<Vec<Option<Packet>>> {
        let until = tokio::time::Instant::now() + time;
        let mut found = Vec::new();
        loop {
            match tokio::time::timeout_at(until, self.packet()).await {
                Err(_) => return Ok(found),
                Ok(packet) => {
                    let packet = packet?;
                    let is_over = packet.is_none();
                    found.push(packet);
                    if is_over {
                        return Ok(found);
                    }
                }
            }
        }
    }
}

fn is_end(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::UnexpectedEof
    )
}

/// A goodbye has that code, and the fault and retry that the table of close codes gives it.
pub(crate) fn check_goodbye(verdict: &Verdict, code: CloseCode) -> Checked {
    let expected = format!("Goodbye {}", code.name());
    let Some(found) = verdict.close_code() else {
        return fail(expected, format_args!("Goodbye of code {}", verdict.code));
    };
    ensure(found == code, &expected, format_args!("Goodbye {}", found.name()))?;
    check_table(verdict, code.fault(), code.retry(), &code.name())
}

/// A verdict says of its code what the table says.
pub(crate) fn check_table(verdict: &Verdict, fault: Fault, retry: Retry, name: &str) -> Checked {
    let expected = format!("{name} with fault {fault:?} and retry {retry:?}");
    let got = format!("fault {:?} and retry {:?}", verdict.fault, verdict.retry);
    ensure((verdict.fault, verdict.retry) == (Some(fault), Some(retry)), expected, got)?;
    let named = verdict.retry_after_ms;
    let allowed = retry == Retry::Later || named == 0;
    ensure(allowed, "retry_after_ms only with LATER", format_args!("{named} ms"))
}
