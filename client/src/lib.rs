//! A client for Packetboat: it stays connected, sends each message until the server has it, and
//! hands over each entry once.
//!
//! ```no_run
//! use packetboat_client::{ChatId, Client, Config, Content, Credential, Event, UserId};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let (alice, bob) = (UserId::new("alice")?, UserId::new("bob")?);
//! let chat = ChatId::direct(&alice, &bob);
//! let config = Config::new("127.0.0.1:7582", alice, "laptop".parse()?, Credential::Open);
//! let (client, mut events) = Client::start(config)?;
//!
//! let accepted = client.send(&chat, &Content::text("Ahoy!")).await?.await?;
//! println!("stored as {} of {chat}", accepted.seq);
//!
//! while let Some(event) = events.next().await {
//!     if let Event::Entry(entry) = event {
//!         println!("{} wrote {:?}", entry.sender, Content::decode(&entry.content, usize::MAX)?);
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What it promises
//!
//! - **A send ends.** [`Sending`] resolves once the server has stored the message, has refused it
//!   for good, or the client was closed. Until then the outbox sends it again, with the same
//!   message id, over as many connections as it takes; the server stores it once.
//! - **An entry is handed over once** by one [`Events`], however often it is delivered, and in the
//!   order of its chat's log.
//! - **Across restarts of the app** it is once as well, if the app says how far it came: with
//!   [`AckMode::Manual`], store what an entry means together with its `(chat, seq)`, then call
//!   [`Client::ack`]; at the next start put the stored seqs into [`Config::cursors`]. With
//!   [`AckMode::Auto`] an entry that the app had taken, but not finished with, may come again.
//! - **A log that is younger than the app's** (the server came back from a backup) is told as
//!   [`Event::LogReset`]; from there on its chat starts over.
//! - **Own entries** that a [`Sending`] of this process reported as accepted are not handed over.
//!   Those that other devices of the user sent are, and those whose process ended before it could
//!   acknowledge them.
//! - **Order**: sends of one client to one chat are stored in the order in which they were given
//!   to it. See [`Config::strict_order`] for the two exceptions.
//!
//! # How it is built
//!
//! `flow` is pure (time is an argument) and owns the pure parts: `outbox`, `inbox`, `asks`,
//! `heartbeat` and `reconnect`. `driver` is one task that joins it to a socket, `handover` is the
//! bounded queue between that task and the app. This crate must never block a thread, hold an
//! unbounded queue, or report as accepted what the server has not said it stored.

mod asks;
mod change;
mod client;
mod command;
mod config;
mod connect;
mod contact;
mod device;
mod draft;
mod driver;
mod error;
mod event;
mod file;
mod flow;
mod group;
mod handover;
mod heartbeat;
mod inbox;
mod invite;
mod keys;
mod lane;
mod link;
mod outbox;
mod own;
mod position;
mod presence;
mod random;
mod receipt;
mod reconnect;
mod room;
mod room_event;
mod rooms;
mod schedule;
mod search;
mod sending;
pub mod timeline;
mod turns;

pub use packetboat_proto as proto;
pub use packetboat_proto::content::{
    Alteration, Body, Content, Context, Erasure, FileHash, FileSent, Forwarded, GroupChange,
    GroupRules, JoinProof, JoinRule, Origin, RoomChange,
};
pub use packetboat_proto::entry::Entry;
pub use packetboat_proto::id::{ChatId, ClaimId, DeviceId, FileId, InviteId, MessageId, UserId};
pub use packetboat_proto::packet::{
    Block, ChatDraft, ChatState, Contact, ContactState, CursorMoved, DeviceKeys, DeviceState, Edge,
    FileState, FilesPage, GroupCard, Invitation, InviteKey, JoinNews, JoinRequest, JoinState,
    JoinWay, KeyBundle, KeysNews, KeysState, Limits, Marks, Member, Notice, OneTimeKey, Presence,
    PublishKeys, Readers, ReceiptCounts, ReceiptRule, ReceiptState, ReceiptStep, Rejected, Role,
    RoomCount, RoomState, ScheduledMessage, ScheduledName, SearchPlace, SetContact, SetMarks,
    Signal, SignalKind, Start, Verdict, Visibility, Welcome,
};
pub use packetboat_proto::seqs::{SeqRange, SeqSet};

pub use crate::client::{Client, Page};
pub use crate::config::{AckMode, BackoffConfig, Config, Credential, Roots, TlsConfig};
pub use crate::connect::{Dial, Transport};
pub use crate::contact::People;
pub use crate::error::{ConfigError, RequestError, SendError, SignalError};
pub use crate::event::{Ending, Event, Lost, Status};
pub use crate::file::{FileError, Upload};
pub use crate::handover::Events;
pub use crate::invite::{EnterError, Entered, InviteLink, LinkError, prove};
pub use crate::keys::new_claim;
pub use crate::own::{OwnChat, OwnState};
pub use crate::room_event::RoomEvent;
pub use crate::search::Found;
pub use crate::sending::{Accepted, Sending};
pub use crate::timeline::Timeline;
