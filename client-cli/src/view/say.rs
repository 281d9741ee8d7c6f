//! A text that is to be said, and where it belongs. Must never say where that is by itself: a line
//! names it.

use super::refer::Which;

/// A text to be said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Say {
    /// It.
    pub(crate) text: String,
    /// What it belongs to.
    pub(crate) to: To,
    /// How long it stays, in milliseconds; 0: for good.
    pub(crate) expires_after_ms: u64,
}

/// What a text belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum To {
    /// The chat alone.
    Chat,
    /// It answers a message.
    Message(Which),
    /// It stands in the thread of a message.
    Thread(Which),
}

impl Say {
    /// A text that stays, in the chat alone.
    pub(crate) const fn plain(text: String) -> Self {
        Self { text, to: To::Chat, expires_after_ms: 0 }
    }
}

/// Where in a line stands what is said, if that is a command behind one that says for how long, or
/// when.
pub(super) fn said_at(line: &str) -> Option<usize> {
    let command = line.strip_prefix('/')?;
    let holds = ["expire ", "later "].iter().any(|verb| command.starts_with(verb));
    let at = line.find(" /").filter(|_| holds)? + 1;
    (!line[at..].starts_with("//")).then_some(at)
}
