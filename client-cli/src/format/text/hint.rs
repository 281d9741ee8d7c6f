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
        Notice::Join(news) => join_news(news, &format!("group requests {}", news.chat)),
        Notice::Own(_) => "what you have set for yourself has changed".to_owned(),
        Notice::Receipts(chat) => format!("{chat}: receipts have moved"),
        Notice::Keys(news) => keys::news(news),
        Notice::ScheduleFailed(rejected) => schedule::failed(rejected),
    }
}

#[cfg(test)]
mod tests {
    use packetboat_client::proto::code::RejectCode;
    use packetboat_client::proto::packet::JoinNews;
    use packetboat_client::{
        ChatId, DeviceId, DeviceKeys, KeysNews, MessageId, Presence, Rejected, UserId, Verdict,
    };

    use super::*;

    #[test]
    fn no_notice_says_what_a_terminal_obeys() {
        const EVIL: &str = "a\u{1b}[2J\nb\u{9b}c\r\u{202e}d";
        let (chat, user): (ChatId, UserId) =
            ("group:crew".parse().unwrap(), "alice".parse().unwrap());
        let (delivered, read) = (2, 1);
        let device = DeviceId::new("phone").unwrap();
        let keys = DeviceKeys { device, identity: EVIL.into(), proof: EVIL.into(), state: None };
        let (id, verdict) = (MessageId::from([7; 16]), Verdict::reject(RejectCode::Muted, EVIL, 0));
        let (status, room) = (EVIL.to_owned(), "room:lobby".parse().unwrap());
        let presence =
            Presence { user: user.clone(), online: true, away: false, status, last_seen_ms: 0 };
        let all = [
            Notice::Cursor(CursorMoved { chat: chat.clone(), user: user.clone(), delivered, read }),
            Notice::Presence(presence),
            Notice::RoomCount(RoomCount { room, listeners: 1 }),
            Notice::Missed,
            Notice::Join(JoinNews { chat: chat.clone(), user: user.clone(), state: None }),
            Notice::Own(7),
            Notice::Receipts(chat.clone()),
            Notice::Keys(KeysNews { user, device: keys }),
            Notice::ScheduleFailed(Rejected { chat, id, verdict }),
        ];
        for told in all {
            let line = notice(&Clock::utc(), &told);
            let cleaned = crate::clean::lines(&line);
            assert_eq!(cleaned.join("\n"), line, "{told:?}");
            // A status that is long has a line of its own.
            assert!(cleaned.len() <= 2, "{told:?}: {line}");
        }
    }

    #[test]
    fn a_hint_names_a_command_and_none_of_the_chat_view() {
        let (chat, user) = ("group:crew".parse().unwrap(), "alice".parse().unwrap());
        let told = Notice::Join(JoinNews { chat, user, state: None });
        let line = notice(&Clock::utc(), &told);
        assert_eq!(line, "alice asks to come into group:crew: group requests group:crew");
    }

    #[test]
    fn who_types_where_is_a_sentence() {
        let (chat, sender) = ("dm:a:b".parse().unwrap(), Some("a".parse().unwrap()));
        let mut hint = Signal { chat, kind: SignalKind::Typing, data: "".into(), sender };
        assert_eq!(signal(&hint), "dm:a:b: a is typing");
        (hint.kind, hint.data, hint.sender) = (SignalKind::Custom, "\u{1b}[2J".into(), None);
        assert_eq!(signal(&hint), "dm:a:b: somebody signals 4 bytes");
    }
}
