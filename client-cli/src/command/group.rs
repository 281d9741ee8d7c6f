//! What can be asked of groups on a command line. Must never do it.

use clap::{Subcommand, ValueEnum};
use packetboat_client::{ChatId, GroupRules, InviteLink, JoinRule, UserId};

use super::target::group;
use crate::clock;

/// Minutes that a link is good for, unless another number is named: a week.
pub(crate) const INVITE_MINUTES_DEFAULT: u32 = 7 * 24 * 60;

/// When a link ends that is good for so many minutes; 0: never.
pub(crate) fn invite_ends(now_ms: u64, minutes: u32) -> u64 {
    if minutes == 0 { 0 } else { clock::after_minutes(now_ms, minutes) }
}
/// Minutes that a member is mute for, unless another number is named: a day.
const MUTE_MINUTES_DEFAULT: u32 = 24 * 60;

/// What may hold in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum GroupRule {
    /// Every member adds members.
    MembersAdd,
    /// All but the owner and the admins are mute.
    OnlyAdminsWrite,
    /// Who comes in sees what was before.
    HistoryForAll,
    /// Who knows the group's name may ask to come in.
    AnyoneAsks,
    /// Who knows the group's name comes in.
    AnyoneJoins,
}

impl GroupRule {
    /// The rules that are named, and no other.
    pub(crate) fn all(named: &[Self]) -> GroupRules {
        GroupRules {
            members_add: named.contains(&Self::MembersAdd),
            only_admins_write: named.contains(&Self::OnlyAdminsWrite),
            history_for_all: named.contains(&Self::HistoryForAll),
            join_rule: match () {
                () if named.contains(&Self::AnyoneJoins) => JoinRule::Anyone,
                () if named.contains(&Self::AnyoneAsks) => JoinRule::Ask,
                () => JoinRule::Invited,
            },
        }
    }
}

/// What to do with a group, named `crew`, `#crew` or `group:crew`.
#[derive(Debug, Subcommand)]
pub(crate) enum GroupCommand {
    /// Make a group, and own it.
    Create {
        /// Which group.
        #[arg(value_parser = group)]
        group: ChatId,
        /// What people call it [default: its id].
        #[arg(long)]
        name: Option<String>,
        /// Who else is in it.
        members: Vec<UserId>,
    },
    /// Add users; only the owner and the admins may, unless the rules let every member.
    Add {
        /// Which group.
        #[arg(value_parser = group)]
        group: ChatId,
        /// Who.
        #[arg(required = true)]
        users: Vec<UserId>,
    },
    /// Put users out; only the owner and the admins may.
    Remove {
        /// Which group.
        #[arg(value_parser = group)]
        group: ChatId,
        /// Who.
        #[arg(required = true)]
        users: Vec<UserId>,
    },
    /// Leave a group.
    Leave {
        /// Which group.
        #[arg(value_parser = group)]
        group: ChatId,
        /// Who owns it then; needed if the user does and others stay.
        #[arg(long, value_name = "NEW_OWNER")]
        to: Option<UserId>,
    },
    /// Call a group differently; only the owner and the admins may.
    Rename {
        /// Which group.
        #[arg(value_parser = group)]
        group: ChatId,
        /// What people call it.
        name: String,
    },
    /// Say what a group is about, or what its picture is.
    Describe {
        /// Which group.
        #[arg(value_parser = group)]
        group: ChatId,
        /// What it is about; empty for nothing.
        #[arg(long, required_unless_present = "avatar")]
        topic: Option<String>,
        /// A reference to its picture; empty for none.
        #[arg(long)]
        avatar: Option<String>,
    },
    /// Set what holds in a group: these rules, and no other.
    Rules {
        /// Which group.
        #[arg(value_parser = group)]
        group: ChatId,
        /// Which rules hold.
        rules: Vec<GroupRule>,
    },
    /// Make members admins; only the owner may.
    Promote {
        /// Which group.
        #[arg(value_parser = group)]
        group: ChatId,
        /// Who.
        #[arg(required = true)]
        users: Vec<UserId>,
    },
    /// Make admins members; only the owner may.
    Demote {
        /// Which group.
        #[arg(value_parser = group)]
        group: ChatId,
        /// Who.
        #[arg(required = true)]
        users: Vec<UserId>,
    },
    /// Give a group to another member, and be an admin of it.
    HandOver {
        /// Which group.
        #[arg(value_parser = group)]
        group: ChatId,
        /// To whom.
        user: UserId,
    },
    /// Let members not write for a while.
    Mute {
        /// Which group.
        #[arg(value_parser = group)]
        group: ChatId,
        /// Who.
        #[arg(required = true)]
        users: Vec<UserId>,
        /// For so many minutes.
        #[arg(long, default_value_t = MUTE_MINUTES_DEFAULT)]
        minutes: u32,
    },
    /// Let members write again.
    Unmute {
        /// Which group.
        #[arg(value_parser = group)]
        group: ChatId,
        /// Who.
        #[arg(required = true)]
        users: Vec<UserId>,
    },
    /// End a group for all; what was written may still be read. Only the owner may.
    Dissolve {
        /// Which group.
        #[arg(value_parser = group)]
        group: ChatId,
    },
    #[command(flatten)]
    Joining(JoiningCommand),
    /// List who is in a group.
    Members {
        /// Which group.
        #[arg(value_parser = group)]
        group: ChatId,
    },
}

/// What to do about coming into a group.
#[derive(Debug, Subcommand)]
pub(crate) enum JoiningCommand {
    /// Make a link that lets in whoever has it. Only the owner and the admins may, unless the rules
    /// let every member add members.
    Invite {
        /// Which group.
        #[arg(value_parser = group)]
        group: ChatId,
        /// For so many minutes; 0: for good.
        #[arg(long, default_value_t = INVITE_MINUTES_DEFAULT)]
        minutes: u32,
        /// So many may come in by it; 0: any number.
        #[arg(long, default_value_t = 0)]
        uses: u32,
        /// It lets one ask only.
        #[arg(long)]
        ask: bool,
    },
    /// List the links that are good.
    Invites {
        /// Which group.
        #[arg(value_parser = group)]
        group: ChatId,
    },
    /// Take a link back.
    Uninvite {
        /// The link.
        link: InviteLink,
    },
    /// Tell what group a link is for.
    Card {
        /// The link, or a group that lets others in or ask.
        link: InviteLink,
    },
    /// Come in, or ask to.
    Join {
        /// The link, or a group that lets others in or ask.
        link: InviteLink,
    },
    /// List who asks to come in; `group add` lets them in.
    Requests {
        /// Which group.
        #[arg(value_parser = group)]
        group: ChatId,
    },
    /// Do not let in who asks.
    Refuse {
        /// Which group.
        #[arg(value_parser = group)]
        group: ChatId,
        /// Who.
        #[arg(required = true)]
        users: Vec<UserId>,
    },
}
