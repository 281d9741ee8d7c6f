//! One client under test, over all its connections. Must never let a client come in while a check
//! says that nobody may.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use packetboat_proto::id::{ChatId, UserId};
use packetboat_proto::packet::Welcome;
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::outcome::{Checked, ensure, fail, skip};
use crate::stream::{Side, Stream};

use super::app::App;
use super::guest::{Guest, SharedBook};

/// Why a check of what is handed over is skipped.
pub(super) const UNSEEN: &str = "hand-over is not seen of a client that was not started here";

/// One client under test.
pub(super) struct Stage {
    listener: Arc<TcpListener>,
    pub(super) app: Option<App>,
    /// Who it is told to be; of a client that is waited for, who it says that it is.
    pub(super) user: UserId,
    /// To whom it is told to write.
    pub(super) peer: UserId,
    book: SharedBook,
    patience: Duration,
    wait: Duration,
}

impl Stage {
    pub(super) fn new(
        listener: Arc<TcpListener>,
        user: UserId,
        peer: UserId,
        patience: Duration,
    ) -> Self {
        let (book, app, wait) = (SharedBook::default(), None, patience);
        Self { listener, app, user, peer, book, patience, wait }
    }

    pub(super) fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Clients are waited for so long.
    pub(super) const fn wait_longer(&mut self, wait: Duration) {
        self.wait = wait;
    }

    /// What a server would keep of the client is in that book, over more than this check.
    pub(super) fn keep_book(&mut self, book: &SharedBook) {
        self.book = book.clone();
    }

    /// The chat that it is told to write to.
    pub(super) fn chat(&self) -> ChatId {
        ChatId::direct(&self.user, &self.peer)
    }

    /// Has the client send that text.
    pub(super) async fn tell(&mut self, text: &str) -> Checked {
        match &mut self.app {
            Some(app) => app.tell(text).await,
            None => fail("a client that was started here", "none"),
        }
    }

    /// The next text that the client says that it received.
    pub(super) async fn line(&mut self) -> Checked<String> {
        let patience = self.patience;
        match &mut self.app {
            Some(app) => app.line(patience).await,
            None => fail("a client that was started here", "none"),
        }
    }

    /// The client says that it received that, and nothing before it. Of a client that is waited for
    /// nobody knows, so what is checked must show otherwise: in its acks.
    pub(super) async fn heard(&mut self, expected: &str) -> Checked {
        match self.app {
            Some(_) => self.said(expected).await,
            None => Ok(()),
        }
    }

    /// The client says that it received that, and nothing before it; the check is skipped where
    /// that is not seen.
    pub(super) async fn said(&mut self, expected: &str) -> Checked {
        if self.app.is_none() {
            return skip(UNSEEN);
        }
        let line = self.line().await?;
        ensure(line == expected, format_args!("the line {expected:?}"), format_args!("{line:?}"))
    }

    /// Tells the client that there is nothing more to send.
    pub(super) fn no_more(&mut self) {
        if let Some(app) = &mut self.app {
            app.no_more();
        }
    }

    /// The client's process ends by itself.
    pub(super) async fn ended(&mut self) -> Checked {
        match &mut self.app {
            Some(app) => app.ended(self.patience).await,
            None => Ok(()),
        }
    }

    /// The next connection, of which nothing was read.
    pub(super) async fn connection(&mut self) -> Checked<Stream> {
        match timeout(self.wait, self.listener.accept()).await {
            Ok(Ok((tcp, _))) => {
                if let Err(error) = tcp.set_nodelay(true) {
                    return fail("a connection", error);
                }
                Ok(Stream::new(Box::new(tcp), Side::Client, self.patience))
            }
            Ok(Err(error)) => fail("a connection", error),
            Err(_) => fail("a connection", format_args!("none for {:?}", self.wait)),
        }
    }

    /// Nobody connects for so long.
    pub(super) async fn nobody(&mut self, time: Duration) -> Checked {
        match timeout(time, self.listener.accept()).await {
            Err(_) => Ok(()),
            Ok(_) => fail(format_args!("no connection for {time:?}"), "one"),
        }
    }

    /// The next connection, with its preface and its Hello read.
    pub(super) async fn hello(&mut self) -> Checked<Guest> {
        let stream = self.connection().await?;
        let guest = Guest::of(stream, self.book.clone()).await?;
        if self.app.is_some() {
            let (expected, found) = (&self.user, &guest.hello.user);
            ensure(expected == found, format_args!("a Hello of {expected}"), found)?;
        } else {
            self.user = guest.hello.user.clone();
        }
        Ok(guest)
    }

    /// The next connection, with a session open.
    pub(super) async fn session(&mut self) -> Checked<Guest> {
        self.session_with(|_| {}).await
    }

    /// The next connection, with a session open whose Welcome is changed.
    pub(super) async fn session_with(
        &mut self,
        change: impl FnOnce(&mut Welcome),
    ) -> Checked<Guest> {
        let mut guest = self.hello().await?;
        guest.welcome(change).await?;
        Ok(guest)
    }
}
