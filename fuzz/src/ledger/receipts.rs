//! What everybody is told of who has had an entry and who has read it, against the model. Must
//! never count as the store does.

use packetboat::store::proof::View;
use packetboat::store::receipt::ReadersQuery;
use packetboat_proto::code::RejectCode;
use packetboat_proto::packet::ReceiptState;
use packetboat_proto::seqs::SeqRange;

use super::model::{NAMES, Told, World};
use super::names::{chat, number, user};
use super::standing::Refused;

impl World {
    /// Whether others are told what a user has read.
    pub fn tells_reads(&self, by: usize) -> bool {
        self.tells_reads.get(&by).copied().unwrap_or(true)
    }

    /// A user says whether they are.
    pub fn tell_reads(
        &mut self,
        by: usize,
        tells: bool,
        full: bool,
        told: &mut Vec<Told>,
    ) -> Refused<()> {
        if full {
            return Err(RejectCode::StoreFull);
        }
        if self.tells_reads.insert(by, tells) != Some(tells) {
            told.push(Told::Reads(by, tells));
        }
        Ok(())
    }

    /// How far an entry has come with each of the others who may see it, as one is told.
    fn states(&self, by: usize, to: usize, seq: u64) -> Vec<(usize, ReceiptState)> {
        let room = &self.rooms[to];
        let others = room.standing.members.iter().filter(|user| **user != by);
        let sees = others.filter(|user| room.parts[user].visible().contains(&seq));
        let state = |user: &usize| {
            let (part, told) = (&room.parts[user], self.tells_reads(*user) && self.tells_reads(by));
            match (told && seq <= part.read, seq <= part.delivered) {
                (true, _) => (*user, ReceiptState::Read),
                (false, true) => (*user, ReceiptState::Delivered),
                (false, false) => (*user, ReceiptState::Waiting),
            }
        };
        sees.map(state).collect()
    }
}

/// What a user is told of the receipts of a chat.
pub(super) fn compare(view: &View, by: usize, to: usize, world: &World) {
    let (name, id, room) = (user(by), chat(to), &world.rooms[to]);
    let ranges = [SeqRange::new(1, u64::MAX).expect("from the first entry on")];
    let counts = view.receipts(&name, &id, &ranges);
    let is_in = room.standing.members.contains(&by) && !room.standing.over;
    if !is_in {
        match id.peer_of(&name) {
            Some(_) => assert_eq!(counts.map(|counts| counts.steps.len()), Ok(0), "{id} is empty"),
            None => assert!(counts.is_err(), "the receipts of {id} are not {name}'s"),
        }
        return;
    }
    let counts = counts.expect("what was written can be read");
    let mut steps = counts.steps.iter().peekable();
    for seq in room.parts[&by].visible() {
        steps.next_if(|step| step.last < seq);
        let step = steps.peek().expect("there is a step for every entry");
        let states = world.states(by, to, seq);
        let read = states.iter().filter(|(_, state)| *state == ReceiptState::Read).count();
        let had = states.iter().filter(|(user, _)| seq <= room.parts[user].delivered).count();
        let expected = (states.len(), had, read);
        let found = (step.members as usize, step.delivered as usize, step.read as usize);
        assert!(step.first <= seq, "{id} {seq}");
        assert_eq!(found, expected, "{name} of {id} {seq}");
        for state in [ReceiptState::Read, ReceiptState::Delivered, ReceiptState::Waiting] {
            let query = ReadersQuery { chat: id.clone(), seq, state, after: None };
            let page = view.readers(&name, &query, usize::MAX).expect("it can be read");
            let found: Vec<_> =
                page.users.iter().map(|user| number(&NAMES, user.as_str())).collect();
            let expected = states.iter().filter(|(_, is)| *is == state).map(|(user, _)| *user);
            assert!(expected.eq(found), "{name} of {id} {seq}: {state:?}");
            assert_eq!(page.next, None);
        }
    }
}
