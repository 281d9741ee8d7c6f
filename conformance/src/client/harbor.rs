//! What the checks of a client run on: where clients connect to, and how one is started. Must
//! never leave a client running that it started.

use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use packetboat_proto::id::UserId;
use tokio::net::TcpListener;

use crate::outcome::{Checked, fail, skip};

use super::app::App;
use super::guest::SharedBook;
use super::stage::{Stage, UNSEEN};

/// Waits from here on are only waited for when the run may be slow.
const SLOW_FROM: Duration = Duration::from_secs(6);
/// How long a client is waited for that somebody else starts.
const WAIT_FOR_CLIENT: Duration = Duration::from_mins(1);

/// Where clients come to.
pub struct Harbor {
    command: Vec<OsString>,
    listen: SocketAddr,
    /// Where all clients come to, if it is one place.
    shared: Option<Arc<TcpListener>>,
    patience: Duration,
    slow: bool,
    seed: u64,
    names: AtomicU64,
    /// Of clients that are not started anew for each check, and so bring along what they had.
    book: SharedBook,
}

impl Harbor {
    /// At that address, with `command` to start a client; without one, clients are waited for.
    pub async fn new(
        listen: SocketAddr,
        command: Vec<OsString>,
        patience: Duration,
        slow: bool,
        seed: u64,
    ) -> io::Result<Self> {
        let shared = if command.is_empty() || listen.port() != 0 {
            Some(Arc::new(TcpListener::bind(listen).await?))
        } else {
            None
        };
        let names = AtomicU64::new(0);
        let book = SharedBook::default();
        Ok(Self { command, listen, shared, patience, slow, seed, names, book })
    }

    /// Where clients are waited for, if none is started.
    pub fn waiting_at(&self) -> Option<SocketAddr> {
        let listener = self.shared.as_ref().filter(|_| self.command.is_empty())?;
        listener.local_addr().ok()
    }

    /// A client that is told what to do: it is started here.
    pub(super) fn driven(&self) -> Checked {
        if self.command.is_empty() {
            return skip("it needs a client that it may start and tell what to do");
        }
        Ok(())
    }

    /// What clients hand over is seen, or the check is skipped: at the end of a check that had
    /// something else to look at before.
    pub(super) fn sees(&self) -> Checked {
        if self.command.is_empty() {
            return skip(UNSEEN);
        }
        Ok(())
    }

    /// A wait is worth it, or the check is skipped.
    pub(super) fn worth(&self, wait: Duration) -> Checked {
        if self.slow || wait < SLOW_FROM {
            return Ok(());
        }
        skip(format_args!("it waits {wait:?}; --slow has it wait"))
    }

    /// A client that was just started, or is waited for.
    pub(super) async fn stage(&self) -> Checked<Stage> {
        let listener = match &self.shared {
            Some(listener) => listener.clone(),
            None => match TcpListener::bind(self.listen).await {
                Ok(listener) => Arc::new(listener),
                Err(error) => return fail("a place to listen at", error),
            },
        };
        let run = format!("{:016x}-{}", self.seed, self.names.fetch_add(1, Ordering::Relaxed));
        let [user, peer] = ["ada", "bob"]
            .map(|who| UserId::new(&format!("{who}-{run}")).expect("a name of a run is a user id"));
        let mut stage = Stage::new(listener, user, peer, self.patience);
        if self.command.is_empty() {
            stage.wait_longer(WAIT_FOR_CLIENT);
            stage.keep_book(&self.book);
            return Ok(stage);
        }
        let who = [&stage.user, &stage.peer];
        let started = stage.address().and_then(|at| App::start(&self.command, at, who));
        match started {
            Ok(app) => stage.app = Some(app),
            Err(error) => return fail("a client that can be started", error),
        }
        Ok(stage)
    }
}
