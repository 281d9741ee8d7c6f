//! What the operator may set of the ledger's rules. Must never hold a bound of the protocol.

use packetboat_proto::limits::GROUP_MEMBERS_MAX;
use thiserror::Error;

/// Chats that a user may be or have been in, unless the operator sets another number.
pub const CHATS_PER_USER_DEFAULT: u32 = 10_000;
/// The lowest and the highest value for that.
pub const CHATS_PER_USER_BOUNDS: (u64, u64) = (1, 100_000);
/// Devices of a user, unless the operator sets another number.
pub const DEVICES_PER_USER_DEFAULT: u32 = 100;
/// The lowest and the highest value for that.
pub const DEVICES_PER_USER_BOUNDS: (u64, u64) = (1, 10_000);
/// Members of a group, unless the operator sets another number.
pub const GROUP_MEMBERS_DEFAULT: u32 = 10_000;
/// The lowest and the highest value for that.
pub const GROUP_MEMBERS_BOUNDS: (u64, u64) = (2, GROUP_MEMBERS_MAX as u64);

/// Milliseconds in which an entry may be edited, and in which its sender may recall it, unless the
/// operator sets others.
pub const ALTER_MS_DEFAULT: u64 = 48 * 60 * 60 * 1000;
/// The lowest and the highest value for those: never, and a hundred years.
pub const ALTER_MS_BOUNDS: (u64, u64) = (0, 36_500 * 24 * 60 * 60 * 1000);
/// Who may open rooms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rooms {
    /// Whoever asks.
    #[default]
    Anyone,
    /// Nobody: there are those that there are.
    Nobody,
}

/// Who may write to whom, in direct chats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhoWrites {
    /// Anyone to anyone.
    #[default]
    Anyone,
    /// Contacts to each other.
    Contacts,
    /// Contacts, and those who are in a group together.
    ContactsOrGroups,
}

/// What becomes of a message to a user who was never here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownUsers {
    /// It waits for the user.
    #[default]
    Keep,
    /// It is refused, unless the user has an account.
    Reject,
}

/// What the operator may set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// What becomes of a message to a user who was never here.
    pub unknown_users: UnknownUsers,
    /// Members of a group.
    pub group_members_max: u32,
    /// Chats that a user may be in. Chats that the user is out of count too: their entries can
    /// still be read, and a scan over a user's chats stays bounded.
    pub chats_per_user_max: u32,
    /// Devices of a user: each keeps a cursor for each chat, so a user must not make them freely.
    pub devices_per_user_max: u32,
    /// Milliseconds in which an entry may be edited; 0: never.
    pub edit_ms: u64,
    /// Milliseconds in which its sender may recall an entry; 0: never.
    pub recall_ms: u64,
    /// Who may open rooms.
    pub rooms: Rooms,
    /// Who may write to whom.
    pub who_writes: WhoWrites,
    /// Who is blocked is told so; else the answer is that for a user who is not there.
    pub tell_blocked: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            unknown_users: UnknownUsers::default(),
            group_members_max: GROUP_MEMBERS_DEFAULT,
            chats_per_user_max: CHATS_PER_USER_DEFAULT,
            devices_per_user_max: DEVICES_PER_USER_DEFAULT,
            edit_ms: ALTER_MS_DEFAULT,
            recall_ms: ALTER_MS_DEFAULT,
            rooms: Rooms::default(),
            who_writes: WhoWrites::default(),
            tell_blocked: false,
        }
    }
}

/// A setting is out of its bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{setting} is {value}, but must be from {lowest} to {highest}")]
pub struct RulesError {
    /// Which one.
    pub setting: &'static str,
    /// What it is.
    pub value: u64,
    /// The lowest that it may be.
    pub lowest: u64,
    /// The highest that it may be.
    pub highest: u64,
}

/// Checks one setting.
pub(crate) fn within(
    setting: &'static str,
    value: u64,
    lowest: u64,
    highest: u64,
) -> Result<(), RulesError> {
    if (lowest..=highest).contains(&value) {
        return Ok(());
    }
    Err(RulesError { setting, value, lowest, highest })
}

impl Rules {
    /// Checks the bounds.
    pub fn check(&self) -> Result<(), RulesError> {
        let (lowest, highest) = GROUP_MEMBERS_BOUNDS;
        within("group_members_max", self.group_members_max.into(), lowest, highest)?;
        let (lowest, highest) = CHATS_PER_USER_BOUNDS;
        within("chats_per_user_max", self.chats_per_user_max.into(), lowest, highest)?;
        let (lowest, highest) = DEVICES_PER_USER_BOUNDS;
        within("devices_per_user_max", self.devices_per_user_max.into(), lowest, highest)?;
        let (lowest, highest) = ALTER_MS_BOUNDS;
        within("edit_ms", self.edit_ms, lowest, highest)?;
        within("recall_ms", self.recall_ms, lowest, highest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_out_of_its_bounds_is_named() {
        assert_eq!(Rules::default().check(), Ok(()));
        let none = Rules { group_members_max: 0, ..Rules::default() };
        assert_eq!(none.check().unwrap_err().setting, "group_members_max");
        let many = Rules { chats_per_user_max: u32::MAX, ..Rules::default() };
        assert_eq!(many.check().unwrap_err().highest, CHATS_PER_USER_BOUNDS.1);
    }
}
