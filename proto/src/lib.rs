//! The Packetboat wire protocol, version 1: what both sides of a connection agree on.
//!
//! Floors, lowest first: [`limits`], [`id`], [`time`], [`seqs`] and [`code`]; [`schema`]
//! (generated); [`unfold`], [`frame`]; [`content`], [`entry`]; [`packet`]; [`codec`]. `SPEC.md`
//! beside this crate is normative. This crate must never open a socket, read a clock or start a
//! task.

pub mod code;
pub mod codec;
pub mod content;
pub mod entry;
mod field;
pub mod frame;
pub mod id;
pub mod limits;
pub mod packet;
pub mod planted;
pub mod seen;
pub mod seqs;
pub mod time;
pub mod unfold;

/// The generated protobuf messages. Decode them through [`packet`], which validates.
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::pedantic,
    clippy::derive_partial_eq_without_eq,
    reason = "generated from packetboat/v1/packetboat.proto, where the comments are"
)]
pub mod schema {
    include!(concat!(env!("OUT_DIR"), "/packetboat.v1.rs"));
}
