//! What senders were told against what stands, and the order of sends against that of the log.
//! Must never look at deliveries.

use std::collections::HashMap;

use packetboat_proto::code::RejectCode;

use super::digest::{Answer, At, ChatNumber, Digest, Sent};
use super::truth::{Known, Truth};
use super::violation::{Found, Violation};
use crate::history::Device;

/// Each send has one outcome, and none that was rejected stands.
pub(super) fn check_outcomes(digest: &Digest<'_>, truth: &Truth<'_>, found: &mut Found) {
    for sent in digest.sends.iter().filter(|sent| sent.answer.is_none()) {
        let chat = digest.chat(sent.name.chat);
        let (send, device) = (sent.number, sent.by.clone());
        found.add(Violation::Unfinished { chat, send, device });
    }
    for sent in &digest.sends {
        if let Some((Answer::Rejected(Some(code)), at)) = sent.answer {
            check_reason(digest, truth, sent, code, at, found);
        }
    }
    for log in &truth.logs {
        for (seq, known) in log {
            check_rejected(digest, *seq, known, found);
        }
    }
}

/// A reason to refuse that a history can disprove: a conflict needs other content under the id,
/// sent before the answer, and not this content in its place; a direct chat is always there for its
/// two users.
fn check_reason(
    digest: &Digest<'_>,
    truth: &Truth<'_>,
    judged: &Sent<'_>,
    code: RejectCode,
    answered: At,
    found: &mut Found,
) {
    let (chat, send) = (digest.chat(judged.name.chat), judged.number);
    match code {
        RejectCode::Conflict => {
            let mut rivals =
                digest.messages[&judged.name].iter().map(|index| &digest.sends[*index]);
            let has_rival =
                rivals.any(|other| other.at < answered && other.content != judged.content);
            let stands = truth
                .known(&judged.name)
                .is_some_and(|known| !known.is_erased() && known.content == judged.content);
            if !has_rival || stands {
                found.add(Violation::FalseConflict { chat, send });
            }
        }
        RejectCode::NoSuchChat if chat.peer_of(&judged.by.user).is_some() => {
            let device = judged.by.clone();
            found.add(Violation::FalseRefusal { chat, send, device });
        }
        _ => {}
    }
}

/// Every send that may have brought an entry was rejected. `Conflict` says of itself that the id
/// stands, though with another content: see `check_reason`.
fn check_rejected(digest: &Digest<'_>, seq: u64, known: &Known<'_>, found: &mut Found) {
    let sends = digest.messages[&known.name].iter().map(|index| &digest.sends[*index]);
    let mut rejected = None;
    if known.is_erased() {
        return;
    }
    for sent in sends.filter(|sent| sent.content == known.content) {
        match sent.answer {
            Some((Answer::Rejected(Some(RejectCode::Conflict)), _)) => {}
            Some((Answer::Rejected(_), _)) => rejected = rejected.or(Some(sent.number)),
            Some(_) | None => return,
        }
    }
    if let Some(send) = rejected {
        let chat = digest.chat(known.name.chat);
        found.add(Violation::RejectedButStored { chat, seq, send });
    }
}

/// What was known before a message was first sent stands before it.
pub(super) fn check_real_time(digest: &Digest<'_>, truth: &Truth<'_>, found: &mut Found) {
    for (number, log) in truth.logs.iter().enumerate() {
        let mut known: Vec<(usize, u64)> = log.iter().map(|(seq, k)| (k.since, *seq)).collect();
        known.sort_unstable();
        let mut begun: Vec<(usize, u64, usize)> = log
            .iter()
            .map(|(seq, known)| (digest.sends[known.send].at, *seq, known.send))
            .collect();
        begun.sort_unstable();
        let mut highest = 0;
        let mut known = known.into_iter().peekable();
        for (at, seq, send) in begun {
            while let Some((_, before)) = known.next_if(|(since, _)| *since < at) {
                highest = highest.max(before);
            }
            if highest > seq {
                let (chat, send) = (digest.chat(number), digest.sends[send].number);
                found.add(Violation::RealTime { chat, seq, known: highest, send });
            }
        }
    }
}

/// What a device sent to a chat once stands in the order in which it began. A message that was
/// sent again may have come first by either send, and is not judged.
pub(super) fn check_sender_order(digest: &Digest<'_>, truth: &Truth<'_>, found: &mut Found) {
    let mut last: HashMap<(&Device, ChatNumber), (u64, usize)> = HashMap::new();
    for (index, sent) in digest.sends.iter().enumerate() {
        let Some((Answer::Accepted(seq), _)) = sent.answer else { continue };
        let is_fresh = digest.messages[&sent.name].len() == 1;
        if !is_fresh || truth.seq(&sent.name) != Some(seq) {
            continue;
        }
        let last = last.entry((sent.by, sent.name.chat)).or_insert((seq, index));
        if seq < last.0 {
            found.add(Violation::SenderOrder {
                chat: digest.chat(sent.name.chat),
                device: sent.by.clone(),
                first: digest.sends[last.1].number,
                second: sent.number,
                seq: last.0,
                overtook: seq,
            });
        } else {
            *last = (seq, index);
        }
    }
}
