//! Pairs of a sender and a receiver, each with a user and a connection of its own, as several
//! works need them. Must never know which work it is.

use std::ops::RangeInclusive;

use packetboat_proto::limits::SENDS_HIGHEST;

use crate::check::LaneCheck;
use crate::error::LoadError;
use crate::fleet::{Fleet, Token};
use crate::ground::Ground;
use crate::stamp::STAMP_BYTES;
use crate::traffic::{Lane, Route, Traffic};
use crate::wire::{Login, To};

/// Pairs that there may be.
pub(super) const PAIRS: RangeInclusive<i64> = 1..=4_000;
/// Sends that a sender may keep unanswered.
pub(super) const WINDOW: RangeInclusive<i64> = 1..=SENDS_HIGHEST as i64;
/// Bytes that a text may have: at least its stamp.
pub(super) const TEXT_BYTES: RangeInclusive<i64> = 32..=60_000;

const _: () = assert!(STAMP_BYTES == 32, "the shortest text is a stamp");

/// So many pairs. Senders are the users from 0 on, receivers those behind them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lanes {
    pub(super) count: u32,
    pub(super) window: u32,
    pub(super) bytes: u32,
    /// Each sender sends so many.
    pub(super) goal: u64,
}

impl Lanes {
    /// The same, so that all together send at least so many.
    pub(super) const fn sharing(mut self, messages: u64) -> Self {
        self.goal = messages.div_ceil(self.count as u64);
        self
    }

    /// The receivers, as users.
    pub(super) fn receivers(self) -> impl Iterator<Item = u32> {
        self.count..2 * self.count
    }

    /// Connections for senders and receivers, none open yet.
    pub(super) fn fleet(self, ground: &Ground<'_>) -> Result<Fleet, LoadError> {
        ground.prepare(2 * self.count)?;
        ground.fleet(2 * u64::from(self.count))
    }

    /// Opens the connections of the receivers.
    pub(super) fn open_receivers(
        self,
        ground: &Ground<'_>,
        fleet: &mut Fleet,
    ) -> Result<Vec<Token>, LoadError> {
        let logins: Vec<Login> = self.receivers().map(Login::of).collect();
        ground.open(fleet, &logins)
    }

    /// Opens the connections of the senders, and their lanes.
    pub(super) fn open_senders(
        self,
        ground: &Ground<'_>,
        fleet: &mut Fleet,
        check: &LaneCheck,
    ) -> Result<(Traffic, Vec<Token>), LoadError> {
        let logins: Vec<Login> = (0..self.count).map(Login::of).collect();
        let senders = ground.open(fleet, &logins)?;
        let mut traffic = Traffic::new(ground.clock, self.bytes, self.window);
        for (sender, receiver) in senders.iter().zip(self.receivers()) {
            let route = Route::One(To::User(receiver));
            traffic.add(fleet, Lane::new(*sender, route, check.clone(), self.goal))?;
        }
        Ok((traffic, senders))
    }
}
