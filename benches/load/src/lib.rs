//! Load on a Packetboat server over loopback: figures for docs/BENCH.md.
//!
//! Floors, lowest first: [`clock`], [`histogram`], [`check`], [`error`]; [`figure`], [`wire`];
//! [`usage`], [`connection`], [`target`]; [`ground`], [`sender`]; [`receiver`]; [`work`]; [`args`],
//! [`report`]. Must never put load on another machine, nor show a figure of a run that was not
//! good.

pub mod args;
pub mod check;
pub mod clock;
pub mod connection;
pub mod error;
pub mod figure;
pub mod ground;
pub mod histogram;
pub mod receiver;
pub mod report;
pub mod sender;
pub mod target;
pub mod usage;
pub mod wire;
pub mod work;
