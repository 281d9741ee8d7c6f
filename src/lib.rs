//! The Packetboat server: messages are accepted once stored, delivered once, and in order.
//!
//! Floors, lowest first: [`metrics`]; [`config`]; [`store`]; [`auth`]; [`hub`].

pub mod auth;
pub mod config;
#[cfg(unix)]
pub mod control;
pub mod hub;
pub mod metrics;
pub mod session;
pub mod store;
pub mod tls;
