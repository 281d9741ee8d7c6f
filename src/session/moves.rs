//! The cursor moves of a session: gathered while the store has some, so that many acknowledgements
//! become one. Pure. Must never move a cursor back.

use std::collections::BTreeMap;

use packetboat_proto::id::ChatId;
use packetboat_proto::limits::ACK_CURSORS_MAX;
use packetboat_proto::packet::Cursor;

use crate::store::CursorMove;

/// Chats that may have moves waiting; with more, acknowledgements are not read.
pub const MOVING_CHATS_MAX: usize = 4 * ACK_CURSORS_MAX;

/// The cursor moves of a session.
#[derive(Debug, Default)]
pub struct Moves {
    waiting: BTreeMap<ChatId, (u64, u64)>,
    moving: bool,
}

impl Moves {
    /// Adds a move.
    pub fn add(&mut self, cursor: Cursor) {
        let (delivered, read) = self.waiting.entry(cursor.chat).or_default();
        *delivered = cursor.delivered.max(*delivered);
        *read = cursor.read.max(*read);
    }

    /// The moves to make now, if the store has none of this session: as many as one packet may
    /// name, so that one batch of the store holds them.
    pub fn next_batch(&mut self) -> Option<Vec<CursorMove>> {
        if self.moving || self.waiting.is_empty() {
            return None;
        }
        let rest = match self.waiting.keys().nth(ACK_CURSORS_MAX).cloned() {
            Some(first_left) => self.waiting.split_off(&first_left),
            None => BTreeMap::new(),
        };
        let moves = std::mem::replace(&mut self.waiting, rest);
        self.moving = true;
        let moves = moves.into_iter();
        let moves = moves.map(|(chat, (delivered, read))| CursorMove { chat, delivered, read });
        Some(moves.collect())
    }

    /// The store has made the moves.
    pub fn done(&mut self) {
        self.moving = false;
    }

    /// Whether every move is made.
    pub fn is_idle(&self) -> bool {
        !self.moving && self.waiting.is_empty()
    }

    /// Whether one more packet of moves may be taken.
    pub fn has_room(&self) -> bool {
        self.waiting.len() + ACK_CURSORS_MAX <= MOVING_CHATS_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(chat: &str, delivered: u64, read: u64) -> Cursor {
        Cursor { chat: ChatId::new(chat).unwrap(), delivered, read }
    }

    fn next(moves: &mut Moves) -> Vec<CursorMove> {
        moves.next_batch().unwrap_or_default()
    }

    #[test]
    fn moves_of_one_chat_become_one_while_the_store_is_busy() {
        let mut moves = Moves::default();
        moves.add(cursor("dm:a:b", 1, 0));
        assert_eq!(next(&mut moves).len(), 1);
        for (delivered, read) in [(2, 0), (5, 1), (4, 3)] {
            moves.add(cursor("dm:a:b", delivered, read));
        }
        assert_eq!(next(&mut moves), []);
        moves.done();
        let made = next(&mut moves);
        assert_eq!((made[0].delivered, made[0].read, made.len()), (5, 3, 1));
        moves.done();
        assert!(moves.is_idle());
    }

    #[test]
    fn a_batch_holds_no_more_than_a_packet_may_name() {
        let mut moves = Moves::default();
        for number in 0..=ACK_CURSORS_MAX {
            moves.add(cursor(&format!("group:{number}"), 1, 0));
        }
        assert_eq!(next(&mut moves).len(), ACK_CURSORS_MAX);
        moves.done();
        assert_eq!(next(&mut moves).len(), 1);
    }

    #[test]
    fn a_packet_is_only_taken_while_there_is_room_for_all_of_it() {
        let mut moves = Moves::default();
        let mut taken = 0;
        while moves.has_room() {
            for number in 0..ACK_CURSORS_MAX {
                moves.add(cursor(&format!("group:{taken}.{number}"), 1, 0));
            }
            taken += 1;
        }
        assert_eq!(moves.waiting.len(), MOVING_CHATS_MAX);
    }
}
