//! What a history can break, each with what is needed to find the place in it, and the bounded
//! list of what was found. Must never judge.

use std::collections::HashMap;
use std::mem::{Discriminant, discriminant};

use packetboat_proto::code::RejectCode;
use packetboat_proto::id::{ChatId, MessageId, UserId};
use thiserror::Error;

use crate::history::{Device, SendNumber};

/// Violations of one kind that are kept; the others are only counted.
pub const KEPT_PER_KIND_MAX: usize = 16;

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[expect(missing_docs, reason = "a field is what the variant's sentence says of it")]
pub enum Violation {
    /// What a device is owed did not come.
    #[error("{chat}: the entry at seq {seq} was never delivered to {device}")]
    Missing { chat: ChatId, seq: u64, device: Device },
    /// What was accepted is in no log.
    #[error("{chat}: send {} was accepted at seq {seq}, which no log has", send.0)]
    AcceptedLost { chat: ChatId, seq: u64, send: SendNumber },
    /// What was delivered, without its sender being told, is in no log.
    #[error("{chat}: the entry at seq {seq} was delivered to {device}, and no log has it")]
    DeliveredLost { chat: ChatId, seq: u64, device: Device },
    /// A device that starts at what is new was given what is not.
    #[error("{chat}: {device} starts at what is new, and was given the old seq {seq}")]
    Old { chat: ChatId, seq: u64, device: Device },
    /// Nobody had sent it when it was seen.
    #[error("{chat}: {by} saw at seq {seq} the message {id} of {sender}, who had not sent it")]
    Invented { chat: ChatId, seq: u64, sender: UserId, id: MessageId, by: String },
    /// A device was given one seq twice.
    #[error("{chat}: seq {seq} was delivered to {device} twice")]
    Twice { chat: ChatId, seq: u64, device: Device },
    /// A device was given one message at two seqs.
    #[error("{chat}: the message {id} was delivered to {device} at seq {seq} and at seq {again}")]
    TwiceById { chat: ChatId, seq: u64, again: u64, id: MessageId, device: Device },
    /// It is not what was sent.
    #[error("{chat}: {by} saw at seq {seq} a content that {sender} never sent as {id}")]
    Changed { chat: ChatId, seq: u64, sender: UserId, id: MessageId, by: String },
    /// Two saw one entry differently.
    #[error("{chat}: {by} saw another entry at seq {seq} than was seen before, though of one id")]
    Disagree { chat: ChatId, seq: u64, by: String },
    /// A send was accepted under an id that had stood for another content.
    #[error("{chat}: send {} was accepted at seq {seq}, where other content stands", send.0)]
    Conflict { chat: ChatId, seq: u64, send: SendNumber },
    /// A device was given a chat's entries out of order.
    #[error("{chat}: seq {seq} was delivered to {device} after seq {after}")]
    Order { chat: ChatId, seq: u64, after: u64, device: Device },
    /// A log was read out of order.
    #[error("{chat}: {reader} read seq {seq} after seq {after}")]
    LogOrder { chat: ChatId, seq: u64, after: u64, reader: UserId },
    /// A log has a hole, or ends before others do.
    #[error("{chat}: the log that {reader} read has no seq {seq}")]
    Gap { chat: ChatId, seq: u64, reader: UserId },
    /// A user could read nothing at all of a log that has something for it.
    #[error("{chat}: {reader} read no log, though seq {seq} is there for it")]
    Unread { chat: ChatId, seq: u64, reader: UserId },
    /// One seq for two messages.
    #[error("{chat}: seq {seq} is that of {id} of {sender}, and {by} saw {other} of {rival} there")]
    ReusedSeq {
        chat: ChatId,
        seq: u64,
        sender: UserId,
        id: MessageId,
        rival: UserId,
        other: MessageId,
        by: String,
    },
    /// Two seqs for one message.
    #[error("{chat}: {id} of {sender} is at seq {seq}, and {by} saw it at seq {again}")]
    SecondSeq { chat: ChatId, seq: u64, again: u64, sender: UserId, id: MessageId, by: String },
    /// What was there before a send began stands behind it.
    #[error(
        "{chat}: send {} is at seq {seq}, though seq {known} was known before it began",
        send.0
    )]
    RealTime { chat: ChatId, seq: u64, known: u64, send: SendNumber },
    /// What was said is gone, and nobody recalled it.
    #[error("{chat}: {by} saw at seq {seq} that it was recalled, and it was not")]
    NotRecalled { chat: ChatId, seq: u64, by: String },
    /// What was recalled is there still.
    #[error("{chat}: seq {seq} was recalled, and {reader} read what it said")]
    StillSaid { chat: ChatId, seq: u64, reader: UserId },
    /// What was said is gone as what has expired is, and it had no time.
    #[error("{chat}: {by} saw at seq {seq} that its time was over, and it had none")]
    NotExpired { chat: ChatId, seq: u64, by: String },
    /// What had a time is there still.
    #[error("{chat}: the time of seq {seq} was over, and {reader} read what it said")]
    Outlived { chat: ChatId, seq: u64, reader: UserId },
    /// A user saw what is not for it.
    #[error("{chat}: {by} was given seq {seq}, at which {user} was not a member")]
    NotAMember { chat: ChatId, seq: u64, user: UserId, by: String },
    /// A user wrote where it must not.
    #[error("{chat}: {sender} was not a member at seq {seq}, and wrote it")]
    Outsider { chat: ChatId, seq: u64, sender: UserId },
    /// One of the two was blocked by the other, and yet it stands.
    #[error("{chat}: {sender} wrote seq {seq} to {other}, while one had blocked the other")]
    Barred { chat: ChatId, seq: u64, sender: UserId, other: UserId },
    /// Contacts alone write to each other, and they never wanted to be.
    #[error("{chat}: {sender} wrote seq {seq} to {other}, and they are no contacts")]
    Stranger { chat: ChatId, seq: u64, sender: UserId, other: UserId },
    /// Somebody came into a group whom nothing let in.
    #[error("{chat}: {user} came in at seq {seq}, and {why}")]
    Trespass { chat: ChatId, seq: u64, user: UserId, why: &'static str },
    /// It is said to be forwarded from where it was not said.
    #[error("{chat}: {sender} forwarded at seq {seq} what was not said there, or not to it")]
    FalseOrigin { chat: ChatId, seq: u64, sender: UserId },
    /// A device's sends overtook each other.
    #[error(
        "{chat}: {device} began send {} before send {}, and they are at seq {seq} and {overtook}",
        first.0, second.0
    )]
    SenderOrder {
        chat: ChatId,
        device: Device,
        first: SendNumber,
        second: SendNumber,
        seq: u64,
        overtook: u64,
    },
    /// A sender was told nothing.
    #[error("{chat}: send {} of {device} has no outcome", send.0)]
    Unfinished { chat: ChatId, send: SendNumber, device: Device },
    /// A sender was told no, and it was stored.
    #[error("{chat}: send {} was rejected, and stands at seq {seq}", send.0)]
    RejectedButStored { chat: ChatId, seq: u64, send: SendNumber },
    /// A sender was told that its id stands for other content, and it does not.
    #[error("{chat}: send {} was refused for other content under its id: none stands", send.0)]
    FalseConflict { chat: ChatId, send: SendNumber },
    /// A sender was told that its own direct chat is not there.
    #[error("{chat}: send {} of {device} was told that there is no such chat", send.0)]
    FalseRefusal { chat: ChatId, send: SendNumber, device: Device },
    /// A sender was told that it may not write to somebody, and nothing was in its way.
    #[error("{chat}: send {} of {device} was refused with {code:?}, and nothing bars it", send.0)]
    FalseBar { chat: ChatId, send: SendNumber, device: Device, code: RejectCode },
    /// The history itself makes no sense.
    #[error("send {} {how}", send.0)]
    Muddled { send: SendNumber, how: &'static str },
}

/// What was found, some of each kind.
#[derive(Debug, Default)]
pub(super) struct Found {
    kept: Vec<Violation>,
    of_kind: HashMap<Discriminant<Violation>, usize>,
    total: u64,
}

impl Found {
    pub(super) fn add(&mut self, violation: Violation) {
        self.total += 1;
        let of_kind = self.of_kind.entry(discriminant(&violation)).or_default();
        *of_kind += 1;
        if *of_kind <= KEPT_PER_KIND_MAX {
            self.kept.push(violation);
        }
    }

    pub(super) fn total(&self) -> u64 {
        self.total
    }

    pub(super) fn into_kept(self) -> Vec<Violation> {
        self.kept
    }
}
