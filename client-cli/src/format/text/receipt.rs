//! Receipts in sentences for people. Must never hold a character that a terminal obeys: ids have
//! none.

use packetboat_client::{ReceiptState, ReceiptStep, UserId};

/// How many have had entries, and have read them.
pub(crate) fn step(step: &ReceiptStep, hidden: bool) -> String {
    let ReceiptStep { first, last, members, delivered, read } = step;
    let seqs = if first == last { format!("{first}") } else { format!("{first}-{last}") };
    let read = if hidden { "reads are hidden".to_owned() } else { format!("{read} read it") };
    format!("{seqs:<12} {delivered} of {members} have it, {read}")
}

/// How far an entry has come with a member, in a word.
pub(crate) fn word(state: ReceiptState) -> &'static str {
    match state {
        ReceiptState::Read => "read",
        ReceiptState::Delivered => "delivered",
        ReceiptState::Waiting => "waiting",
    }
}

/// How far an entry has come with a member.
pub(crate) fn reader(user: &UserId, state: ReceiptState) -> String {
    format!("{:<10} {user}", word(state))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_says_of_which_messages_it_is() {
        let one = ReceiptStep { first: 7, last: 7, members: 9, delivered: 5, read: 2 };
        assert_eq!(step(&one, false), "7            5 of 9 have it, 2 read it");
        let some = ReceiptStep { last: 12, ..one };
        assert_eq!(step(&some, true), "7-12         5 of 9 have it, reads are hidden");
    }
}
