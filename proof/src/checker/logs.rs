//! What users read of the logs in the end: without a hole, with all that was accepted, and
//! nothing of others. Must never be used on what was read while sends were under way.

use std::collections::{BTreeSet, HashMap, HashSet};

use packetboat_proto::id::UserId;

use super::digest::{Answer, ChatNumber, Digest, Reading, Witness};
use super::membership::{Membership, Span};
use super::truth::Truth;
use super::violation::{Found, Violation};

pub(super) fn check(
    digest: &Digest<'_>,
    truth: &Truth<'_>,
    members: &[Membership],
    found: &mut Found,
) {
    let logs = Logs::of(digest);
    for reading in &digest.readings {
        check_reading(digest, reading, &members[reading.chat], &logs, found);
    }
    for (number, log) in truth.logs.iter().enumerate() {
        for (seq, known) in log {
            if !members[number].may_see(known.name.sender, *seq) {
                let (chat, sender) = (digest.chat(number), known.name.sender.clone());
                found.add(Violation::Outsider { chat, seq: *seq, sender });
            }
        }
    }
    check_lost(digest, truth, members, &logs, found);
    check_unread(digest, truth, members, &logs, found);
}

/// All readings together.
struct Logs<'a> {
    seqs: HashSet<(ChatNumber, u64)>,
    last: HashMap<ChatNumber, u64>,
    readers: HashMap<ChatNumber, HashSet<&'a UserId>>,
}

impl<'a> Logs<'a> {
    fn of(digest: &Digest<'a>) -> Self {
        let mut logs = Self { seqs: HashSet::new(), last: HashMap::new(), readers: HashMap::new() };
        for reading in &digest.readings {
            logs.readers.entry(reading.chat).or_default().insert(reading.reader);
            let last = logs.last.entry(reading.chat).or_default();
            for entry in reading.entries {
                logs.seqs.insert((reading.chat, entry.seq));
                *last = entry.seq.max(*last);
            }
        }
        logs
    }

    /// One who may see the entry read the log, and did not find it.
    fn lack(&self, chat: ChatNumber, seq: u64, members: &Membership) -> bool {
        let mut readers = self.readers.get(&chat).into_iter().flatten();
        !self.seqs.contains(&(chat, seq)) && readers.any(|reader| members.may_see(reader, seq))
    }
}

fn check_reading(
    digest: &Digest<'_>,
    reading: &Reading<'_>,
    members: &Membership,
    logs: &Logs<'_>,
    found: &mut Found,
) {
    let chat = || digest.chat(reading.chat);
    let reader = || reading.reader.clone();
    for pair in reading.entries.windows(2) {
        let (after, seq) = (pair[0].seq, pair[1].seq);
        if seq <= after {
            found.add(Violation::LogOrder { chat: chat(), seq, after, reader: reader() });
        }
    }
    for entry in reading.entries {
        if !members.may_see(reading.reader, entry.seq) {
            let by = format!("{}, reading the log,", reading.reader);
            let (user, seq) = (reader(), entry.seq);
            found.add(Violation::NotAMember { chat: chat(), seq, user, by });
        }
    }
    let mut seqs: Vec<u64> = reading.entries.iter().map(|entry| entry.seq).collect();
    seqs.sort_unstable();
    seqs.dedup();
    let last = logs.last.get(&reading.chat).copied().unwrap_or(0);
    let whole = [Span { from: 1, to: u64::MAX }];
    let spans = if members.is_unknown() { &whole[..] } else { members.owed(reading.reader) };
    for span in spans {
        let upto = span.to.min(last);
        if let Some(seq) = first_hole(&seqs, span.from, upto) {
            found.add(Violation::Gap { chat: chat(), seq, reader: reader() });
        }
    }
}

/// Whoever may see something of a chat read its log, in a history in which logs were read at all.
/// Users that no device of the history speaks for are nobody's to read for.
fn check_unread(
    digest: &Digest<'_>,
    truth: &Truth<'_>,
    members: &[Membership],
    logs: &Logs<'_>,
    found: &mut Found,
) {
    if digest.readings.is_empty() {
        return;
    }
    let devices = digest.owners.iter().map(|owner| &owner.life.0.user);
    let users: BTreeSet<&UserId> =
        devices.chain(digest.sends.iter().map(|sent| &sent.by.user)).collect();
    for (number, log) in truth.logs.iter().enumerate() {
        let readers = logs.readers.get(&number);
        for user in users.iter().filter(|user| readers.is_none_or(|all| !all.contains(*user))) {
            let spans = members[number].owed(user).iter();
            let seen = spans.filter_map(|span| log.range(span.from..=span.to).next());
            if let Some((seq, _)) = seen.min_by_key(|(seq, _)| **seq) {
                let (chat, seq, reader) = (digest.chat(number), *seq, (*user).clone());
                found.add(Violation::Unread { chat, seq, reader });
            }
        }
    }
}

/// The first seq that is not among `seqs`, which ascend, from `from` to `upto`.
fn first_hole(seqs: &[u64], from: u64, upto: u64) -> Option<u64> {
    let mut next = from;
    for seq in &seqs[seqs.partition_point(|seq| *seq < from)..] {
        if *seq != next || next > upto {
            break;
        }
        next += 1;
    }
    (next <= upto).then_some(next)
}

/// What is known to stand, and is in no log that somebody read who may see it.
fn check_lost(
    digest: &Digest<'_>,
    truth: &Truth<'_>,
    members: &[Membership],
    logs: &Logs<'_>,
    found: &mut Found,
) {
    let mut told = HashSet::new();
    for sent in &digest.sends {
        let Some((Answer::Accepted(seq), _)) = sent.answer else { continue };
        let number = sent.name.chat;
        let stands = truth.seq(&sent.name) == Some(seq);
        if stands && logs.lack(number, seq, &members[number]) && told.insert((number, seq)) {
            let chat = digest.chat(number);
            found.add(Violation::AcceptedLost { chat, seq, send: sent.number });
        }
    }
    for sighting in &digest.delivered {
        let Witness::Device(device) = sighting.by else { continue };
        let (number, seq) = (sighting.name.chat, sighting.entry.seq);
        let stands = truth.seq(&sighting.name) == Some(seq);
        if stands && logs.lack(number, seq, &members[number]) && told.insert((number, seq)) {
            let (chat, device) = (digest.chat(number), device.clone());
            found.add(Violation::DeliveredLost { chat, seq, device });
        }
    }
}
