//! Where what was forwarded was said before: there, by that user, and its sender sees it. Must
//! never take the word of who forwards.

use packetboat_proto::content::{Alteration, Body, Content, Forwarded, Origin};
use packetboat_proto::id::UserId;

use super::digest::Digest;
use super::membership::Membership;
use super::truth::{Known, Truth};
use super::violation::{Found, Violation};

pub(super) fn check(
    digest: &Digest<'_>,
    truth: &Truth<'_>,
    members: &[Membership],
    found: &mut Found,
) {
    for (number, log) in truth.logs.iter().enumerate() {
        for (seq, known) in log {
            let Ok((said, context)) = Content::decode_whole(known.content, usize::MAX) else {
                continue;
            };
            let Some(Forwarded::From(origin)) = context.forwarded else { continue };
            let sender = known.name.sender;
            // What it said is one of what was sent under its id, and perhaps not this.
            if !known.is_erased()
                && !is_true(digest, truth, members, (&origin, sender, said.body()))
            {
                let (chat, sender) = (digest.chat(number), sender.clone());
                found.add(Violation::FalseOrigin { chat, seq: *seq, sender });
            }
        }
    }
}

/// Whether a user could see that a user had said that there. What is in a room goes, and is not
/// judged.
fn is_true(
    digest: &Digest<'_>,
    truth: &Truth<'_>,
    members: &[Membership],
    (origin, by, said): (&Origin, &UserId, Option<Body>),
) -> bool {
    if origin.chat.is_room() {
        return true;
    }
    let Some(number) = digest.chats.iter().position(|chat| **chat == origin.chat) else {
        return false;
    };
    let log = &truth.logs[number];
    let Some(first) = log.get(&origin.seq).filter(|known| *known.name.sender == origin.sender)
    else {
        return false;
    };
    let body = |known: &Known<'_>| Content::decode(known.content, usize::MAX).ok()?.body();
    let edit = |known: &Known<'_>| match Content::decode(known.content, usize::MAX).ok()? {
        Content::Entry(Alteration::Edited { seq, new }) if seq == origin.seq => Some(new),
        _ => None,
    };
    let edits = log.range(origin.seq..).filter_map(|(_, known)| edit(known));
    let mut ways = body(first).into_iter().chain(edits);
    members[number].may_see(by, origin.seq)
        && (first.is_erased() || ways.any(|way| Some(way) == said))
}
