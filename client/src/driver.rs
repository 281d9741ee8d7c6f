//! One task that joins the flow to a socket.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use packetboat_proto::id::ChatId;
use packetboat_proto::packet::Signal;
use tokio::sync::{mpsc, oneshot, watch};

use crate::asks::Ask;
use crate::config::Config;
use crate::connect::Dial;
use crate::event::Status;
use crate::handover::Handover;
use crate::outbox::Draft;

/// The cursors as they were at the end.
pub(crate) type LastCursors = Arc<OnceLock<HashMap<ChatId, u64>>>;

/// What an app wants.
#[derive(Debug)]
pub(crate) enum Command {
    Send(Draft),
    Ask(Ask),
    Signal(Signal),
    Ping(oneshot::Sender<()>),
    Cursors(oneshot::Sender<HashMap<ChatId, u64>>),
    Close(oneshot::Sender<()>),
}

pub(crate) struct Driver {
    config: Config,
    dial: Dial,
    commands: mpsc::Receiver<Command>,
    handover: Arc<Handover>,
    status: watch::Sender<Status>,
    last_cursors: LastCursors,
}

impl Driver {
    pub(crate) fn new(
        config: Config,
        dial: Dial,
        commands: mpsc::Receiver<Command>,
        handover: Arc<Handover>,
        status: watch::Sender<Status>,
        last_cursors: LastCursors,
    ) -> Self {
        Self {
            config,
            dial,
            commands,
            handover,
            status,
            last_cursors,
        }
    }

    pub(crate) async fn run(self) {
        drop(self);
    }
}
