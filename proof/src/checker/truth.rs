//! What stands in each chat's log, as far as anyone saw it. A sighting that contradicts what is
//! known is reported and counts no further, so that one fault is not found as many. Logs, read
//! when all was over, are believed first. Must never use who is a member.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;

use super::digest::{Answer, At, Digest, Name, Sent, Sighting, Witness, erasure};
use super::violation::{Found, Violation};

/// An entry, as it is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known<'a> {
    pub(super) name: Name<'a>,
    /// What it says; what one of its sends says, if it was only ever seen erased.
    pub(super) content: &'a Bytes,
    /// It was only ever seen erased.
    erased: bool,
    /// It was seen erased: its id stands for any content.
    recalled: bool,
    /// When the server took it, if anyone saw the entry itself.
    pub(super) at_ms: Option<u64>,
    /// When it was first known.
    pub(super) since: At,
    /// The first send that it may have come from.
    pub(super) send: usize,
}

impl Known<'_> {
    /// What it says is not known any more.
    pub(super) fn is_erased(&self) -> bool {
        self.erased
    }
}

#[derive(Debug)]
pub(super) struct Truth<'a> {
    /// By chat, by seq.
    pub(super) logs: Vec<BTreeMap<u64, Known<'a>>>,
    seqs: HashMap<Name<'a>, u64>,
}

impl<'a> Truth<'a> {
    pub(super) fn of(digest: &Digest<'a>, found: &mut Found) -> Self {
        let logs = digest.chats.iter().map(|_| BTreeMap::new()).collect();
        let mut truth = Self { logs, seqs: HashMap::new() };
        for sighting in digest.logged.iter().chain(&digest.delivered) {
            truth.take(digest, sighting, found);
        }
        for sent in &digest.sends {
            if let Some((Answer::Accepted(seq), at)) = sent.answer {
                truth.take_accepted(digest, sent, seq, at, found);
            }
        }
        truth
    }

    pub(super) fn seq(&self, name: &Name<'a>) -> Option<u64> {
        self.seqs.get(name).copied()
    }

    pub(super) fn known(&self, name: &Name<'a>) -> Option<&Known<'a>> {
        self.logs[name.chat].get(self.seqs.get(name)?)
    }

    fn take(&mut self, digest: &Digest<'a>, sighting: &Sighting<'a>, found: &mut Found) {
        let Sighting { name, entry, at, by, .. } = *sighting;
        let (chat, seq) = (digest.chat(name.chat), entry.seq);
        let sends = digest.messages.get(&name).map_or(&[][..], Vec::as_slice);
        let begun = |index: &usize| digest.sends[*index].at < at;
        let (sender, id) = (entry.sender.clone(), entry.id);
        if !sends.first().is_some_and(begun) {
            return found.add(Violation::Invented { chat, seq, sender, id, by: by.name() });
        }
        let erased = erasure(&entry.content).is_some();
        let same = |index: &&usize| erased || *digest.sends[**index].content == entry.content;
        let Some(send) = sends.iter().take_while(|index| begun(index)).find(same) else {
            return found.add(Violation::Changed { chat, seq, sender, id, by: by.name() });
        };
        let at_ms = Some(entry.at_ms);
        let content = if erased { digest.sends[*send].content } else { &entry.content };
        let recalled = erased;
        let seen = Known { name, content, erased, recalled, at_ms, since: at, send: *send };
        self.place(digest, seen, seq, by, found);
    }

    fn take_accepted(
        &mut self,
        digest: &Digest<'a>,
        sent: &Sent<'a>,
        seq: u64,
        at: At,
        found: &mut Found,
    ) {
        let sends = digest.messages[&sent.name].iter();
        let same = |index: &&usize| digest.sends[**index].content == sent.content;
        let first = *sends.clone().find(same).expect("a send is one of its message's");
        let (name, content) = (sent.name, sent.content);
        let (erased, recalled) = (false, false);
        let seen = Known { name, content, erased, recalled, at_ms: None, since: at, send: first };
        self.place(digest, seen, seq, Witness::Sender(sent.number), found);
    }

    fn place(
        &mut self,
        digest: &Digest<'a>,
        seen: Known<'a>,
        seq: u64,
        by: Witness<'a>,
        found: &mut Found,
    ) {
        let Name { chat: number, sender, id } = seen.name;
        let chat = digest.chat(number);
        if let Some(place) = self.seqs.get(&seen.name).filter(|place| **place != seq) {
            let (sender, seq, again) = (sender.clone(), *place, seq);
            let by = by.name();
            return found.add(Violation::SecondSeq { chat, seq, again, sender, id, by });
        }
        let Some(known) = self.logs[number].get_mut(&seq) else {
            self.logs[number].insert(seq, seen);
            self.seqs.insert(seen.name, seq);
            return;
        };
        if known.name != seen.name {
            let Name { sender: first, id, .. } = known.name;
            let (other, rival, by) = (seen.name.id, sender.clone(), by.name());
            let sender = first.clone();
            return found.add(Violation::ReusedSeq { chat, seq, sender, id, rival, other, by });
        }
        let at_ms = known.at_ms.or(seen.at_ms);
        known.recalled |= seen.recalled;
        let is_sender = matches!(by, Witness::Sender(_));
        if is_sender && known.recalled {
            return;
        }
        if known.erased && !seen.erased {
            (known.content, known.erased) = (seen.content, false);
        }
        if !seen.erased && known.content != seen.content {
            return found.add(match by {
                Witness::Sender(send) => Violation::Conflict { chat, seq, send },
                _ => Violation::Disagree { chat, seq, by: by.name() },
            });
        }
        if seen.at_ms.is_some() && seen.at_ms != at_ms {
            return found.add(Violation::Disagree { chat, seq, by: by.name() });
        }
        known.at_ms = at_ms;
        known.since = known.since.min(seen.since);
    }
}
