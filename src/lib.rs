//! The Packetboat server: messages are accepted once stored, delivered once, and in order.
//!
//! Floors, lowest first: [`metrics`]; [`config`]; [`store`]; [`auth`], [`tls`]; [`control`]; [`hub`];
//! [`cli`]; [`user`], [`greeting`].

pub mod auth;
pub mod cli;
pub mod config;
pub mod control;
pub mod greeting;
pub mod hub;
pub mod metrics;
pub mod session;
pub mod store;
pub mod tls;
pub mod user;
