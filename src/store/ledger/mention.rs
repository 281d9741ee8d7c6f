//! Whom an entry mentions, in one row for it: so a user's mentions are counted without a look into
//! each entry, and an entry that calls everybody costs no more than any other. Must never write a
//! row for each member, nor one of a room, in which nobody's mentions are counted.

use packetboat_proto::content::Context;

use super::group::Deed;
use super::turn::Turn;
use crate::store::key;
use crate::store::record::own::Mentioned;
use crate::store::{Draft, Reference};

/// Whether somebody is called.
pub(super) fn calls(context: &Context) -> bool {
    context.mentions_all || !context.mentions.is_empty()
}

impl Turn<'_> {
    /// Notes whom a message mentions.
    pub(super) fn put_mentions(&mut self, deed: &Deed<'_>, draft: &Draft) {
        let Some(Reference::Context(context)) = &draft.refers else { return };
        if deed.chat.is_room() || !calls(context) {
            return;
        }
        let others = context.mentions.iter().filter(|user| *user != deed.sender);
        let mentioned = Mentioned {
            users: others.map(ToString::to_string).collect(),
            all_but: if context.mentions_all { deed.sender.to_string() } else { String::new() },
        };
        self.put(key::own::mention(deed.chat, deed.seq), mentioned.to_value());
    }
}
