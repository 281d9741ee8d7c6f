//! What is written to be said: in answer, in a thread, for a time, or later. Must never take for a
//! text what was meant as a command.

use packetboat_client::{ChatId, Content, Context, ScheduledName};

use super::super::event::Later;
use super::super::refer::which;
use super::super::say::{Say, To};
use super::{Line, chat_of, parse, split};
use crate::clock;
use crate::command::wait::Wait;

/// The highest number that names a scheduled message: an id is longer, even if it is made of digits
/// alone.
const SHOWN_MAX: usize = 99_999;

/// An answer to a message.
pub(super) fn reply(rest: &str) -> Option<Line> {
    let (number, text) = split(rest);
    let to = To::Message(which(number)?);
    let text = Some(text.to_owned()).filter(|text| !text.is_empty())?;
    Some(Line::Say(Say { to, ..Say::plain(text) }))
}

/// A word in a thread.
pub(super) fn in_thread(rest: &str) -> Option<Line> {
    let (number, text) = split(rest);
    let to = To::Thread(which(number)?);
    Some(Line::Say(Say { to, ..Say::plain(text.to_owned()) }))
}

/// To say what is gone after a time.
pub(super) fn expiring(
    rest: &str,
    open: Option<&ChatId>,
    now_ms: u64,
) -> Result<Option<Line>, String> {
    let (wait, said) = split(rest);
    let Some(Wait(expires_after_ms)) = wait.parse().ok().filter(|_| !said.is_empty()) else {
        return Ok(None);
    };
    let context = Context { expires_after_ms, ..Context::default() };
    Content::decode(&Content::text(said).encode_in(&context), usize::MAX)
        .map_err(|error| error.to_string())?;
    match parse(said, open, now_ms)? {
        Line::Say(say) => Ok(Some(Line::Say(Say { expires_after_ms, ..say }))),
        Line::Attach(chat, mut attach) => {
            attach.expires_after_ms = expires_after_ms;
            Ok(Some(Line::Attach(chat, attach)))
        }
        _ => Err("only what is said expires: a text, a /reply, a /thread or a /file".to_owned()),
    }
}

/// To have something said later.
pub(super) fn later(
    rest: &str,
    open: Option<&ChatId>,
    now_ms: u64,
) -> Result<Option<Line>, String> {
    let Some((at_ms, said)) = time(rest, now_ms).filter(|(_, said)| !said.is_empty()) else {
        return Ok(None);
    };
    chat_of(open)?;
    match parse(said, open, now_ms)? {
        Line::Say(say) => Ok(Some(Line::SayLater(say, at_ms))),
        _ => Err("only a text, a /reply or a /thread is sent later".to_owned()),
    }
}

/// A time before a text, so much later or by the calendar, in milliseconds of Unix time; and the
/// text.
fn time(rest: &str, now_ms: u64) -> Option<(u64, &str)> {
    let (first, said) = split(rest);
    if let Ok(Wait(ms)) = first.parse() {
        return Some((now_ms.saturating_add(ms), said));
    }
    let (second, said) = split(said);
    let at_ms = clock::moment(&format!("{first} {second}"))?;
    Some((at_ms, said))
}

/// Not to have one sent.
pub(super) fn unschedule(rest: &str, open: Option<&ChatId>) -> Result<Option<Line>, String> {
    if let Some(nth) = rest.parse().ok().filter(|nth| (1..=SHOWN_MAX).contains(nth)) {
        return Ok(Some(Line::Unschedule(nth)));
    }
    let Ok(id) = rest.parse() else { return Ok(None) };
    Ok(Some(Line::Later(Later::Unschedule(ScheduledName { chat: chat_of(open)?, id }))))
}

#[cfg(test)]
mod tests {
    use super::super::super::refer::Which;
    use super::*;

    fn chat() -> ChatId {
        "dm:a:b".parse().unwrap()
    }

    fn meant(line: &str) -> Line {
        parse(line, Some(&chat()), 5).unwrap_or_else(|why| panic!("{line}: {why}"))
    }

    fn text() -> Say {
        Say::plain("so  it is".into())
    }

    #[test]
    fn a_text_is_said_in_its_place_and_for_its_time() {
        let answer = Say { to: To::Message(Which::Back(2)), ..text() };
        assert_eq!(meant("/reply 2 so  it is"), Line::Say(answer.clone()));
        let word = Say { to: To::Thread(Which::Seq(7)), ..text() };
        assert_eq!(meant("/thread #7 so  it is"), Line::Say(word));
        let expiring = Say { expires_after_ms: 7_200_000, ..text() };
        assert_eq!(meant("/expire 2h so  it is"), Line::Say(expiring));
        let both = Say { expires_after_ms: 60_000, ..answer };
        assert_eq!(meant("/expire 1m /reply 2 so  it is"), Line::Say(both));
        assert_eq!(meant("/expire 2h //x"), meant("/expire 2h /expire 2h //x"));
        let Line::Attach(_, attach) = meant("/expire 2h /file a.png") else { panic!() };
        assert_eq!(attach.expires_after_ms, 7_200_000);
    }

    #[test]
    fn messages_are_sent_later_shown_and_taken_back() {
        assert_eq!(meant("/later 2h so  it is"), Line::SayLater(text(), 7_200_005));
        let at_ms = clock::moment("2026-11-23 09:00").unwrap();
        assert_eq!(meant("/later 2026-11-23 09:00 so  it is"), Line::SayLater(text(), at_ms));
        let expiring = Say { expires_after_ms: 60_000, ..text() };
        assert_eq!(meant("/later 2h /expire 1m so  it is"), Line::SayLater(expiring, 7_200_005));
        assert_eq!(meant("/scheduled"), Line::Later(Later::List));
        let id = packetboat_client::MessageId::from([0xab; 16]);
        let named = Later::Unschedule(ScheduledName { chat: chat(), id });
        assert_eq!(meant(&format!("/unschedule {id}")), Line::Later(named));
        assert_eq!(meant("/unschedule 12"), Line::Unschedule(12));
    }

    #[test]
    fn what_cannot_be_said_so_is_told_before_it_is_sent() {
        for line in [
            "/later",
            "/later 2h",
            "/later soon hi",
            "/later 2026-11-23 hi",
            "/later 2026-11-23 09:00",
            "/later 2h /file a.png",
            "/later 2h /quit",
            "/unschedule",
            "/unschedule 0",
            "/expire",
            "/expire 2h",
            "/expire soon it is gone",
            "/expire 0 never said",
            "/expire 2h /recall 1",
            "/reply 1",
            "/reply hello there",
            "/reply 0 hi",
            "/reply #0 hi",
            "/thread",
        ] {
            assert!(parse(line, Some(&chat()), 5).is_err(), "{line}");
        }
        assert!(parse("/later 2h hi", None, 5).is_err());
    }
}
