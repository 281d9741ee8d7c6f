//! Drives a server: one file for each chapter of checks, one connection after the other. Must
//! never leave a user's name to be met again: each run has its own.

pub mod bed;

mod acks;
mod bodies;
mod changes;
mod codes;
mod connection;
mod contacts;
mod contents;
mod delivery;
mod devices;
mod evolution;
mod expiring;
mod files;
mod frames;
mod groups;
mod handshake;
mod hints;
mod ids;
mod joining;
mod keys;
mod messages;
mod own;
mod peer;
mod presence;
mod promises;
mod questions;
mod receipts;
mod rights;
mod rooms;
mod scheduled;
mod search;
mod states;
mod timers;

use crate::check::Check;

use self::bed::Bed;

/// Every check of a server, in the order of SPEC.md.
pub fn checks() -> Vec<Check<Bed>> {
    let chapters = [
        promises::CHECKS,
        connection::CHECKS,
        ids::CHECKS,
        frames::CHECKS,
        bodies::CHECKS,
        handshake::CHECKS,
        messages::CHECKS,
        delivery::CHECKS,
        acks::CHECKS,
        hints::CHECKS,
        questions::CHECKS,
        receipts::CHECKS,
        files::CHECKS,
        contents::CHECKS,
        groups::CHECKS,
        rights::CHECKS,
        joining::CHECKS,
        keys::CHECKS,
        changes::CHECKS,
        rooms::CHECKS,
        scheduled::CHECKS,
        search::CHECKS,
        presence::CHECKS,
        devices::CHECKS,
        contacts::CHECKS,
        own::CHECKS,
        states::CHECKS,
        codes::CHECKS,
        timers::CHECKS,
        evolution::CHECKS,
        expiring::CHECKS,
    ];
    chapters.concat()
}
