//! What becomes of keys in the model, and what everybody is told of everybody's. Must never compare
//! less.

use packetboat::store::proof::View;
use packetboat_proto::code::RejectCode;
use packetboat_proto::packet::KeysState;

use super::model::{DEVICES, NAMES, Told, World};
use super::names::{number, user};
use super::piles::{Batch, Given};
use super::standing::Refused;

impl World {
    /// A device publishes keys.
    pub fn publish_keys(
        &mut self,
        (by, on): (usize, usize),
        batch: Batch,
        full: bool,
        told: &mut Vec<Told>,
    ) -> Refused<KeysState> {
        if full {
            return Err(RejectCode::StoreFull);
        }
        if !self.devices.contains_key(&(by, on)) {
            return Err(RejectCode::NotAllowed);
        }
        let (state, another) = self.piles.publish((by, on), batch)?;
        told.extend(another.then_some(Told::Keys(by, on, None)));
        Ok(state)
    }

    /// A user claims a key of a device.
    pub fn claim_key(
        &mut self,
        by: (usize, u8),
        (of, on): (usize, usize),
        (now_ms, full): (u64, bool),
        told: &mut Vec<Told>,
    ) -> Refused<Given> {
        if full {
            return Err(RejectCode::StoreFull);
        }
        self.may_claim(by.0, of)?;
        let given = self.piles.claim(by, (of, on), now_ms)?;
        told.extend(given.low.map(|left| Told::Keys(of, on, Some(left))));
        Ok(given)
    }
}

/// What everybody is told of everybody's keys.
pub(super) fn compare(view: &View, world: &World) {
    for (by, of) in (0..NAMES.len()).flat_map(|by| (0..NAMES.len()).map(move |of| (by, of))) {
        let found = view.keys(&user(by), &user(of)).expect("what was written can be read");
        let found = found.items.into_iter().map(|keys| {
            (number(&DEVICES, keys.device.as_str()), keys.identity.to_vec(), keys.state)
        });
        let expected = world.piles.of_user(of).filter(|_| !world.blocks(of, by));
        let expected =
            expected.map(|(on, identity, state)| (on, vec![identity], (by == of).then_some(state)));
        assert!(expected.eq(found), "what {} is told of the keys of {}", NAMES[by], NAMES[of]);
    }
}
