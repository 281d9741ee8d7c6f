//! Recalls: what is erased was recalled, and what was recalled is erased where logs are read in the
//! end. Must never use a log that was read while sends were under way.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use packetboat_proto::content::{Alteration, Content, Erasure};

use super::digest::{Digest, Reading, erasure};
use super::truth::Truth;
use super::violation::{Found, Violation};

fn alteration(content: &Bytes) -> Option<Alteration> {
    match Content::decode(content, usize::MAX) {
        Ok(Content::Entry(alteration)) => Some(alteration),
        _ => None,
    }
}

pub(super) fn check(digest: &Digest<'_>, truth: &Truth<'_>, found: &mut Found) {
    for sighting in digest.logged.iter().chain(&digest.delivered) {
        let Some(Erasure::Recalled { by }) = erasure(&sighting.entry.content) else { continue };
        let (number, seq) = (sighting.name.chat, sighting.entry.seq);
        // The logs were read in the end: what nobody saw is not judged.
        let Some(recall) = truth.logs[number].get(&by) else { continue };
        let recalled = match alteration(recall.content) {
            Some(Alteration::Recalled { seq: of }) => {
                of == seq || {
                    let was_edit = |known: &super::truth::Known<'_>| {
                        known.is_erased()
                            || matches!(
                                alteration(known.content),
                                Some(Alteration::Edited { seq, .. }) if seq == of
                            )
                    };
                    truth.logs[number].get(&seq).is_some_and(was_edit)
                }
            }
            _ => false,
        };
        if !recalled {
            let (chat, witness) = (digest.chat(number), sighting.by.name());
            found.add(Violation::NotRecalled { chat, seq, by: witness });
        }
    }
    for reading in &digest.readings {
        check_reading(digest, reading, found);
    }
}

/// A log as it was read in the end.
fn check_reading(digest: &Digest<'_>, reading: &Reading<'_>, found: &mut Found) {
    let all: BTreeMap<u64, Alteration> = reading
        .entries
        .iter()
        .filter_map(|entry| Some((entry.seq, alteration(&entry.content)?)))
        .collect();
    let recalled: BTreeSet<u64> = all
        .values()
        .filter_map(|alteration| match alteration {
            Alteration::Recalled { seq } => Some(*seq),
            _ => None,
        })
        .collect();
    for entry in reading.entries {
        let is_edit = matches!(
            all.get(&entry.seq),
            Some(Alteration::Edited { seq, .. }) if recalled.contains(seq)
        );
        let says = erasure(&entry.content).is_none();
        if is_edit || (says && recalled.contains(&entry.seq)) {
            let (chat, reader) = (digest.chat(reading.chat), reading.reader.clone());
            found.add(Violation::StillSaid { chat, seq: entry.seq, reader });
        }
    }
}
