//! The connection as a line of words. Must never say that it is there when it is not.

use packetboat_client::{Ending, Event, Lost, RequestError};

use crate::clean;
use crate::failure::Failure;

/// How long it is told that the link is back.
const BACK_MS: u64 = 5_000;

/// How the connection stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// The first connection is being made.
    Connecting,
    /// A session is open; up to this time it is told that it is back.
    Up {
        /// Milliseconds of Unix time; 0: it was never away.
        back_until_ms: u64,
    },
    /// It is lost.
    Down {
        /// Why.
        why: Lost,
        /// When the next try is, in milliseconds of Unix time.
        retry_at_ms: u64,
    },
    /// The client has ended.
    Ended(Ending),
}

/// How a line about the link is to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// As always.
    Calm,
    /// Something came right.
    Good,
    /// Something is wrong.
    Bad,
}

impl Link {
    /// Something of the client's happened. Returns whether a session was opened.
    pub(crate) fn handle(&mut self, now_ms: u64, event: &Event) -> bool {
        match event {
            Event::Connected(_) => {
                let back = matches!(self, Self::Down { .. });
                *self = Self::Up { back_until_ms: if back { now_ms + BACK_MS } else { 0 } };
                return true;
            }
            Event::Disconnected { why, retry_in } => {
                let wait = u64::try_from(retry_in.as_millis()).unwrap_or(u64::MAX);
                let retry_at_ms = now_ms.saturating_add(wait);
                *self = Self::Down { why: why.clone(), retry_at_ms };
            }
            Event::Closed(ending) => *self = Self::Ended(ending.clone()),
            Event::Entry(_)
            | Event::LogReset { .. }
            | Event::Room(_)
            | Event::Notice(_)
            | Event::Signal(_) => {}
        }
        false
    }

    /// A session is open.
    pub(crate) const fn is_up(&self) -> bool {
        matches!(self, Self::Up { .. })
    }

    /// It in words.
    pub(crate) fn words(&self, now_ms: u64, who: &str) -> (String, Mood) {
        match self {
            Self::Connecting => (format!("connecting as {who} …"), Mood::Calm),
            Self::Up { back_until_ms } if now_ms < *back_until_ms => {
                (format!("link is back: connected as {who}"), Mood::Good)
            }
            Self::Up { .. } => (format!("connected as {who}"), Mood::Calm),
            Self::Down { why, retry_at_ms } => {
                let why = clean::line(&why.to_string());
                let wait = retry_at_ms.saturating_sub(now_ms).div_ceil(1000);
                let next = match wait {
                    0 => "now".to_owned(),
                    _ => format!("in {wait} s"),
                };
                // What a narrow terminal cuts off is the reason's end.
                (format!("link lost, trying again {next}: {why}"), Mood::Bad)
            }
            Self::Ended(ending) => {
                let why = Failure::from(RequestError::Closed(ending.clone())).to_string();
                (format!("ended: {}", clean::line(&why)), Mood::Bad)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn down(retry_ms: u64) -> Event {
        Event::Disconnected { why: Lost::Cut, retry_in: Duration::from_millis(retry_ms) }
    }

    #[test]
    fn a_lost_link_counts_down_and_is_told_to_be_back() {
        let mut link = Link::Connecting;
        assert!(!link.handle(1_000, &down(2_500)));
        let lost = "link lost, trying again in 3 s: the connection was cut";
        assert_eq!(link.words(1_000, "a"), (lost.to_owned(), Mood::Bad));
        assert!(link.words(3_500, "a").0.starts_with("link lost, trying again now:"));
        link = Link::Down { why: Lost::Cut, retry_at_ms: 0 };
        link = Link::Up { back_until_ms: if link.is_up() { 0 } else { 9_000 } };
        assert_eq!(link.words(8_000, "a").1, Mood::Good);
        assert_eq!(link.words(9_000, "a"), ("connected as a".to_owned(), Mood::Calm));
    }

    #[test]
    fn the_end_is_told_with_its_reason() {
        let mut link = Link::Connecting;
        link.handle(0, &Event::Closed(Ending::Closed));
        assert_eq!(link.words(0, "a"), ("ended: it was closed".to_owned(), Mood::Bad));
    }
}
