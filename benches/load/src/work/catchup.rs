//! One user with very many chats, who comes after something was said in each of them: until the
//! last of it is delivered, and until all of its chats are listed.

use std::time::{Duration, Instant};

use clap::{Args, value_parser};
use serde::Serialize;

use super::lanes::TEXT_BYTES;
use super::offline::store;
use crate::check::LaneCheck;
use crate::error::LoadError;
use crate::figure::{Outcome, float, ms};
use crate::fleet::{Fleet, Token};
use crate::ground::{Ground, in_time};
use crate::traffic::{GRACE, Lane, Route, Traffic};
use crate::usage::Meter;
use crate::wire::{Event, Login, To};

/// The user who comes.
const READER: u32 = 0;
/// The user who has said something in all chats.
const WRITER: u32 = 1;
/// Sends that each chat may have unanswered: the writer has very many of them.
const WINDOW: u32 = 1;
/// How long it may take to make the chats.
const GATHERING_MAX: Duration = Duration::from_mins(2);
/// How long storing may take.
const STORING_MAX: Duration = Duration::from_mins(2);

/// The settings of the work.
#[derive(Args, Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Catchup {
    /// Chats, each a group of the two
    #[arg(long, default_value_t = 1_000, value_parser = value_parser!(u32).range(1..=9_000))]
    pub chats: u32,
    /// Messages in each that the user has not had, beside that it was made a member
    #[arg(long, default_value_t = 1, value_parser = value_parser!(u32).range(1..=1_000))]
    pub entries: u32,
    /// Bytes of each text, 32 of them being its name and time
    #[arg(long, default_value_t = 200, value_parser = value_parser!(u32).range(TEXT_BYTES))]
    pub bytes: u32,
}

impl Catchup {
    /// Does it once.
    pub fn run(&self, ground: &mut Ground<'_>) -> Result<Outcome, LoadError> {
        ground.prepare(2)?;
        let mut fleet = ground.fleet(2)?;
        let writer = ground.open(&mut fleet, &[Login::of(WRITER)])?[0];
        self.gather(&mut fleet, writer)?;
        let mut traffic = Traffic::new(ground.clock, self.bytes, WINDOW);
        for chat in 0..self.chats {
            let route = Route::One(To::Group(chat));
            let lane = Lane::new(writer, route, LaneCheck::default(), self.entries.into());
            traffic.add(&fleet, lane)?;
        }
        store(&mut fleet, &mut traffic, STORING_MAX)?;

        let mut outcome = Outcome::default();
        let (meter, begun) = (Meter::start(ground.server().pid())?, Instant::now());
        let before = fleet.came();
        let reader = ground.open(&mut fleet, &[Login::of(READER)])?[0];
        outcome.add("welcome", "ms", ms(begun.elapsed()));
        traffic.settle(&mut fleet, GRACE, false)?;
        outcome.add("caught_up", "ms", ms(begun.elapsed()));
        outcome.add("caught_up_bytes", "B", float(fleet.came() - before));
        let used = meter.read()?;
        traffic.hear_out(&mut fleet, &[reader])?;
        self.list(&mut fleet, reader, &mut outcome)?;
        Ground::close(&mut fleet, &[reader, writer])?;

        used.put(&mut outcome, traffic.counts.delivered);
        outcome.faults.join(traffic.finish());
        Ok(outcome)
    }

    fn gather(&self, fleet: &mut Fleet, writer: Token) -> Result<(), LoadError> {
        let mut awaited = 0;
        for chat in 0..self.chats {
            let (wire, out) = fleet.put(writer);
            awaited += wire.gather(chat, &[READER], out);
        }
        Ground::await_done(fleet, awaited, GATHERING_MAX, "making the chats")
    }

    fn list(
        &self,
        fleet: &mut Fleet,
        reader: Token,
        outcome: &mut Outcome,
    ) -> Result<(), LoadError> {
        let (begun, before) = (Instant::now(), fleet.came());
        let (wire, out) = fleet.put(reader);
        wire.list_chats(out);
        let mut listed = None;
        while listed.is_none() {
            fleet.turn(GRACE, &mut |_, event| {
                if let Event::Chats { count } = event {
                    listed = Some(count);
                }
            })?;
            in_time(begun, GRACE, "the list of chats")?;
        }
        outcome.add("listed", "ms", ms(begun.elapsed()));
        outcome.add("listed_bytes", "B", float(fleet.came() - before));
        if listed != Some(self.chats) {
            let count = listed.unwrap_or_default();
            outcome.faults.add(|| format!("{count} of {} chats were listed", self.chats));
        }
        Ok(())
    }
}
