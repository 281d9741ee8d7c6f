//! Bugs planted on purpose, so that the proofs can show that they would be found; for the server
//! and the client alike. Must never be switched on in what is shipped: without the feature
//! `proof`, `is` is false at compile time.

/// A bug that can be planted: one at a time, for the whole process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Bug {
    /// The store answers and releases before it has made anything durable.
    AnswerBeforeSync = 1,
    /// A sync returns without an fdatasync.
    SyncWithoutFdatasync,
    /// An entry is stored without the row by which its message id is found again.
    DedupRowSkipped,
    /// Where a log ends is not looked up after a restart, but begins at nothing.
    HeadFromMemory,
    /// What is read of a log may not be durable yet.
    HorizonIgnored,
    /// A refused draft uses up a seq.
    RefusedTakesSeq,
    /// The same id with other content counts as the same message.
    ConflictAccepted,
    /// A delivery counts as acknowledged once it is sent.
    CursorBeforeDelivery,
    /// What found no room in a mailbox is dropped without a word.
    OverflowForgotten,
    /// Who is put out of a group goes on being pushed its entries.
    RemovedStillServed,
    /// A session that comes in is not seated in its user's groups.
    GroupsForgotten,
    /// A page of the log that ends early is followed by one that begins too late.
    PageSkipsOne,
    /// The client hands over what is delivered, whether or not it was handed over before.
    HandedOverTwice,
    /// Who is put out of a group still finds the next entry.
    SpanEndsLate,
    /// A commit that failed is answered as if it had not.
    SyncErrorIgnored,
    /// A batch is applied while the one before it is on its way to the disk.
    AppliedUnderSync,
    /// What is recalled is said to be, and stays in the log.
    RecallKeepsContent,
    /// A room forgets an entry that it is still to keep.
    RoomForgetsEarly,
    /// What a user sets anew for itself keeps the revision that it had.
    RevisionKept,
    /// A one-time key that is given stays in the pile.
    KeyGivenTwice,
    /// What has expired goes on being shown.
    ExpiredShown,
    /// A ticket is good for a device that was logged out since.
    LogOutKeepsTicket,
    /// Who is blocked goes on writing while the chat is at hand.
    BlockForgottenByCache,
    /// What a user has read is counted for others, though it hides that.
    ReceiptsShowHidden,
    /// Who is blocked goes on seeing whether a user is there.
    PresenceShownToBlocked,
    /// Whoever watches a user is not told that it is away.
    PresenceUntold,
    /// Who is blocked goes on hearing that a user types, or is heard.
    TypingReachesBlocked,
    /// Who comes in by an invitation does not use it up.
    LinkUsesUncounted,
    /// A device stays connected with which another may not be at a time.
    RivalStays,
    /// A device is forgotten after half of the time.
    ForgottenTooSoon,
    /// What was recalled goes on calling those whom it mentioned.
    MentionOutlivesRecall,
    /// Where something was said before is taken from who forwards it.
    OriginUnchecked,
    /// Who was in one group with a user goes on writing to it while the chat is at hand.
    OldGroupStillCounts,
    /// What a user hides takes the place of what it has hidden before.
    HidingReplaces,
    /// Who knows a file's id is given it.
    FileGivenToAnyone,
    /// A file that stands in a chat is forgotten like one that does not.
    ReferenceUncounted,
    /// Bytes are called whole that are not those announced.
    HashUnchecked,
    /// The bytes of a file that is forgotten stay.
    ForgottenBytesStay,
    /// A search finds what its user has hidden.
    HiddenStillFound,
    /// What is of no use in the files of values is taken for erased, and not written over.
    ErasingSkipsValues,
}

impl Bug {
    /// All of them.
    pub const ALL: [Self; 40] = [
        Self::AnswerBeforeSync,
        Self::SyncWithoutFdatasync,
        Self::DedupRowSkipped,
        Self::HeadFromMemory,
        Self::HorizonIgnored,
        Self::RefusedTakesSeq,
        Self::ConflictAccepted,
        Self::CursorBeforeDelivery,
        Self::OverflowForgotten,
        Self::RemovedStillServed,
        Self::GroupsForgotten,
        Self::PageSkipsOne,
        Self::HandedOverTwice,
        Self::SpanEndsLate,
        Self::SyncErrorIgnored,
        Self::AppliedUnderSync,
        Self::RecallKeepsContent,
        Self::RoomForgetsEarly,
        Self::RevisionKept,
        Self::KeyGivenTwice,
        Self::ExpiredShown,
        Self::LogOutKeepsTicket,
        Self::BlockForgottenByCache,
        Self::ReceiptsShowHidden,
        Self::PresenceShownToBlocked,
        Self::PresenceUntold,
        Self::TypingReachesBlocked,
        Self::LinkUsesUncounted,
        Self::RivalStays,
        Self::ForgottenTooSoon,
        Self::MentionOutlivesRecall,
        Self::OriginUnchecked,
        Self::OldGroupStillCounts,
        Self::HidingReplaces,
        Self::FileGivenToAnyone,
        Self::ReferenceUncounted,
        Self::HashUnchecked,
        Self::ForgottenBytesStay,
        Self::HiddenStillFound,
        Self::ErasingSkipsValues,
    ];

    /// Its name in the variable `PACKETBOAT_PLANT`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AnswerBeforeSync => "answer-before-sync",
            Self::SyncWithoutFdatasync => "sync-without-fdatasync",
            Self::DedupRowSkipped => "dedup-row-skipped",
            Self::HeadFromMemory => "head-from-memory",
            Self::HorizonIgnored => "horizon-ignored",
            Self::RefusedTakesSeq => "refused-takes-seq",
            Self::ConflictAccepted => "conflict-accepted",
            Self::CursorBeforeDelivery => "cursor-before-delivery",
            Self::OverflowForgotten => "overflow-forgotten",
            Self::RemovedStillServed => "removed-still-served",
            Self::GroupsForgotten => "groups-forgotten",
            Self::PageSkipsOne => "page-skips-one",
            Self::HandedOverTwice => "handed-over-twice",
            Self::SpanEndsLate => "span-ends-late",
            Self::SyncErrorIgnored => "sync-error-ignored",
            Self::AppliedUnderSync => "applied-under-sync",
            Self::RecallKeepsContent => "recall-keeps-content",
            Self::RoomForgetsEarly => "room-forgets-early",
            Self::RevisionKept => "revision-kept",
            Self::KeyGivenTwice => "key-given-twice",
            Self::ExpiredShown => "expired-shown",
            Self::LogOutKeepsTicket => "log-out-keeps-ticket",
            Self::BlockForgottenByCache => "block-forgotten-by-cache",
            Self::ReceiptsShowHidden => "receipts-show-hidden",
            Self::PresenceShownToBlocked => "presence-shown-to-blocked",
            Self::PresenceUntold => "presence-untold",
            Self::TypingReachesBlocked => "typing-reaches-blocked",
            Self::LinkUsesUncounted => "link-uses-uncounted",
            Self::RivalStays => "rival-stays",
            Self::ForgottenTooSoon => "forgotten-too-soon",
            Self::MentionOutlivesRecall => "mention-outlives-recall",
            Self::OriginUnchecked => "origin-unchecked",
            Self::OldGroupStillCounts => "old-group-still-counts",
            Self::HidingReplaces => "hiding-replaces",
            Self::FileGivenToAnyone => "file-given-to-anyone",
            Self::ReferenceUncounted => "reference-uncounted",
            Self::HashUnchecked => "hash-unchecked",
            Self::ForgottenBytesStay => "forgotten-bytes-stay",
            Self::HiddenStillFound => "hidden-still-found",
            Self::ErasingSkipsValues => "erasing-skips-values",
        }
    }

    /// The bug of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|bug| bug.name() == name)
    }
}

/// Whether this build lets bugs be planted: what it does and takes is not that of what is shipped.
pub const POSSIBLE: bool = cfg!(feature = "proof");

/// The bug that the variable `PACKETBOAT_PLANT` asks for; none if it is empty or not set. A name
/// that nobody knows would plant nothing, and a proof would say that it found nothing.
#[cfg(any(feature = "proof", test))]
fn asked_for(name: &str) -> Option<Bug> {
    if name.is_empty() {
        return None;
    }
    let bug = Bug::named(name);
    assert!(bug.is_some(), "PACKETBOAT_PLANT is {name:?}, which names no bug that can be planted");
    bug
}

/// Whether this bug is planted.
#[cfg(not(feature = "proof"))]
#[inline]
pub const fn is(_bug: Bug) -> bool {
    false
}

#[cfg(feature = "proof")]
pub use self::plot::{is, plant};

#[cfg(feature = "proof")]
mod plot {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU8, Ordering};

    use super::{Bug, asked_for};

    static PLANTED: LazyLock<AtomicU8> = LazyLock::new(|| {
        let name = std::env::var_os("PACKETBOAT_PLANT").unwrap_or_default();
        AtomicU8::new(asked_for(&name.to_string_lossy()).map_or(0, |bug| bug as u8))
    });

    /// Plants a bug, or none, instead of what was planted before.
    pub fn plant(bug: Option<Bug>) {
        PLANTED.store(bug.map_or(0, |bug| bug as u8), Ordering::Relaxed);
    }

    /// Whether this bug is planted.
    pub fn is(bug: Bug) -> bool {
        PLANTED.load(Ordering::Relaxed) == bug as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bug_is_found_by_its_name() {
        for bug in Bug::ALL {
            assert_eq!(asked_for(bug.name()), Some(bug));
        }
        assert_eq!(asked_for(""), None);
    }

    #[test]
    #[should_panic(expected = "names no bug that can be planted")]
    fn a_name_that_nobody_knows_is_not_passed_over() {
        asked_for("answer-before-sink");
    }
}
