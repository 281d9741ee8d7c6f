//! Who came into a group by itself: by its rule, or by an invitation that was good then. Must never
//! judge one by when it was answered: what the server did first is in the log.

use std::collections::{BTreeMap, BTreeSet};

use packetboat_client::prove;
use packetboat_proto::content::{Content, GroupChange, JoinProof, JoinRule};
use packetboat_proto::id::{ChatId, ChatKind, InviteId, UserId};

use super::digest::Digest;
use super::truth::{Known, Truth};
use super::violation::{Found, Violation};

/// A group, as far as it says who comes in.
#[derive(Default)]
struct Door {
    rule: JoinRule,
    /// Who was put out, and not added since.
    barred: BTreeSet<UserId>,
    /// How many came in by each invitation.
    used: BTreeMap<InviteId, u32>,
}

pub(super) fn check(digest: &Digest<'_>, truth: &Truth<'_>, found: &mut Found) {
    for (chat, log) in digest.chats.iter().zip(&truth.logs) {
        if !matches!(chat.kind(), ChatKind::Group(_)) || !log.contains_key(&1) {
            continue;
        }
        let mut door = Door::default();
        for (seq, known) in log {
            let Ok(Content::Group(change)) = Content::decode(known.content, usize::MAX) else {
                continue;
            };
            if let Some(why) = door.pass(digest, chat, known, change) {
                let (chat, user) = ((*chat).clone(), known.name.sender.clone());
                found.add(Violation::Trespass { chat, seq: *seq, user, why });
            }
        }
    }
}

impl Door {
    /// What is wrong with a change, if it lets somebody in whom nothing lets in.
    fn pass(
        &mut self,
        digest: &Digest<'_>,
        chat: &ChatId,
        known: &Known<'_>,
        change: GroupChange,
    ) -> Option<&'static str> {
        match change {
            GroupChange::RulesSet(rules) => self.rule = rules.join_rule,
            GroupChange::Removed(users) => self.barred.extend(users),
            GroupChange::Added(users) => self.barred.retain(|user| !users.contains(user)),
            GroupChange::Joined(_) if self.barred.contains(known.name.sender) => {
                return Some("was put out before");
            }
            GroupChange::Joined(None) if self.rule != JoinRule::Anyone => {
                return Some("the group is not open to anyone");
            }
            GroupChange::Joined(Some(by)) => return self.pass_by(digest, chat, known, &by),
            _ => {}
        }
        None
    }

    fn pass_by(
        &mut self,
        digest: &Digest<'_>,
        chat: &ChatId,
        known: &Known<'_>,
        by: &JoinProof,
    ) -> Option<&'static str> {
        let Some(inviting) = digest.invitations.get(&(chat, by.invite)) else {
            return Some("nobody has made such an invitation");
        };
        let (made, begun) = (inviting.made, digest.sends[known.send].at);
        let used = self.used.entry(by.invite).or_default();
        *used += 1;
        let runs_out = |at_ms| made.expires_ms != 0 && made.expires_ms <= at_ms;
        [
            (prove(&made.key, chat, known.name.sender) != *by, "its proof is wrong"),
            (begun < inviting.begun, "the invitation was made later"),
            (inviting.over.is_some_and(|over| over < begun), "the invitation was taken back"),
            (made.asks, "the invitation lets one ask only"),
            (known.at_ms.is_some_and(runs_out), "the invitation had run out"),
            (made.uses != 0 && *used > made.uses, "the invitation was used up"),
            (self.barred.contains(inviting.by), "who made the invitation was put out"),
        ]
        .into_iter()
        .find_map(|(wrong, why)| wrong.then_some(why))
    }
}
