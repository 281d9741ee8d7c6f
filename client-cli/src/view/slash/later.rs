//! What `/later`, `/scheduled` and `/unschedule` mean.

use packetboat_client::{ChatId, ScheduledName};

use super::super::event::Later;
use super::{Line, chat_of, split};
use crate::command::wait::Wait;

/// The highest number that names one: an id is longer, even if it is made of digits alone.
const SHOWN_MAX: usize = 99_999;

/// To have a message sent later.
pub(super) fn schedule(rest: &str, open: Option<&ChatId>, now_ms: u64) -> Result<Line, String> {
    let (wait, text) = split(rest);
    match wait.parse() {
        Ok(Wait(ms)) if !text.is_empty() => {
            let at_ms = now_ms.saturating_add(ms);
            Ok(Line::Schedule { chat: chat_of(open)?, text: text.to_owned(), at_ms })
        }
        _ => Err("/later TIME TEXT, the time such as 90s, 15m, 2h or 7d".to_owned()),
    }
}

/// Not to have one sent.
pub(super) fn unschedule(rest: &str, open: Option<&ChatId>) -> Result<Line, String> {
    if let Some(nth) = rest.parse().ok().filter(|nth| (1..=SHOWN_MAX).contains(nth)) {
        return Ok(Line::Unschedule(nth));
    }
    let id = rest.parse().map_err(|_| "/unschedule N or ID, as /scheduled shows it".to_owned())?;
    Ok(Line::Later(Later::Unschedule(ScheduledName { chat: chat_of(open)?, id })))
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    #[test]
    fn messages_are_sent_later_shown_and_taken_back() {
        let chat: ChatId = "dm:a:b".parse().unwrap();
        let scheduled =
            Line::Schedule { chat: chat.clone(), text: "so  it is".into(), at_ms: 7_200_005 };
        assert_eq!(parse("/later 2h so  it is", Some(&chat), 5), Ok(scheduled));
        assert_eq!(parse("/scheduled", None, 5), Ok(Line::Later(Later::List)));
        let id = packetboat_client::MessageId::from([0xab; 16]);
        let named = Later::Unschedule(ScheduledName { chat: chat.clone(), id });
        let line = format!("/unschedule {id}");
        assert_eq!(parse(&line, Some(&chat), 5), Ok(Line::Later(named)));
        assert_eq!(parse("/unschedule 12", None, 5), Ok(Line::Unschedule(12)));
        for line in ["/later", "/later 2h", "/later soon hi", "/unschedule", "/unschedule 0"] {
            assert!(parse(line, Some(&chat), 5).is_err(), "{line}");
        }
        assert!(parse("/later 2h hi", None, 5).is_err());
    }
}
