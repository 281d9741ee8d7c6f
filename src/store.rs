//! What the server asks to keep and find, in the words of the design and nothing of any engine.
//! The session and the hub know only this file of the store; must never name a backend.

pub mod act;
pub mod agenda;
pub mod backend;
pub mod batch;
mod committer;
pub mod crew;
pub mod device;
mod draft;
mod effect;
pub mod embedded;
mod erased;
mod error;
pub mod file;
pub mod fjall;
pub(crate) mod folder;
pub mod health;
mod horizon;
mod in_time;
mod job;
mod journal;
pub mod key;
pub mod keys;
mod ledger;
#[cfg(feature = "search")]
mod logs;
pub mod memory;
pub mod opening;
pub mod packed;
mod page;
mod parts;
#[cfg(feature = "inside")]
#[doc(hidden)]
pub mod proof;
mod read_error;
mod reader;
pub mod receipt;
mod recent;
mod record;
pub mod rules;
#[cfg(feature = "search")]
pub(crate) mod said;
pub mod sled;
mod spans;
mod stay;
mod tallies;
mod tally;
mod view;

use std::future::Future;

use bytes::Bytes;
use packetboat_proto::content::JoinProof;
pub use packetboat_proto::content::Role;
use packetboat_proto::id::{ChatId, DeviceId, SessionId, UserId};
use packetboat_proto::packet::{GroupCard, Invitation, JoinRequest, OwnPage};
pub use packetboat_proto::packet::{ReceiptRule, Visibility};

use self::act::{Act, Acted};
use self::agenda::Agenda;
use self::device::{DeviceBook, DeviceLabel};
pub use self::draft::{Author, Draft, Outcome, Reference};
pub use self::effect::{Effect, Outlet, Stored};
pub use self::error::{Refusal, StoreError};
use self::file::FileBook;
use self::keys::KeyBook;
pub use self::page::{Page, PageLimit};
use self::receipt::ReceiptBook;
pub use self::view::{ChatView, MemberView, Profile, Relation, RoomView};

/// A device's cursor in a chat, and its user's. Zero: no change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CursorMove {
    /// The chat.
    pub chat: ChatId,
    /// The device has every entry up to this seq.
    pub delivered: u64,
    /// The user has read up to this seq.
    pub read: u64,
}

/// Where a device starts that is seen for the first time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// At what no device of the user has had yet.
    #[default]
    Undelivered,
    /// At the first entry that the user may see.
    Everything,
    /// At the last so many of each chat.
    Last(u32),
    /// At what comes from now on.
    Newest,
}

/// A session takes its device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The user.
    pub user: UserId,
    /// The device.
    pub device: DeviceId,
    /// The session.
    pub session: SessionId,
    /// Where the device starts if it is new.
    pub start: Start,
    /// What the device says of itself, and from where it comes.
    pub label: DeviceLabel,
    /// By a ticket: the number of the device that it was given to. If that one is gone, the claim
    /// is refused.
    pub by_ticket: Option<u64>,
}

impl Claim {
    /// Of a device that says nothing of itself, and shows no ticket.
    pub fn new(user: UserId, device: DeviceId, session: SessionId, start: Start) -> Self {
        Self { user, device, session, start, label: DeviceLabel::default(), by_ticket: None }
    }
}

/// What a claim found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The device had not been seen before.
    pub new_device: bool,
    /// The user has, or had, a place in a chat. If not, there was nothing to scan for.
    pub has_chats: bool,
    /// The number of the device, among all that the user ever had. A ticket is bound to it.
    pub number: u64,
}

/// A chat in which a device has not had everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lag {
    /// The chat.
    pub chat: ChatId,
    /// The device's cursor.
    pub delivered: u64,
    /// The last durable seq that the user may see.
    pub head: u64,
}

/// Some of the chats in which a device lags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LagPage {
    /// In order of chat id.
    pub lags: Vec<Lag>,
    /// Where to go on, if there may be more.
    pub next: Option<ChatId>,
}

/// A stretch of a chat's log: after one seq, up to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// The chat.
    pub chat: ChatId,
    /// Entries with a higher seq.
    pub after: u64,
    /// And no higher than this.
    pub upto: u64,
}

/// What was read of a stretch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// The chat.
    pub chat: ChatId,
    /// The entries that the user may see, in order.
    pub entries: Vec<Logged>,
    /// All that the user may see up to this seq is in `entries` (or was not after the stretch's
    /// start). It is `upto` when the stretch was read to its end.
    pub reached: u64,
}

/// An entry as the log has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// Its place.
    pub seq: u64,
    /// The encoded `Entry`, which is the body of a `Deliver`.
    pub body: Bytes,
}

/// From where a page of history goes, and which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// The lowest entries with a higher seq.
    After(u64),
    /// The highest entries with a lower seq; 0 is the end of the log.
    Before(u64),
}

/// A page of the user's chats that is asked for, those with the newest entries first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecentChats {
    /// When the last chat of the page before had its last entry, and which it was.
    pub behind: Option<(u64, ChatId)>,
    /// Chats at most.
    pub limit: usize,
    /// The last entry of a chat comes along if it has at most so many bytes.
    pub last_bytes: usize,
}

/// A page of a thread that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    /// The chat.
    pub chat: ChatId,
    /// The thread's first entry, which is not in the page.
    pub of: u64,
    /// Entries with a higher seq.
    pub after: u64,
}

/// The store of a server. Every answer about a user is checked against that user's rights.
pub trait Store: FileBook + ReceiptBook + KeyBook + Agenda + DeviceBook {
    /// Puts drafts into their logs, in order; one outcome for each. Resolves once every stored
    /// one is durable. Waits while the store has as much to do as it may queue.
    fn append(
        &self,
        author: Author,
        drafts: Vec<Draft>,
    ) -> impl Future<Output = Result<Vec<Outcome>, StoreError>> + Send;

    /// Moves cursors forward, never back. A move in a chat that is not the user's is ignored; one
    /// beyond the last seq that the user may see counts as that seq.
    fn advance(
        &self,
        user: UserId,
        device: DeviceId,
        moves: Vec<CursorMove>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Gives a session its device, in the order of all changes: what is stored later is pushed
    /// to it, what was stored earlier is found by `lagging`. Its effect is released before it is
    /// answered. A new device of a user who has as many as may be is refused with `LIMIT_REACHED`,
    /// a ticket of a device that is gone with `NOT_ALLOWED`.
    fn claim(&self, claim: Claim) -> impl Future<Output = Result<Claimed, StoreError>> + Send;

    /// Notes that a session of the user on that device has ended just now.
    fn release(
        &self,
        user: UserId,
        device: DeviceId,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The chats in which a device has not had everything that is durable, after `after` in order
    /// of chat id; at most `limit` of them.
    fn lagging(
        &self,
        user: UserId,
        device: DeviceId,
        after: Option<ChatId>,
        limit: usize,
    ) -> impl Future<Output = Result<LagPage, StoreError>> + Send;

    /// Reads stretches in turn until the limit is reached. A stretch not begun is not in the
    /// answer; one in a chat that is not the user's is `reached` at once with no entries.
    fn stretches(
        &self,
        user: UserId,
        stretches: Vec<Stretch>,
        limit: PageLimit,
    ) -> impl Future<Output = Result<Vec<Read>, StoreError>> + Send;

    /// A page of a chat's log, as far as the user may see it.
    fn history(
        &self,
        user: UserId,
        chat: ChatId,
        edge: Edge,
        limit: PageLimit,
    ) -> impl Future<Output = Result<Page<Logged>, StoreError>> + Send;

    /// The user's chats, after `after` in order of chat id, without those that the user is out of.
    fn chats(
        &self,
        user: UserId,
        device: DeviceId,
        after: Option<ChatId>,
        limit: usize,
    ) -> impl Future<Output = Result<Page<ChatView>, StoreError>> + Send;

    /// The user's chats, those with the newest entries first, without those that the user is out
    /// of.
    fn recent(
        &self,
        user: UserId,
        device: DeviceId,
        asked: RecentChats,
    ) -> impl Future<Output = Result<Page<ChatView>, StoreError>> + Send;

    /// One chat of the user's, also one that the user is out of.
    fn chat(
        &self,
        user: UserId,
        device: DeviceId,
        chat: ChatId,
    ) -> impl Future<Output = Result<ChatView, StoreError>> + Send;

    /// The members of a chat of the user's, after `after` in order of user id.
    fn members(
        &self,
        user: UserId,
        chat: ChatId,
        after: Option<UserId>,
        limit: usize,
    ) -> impl Future<Output = Result<Page<MemberView>, StoreError>> + Send;

    /// Does what a user asks for by a request; asking again after any error is safe.
    fn act(&self, user: UserId, act: Act)
    -> impl Future<Output = Result<Acted, StoreError>> + Send;

    /// What has changed of a user's own state behind a revision, in order of revision.
    fn own_changes(
        &self,
        user: UserId,
        after: u64,
        limit: PageLimit,
    ) -> impl Future<Output = Result<OwnPage, StoreError>> + Send;

    /// What the user may see of a group before it comes in.
    fn card(
        &self,
        user: UserId,
        chat: ChatId,
        proof: Option<JoinProof>,
    ) -> impl Future<Output = Result<GroupCard, StoreError>> + Send;

    /// The invitations to a group, for one who may let others in.
    fn invitations(
        &self,
        user: UserId,
        chat: ChatId,
    ) -> impl Future<Output = Result<Vec<Invitation>, StoreError>> + Send;

    /// Who asks to come into a group, after `after` in order of user id, for one who may let them
    /// in.
    fn join_requests(
        &self,
        user: UserId,
        chat: ChatId,
        after: Option<UserId>,
        limit: usize,
    ) -> impl Future<Output = Result<Page<JoinRequest>, StoreError>> + Send;
    /// The seqs of what is pinned in a chat, ascending, as far as the user may see it.
    fn pins(
        &self,
        user: UserId,
        chat: ChatId,
    ) -> impl Future<Output = Result<Vec<u64>, StoreError>> + Send;

    /// The entries of a thread behind `after`, as far as the user may see them.
    fn thread(
        &self,
        user: UserId,
        thread: Thread,
        limit: PageLimit,
    ) -> impl Future<Output = Result<Page<Logged>, StoreError>> + Send;

    /// A room that is open, for any user.
    fn room(
        &self,
        user: UserId,
        room: ChatId,
    ) -> impl Future<Output = Result<RoomView, StoreError>> + Send;

    /// What is kept of the presence of each of the users, in the order asked.
    fn profiles(
        &self,
        users: Vec<UserId>,
    ) -> impl Future<Output = Result<Vec<Profile>, StoreError>> + Send;

    /// How each of the users stands to `viewer`, in the order asked.
    fn relations(
        &self,
        viewer: UserId,
        users: Vec<UserId>,
    ) -> impl Future<Output = Result<Vec<Relation>, StoreError>> + Send;

    /// A user says other things of itself, to others than before.
    fn set_profile(
        &self,
        user: UserId,
        status: String,
        visible_to: Visibility,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// An account of the `password` authenticator.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// The Argon2id hash in PHC form, at most 256 bytes.
    pub hash: String,
    /// Counts the changes of the password: a ticket names the one that it was made under.
    pub generation: u64,
}

/// The accounts, kept beside the messages.
pub trait Accounts: Send + Sync + 'static {
    /// The account of a user, if there is one.
    fn account(
        &self,
        user: UserId,
    ) -> impl Future<Output = Result<Option<Account>, StoreError>> + Send;

    /// Makes an account (`new`: only if there is none, else it must be there), or gives it a new
    /// hash; its generation goes up by one.
    fn set_account(
        &self,
        user: UserId,
        hash: String,
        new: bool,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Removes an account; its entries and chats stay. The generation is remembered, so that an
    /// account made again does not take old tickets.
    fn remove_account(&self, user: UserId) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The users with an account, after `after` in order; at most `limit`.
    fn accounts(
        &self,
        after: Option<UserId>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<UserId>, StoreError>> + Send;

    /// A secret of the store's own, made at random when it was first opened, 32 bytes: tickets
    /// are signed with it.
    fn secret(&self) -> [u8; 32];
}
