//! What users have seen said, to be forwarded. Must never say what was true of it: that the checker
//! finds.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use fastrand::Rng;
use packetboat_client::{Alteration, Body, Content, Context, Entry, Forwarded, Origin};
use packetboat_proof::history::Device;
use packetboat_proto::id::UserId;

/// Texts that a user keeps.
const KEPT_MAX: usize = 40;

/// A text, and where it was said.
type Said = (Origin, String);

/// What users have seen said.
#[derive(Clone, Default)]
pub struct Shelf(Arc<Mutex<BTreeMap<UserId, Vec<Said>>>>);

impl Shelf {
    /// A device was handed an entry.
    pub fn keep(&self, who: &Device, entry: &Entry) {
        let (seq, text) = match Content::decode(&entry.content, usize::MAX) {
            Ok(Content::Text(text)) => (entry.seq, text),
            Ok(Content::Entry(Alteration::Edited { seq, new: Body::Text(text) })) => (seq, text),
            _ => return,
        };
        let origin = Origin { chat: entry.chat.clone(), seq, sender: entry.sender.clone() };
        let mut all = self.0.lock().expect("no panic");
        let kept = all.entry(who.user.clone()).or_default();
        kept.push((origin, text));
        if kept.len() > KEPT_MAX {
            kept.remove(0);
        }
    }

    /// Something that a user forwards; now and then it says something else of it than it saw, or
    /// has it from another.
    pub fn take(&self, rng: &mut Rng, by: &UserId) -> Option<(Content, Context)> {
        let all = self.0.lock().expect("no panic");
        let from = if rng.u8(0..6) == 0 { rng.choice(all.values())? } else { all.get(by)? };
        let (mut origin, mut text) = rng.choice(from)?.clone();
        match rng.u8(0..16) {
            0 => origin.seq += 1,
            1 => origin.sender = rng.choice(all.keys())?.clone(),
            2 => text.push('!'),
            _ => {}
        }
        let forwarded = Some(Forwarded::From(origin));
        Some((Content::Text(text), Context { forwarded, ..Context::default() }))
    }
}
