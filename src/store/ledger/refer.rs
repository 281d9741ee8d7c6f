//! What an entry may refer to: another that its sender may see. Must never tell a sender anything
//! of an entry that it may not see: what is not there and what is not seen are refused alike.

use packetboat_proto::code::RejectCode;
use packetboat_proto::content::{Body, Content, Context, Forwarded, Origin};
use packetboat_proto::entry::Entry;
use packetboat_proto::id::{ChatId, ChatKind, FileId, UserId};
use packetboat_proto::limits::EDITS_MAX;
use packetboat_proto::planted::{self, Bug};

use super::group::Deed;
use super::turn::{Halt, Turn, refuse};
use crate::store::Draft;
use crate::store::erased::erasure;
use crate::store::key;
use crate::store::read_error::ReadError;
use crate::store::spans::Spans;

/// A text or data that another entry changes.
pub(super) struct Target {
    pub(super) entry: Entry,
    pub(super) context: Context,
    /// The file that it has.
    pub(super) file: Option<FileId>,
}

/// A content, if it is one of the kinds that this version knows.
pub(super) fn content_of(entry: &Entry) -> Option<(Content, Context)> {
    Content::decode_whole(&entry.content, usize::MAX).ok()
}

impl Target {
    /// The text, data or file that an entry says.
    pub(super) fn of(entry: Entry) -> Option<Self> {
        match content_of(&entry)? {
            (Content::Text(_) | Content::Data { .. }, context) => {
                Some(Self { entry, context, file: None })
            }
            (Content::File(sent), context) => Some(Self { entry, context, file: Some(sent.file) }),
            _ => None,
        }
    }
}

impl Turn<'_> {
    /// Whether a user may see an entry that is there.
    fn may_see(&mut self, user: &UserId, chat: &ChatId, seq: u64) -> Result<bool, ReadError> {
        let Some(spans) = self.seen_of(user, chat)? else { return Ok(false) };
        if seq > self.head(chat)? || !spans.holds(seq) {
            return Ok(false);
        }
        // What has gone from a room does not come back when it is to keep more.
        Ok(!chat.is_room() || self.get(&key::entry(chat, seq, 0))?.is_some())
    }

    /// What a user may see of a chat; `None`: the chat is not its own.
    pub(super) fn seen_of(
        &mut self,
        user: &UserId,
        chat: &ChatId,
    ) -> Result<Option<Spans>, ReadError> {
        if chat.is_room() {
            return self.room_spans(chat);
        }
        Ok(self.place(user, chat)?.map(|place| place.spans))
    }

    /// Whether an entry says nothing any more: it is erased, or is to be, for its time is over.
    pub(super) fn is_gone(&self, entry: &Entry) -> bool {
        let is_over = |(_, context): (Content, Context)| {
            let expires_ms = context.expires_ms(entry.at_ms);
            expires_ms.is_some_and(|expires_ms| expires_ms <= self.now_ms)
        };
        erasure(&entry.content).is_some() || content_of(entry).is_some_and(is_over)
    }

    /// Refuses an entry that is not before the deed's own, or that its sender may not see.
    pub(super) fn check_seen(&mut self, deed: &Deed<'_>, seq: u64) -> Result<(), Halt> {
        if seq < deed.seq && self.may_see(deed.sender, deed.chat, seq)? {
            return Ok(());
        }
        refuse(RejectCode::Invalid, format!("there is no entry {seq} before it that you see"))
    }

    /// The text or data that a deed changes.
    pub(super) fn target(&mut self, deed: &Deed<'_>, seq: u64) -> Result<Target, Halt> {
        self.check_seen(deed, seq)?;
        let entry = self.entry(deed.chat, seq)?;
        if self.is_gone(&entry) {
            return refuse(RejectCode::Invalid, format!("what the entry {seq} said is gone"));
        }
        match Target::of(entry) {
            Some(target) => Ok(target),
            None => refuse(RejectCode::Invalid, format!("the entry {seq} is no message")),
        }
    }

    /// Refuses a context that refers to what its sender may not see.
    pub(super) fn check_context(
        &mut self,
        deed: &Deed<'_>,
        context: &Context,
        draft: &Draft,
    ) -> Result<(), Halt> {
        if context.mentions_all && !matches!(deed.chat.kind(), ChatKind::Group(_)) {
            return refuse(RejectCode::Invalid, "only in a group everybody is mentioned");
        }
        for seq in [context.reply_to, context.thread] {
            if seq != 0 {
                self.check_seen(deed, seq)?;
            }
        }
        match &context.forwarded {
            Some(Forwarded::From(origin)) => self.check_origin(deed, origin, draft),
            Some(Forwarded::Somewhere) | None => Ok(()),
        }
    }

    /// Refuses an origin that the sender may not see, or that says something else.
    fn check_origin(
        &mut self,
        deed: &Deed<'_>,
        origin: &Origin,
        draft: &Draft,
    ) -> Result<(), Halt> {
        let Origin { chat, seq, sender } = origin;
        if planted::is(Bug::OriginUnchecked) {
            return Ok(());
        }
        if self.may_see(deed.sender, chat, *seq)? {
            let entry = self.entry(chat, *seq)?;
            let said = Content::decode(&draft.content, usize::MAX).ok().and_then(Content::body);
            let same = |body: Option<Body>| body.is_some() && body == said;
            let then = content_of(&entry).and_then(|(content, _)| content.body());
            let is_theirs = entry.sender == *sender && !self.is_gone(&entry);
            if is_theirs && (same(then) || same(self.last_edit(chat, *seq)?)) {
                return Ok(());
            }
        }
        refuse(RejectCode::Invalid, "that was not said there, or you do not see it")
    }

    /// What an entry says now, if it was edited.
    fn last_edit(&self, chat: &ChatId, seq: u64) -> Result<Option<Body>, ReadError> {
        let edits = self.rows(&key::edits(chat, seq), EDITS_MAX)?;
        let Some((last, _)) = edits.last() else { return Ok(None) };
        let edit = self.entry(chat, key::last_seq(last)?)?;
        Ok(match content_of(&edit) {
            Some((Content::Entry(alteration), _)) => alteration.into_new(),
            _ => None,
        })
    }
}
