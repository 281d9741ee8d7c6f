//! The bodies of the fuzz targets: each takes any bytes, and panics with a sentence when a promise
//! is broken. `cargo test` replays them over the committed corpora and over mutations of these;
//! `cargo-fuzz/` hands the same functions to libFuzzer. Must never be a dependency of what is
//! shipped, nor hold a promise that is not checked.
//!
//! Floors, lowest first: [`choices`]; [`invent`]; one file for each body, and what it is compared
//! with beside it; [`targets`], [`mutation`].

#![allow(
    clippy::missing_panics_doc,
    reason = "a body panics when a promise is broken: that is what it is for"
)]

pub mod choices;
pub mod config;
pub mod flow;
pub mod frames;
pub mod invent;
pub mod ledger;
pub mod mutation;
pub mod packets;
pub mod round_trip;
pub mod store_codecs;
pub mod targets;
pub mod tokens;
