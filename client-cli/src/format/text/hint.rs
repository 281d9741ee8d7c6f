//! Hints in sentences for people. Must never hold a character that a terminal obeys.

use packetboat_client::{CursorMoved, Notice, RoomCount, Signal, SignalKind};

use super::{join_news, keys, presence, schedule};
use crate::clock::Clock;

/// Typing and the like.
pub(crate) fn signal(signal: &Signal) -> String {
    let who = signal.sender.as_ref().map_or("somebody", |sender| sender.as_str());
    let what = match signal.kind {
        SignalKind::Typing => "is typing".to_owned(),
        SignalKind::Stopped => "has stopped typing".to_owned(),
        SignalKind::Custom => format!("signals {}", super::size(signal.data.len())),
    };
    format!("{}: {who} {what}", signal.chat)
}

/// What became of others.
pub(crate) fn notice(clock: &Clock, notice: &Notice) -> String {
    match notice {
        Notice::Cursor(CursorMoved { chat, user, delivered, read }) => {
            format!("{chat}: {user} has had {delivered}, and read {read}")
        }
        Notice::Presence(told) => presence(clock, told),
        Notice::RoomCount(RoomCount { room, listeners }) => format!("{room}: {listeners} listen"),
        Notice::Missed => "some hints were missed".to_owned(),
        Notice::Join(news) => join_news(news),
        Notice::Own(_) => "what you have set for yourself has changed".to_owned(),
        Notice::Receipts(chat) => format!("{chat}: receipts have moved"),
        Notice::Keys(news) => keys::news(news),
        Notice::ScheduleFailed(rejected) => schedule::failed(rejected),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_types_where_is_a_sentence() {
        let (chat, sender) = ("dm:a:b".parse().unwrap(), Some("a".parse().unwrap()));
        let mut hint = Signal { chat, kind: SignalKind::Typing, data: "".into(), sender };
        assert_eq!(signal(&hint), "dm:a:b: a is typing");
        (hint.kind, hint.data, hint.sender) = (SignalKind::Custom, "\u{1b}[2J".into(), None);
        assert_eq!(signal(&hint), "dm:a:b: somebody signals 4 bytes");
    }
}
