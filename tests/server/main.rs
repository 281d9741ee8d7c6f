//! A whole server on its embedded store, over real sockets, spoken to in raw packets. Every port
//! is 0, every folder temporary, and nothing sleeps to wait for something.

#![allow(unreachable_pub, clippy::unwrap_used, reason = "a test crate has no outside")]

mod bad_input;
mod changes;
mod checking;
mod contacts;
mod credentials;
mod delivery;
mod devices;
mod expiring;
mod files;
mod groups;
mod house;
mod keys;
mod messages;
mod own;
mod peer;
mod places;
mod presence;
mod questions;
mod receipts;
mod rooms;
mod saving;
mod scheduled;
mod search;
#[cfg(feature = "search")]
mod search_erased;
#[cfg(feature = "search")]
mod search_kills;
mod stats;
mod stopping;
