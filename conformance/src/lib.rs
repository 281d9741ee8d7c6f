//! Drives a server, or a client, of the Packetboat protocol through SPEC.md, clause by clause.
//!
//! Floors, lowest first: [`outcome`]; [`wire`], [`vectors`], [`clauses`], [`trust`]; `stream`;
//! [`check`]; then [`server`] and [`client`], each with one file for each chapter of checks;
//! [`report`]. This crate must never wait without a bound, nor ask of a peer what no sentence of
//! SPEC.md asks.

pub mod check;
pub mod clauses;
pub mod client;
pub mod outcome;
pub mod report;
pub mod server;
mod stream;
pub mod trust;
pub mod vectors;
pub mod wire;
