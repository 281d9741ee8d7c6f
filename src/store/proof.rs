//! The pure parts of the embedded store, opened for the proofs and the benches: the ledger, turn by
//! turn, what the readers make of it, and the codecs of the values. Must never hold a rule of its
//! own, nor be built into what is shipped.

use std::sync::Arc;

use ahash::HashMap;
use bytes::Bytes;
use packetboat_proto::id::{ChatId, DeviceId, InviteId, UserId};
use packetboat_proto::packet::{DeviceKeys, OwnPage, Readers, ReceiptCounts, ScheduledName};
use packetboat_proto::seqs::SeqRange;

use super::act::{Act, Acted};
use super::agenda::Scheduled;
use super::backend::Backend;
use super::batch::Batch;
use super::horizon::Horizon;
use super::ledger::{self, Caches, ClaimStep, DeviceCommand, Halt, Turn};
use super::parts::{self, Joiner};
use super::read_error::ReadError;
use super::reader::Reader;
use super::receipt::ReadersQuery;
use super::record::file::FileRecord;
use super::record::invite::{Asking, InviteRecord};
use super::record::keys::{Bundle, Given};
use super::record::own::{Mentioned, OwnHead, decode_item};
use super::record::profile::ProfileRow;
use super::record::schedule::ScheduledRow;
use super::record::{AccountRow, Group, Place, Seen, as_number, number};
use super::rules::Rules;
use super::{
    Author, ChatView, Claim, Claimed, CursorMove, Draft, Edge, Effect, LagPage, Logged, MemberView,
    Outcome, Page, PageLimit, Read, RecentChats, Refusal, StoreError, Stretch, Thread,
};

/// A ledger over a backend, without the committer: one turn after the other.
pub struct Bench {
    backend: Arc<dyn Backend>,
    caches: Caches,
    rules: Rules,
}

impl Bench {
    /// As after a start: nothing is at hand. The ends of so many chats will be kept there.
    pub fn open(backend: Arc<dyn Backend>, rules: Rules, chats_cached: usize) -> Self {
        Self { backend, caches: Caches::new(chats_cached), rules }
    }

    /// A turn; what it comes to is the caller's to apply.
    pub fn turn(&mut self, now_ms: u64, full: bool) -> OpenTurn<'_> {
        let backend = self.backend.as_ref();
        OpenTurn(Turn::new(backend, &mut self.caches, &self.rules, now_ms, full))
    }

    /// What the sessions would be shown then.
    pub fn view(&self, now_ms: u64) -> View {
        let reader = Reader::new(Arc::clone(&self.backend), Arc::new(Horizon::default()));
        View { reader, now_ms }
    }
}

/// One batch in the making.
pub struct OpenTurn<'a>(Turn<'a>);

/// What a turn has come to.
#[derive(Debug)]
pub struct Done {
    /// What is to be written.
    pub batch: Batch,
    /// What others are to learn.
    pub effects: Vec<Effect>,
    /// Where the logs that grow ended before.
    pub heads_before: HashMap<ChatId, u64>,
}

/// How far a claim is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Go on after this chat, in this turn or a later one.
    After(ChatId),
    /// It is done.
    Done(Claimed),
    /// It may not be done.
    Refused(Refusal),
}

/// A rule's answer, or why the store could not be read.
type Ran<T> = Result<T, String>;

fn told<T>(result: Result<T, ReadError>) -> Ran<T> {
    result.map_err(|error| error.to_string())
}

/// The most operations that a draft can need.
pub fn draft_operations_max(draft: &Draft) -> usize {
    ledger::draft_operations_max(draft)
}

/// The most operations of one step of a claim.
pub const CLAIM_OPERATIONS_MAX: usize = ledger::CLAIM_OPERATIONS_MAX;
/// The most operations of one move of a cursor.
pub const MOVE_OPERATIONS_MAX: usize = ledger::MOVE_OPERATIONS_MAX;
/// The most operations of one thing that is due.
pub const DUE_OPERATIONS_MAX: usize = ledger::DUE_OPERATIONS_MAX;
/// The most operations of an act.
pub const ACT_OPERATIONS_MAX: usize = ledger::ACT_OPERATIONS_MAX;
/// The most operations of a command about devices.
pub const DEVICE_OPERATIONS_MAX: usize = ledger::DEVICE_OPERATIONS_MAX;

impl OpenTurn<'_> {
    /// Operations that still fit.
    pub fn room(&self) -> usize {
        self.0.room()
    }

    /// Puts a draft into its log.
    pub fn append(&mut self, author: &Author, draft: &Draft) -> Ran<Outcome> {
        told(self.0.append(author, draft))
    }

    /// Moves a cursor.
    pub fn advance(&mut self, user: &UserId, device: &DeviceId, to: &CursorMove) -> Ran<()> {
        told(self.0.advance(user, device, to))
    }

    /// Does what has been due for longest; whether there was anything.
    pub fn do_next_due(&mut self, now_ms: u64) -> Ran<bool> {
        told(self.0.do_next_due(now_ms))
    }

    /// Does one step of a claim.
    pub fn claim(&mut self, claim: &Claim, after: Option<&ChatId>) -> Ran<Step> {
        Ok(match told(self.0.claim(claim, after))? {
            ClaimStep::After(chat) => Step::After(chat),
            ClaimStep::Done(claimed) => Step::Done(claimed),
            ClaimStep::Refused(refusal) => Step::Refused(refusal),
        })
    }

    /// Notes that a session of the user has ended.
    pub fn release(&mut self, user: &UserId, device: &DeviceId) -> Ran<()> {
        told(self.0.release(user, device))
    }

    /// Forgets a device, if it was not seen since. Whether it did.
    pub fn forget_device(&mut self, user: &UserId, device: &DeviceId, before_ms: u64) -> Ran<bool> {
        let (user, device) = (user.clone(), device.clone());
        told(self.0.device(&DeviceCommand::Forget { user, device, before_ms }))
    }

    /// Removes some of what is left of devices that are gone. Whether there was any.
    pub fn clear_device(&mut self) -> Ran<bool> {
        told(self.0.device(&DeviceCommand::Clear))
    }

    /// Does what a user asks for, or a step of it.
    pub fn act(&mut self, user: &UserId, act: &Act) -> Ran<Result<Option<Acted>, Refusal>> {
        match self.0.act(user, act) {
            Ok(acted) => Ok(Ok(acted)),
            Err(Halt::Refused(refusal)) => Ok(Err(refusal)),
            Err(Halt::Read(error)) => Err(error.to_string()),
        }
    }

    /// Makes an account, or gives it a new hash.
    pub fn set_account(
        &mut self,
        user: &UserId,
        hash: &str,
        new: bool,
    ) -> Ran<Result<(), Refusal>> {
        told(self.0.set_account(user, hash, new))
    }

    /// Removes an account.
    pub fn remove_account(&mut self, user: &UserId) -> Ran<Result<(), Refusal>> {
        told(self.0.remove_account(user))
    }

    /// Ends the turn.
    pub fn finish(self) -> Done {
        let work = self.0.finish();
        Done { batch: work.batch, effects: work.effects, heads_before: work.heads_before }
    }
}

/// Why a reader never has to look again here.
const DURABLE: &str = "nothing is on its way to the disk";

/// The reading side of the store, with all that is applied taken for durable.
pub struct View {
    reader: Reader,
    now_ms: u64,
}

impl View {
    /// See `Store::lagging`.
    pub fn lagging(
        &self,
        user: &UserId,
        device: &DeviceId,
        after: Option<&ChatId>,
        limit: usize,
    ) -> Result<LagPage, StoreError> {
        self.reader.lagging(user, device, after, limit)
    }

    /// See `Store::stretches`.
    pub fn stretches(
        &self,
        user: &UserId,
        stretches: Vec<Stretch>,
        limit: PageLimit,
    ) -> Result<Vec<Read>, StoreError> {
        let reads = self.reader.stretches(user, stretches, limit, self.now_ms)?;
        Ok(reads.expect(DURABLE))
    }

    /// See `Store::history`.
    pub fn history(
        &self,
        user: &UserId,
        chat: &ChatId,
        edge: Edge,
        limit: PageLimit,
    ) -> Result<Page<Logged>, StoreError> {
        Ok(self.reader.history(user, chat, edge, limit, self.now_ms)?.expect(DURABLE))
    }

    /// See `Store::pins`.
    pub fn pins(&self, user: &UserId, chat: &ChatId) -> Result<Vec<u64>, StoreError> {
        self.reader.pins(user, chat)
    }

    /// See `Agenda::scheduled`.
    pub fn scheduled(
        &self,
        user: &UserId,
        after: Option<&ScheduledName>,
        limit: PageLimit,
    ) -> Result<Page<Scheduled>, StoreError> {
        self.reader.scheduled(user, after, limit)
    }

    /// See `Store::thread`.
    pub fn thread(
        &self,
        user: &UserId,
        thread: &Thread,
        limit: PageLimit,
    ) -> Result<Page<Logged>, StoreError> {
        Ok(self.reader.thread(user, thread, limit, self.now_ms)?.expect(DURABLE))
    }

    /// See `Store::chat`.
    pub fn chat(
        &self,
        user: &UserId,
        device: &DeviceId,
        chat: &ChatId,
    ) -> Result<ChatView, StoreError> {
        self.reader.chat(user, device, chat.clone(), self.now_ms)
    }

    /// See `Store::recent`.
    pub fn recent(
        &self,
        user: &UserId,
        device: &DeviceId,
        asked: &RecentChats,
    ) -> Result<Page<ChatView>, StoreError> {
        self.reader.recent(user, device, asked, self.now_ms)
    }

    /// See `Store::own_changes`.
    pub fn own_changes(
        &self,
        user: &UserId,
        after: u64,
        limit: PageLimit,
    ) -> Result<OwnPage, StoreError> {
        Ok(self.reader.own_changes(user, after, limit)?.expect(DURABLE))
    }

    /// See `KeyBook::keys`.
    pub fn keys(&self, user: &UserId, of: &UserId) -> Result<Page<DeviceKeys>, StoreError> {
        self.reader.keys(user, of, None, usize::MAX)
    }

    /// See `ReceiptBook::receipts`; in a large group, too, they are counted anew.
    pub fn receipts(
        &self,
        user: &UserId,
        chat: &ChatId,
        ranges: &[SeqRange],
    ) -> Result<ReceiptCounts, StoreError> {
        let (viewer, few) = self.reader.viewer(user, chat)?;
        let tally = few.map_or_else(|| self.reader.tally(chat), Ok)?;
        Ok(viewer.counts(&tally, ranges))
    }

    /// See `ReceiptBook::readers`.
    pub fn readers(
        &self,
        user: &UserId,
        query: &ReadersQuery,
        limit: usize,
    ) -> Result<Readers, StoreError> {
        self.reader.readers(user, query, limit)
    }

    /// See `Store::members`.
    pub fn members(&self, user: &UserId, chat: &ChatId) -> Result<Page<MemberView>, StoreError> {
        self.reader.members(user, chat, None, usize::MAX)
    }
}

/// A kind of value: its name, and what makes of any bytes its meaning, in words, and the bytes
/// that the store would write for it; `None` if the bytes are no such value.
pub type Codec = (&'static str, fn(&[u8]) -> Option<(String, Vec<u8>)>);

/// Every kind of value but the parts of an entry.
pub const CODECS: [Codec; 15] = [
    ("place", |value| {
        let place = Place::decode(value).ok()?;
        Some((format!("{place:?}"), place.encode()))
    }),
    ("group", |value| {
        let group = Group::decode(value).ok()?;
        Some((format!("{group:?}"), group.encode()))
    }),
    ("seen", |value| {
        let seen = Seen::from_value(value).ok()?;
        Some((format!("{seen:?}"), seen.to_value()))
    }),
    ("account", |value| {
        let account = AccountRow::from_value(value).ok()?;
        let meaning = format!("{:?} {}", account.hash, account.generation);
        Some((meaning, account.to_value()))
    }),
    ("invitation", |value| {
        let record = InviteRecord::decode(InviteId::from([0; 8]), value).ok()?;
        Some((format!("{record:?}"), record.encode()))
    }),
    ("asking", |value| {
        let asking = Asking::from_value(value).ok()?;
        Some((format!("{asking:?}"), asking.to_value()))
    }),
    ("file", |value| {
        let file = FileRecord::decode(value).ok()?;
        Some((format!("{file:?}"), file.encode()))
    }),
    ("own state", |value| {
        let head = OwnHead::from_value(Some(value)).ok()?;
        Some((format!("{head:?}"), head.to_value()))
    }),
    ("item", |value| {
        let item = decode_item(value.to_vec()).ok()?;
        Some((format!("{item:?}"), item.encode()))
    }),
    ("mentions", |value| {
        let mentioned = Mentioned::from_value(value).ok()?;
        Some((format!("{mentioned:?}"), mentioned.to_value()))
    }),
    ("key bundle", |value| {
        let bundle = Bundle::from_value(value).ok()?;
        Some((format!("{bundle:?}"), bundle.to_value()))
    }),
    ("given key", |value| {
        let given = Given::from_value(value).ok()?;
        Some((format!("{given:?}"), given.to_value()))
    }),
    ("profile", |value| {
        let profile = ProfileRow::decode(value).ok()?;
        Some((format!("{profile:?}"), profile.encode()))
    }),
    ("scheduled message", |value| {
        let row = ScheduledRow::decode(value).ok()?;
        Some((format!("{row:?}"), row.encode()))
    }),
    ("number", |value| {
        let meaning = as_number(value).ok()?;
        Some((meaning.to_string(), number(meaning)))
    }),
];

/// What a place says of its user's part in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sight {
    /// First and last seq of each stretch that may be seen, ascending.
    pub stretches: Vec<(u64, u64)>,
    /// How many seqs these are.
    pub count: u64,
    /// The last that may be seen up to the head.
    pub last: u64,
    /// Where a device stands that has had nothing.
    pub before_first: u64,
    /// Where a device stands that is to have the last so many.
    pub before_last: u64,
}

/// What a place, from its value, shows behind `after` of a log that ends at `head`, and where its
/// last `entries` begin; `None` if the bytes are no place.
pub fn sight(value: &[u8], after: u64, head: u64, entries: u64) -> Option<Sight> {
    let spans = Place::decode(value).ok()?.spans;
    Some(Sight {
        stretches: spans.between(after, head).collect(),
        count: spans.count(after, head),
        last: spans.last(head),
        before_first: spans.before_first(),
        before_last: spans.before_last(entries, head),
    })
}

/// The values of an entry, with their parts' numbers.
pub fn split(body: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let whole = parts::Whole::with(body.len(), |out| out.extend_from_slice(body));
    whole.split().map(|(part, value)| (part, value.into())).collect()
}

/// Who sent an entry, by its first value alone.
pub fn sender_of(first_part: &[u8]) -> Option<&str> {
    parts::sender_of(first_part)
}

/// Puts entries together from values in order; stops at the first that does not fit.
pub fn join<'a>(values: impl IntoIterator<Item = (u8, &'a [u8])>) -> Ran<Vec<Bytes>> {
    let mut joiner = Joiner::default();
    let mut whole = Vec::new();
    for (part, value) in values {
        whole.extend(joiner.take(part, value).map_err(|error| error.to_string())?);
    }
    Ok(whole)
}
