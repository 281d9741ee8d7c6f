//! Keys, read by a task of their own. Must never let anyone else poll the terminal's stream: it
//! wakes only the one who first found it empty, so whoever merely glanced at it would be the last
//! to hear of the next key.

use std::io;

use crossterm::event::Event;
use futures_util::{Stream, StreamExt};
use tokio::sync::mpsc;

/// Keys that may wait to be looked at. The terminal holds what is beyond.
const KEYS_MAX: usize = 256;

/// Where the events of a stream come, until it or whoever takes them ends.
pub(super) fn read<S>(mut stream: S) -> mpsc::Receiver<io::Result<Event>>
where
    S: Stream<Item = io::Result<Event>> + Send + Unpin + 'static,
{
    let (events, received) = mpsc::channel(KEYS_MAX);
    tokio::spawn(async move {
        loop {
            let event = tokio::select! {
                event = stream.next() => event,
                () = events.closed() => None,
            };
            let Some(event) = event else { return };
            if events.send(event).await.is_err() {
                return;
            }
        }
    });
    received
}
