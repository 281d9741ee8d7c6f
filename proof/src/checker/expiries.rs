//! What expires: what is gone with its time had one, and what had one is gone where logs are read
//! in the end, when all such time is over. Must never judge when it went: a history has no clock.

use bytes::Bytes;
use packetboat_proto::content::{Alteration, Content, Erasure};

use super::digest::{Digest, erasure};
use super::truth::Truth;
use super::violation::{Found, Violation};

fn expires(content: &Bytes) -> bool {
    let said = Content::decode_whole(content, usize::MAX);
    said.is_ok_and(|(_, context)| context.expires_after_ms > 0)
}

fn edits(content: &Bytes, of: u64) -> bool {
    let said = Content::decode(content, usize::MAX);
    matches!(said, Ok(Content::Entry(Alteration::Edited { seq, .. })) if seq == of)
}

pub(super) fn check(digest: &Digest<'_>, truth: &Truth<'_>, found: &mut Found) {
    for sighting in digest.logged.iter().chain(&digest.delivered) {
        let Some(Erasure::Expired { of }) = erasure(&sighting.entry.content) else { continue };
        let (number, seq) = (sighting.name.chat, sighting.entry.seq);
        // The logs were read in the end: what nobody saw is not judged.
        let Some(known) = truth.logs[number].get(&of) else { continue };
        let sends = digest.messages.get(&known.name).map_or(&[][..], Vec::as_slice);
        let had_a_time = sends.iter().any(|send| expires(digest.sends[*send].content));
        let is_of = seq == of
            || truth.logs[number]
                .get(&seq)
                .is_some_and(|edit| edit.is_erased() || edits(edit.content, of));
        if !(had_a_time && is_of) {
            let (chat, by) = (digest.chat(number), sighting.by.name());
            found.add(Violation::NotExpired { chat, seq, by });
        }
    }
    for reading in &digest.readings {
        for entry in reading.entries {
            if expires(&entry.content) {
                let (chat, reader) = (digest.chat(reading.chat), reading.reader.clone());
                found.add(Violation::Outlived { chat, seq: entry.seq, reader });
            }
        }
    }
}
