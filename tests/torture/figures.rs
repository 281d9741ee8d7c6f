//! What a run came to. Must never decide anything.

use std::fmt;
use std::time::Duration;

use packetboat_proof::sailor::Counts;

/// What a run came to.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    pub epochs: u64,
    pub cycles: u64,
    /// Servers killed with -9 while they ran, while they drained, before they listened, and right
    /// after; and those that stopped in order.
    pub kills: u64,
    pub drain_kills: u64,
    pub start_kills: u64,
    pub listening_kills: u64,
    pub stops: u64,
    /// Connections cut, apps away, devices that came late.
    pub cuts: u64,
    pub aways: u64,
    pub lates: u64,
    /// Of all devices.
    pub counts: Counts,
    /// Chats that were judged, and those that could not be.
    pub chats: u64,
    pub unjudged: u64,
    /// The longest from a start to its first line, and to the next message accepted.
    pub slowest_start: Duration,
    pub slowest_accept: Duration,
    /// The longest until all had everything, at the end of an epoch.
    pub slowest_rest: Duration,
}

impl Figures {
    pub fn add(&mut self, counts: Counts) {
        let all = &mut self.counts;
        all.accepted += counts.accepted;
        all.rejected += counts.rejected;
        all.unknown += counts.unknown;
        all.delivered += counts.delivered;
        all.crashes += counts.crashes;
        all.replaced += counts.replaced;
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { epochs, cycles, kills, drain_kills, start_kills, listening_kills, .. } = self;
        write!(
            out,
            "{cycles} cycles in {epochs} epochs; kills: {kills} at work, {drain_kills} in a \
             drain, {start_kills} in a start, {listening_kills} right behind one; {} stops in \
             order; {} cuts, {} apps killed, {} away, {} replaced, {} late devices; ",
            self.stops,
            self.cuts,
            self.counts.crashes,
            self.aways,
            self.counts.replaced,
            self.lates
        )?;
        let Counts { accepted, rejected, unknown, delivered, .. } = self.counts;
        write!(
            out,
            "{accepted} sends accepted, {rejected} refused, {unknown} left open; {delivered} \
             entries handed over; {} chats judged, {} not; slowest start {} ms, next accepted \
             after {} ms, all at rest after {} ms",
            self.chats - self.unjudged,
            self.unjudged,
            self.slowest_start.as_millis(),
            self.slowest_accept.as_millis(),
            self.slowest_rest.as_millis()
        )
    }
}
