//! A draft becomes an entry: found again, refused, or given its place. Must never change anything
//! for a draft that it refuses.

use packetboat_proto::code::RejectCode;
use packetboat_proto::content::{Alteration, Change, GroupChange};
use packetboat_proto::entry::Entry;
use packetboat_proto::id::{ChatId, ChatKind, UserId};
use packetboat_proto::limits::{
    BODY_BYTES_HIGHEST, BODY_OVERHEAD_BYTES, GROUP_NAME_BYTES_MAX, MEMBERS_PER_CHANGE_MAX,
    SCHEDULED_BYTES_MAX, USER_ID_BYTES_MAX,
};

use packetboat_proto::planted::{self, Bug};

use super::alter::{Consequence, REFERENCE_OPERATIONS};
use super::expiry::EXPIRY_OPERATIONS;
use super::file::REFERENCE_OPERATIONS as FILE_OPERATIONS;
use super::group::{Behind, CHANGE_OPERATIONS_PER_USER, Deed, change_operations_max};
use super::recall::RECALL_OPERATIONS_MAX;
use super::room::{TRIM_OPERATIONS, room_operations_max};
use super::turn::{Halt, Turn, no_such_chat, refuse};
use crate::store::batch::OPERATIONS_PER_COMMAND_MAX;
use crate::store::key;
use crate::store::parts::{Joiner, PARTS_MAX, Whole, parts_of};
use crate::store::read_error::ReadError;
use crate::store::record::Place;
use crate::store::{Author, Draft, Effect, Outcome, Stored};

/// Bytes of a content.
const CONTENT_BYTES_MAX: usize = BODY_BYTES_HIGHEST as usize;
/// Bytes of a content that changes a group. Twice what the longest one needs: a commit has to
/// hold the entry and a row or two for each user that it names.
const CHANGE_BYTES_MAX: usize =
    2 * (GROUP_NAME_BYTES_MAX + MEMBERS_PER_CHANGE_MAX * (USER_ID_BYTES_MAX + 2));
/// Operations for an entry beside its parts: how it is found again by its id.
const DEDUP_OPERATIONS: usize = 1;
/// Operations for a direct chat's first entry: two places, two members.
const FIRST_OPERATIONS: usize = 4;

/// Operations for a text, data or file, beside the entry.
const WORD_OPERATIONS: usize =
    FIRST_OPERATIONS + REFERENCE_OPERATIONS + FILE_OPERATIONS + EXPIRY_OPERATIONS;

/// The most operations of a text or data of the size that may be scheduled.
pub(super) const WORD_OPERATIONS_MAX: usize =
    parts_of(SCHEDULED_BYTES_MAX + BODY_OVERHEAD_BYTES as usize)
        + DEDUP_OPERATIONS
        + WORD_OPERATIONS;

const _: () = assert!(
    PARTS_MAX + DEDUP_OPERATIONS + FIRST_OPERATIONS + REFERENCE_OPERATIONS
        <= OPERATIONS_PER_COMMAND_MAX
);
const _: () = assert!(
    PARTS_MAX + DEDUP_OPERATIONS + TRIM_OPERATIONS + RECALL_OPERATIONS_MAX
        <= OPERATIONS_PER_COMMAND_MAX
);
const _: () = assert!(
    parts_of(CHANGE_BYTES_MAX + BODY_OVERHEAD_BYTES as usize)
        + DEDUP_OPERATIONS
        + change_operations_max(MEMBERS_PER_CHANGE_MAX)
        <= OPERATIONS_PER_COMMAND_MAX
);
const _: () = assert!(
    PARTS_MAX + DEDUP_OPERATIONS + TRIM_OPERATIONS + WORD_OPERATIONS <= OPERATIONS_PER_COMMAND_MAX
);
const _: () = assert!(
    parts_of(CHANGE_BYTES_MAX + BODY_OVERHEAD_BYTES as usize)
        + DEDUP_OPERATIONS
        + TRIM_OPERATIONS
        + room_operations_max(MEMBERS_PER_CHANGE_MAX)
        <= OPERATIONS_PER_COMMAND_MAX
);
const _: () = assert!(CHANGE_OPERATIONS_PER_USER >= 3, "a member has a place, a row, and asked");

/// The most operations that a draft can need.
pub(crate) fn draft_operations_max(draft: &Draft) -> usize {
    if content_bytes_max(draft) < draft.content.len() {
        return 0;
    }
    let entry = parts_of(draft.content.len() + BODY_OVERHEAD_BYTES as usize) + DEDUP_OPERATIONS;
    let trimmed = if draft.chat.is_room() { TRIM_OPERATIONS } else { 0 };
    let named = |users: &[UserId]| users.len().clamp(1, MEMBERS_PER_CHANGE_MAX);
    entry
        + trimmed
        + match &draft.change {
            None => match draft.alteration() {
                Some(Alteration::Recalled { .. }) => RECALL_OPERATIONS_MAX,
                Some(_) => REFERENCE_OPERATIONS,
                None => WORD_OPERATIONS,
            },
            // One that is not in the list may be the next owner.
            Some(Change::Group(change)) => change_operations_max(named(change.users())),
            Some(Change::Room(change)) => room_operations_max(named(change.users())),
        }
}

fn content_bytes_max(draft: &Draft) -> usize {
    if draft.change.is_some() { CHANGE_BYTES_MAX } else { CONTENT_BYTES_MAX }
}

impl Turn<'_> {
    /// Puts a draft into its log.
    pub(crate) fn append(&mut self, author: &Author, draft: &Draft) -> Result<Outcome, ReadError> {
        match self.try_append(author, draft) {
            Ok(outcome) => Ok(outcome),
            Err(Halt::Refused(refusal)) => {
                if planted::is(Bug::RefusedTakesSeq) {
                    let head = self.head(&draft.chat)?;
                    self.raise_head(&draft.chat, head + 1);
                }
                Ok(Outcome::Refused(refusal))
            }
            Err(Halt::Read(error)) => Err(error),
        }
    }

    fn try_append(&mut self, author: &Author, draft: &Draft) -> Result<Outcome, Halt> {
        let chat = &draft.chat;
        let kind = chat.kind();
        check_kind(kind, &author.user, draft.change.as_ref())?;
        let max = content_bytes_max(draft);
        if draft.content.len() > max {
            return refuse(RejectCode::TooLarge, format!("at most {max} bytes are allowed"));
        }
        // Before the rights: who sends again what was accepted has a right to the answer, also
        // when it is no member any more.
        let by_id = key::dedup(chat, &author.user, &draft.id);
        let head = self.head(chat)?;
        if let Some(seq) = self.seq_of(&by_id, head)? {
            return self.again(author, draft, seq);
        }
        if self.full {
            return refuse(RejectCode::StoreFull, "the server's disk is nearly full");
        }
        if let Some(file) = &draft.file {
            self.check_may_send(&author.user, file)?;
        }
        let seq = head + 1;
        let mut behind = Behind::Nothing;
        let deed = Deed { chat, sender: &author.user, seq };
        let mut consequence = Consequence::Nothing;
        if draft.change.is_none() {
            self.check_may_say(&deed, draft)?;
            consequence = self.checked_reference(&deed, draft)?;
        }
        match (kind, &draft.change) {
            (ChatKind::Direct(low, high), _) if seq == 1 => {
                self.open_direct(chat, &author.user, low, high)?;
            }
            // Who is mute, or spoke just now, takes back what it said all the same.
            (ChatKind::Room(_), None)
                if matches!(draft.alteration(), Some(Alteration::Recalled { .. })) => {}
            (ChatKind::Room(_), None) => self.check_may_speak(chat, &author.user, &by_id)?,
            (ChatKind::Group(_), Some(Change::Group(change))) => {
                behind = self.change_group(&deed, change)?;
            }
            (ChatKind::Room(_), Some(Change::Room(change))) => self.change_room(&deed, change)?,
            (ChatKind::Room(_), Some(Change::Group(_))) => {
                self.close_room(&deed)?;
                behind = Behind::Dissolved;
            }
            // Who may say something in a group was looked at; what else there is was refused with
            // the kind.
            (ChatKind::Direct(..), _) | (ChatKind::Group(_), None | Some(Change::Room(_))) => {}
        }
        if let Some(sent) = &draft.file {
            self.put_reference(&sent.file, chat, seq)?;
        }
        self.put_mentions(&deed, draft);
        self.put_seq_of(by_id, seq);
        self.carry_out(&deed, consequence)?;
        self.note_expiry(&deed, draft);
        self.store_entry(author, draft, seq);
        if let ChatKind::Room(_) = kind {
            self.trim_room(chat, seq)?;
        }
        if let Some(effect) = behind.effect(chat) {
            self.emit(effect);
        }
        Ok(Outcome::Stored { seq, at_ms: self.now_ms })
    }

    /// The same id was accepted before.
    fn again(&self, author: &Author, draft: &Draft, seq: u64) -> Result<Outcome, Halt> {
        let entry = self.entry(&draft.chat, seq)?;
        debug_assert_eq!(entry.sender, author.user, "the sender is part of the dedup key");
        // What was recalled, or has expired, is not known any more.
        let differs = entry.content != draft.content && !self.is_gone(&entry);
        if differs && !planted::is(Bug::ConflictAccepted) {
            let reason = "the same message id was accepted with other content";
            return refuse(RejectCode::Conflict, reason);
        }
        Ok(Outcome::Duplicate { seq, at_ms: entry.at_ms })
    }

    pub(super) fn entry(&self, chat: &ChatId, seq: u64) -> Result<Entry, ReadError> {
        let mut joiner = Joiner::default();
        for part in 0..u8::MAX {
            let value = self.get(&key::entry(chat, seq, part))?;
            let value = value.ok_or_else(|| ReadError::Hole { chat: chat.clone(), seq })?;
            if let Some(body) = joiner.take(part, &value)? {
                return Ok(Entry::decode(body)?);
            }
        }
        Err(ReadError::Hole { chat: chat.clone(), seq })
    }

    /// The first entry of a direct chat makes its members.
    fn open_direct(
        &mut self,
        chat: &ChatId,
        sender: &UserId,
        low: &str,
        high: &str,
    ) -> Result<(), Halt> {
        let peer = if low == sender.as_str() { high } else { low };
        let peer = UserId::new(peer).expect("a chat id holds checked user ids");
        let pair = [sender.clone(), peer];
        let users = if low == high { &pair[..1] } else { &pair[..] };
        for user in &users[1..] {
            self.check_known(user)?;
        }
        for user in users {
            self.check_room_for_chat(user)?;
        }
        for user in users {
            self.put_place(user, chat, &Place::starting_at(1));
            self.put(key::member(chat, user), Vec::new());
            self.count_chat(user);
        }
        Ok(())
    }

    fn store_entry(&mut self, author: &Author, draft: &Draft, seq: u64) {
        let entry = Entry {
            chat: draft.chat.clone(),
            seq,
            sender: author.user.clone(),
            id: draft.id,
            at_ms: self.now_ms,
            content: draft.content.clone(),
        };
        let whole = Whole::new(&entry);
        for (part, value) in whole.split() {
            self.put(key::entry(&entry.chat, seq, part), value);
        }
        self.raise_head(&entry.chat, seq);
        let (chat, body) = (entry.chat, whole.body());
        self.emit(Effect::Stored(Stored { chat, seq, origin: author.session, body }));
    }
}

fn check_kind(kind: ChatKind<'_>, sender: &UserId, change: Option<&Change>) -> Result<(), Halt> {
    match (kind, change) {
        (ChatKind::Direct(low, high), _) if ![low, high].contains(&sender.as_str()) => {
            no_such_chat()
        }
        (_, None)
        | (ChatKind::Group(_), Some(Change::Group(_)))
        | (ChatKind::Room(_), Some(Change::Room(_) | Change::Group(GroupChange::Dissolved))) => {
            Ok(())
        }
        (ChatKind::Direct(..), Some(_)) => {
            refuse(RejectCode::Invalid, "a direct chat is not changed like a group")
        }
        (ChatKind::Group(_), Some(_)) => {
            refuse(RejectCode::Invalid, "a group is not changed like a room")
        }
        (ChatKind::Room(_), Some(_)) => {
            refuse(RejectCode::Invalid, "a room is not changed like a group")
        }
    }
}
