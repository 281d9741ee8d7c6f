//! Where a session is in its life (the diagram is in `flow`). Must never decide what comes next.

use packetboat_proto::packet::Hello;

/// Where a session is.
#[derive(Debug)]
pub(super) enum State {
    AwaitHello,
    Checking(Box<Hello>),
    Claiming,
    Open,
    Draining,
    Leaving,
    Closed,
}

impl State {
    /// Its name.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::AwaitHello => "AwaitHello",
            Self::Checking(_) => "Checking",
            Self::Claiming => "Claiming",
            Self::Open => "Open",
            Self::Draining => "Draining",
            Self::Leaving => "Leaving",
            Self::Closed => "Closed",
        }
    }
}
