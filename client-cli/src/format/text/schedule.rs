//! Messages that are sent later, for people.

use packetboat_client::{Content, Rejected, ScheduledMessage};

use crate::clean;
use crate::clock::Clock;
use crate::failure::reason;

/// Characters of a message that are shown.
const SHOWN_CHARS: usize = 60;

/// One that is to be sent, or could not be.
pub(crate) fn message(clock: &Clock, message: &ScheduledMessage) -> String {
    let said = Content::decode(&message.content, usize::MAX).ok().and_then(Content::body);
    let lines = said.map(|body| super::body(&body)).unwrap_or_default();
    let said: String = lines.join(" ").chars().take(SHOWN_CHARS).collect();
    let (at, name) = (clock.full(message.at_ms), &message.name);
    let failed = message.failed.as_ref().map(|verdict| format!(" (not sent: {})", reason(verdict)));
    let failed = clean::line(&failed.unwrap_or_default());
    format!("{at} {} {}: {said}{failed}", name.chat, name.id)
}

/// That one could not be sent.
pub(crate) fn failed(rejected: &Rejected) -> String {
    format!("what was to be sent to {} could not be: {}", rejected.chat, reason(&rejected.verdict))
}
