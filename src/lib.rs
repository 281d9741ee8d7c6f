//! The Packetboat server: messages are accepted once stored, delivered once, and in order.
//!
//! Floors, lowest first: [`metrics`], [`clock`], `calendar`, [`complaint`], [`places`]; [`store`];
//! [`hub`]; [`config`]; [`search`]; [`auth`], [`tls`]; [`session`]; [`listener`]; [`control`];
//! [`server`]; [`cli`], [`user`], `stats`, [`greeting`].

pub mod auth;
mod calendar;
pub mod cli;
pub mod clock;
pub mod complaint;
pub mod config;
pub mod control;
pub mod devices;
pub mod files;
pub mod greeting;
pub mod hub;
pub mod listener;
pub mod metrics;
pub mod places;
pub mod search;
pub mod server;
pub mod session;
#[cfg(unix)]
pub mod stats;
pub mod store;
pub mod timekeeper;
pub mod tls;
pub mod user;
