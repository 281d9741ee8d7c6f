//! The connected sessions of one user. Must never know another user's.

use std::sync::Arc;

use packetboat_proto::id::ChatId;

use super::mailbox::Mailbox;
use super::policy::{Connected, DevicePolicy};

/// A connected session that has its device.
#[derive(Debug)]
pub(super) struct Seat {
    /// The how-manieth session it is.
    pub(super) came: u64,
    pub(super) mailbox: Arc<Mailbox>,
    /// What its device runs on.
    pub(super) platform: Box<str>,
    /// The groups of its user, and the rooms that it listens to.
    pub(super) groups: Vec<ChatId>,
    pub(super) away: bool,
}

impl Seat {
    /// Whether the two may not be connected at a time.
    pub(super) fn is_rival(&self, who: Connected<'_>, policy: DevicePolicy) -> bool {
        let platform = &self.platform;
        let parts = |device| policy.parts(Connected { device, platform }, who);
        self.mailbox.device().is_some_and(parts)
    }
}

/// The seats of a user: mostly one, which then takes no memory but its own.
#[derive(Debug)]
pub(super) enum Seats {
    One(Seat),
    Several(Vec<Seat>),
}

impl Seats {
    /// All of them.
    pub(super) fn all(&self) -> &[Seat] {
        match self {
            Self::One(seat) => std::slice::from_ref(seat),
            Self::Several(seats) => seats,
        }
    }

    /// All of them, to be changed.
    pub(super) fn all_mut(&mut self) -> &mut [Seat] {
        match self {
            Self::One(seat) => std::slice::from_mut(seat),
            Self::Several(seats) => seats,
        }
    }

    /// With one more.
    pub(super) fn with(self, seat: Seat) -> Self {
        match self {
            Self::One(other) => Self::Several(vec![other, seat]),
            Self::Several(mut seats) => {
                seats.push(seat);
                Self::Several(seats)
            }
        }
    }

    /// Without the first seat that is `gone`, which comes beside what is left.
    pub(super) fn without(self, gone: impl Fn(&Seat) -> bool) -> (Option<Self>, Option<Seat>) {
        match self {
            Self::One(seat) if gone(&seat) => (None, Some(seat)),
            Self::One(seat) => (Some(Self::One(seat)), None),
            Self::Several(mut seats) => {
                let seat = seats.iter().position(gone).map(|at| seats.remove(at));
                let left = match seats.len() {
                    0 | 1 => seats.pop().map(Self::One),
                    _ => Some(Self::Several(seats)),
                };
                (left, seat)
            }
        }
    }
}
