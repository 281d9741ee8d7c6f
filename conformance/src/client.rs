//! Drives a client: plays a server toward whatever connects, one file for each chapter of checks.
//! Must never do what a server may not do where that is not what a check is about.

pub mod harbor;

mod app;
mod bodies;
mod connection;
mod frames;
mod guest;
mod handshake;
mod receiving;
mod returning;
mod sending;
mod stage;
mod states;
mod timers;

use crate::check::Check;

use self::harbor::Harbor;

/// Every check of a client, in the order of SPEC.md.
pub fn checks() -> Vec<Check<Harbor>> {
    let chapters = [
        connection::CHECKS,
        frames::CHECKS,
        bodies::CHECKS,
        handshake::CHECKS,
        states::CHECKS,
        timers::CHECKS,
        sending::CHECKS,
        receiving::CHECKS,
        returning::CHECKS,
    ];
    chapters.concat()
}
