//! Who may write to whom: nothing stands that was sent while one had blocked the other, and nobody
//! is refused for that who was not. Must never judge a time at which somebody was just being
//! blocked.

use std::collections::HashMap;

use bytes::Bytes;
use packetboat_proto::code::RejectCode;
use packetboat_proto::content::{Alteration, Content, GroupChange};
use packetboat_proto::id::{ChatId, UserId};

use super::digest::{Answer, At, Blocking, Digest, Sent};
use super::groups::Groups;
use super::truth::Truth;
use super::violation::{Found, Violation};
use super::{Bars, Strangers};

/// What each user did about each other.
struct Blocks<'a>(HashMap<&'a UserId, HashMap<&'a UserId, Vec<&'a Blocking<'a>>>>);

/// From one event to another.
type During = (At, At);

impl<'a> Blocks<'a> {
    fn of(digest: &'a Digest<'a>) -> Self {
        let mut blocks = Self(HashMap::new());
        for call in &digest.blockings {
            let of = blocks.0.entry(call.by).or_default();
            of.entry(call.other).or_default().push(call);
        }
        blocks
    }

    fn calls(&self, by: &UserId, other: &UserId) -> &[&'a Blocking<'a>] {
        let calls = self.0.get(by).and_then(|of| of.get(other));
        calls.map_or(&[], Vec::as_slice)
    }

    /// Whether a user blocked another all that time, for certain: it was done before, and nothing
    /// that ends it was under way since that began.
    fn hold(&self, by: &UserId, other: &UserId, (from, to): During) -> bool {
        let calls = self.calls(by, other);
        let ends = |call: &&Blocking<'_>, since: At| {
            !call.blocked && call.begun < to && call.done.is_none_or(|done| done > since)
        };
        let holds = |call: &&Blocking<'_>| {
            let is_done = call.blocked && call.done.is_some_and(|done| done < from);
            is_done && !calls.iter().any(|other| ends(other, call.begun))
        };
        calls.iter().any(holds)
    }

    /// Whether a user may have blocked another at some time of that: one began before, and none
    /// that ends it began when it was done, and was done before.
    fn may_hold(&self, by: &UserId, other: &UserId, (from, to): During) -> bool {
        let calls = self.calls(by, other);
        let is_over = |call: &&Blocking<'_>| {
            call.done.is_some_and(|done| {
                calls.iter().any(|end| {
                    !end.blocked && end.begun > done && end.done.is_some_and(|over| over < from)
                })
            })
        };
        calls.iter().any(|call| call.blocked && call.begun < to && !is_over(call))
    }
}

/// Whom a message is for, or names, who may have blocked its sender: in a direct chat the other
/// one, unless it takes back what was said.
fn addressed(chat: &ChatId, sender: &UserId, content: &Bytes) -> Vec<UserId> {
    let said = Content::decode(content, usize::MAX);
    if let Some(peer) = chat.peer_of(sender) {
        let takes_back = matches!(said, Ok(Content::Entry(Alteration::Recalled { .. })));
        let is_barred = peer != *sender && !takes_back;
        return is_barred.then_some(peer).into_iter().collect();
    }
    match said {
        Ok(Content::Group(
            GroupChange::Created { members: users, .. } | GroupChange::Added(users),
        )) => users,
        _ => Vec::new(),
    }
}

pub(super) fn check(digest: &Digest<'_>, truth: &Truth<'_>, rules: Bars, found: &mut Found) {
    let (blocks, groups) = (Blocks::of(digest), Groups::of(digest, truth));
    let strangers = |one: &UserId, other: &UserId, during: During| match rules.strangers {
        Strangers::Write => false,
        Strangers::Barred => !know(digest, one, other, during.1),
        Strangers::InGroups => {
            !know(digest, one, other, during.1) && !groups.may_share(one, other, during)
        }
    };
    for (number, log) in truth.logs.iter().enumerate() {
        let chat = digest.chat(number);
        for (seq, known) in log {
            let (seq, sender) = (*seq, known.name.sender);
            let during = (digest.sends[known.send].at, known.since);
            for other in addressed(&chat, sender, known.content) {
                let direct = chat.peer_of(sender).is_some();
                let is_barred = blocks.hold(&other, sender, during)
                    || (direct && blocks.hold(sender, &other, during));
                let (chat, sender) = (chat.clone(), sender.clone());
                if is_barred {
                    found.add(Violation::Barred { chat, seq, sender, other });
                } else if direct && strangers(&sender, &other, during) {
                    found.add(Violation::Stranger { chat, seq, sender, other });
                }
            }
        }
    }
    for sent in &digest.sends {
        if let Some((Answer::Rejected(Some(code)), at)) = sent.answer
            && !is_right(digest, (&blocks, &groups), sent, (code, at), rules)
        {
            let (send, device) = (sent.number, sent.by.clone());
            let chat = digest.chat(sent.name.chat);
            found.add(Violation::FalseBar { chat, send, device, code });
        }
    }
}

/// Whether both had wanted to be contacts by then.
fn know(digest: &Digest<'_>, one: &UserId, other: &UserId, by: At) -> bool {
    let wanted = |who, whose| digest.wishes.get(&(who, whose)).is_some_and(|at| *at < by);
    wanted(one, other) && wanted(other, one)
}

/// Whether a refusal may be right, as far as it is about who may write to whom.
fn is_right(
    digest: &Digest<'_>,
    (blocks, groups): (&Blocks<'_>, &Groups),
    sent: &Sent<'_>,
    (code, answered): (RejectCode, At),
    rules: Bars,
) -> bool {
    let (chat, sender) = (digest.chat(sent.name.chat), sent.name.sender);
    let during = (sent.at, answered);
    let others = addressed(&chat, sender, sent.content);
    let blocked = || others.iter().any(|other| blocks.may_hold(other, sender, during));
    let direct = chat.peer_of(sender).is_some();
    match code {
        RejectCode::UnknownUser => !rules.told && blocked(),
        RejectCode::Blocked => {
            let own = || others.iter().any(|other| blocks.may_hold(sender, other, during));
            (rules.told && blocked()) || (direct && own())
        }
        // What refers to an entry has rights of its own.
        RejectCode::NotAllowed if direct => {
            let is_text = matches!(Content::decode(sent.content, usize::MAX), Ok(Content::Text(_)));
            let strangers = match rules.strangers {
                Strangers::Write => false,
                Strangers::Barred => !others.is_empty(),
                // Who is blocked is answered as a stranger is.
                Strangers::InGroups => {
                    blocked() || others.iter().any(|other| !groups.share(sender, other, during))
                }
            };
            !is_text || strangers
        }
        _ => true,
    }
}
