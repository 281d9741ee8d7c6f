//! What an app wants of its client. Must never carry anything that need not be answered or sent
//! by the flow.

use std::collections::HashMap;

use packetboat_proto::id::ChatId;
use packetboat_proto::packet::Signal;
use tokio::sync::oneshot;

use crate::asks::Ask;
use crate::draft::Draft;

/// What an app wants.
#[derive(Debug)]
pub(crate) enum Command {
    /// Put a message into the outbox.
    Send(Draft),
    /// Ask the server.
    Ask(Ask),
    /// Send a signal, if it can be sent.
    Signal(Signal),
    /// Send a ping; the answer is its pong.
    Ping(oneshot::Sender<()>),
    /// Tell how far the app is done.
    Cursors(oneshot::Sender<HashMap<ChatId, u64>>),
    /// End; the answer is that this is dropped.
    Close(oneshot::Sender<()>),
}
