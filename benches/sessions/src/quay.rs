//! A server without sockets: the hub, the store over memory, the door and the rules as the binary
//! has them by default. Must never set a rule that the binary would not.

use std::sync::Arc;

use packetboat::auth::doorman::Doorman;
use packetboat::auth::open::Open;
use packetboat::clock::{Clock, wall_ms};
use packetboat::config::settings::Config;
use packetboat::hub::mailbox::MailboxLimits;
use packetboat::hub::{Hub, HubOutlet};
use packetboat::metrics::Metrics;
use packetboat::server::rules;
use packetboat::session::house::{House, random_session};
use packetboat::store::embedded::{EmbeddedStore, Settings};
use packetboat::store::memory::MemoryBackend;
use packetboat::store::opening::OpenError;

/// Signs the tickets.
const SECRET: [u8; 32] = [7; 32];

/// What all sessions share.
pub fn house() -> Result<Arc<House<EmbeddedStore>>, OpenError> {
    let config = Config::default();
    let metrics = Arc::new(Metrics::default());
    let limits = MailboxLimits {
        entries: config.limits.mailbox_entries,
        bytes: config.limits.mailbox_bytes,
    };
    let hub = Arc::new(Hub::new(limits, Arc::clone(&metrics)));
    let outlet = HubOutlet(Arc::clone(&hub));
    let backend = MemoryBackend::default();
    let store = EmbeddedStore::open(backend, Settings::default(), Arc::new(wall_ms), outlet)?;
    Ok(Arc::new(House {
        rules: Arc::new(rules(&config.limits, &config.drain, store.body_max())),
        store,
        hub,
        doorman: Doorman::new(Box::new(Open), &SECRET, config.auth.ticket_ms),
        metrics,
        out_bytes: config.limits.out_buffer_bytes,
        clock: Clock::start(),
        new_session: random_session,
    }))
}
