//! Judges a history: whether the server kept what it promises, by what its clients were told and
//! given. One checker for every proof. Must never ask a server, nor take one's word for another's.
//!
//! What it believes: a client records a send before it begins and an answer after it came, so what
//! is recorded in an order that the promises rule out did happen in it; `Log` readings are made
//! when nothing is under way any more and the time of what expires is over, by the creator of each
//! group too.
//!
//! To add a kind of entry that changes who sees what: see `membership`. To add a promise: a variant
//! of [`Violation`], the check in the file of what it looks at, and a history in `tests` that
//! breaks just this one.

mod bars;
mod digest;
mod expiries;
mod groups;
mod handed;
mod joins;
mod logs;
mod membership;
mod origins;
mod recalls;
mod sends;
mod truth;
mod violation;

use std::collections::{BTreeMap, HashSet};

use crate::history::{Event, History};
use digest::Digest;
pub use membership::Membership;
use truth::Truth;
use violation::Found;
pub use violation::{KEPT_PER_KIND_MAX, Violation};

/// What a history is held to, beyond what every client may expect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// A device's sends to a chat stand in the order in which they began: the client library
    /// promises it (with `strict_order` also when the server cannot store for a while), a client
    /// that pipelines on its own does not.
    pub sender_order: bool,
    /// Who may write to whom; `None`: that is not judged.
    pub bars: Option<Bars>,
}

/// What the operator has set of who may write to whom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bars {
    /// Who is blocked is told so; else it is answered as if there was no such user.
    pub told: bool,
    /// What becomes of those who are no contacts, in direct chats.
    pub strangers: Strangers,
}

/// Whether those write to each other who are no contacts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strangers {
    /// They do.
    #[default]
    Write,
    /// They do not.
    Barred,
    /// Those do who are in one group.
    InGroups,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What was broken, at most [`KEPT_PER_KIND_MAX`] of each kind.
    pub violations: Vec<Violation>,
    /// What was looked at.
    pub counts: Counts,
}

/// How much a history holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Sends that began.
    pub sends: u64,
    /// Of them, accepted.
    pub accepted: u64,
    /// Of them, rejected.
    pub rejected: u64,
    /// Of them, without an answer at their client's end.
    pub unknown: u64,
    /// Entries that were handed over, each time.
    pub deliveries: u64,
    /// Entries that are known to stand.
    pub entries: u64,
    /// Chats.
    pub chats: u64,
    /// Of them, those with entries whose members are not known, as the first entry is not: nobody
    /// is owed anything there, nor forbidden.
    pub unjudged: u64,
    /// Devices that sent or were given anything, or came up for it.
    pub devices: u64,
    /// Times that a user was to be blocked, or no more.
    pub blocks: u64,
    /// Violations, with those that are not kept.
    pub violations: u64,
}

/// Judges a history by what every client may expect.
pub fn check(history: &History) -> Verdict {
    check_with(history, Rules::default())
}

/// Judges a history by what every client may expect, and by `rules`.
pub fn check_with(history: &History, rules: Rules) -> Verdict {
    let mut found = Found::default();
    let digest = Digest::of(history, &mut found);
    let truth = Truth::of(&digest, &mut found);
    let members: Vec<Membership> = digest
        .chats
        .iter()
        .zip(&truth.logs)
        .map(|(chat, log)| {
            Membership::of(
                chat,
                log.iter().map(|(seq, known)| (*seq, known.name.sender, known.content)),
            )
        })
        .collect();
    sends::check_outcomes(&digest, &truth, &mut found);
    sends::check_real_time(&digest, &truth, &mut found);
    if rules.sender_order {
        sends::check_sender_order(&digest, &truth, &mut found);
    }
    if let Some(rules) = rules.bars {
        bars::check(&digest, &truth, rules, &mut found);
    }
    joins::check(&digest, &truth, &mut found);
    origins::check(&digest, &truth, &members, &mut found);
    handed::check(&digest, &truth, &members, &mut found);
    logs::check(&digest, &truth, &members, &mut found);
    recalls::check(&digest, &truth, &mut found);
    expiries::check(&digest, &truth, &mut found);
    let mut counts = count(history);
    counts.entries = truth.logs.iter().map(|log| log.len() as u64).sum();
    counts.chats = digest.chats.len() as u64;
    let is_unjudged =
        |(log, members): &(&BTreeMap<_, _>, &Membership)| !log.is_empty() && members.is_unknown();
    counts.unjudged = truth.logs.iter().zip(&members).filter(is_unjudged).count() as u64;
    counts.violations = found.total();
    Verdict { violations: found.into_kept(), counts }
}

fn count(history: &History) -> Counts {
    let mut counts = Counts::default();
    let mut devices = HashSet::new();
    for event in &history.events {
        match event {
            Event::Device { device, .. } | Event::LoggedOut { device } => {
                devices.insert(device);
            }
            Event::Blocking { .. } => counts.blocks += 1,
            Event::Invoked { by, .. } => {
                devices.insert(by);
                counts.sends += 1;
            }
            Event::Accepted { .. } => counts.accepted += 1,
            Event::Rejected { .. } => counts.rejected += 1,
            Event::Unknown { .. } => counts.unknown += 1,
            Event::Delivered { to, .. } => {
                devices.insert(to);
                counts.deliveries += 1;
            }
            Event::Blocked { .. }
            | Event::Wanting { .. }
            | Event::Inviting { .. }
            | Event::Uninvited { .. }
            | Event::Page { .. }
            | Event::Log { .. } => {}
        }
    }
    counts.devices = devices.len() as u64;
    counts
}

#[cfg(test)]
mod tests;
