//! Why the store does not do what it is asked. Must never tell a peer more than it may know.

use packetboat_proto::code::RejectCode;
use packetboat_proto::packet::Verdict;
use thiserror::Error;

/// Why something is refused; nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{reason}")]
pub struct Refusal {
    /// The code for the wire.
    pub code: RejectCode,
    /// A sentence for a person.
    pub reason: String,
    /// When to try again, in milliseconds; 0: what the operator has set.
    pub after_ms: u32,
}

impl Refusal {
    /// As the wire has it; `after_ms` is what the operator has set.
    pub fn verdict(&self, after_ms: u32) -> Verdict {
        let after_ms = if self.after_ms == 0 { after_ms } else { self.after_ms };
        Verdict::reject(self.code, &self.reason, after_ms)
    }

    /// One that says nothing of when to try again.
    pub fn new(code: RejectCode, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into(), after_ms: 0 }
    }
}

/// Why the store did not do what it was asked. Asking again is safe after any of these.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StoreError {
    /// It may not be done.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store has stopped, and the process is about to end. Nothing was acknowledged.
    #[error("the store has stopped")]
    Stopped,
    /// Something could not be read. Its text is for peers, and leaves the detail out.
    #[error("the store could not read what this needs")]
    Unreadable {
        /// What the engine said.
        detail: String,
    },
}
