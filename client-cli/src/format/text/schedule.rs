//! Messages that are sent later, for people.

use packetboat_client::{Content, Rejected, ScheduledMessage};

use super::table::more;
use crate::clean;
use crate::clock::Clock;
use crate::failure::reason;

/// Characters of a message that are shown.
const SHOWN_CHARS: usize = 60;

/// One that is to be sent, or could not be.
pub(crate) fn message(clock: &Clock, message: &ScheduledMessage) -> String {
    let failed = failure(message).map(|why| format!(" ({why})")).unwrap_or_default();
    format!("{}: {}{failed}", when(clock, message), said(message))
}

/// The same, a line for each thing that there is to say.
pub(crate) fn lines(clock: &Clock, message: &ScheduledMessage) -> String {
    let mut lines = vec![when(clock, message), more(&said(message))];
    lines.extend(failure(message).map(|why| more(&format!("({why})"))));
    lines.join("\n")
}

/// At what time, in which chat, under which id.
fn when(clock: &Clock, message: &ScheduledMessage) -> String {
    let (at, name) = (clock.full(message.at_ms), &message.name);
    format!("{at} {} {}", name.chat, name.id)
}

/// The start of what it says.
fn said(message: &ScheduledMessage) -> String {
    let said = Content::decode(&message.content, usize::MAX).ok().and_then(Content::body);
    let lines = said.map(|body| super::body(&body)).unwrap_or_default();
    lines.join(" ").chars().take(SHOWN_CHARS).collect()
}

/// Why it was not sent.
fn failure(message: &ScheduledMessage) -> Option<String> {
    let verdict = message.failed.as_ref()?;
    Some(clean::line(&format!("not sent: {}", reason(verdict))))
}

/// That one could not be sent.
pub(crate) fn failed(rejected: &Rejected) -> String {
    let why = clean::line(&reason(&rejected.verdict));
    format!("what was to be sent to {} could not be: {why}", rejected.chat)
}

#[cfg(test)]
mod tests {
    use packetboat_client::proto::code::RejectCode;
    use packetboat_client::{MessageId, ScheduledName, Verdict};

    use super::super::table::fits;
    use super::*;

    #[test]
    fn what_could_not_be_sent_says_why_on_a_line_of_its_own() {
        let (chat, id) = ("dm:a:b".parse().unwrap(), MessageId::from([0xab; 16]));
        let content = Content::text("x".repeat(500)).encode();
        let failed = Some(Verdict::reject(RejectCode::Muted, "not now", 0));
        let name = ScheduledName { chat, id };
        let late = ScheduledMessage { name, content, at_ms: 1_795_251_907_000, failed };
        let lines = lines(&Clock::utc(), &late);
        fits(&lines);
        assert!(lines.starts_with("2026-11-21 09:05:07 dm:a:b abab"), "{lines}");
        assert!(lines.ends_with("x\n    (not sent: MUTED: not now)"), "{lines}");
        assert_eq!(message(&Clock::utc(), &late).lines().count(), 1);
    }
}
