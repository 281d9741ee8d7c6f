//! What all sessions share: the store, the hub, the door, the rules. Must never hold anything of
//! one session.

use std::sync::Arc;

use packetboat_proto::id::SessionId;

use crate::auth::doorman::Doorman;
use crate::clock::Clock;
use crate::files::Files;
use crate::hub::Hub;
use crate::metrics::Metrics;
use crate::search::Search;
use crate::store::Store;

use super::port::Rules;

/// What all sessions share.
pub struct House<S: Store> {
    /// Where messages are kept.
    pub store: S,
    /// Where files are kept, if any are.
    pub files: Option<Arc<Files>>,
    /// What finds entries by their words, if anything does.
    pub search: Option<Arc<dyn Search>>,
    /// Who is connected.
    pub hub: Arc<Hub>,
    /// Who may come in.
    pub doorman: Doorman,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// What the operator has set.
    pub rules: Arc<Rules>,
    /// Bytes that may wait to be written to one socket before no more is taken for it. What was
    /// taken in one turn comes on top: a mailbox, a read of the log, an answer.
    pub out_bytes: usize,
    /// The clock.
    pub clock: Clock,
    /// Names a session.
    pub new_session: fn() -> SessionId,
}

/// A name that nobody can guess.
pub fn random_session() -> SessionId {
    let mut bytes = [0; packetboat_proto::limits::SESSION_ID_BYTES];
    getrandom::fill(&mut bytes).expect("the system has a source of random bytes");
    SessionId::from(bytes)
}
