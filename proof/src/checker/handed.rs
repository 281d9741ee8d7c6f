//! What devices were given: all that is owed, once, in order, and nothing of others. Must never
//! judge what an entry says.

use std::collections::{HashMap, HashSet};

use packetboat_proto::id::UserId;

use super::digest::{At, ChatNumber, Digest, Life, Name, Owner, Sent, Sighting, Witness};
use super::membership::Membership;
use super::truth::Truth;
use super::violation::{Found, Violation};
use crate::history::Owed;

/// What one device was given of one chat.
#[derive(Debug, Default)]
struct Handed<'a> {
    seqs: HashSet<u64>,
    ids: HashMap<Name<'a>, u64>,
    first: Option<u64>,
    highest: u64,
}

pub(super) fn check(
    digest: &Digest<'_>,
    truth: &Truth<'_>,
    members: &[Membership],
    found: &mut Found,
) {
    let mut handed: HashMap<(Life<'_>, ChatNumber), Handed<'_>> = HashMap::new();
    let fresh = fresh(digest);
    for sighting in &digest.delivered {
        let Witness::Device(device) = sighting.by else { continue };
        let number = sighting.name.chat;
        let (chat, seq) = (digest.chat(number), sighting.entry.seq);
        if !members[number].may_see(&device.user, seq) {
            let (chat, user) = (chat.clone(), device.user.clone());
            found.add(Violation::NotAMember { chat, seq, user, by: device.to_string() });
        }
        let life = (device, sighting.life);
        if let Some(since) = fresh.get(&life)
            && was_there(truth, sighting, *since)
            && members[number].is_owed(&device.user, seq)
        {
            found.add(Violation::Old { chat: chat.clone(), seq, device: device.clone() });
        }
        let handed = handed.entry((life, number)).or_default();
        handed.take(sighting.name, seq, |sort| {
            let (chat, device) = (chat.clone(), device.clone());
            found.add(match sort {
                Bad::Twice => Violation::Twice { chat, seq, device },
                Bad::Behind(after) => Violation::Order { chat, seq, after, device },
                Bad::Again(seq, again) => {
                    let id = sighting.name.id;
                    Violation::TwiceById { chat, seq, again, id, device }
                }
            });
        });
    }
    check_owed(digest, truth, members, &handed, found);
}

/// The devices that start at what is new, and when they came up.
fn fresh<'a>(digest: &Digest<'a>) -> HashMap<Life<'a>, At> {
    let fresh = digest.owners.iter().filter(|owner| owner.owed == Owed::Newest);
    fresh.map(|owner| (owner.life, owner.at)).collect()
}

/// Whether somebody knew of an entry before.
fn was_there(truth: &Truth<'_>, sighting: &Sighting<'_>, before: At) -> bool {
    let known = truth.known(&sighting.name);
    known.is_some_and(|known| known.since < before)
}

enum Bad {
    Twice,
    Behind(u64),
    Again(u64, u64),
}

impl<'a> Handed<'a> {
    fn take(&mut self, name: Name<'a>, seq: u64, mut report: impl FnMut(Bad)) {
        self.first.get_or_insert(seq);
        let is_new = self.seqs.insert(seq);
        let before = self.ids.insert(name, seq);
        match before {
            _ if !is_new => report(Bad::Twice),
            Some(before) => report(Bad::Again(before, seq)),
            None if seq < self.highest => report(Bad::Behind(self.highest)),
            None => {}
        }
        self.highest = self.highest.max(seq);
    }
}

/// The sends of each device: of what it sent itself it may not be given the entry. One that was
/// forgotten meanwhile has the answer as another.
fn own<'a>(digest: &Digest<'a>) -> HashSet<(Life<'a>, Name<'a>)> {
    let lives =
        |sent: &Sent<'a>| [sent.life, sent.answered_life].map(|life| ((sent.by, life), sent.name));
    digest.sends.iter().flat_map(lives).collect()
}

fn check_owed<'a>(
    digest: &Digest<'a>,
    truth: &Truth<'a>,
    members: &[Membership],
    handed: &HashMap<(Life<'a>, ChatNumber), Handed<'a>>,
    found: &mut Found,
) {
    let own = own(digest);
    let mut chats_of: HashMap<&UserId, Vec<ChatNumber>> = HashMap::new();
    for (number, membership) in members.iter().enumerate() {
        membership.users().for_each(|user| chats_of.entry(user).or_default().push(number));
    }
    let none = Handed::default();
    for Owner { life, owed, .. } in digest.owners.iter().filter(|owner| !owner.ended) {
        let device = life.0;
        for number in chats_of.get(&device.user).into_iter().flatten() {
            let handed = handed.get(&(*life, *number)).unwrap_or(&none);
            let from = match owed {
                Owed::Everything => 1,
                Owed::FromFirst | Owed::Newest => handed.first.unwrap_or(u64::MAX),
            };
            for span in members[*number].owed(&device.user) {
                let from = span.from.max(from);
                let log = truth.logs[*number].range(from..=span.to.max(from));
                for (seq, known) in log.filter(|(seq, _)| **seq <= span.to) {
                    if !handed.seqs.contains(seq) && !own.contains(&(*life, known.name)) {
                        let (chat, device) = (digest.chat(*number), device.clone());
                        found.add(Violation::Missing { chat, seq: *seq, device });
                    }
                }
            }
        }
    }
}
