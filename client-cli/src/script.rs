//! The commands for scripts, each in a file of its noun. Must never draw on a terminal.

pub(crate) mod change;
pub(crate) mod chats;
pub(crate) mod contact;
pub(crate) mod device;
pub(crate) mod file;
pub(crate) mod follow;
pub(crate) mod group;
pub(crate) mod history;
pub(crate) mod joining;
pub(crate) mod keys;
mod lines;
pub(crate) mod own;
pub(crate) mod picture;
pub(crate) mod ping;
pub(crate) mod presence;
pub(crate) mod receipt;
pub(crate) mod recv;
pub(crate) mod room;
pub(crate) mod schedule;
pub(crate) mod search;
pub(crate) mod send;
