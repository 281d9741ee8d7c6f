//! A session's place in the hub, and whose it is. Must never outlive its session: nothing may be
//! pushed to the dead.

use std::net::SocketAddr;
use std::sync::Arc;

use packetboat_proto::id::{DeviceId, UserId};

use crate::hub::mailbox::Mailbox;
use crate::session::house::House;
use crate::store::Store;

/// A session's place in the hub. It is given up even if the task panics: nothing may be pushed to
/// the dead.
pub(super) struct Place<S: Store> {
    pub(super) house: Arc<House<S>>,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) who: Who,
}

/// Whose connection it is.
pub(super) enum Who {
    /// Nobody's that is known yet: from there, if that is known.
    From(Option<SocketAddr>),
    /// As the hello has named them, whether or not they are let in.
    Named(UserId, DeviceId),
}

impl Who {
    pub(super) const fn peer(&self) -> Option<SocketAddr> {
        match self {
            Self::From(peer) => *peer,
            Self::Named(..) => None,
        }
    }
}

impl<S: Store> Place<S> {
    /// Gives it up.
    pub(super) fn leave(&self) {
        let user = match &self.who {
            Who::Named(user, _) => Some(user),
            Who::From(_) => None,
        };
        self.house.hub.leave(self.mailbox.session(), user);
    }
}

impl<S: Store> Drop for Place<S> {
    fn drop(&mut self) {
        self.leave();
    }
}
