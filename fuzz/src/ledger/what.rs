//! What is said in the model. Must never know what becomes of it.

use packetboat_proto::code::RejectCode;
use packetboat_proto::content::{Alteration, GroupRules};

use super::links::Pass;

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// So many bytes, told apart by a letter.
    Text(u8, usize),
    /// A text that stays so long, in milliseconds.
    Expiring(u64),
    /// An answer to an entry, in its thread.
    Reply(u64),
    /// A change to an entry.
    Alter(Alteration),
    /// A group is made.
    Create(Vec<usize>),
    /// Users come in.
    Add(Vec<usize>),
    /// Users are put out.
    Remove(Vec<usize>),
    /// The sender leaves, and names a new owner or not.
    Leave(Option<usize>),
    /// The group has another name.
    Rename,
    /// The group has another topic.
    Describe,
    /// Which rules hold.
    Rules(GroupRules),
    /// Users are admins from now on, or no more.
    Role(Vec<usize>, bool),
    /// Another one owns the group.
    HandOver(usize),
    /// Users are mute until a time.
    Mute(Vec<usize>, u64),
    /// The sender comes in by itself, by an invitation or without.
    Join(Option<Pass>),
    /// The group is over.
    Dissolve,
}

/// A message that is to be sent later, or could not be.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// What it says.
    pub what: What,
    /// When it is to be sent.
    pub at_ms: u64,
    /// When it is looked at next.
    pub due_ms: u64,
    /// Why it could not be sent.
    pub failed: Option<RejectCode>,
}

impl What {
    /// It changes its group.
    pub fn is_group_change(&self) -> bool {
        !matches!(self, Self::Text(..) | Self::Expiring(_) | Self::Reply(_) | Self::Alter(_))
    }
}
