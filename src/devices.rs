//! Forgets devices that were not seen for long, and removes what is left of those that are gone.
//! Must never forget one that is connected: the store, which has the order of all claims, is asked
//! last. (One that connects as the wall's clock goes back by that time is told so by the store.)

use std::sync::Arc;
use std::time::Duration;

use packetboat_proto::id::{DeviceId, UserId};
use packetboat_proto::planted::{self, Bug};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::clock::Clock;
use crate::hub::Hub;
use crate::store::StoreError;
use crate::store::device::{DeviceBook, UnseenDevice};

/// How often it looks at some of the devices.
pub const LOOK_EVERY: Duration = Duration::from_mins(1);

/// Looks at all devices, again and again, some at a time.
pub struct Keeper<B> {
    hub: Arc<Hub>,
    book: B,
    forget_ms: u64,
    after: Option<(UserId, DeviceId)>,
}

impl<B: DeviceBook> Keeper<B> {
    /// Of devices that are to be forgotten when they were not seen for so long.
    pub fn new(hub: Arc<Hub>, book: B, forget_ms: u64) -> Self {
        Self { hub, book, forget_ms, after: None }
    }

    /// One step: looks at the next devices, and removes some of what is left of those that are
    /// gone. Whether there may be more of that.
    pub async fn step(&mut self, now_ms: u64) -> Result<bool, StoreError> {
        // Those that are connected are noted again by half of the time, so that after a crash of
        // the server they are not forgotten before they are back.
        let half_ms = now_ms.saturating_sub(self.forget_ms / 2);
        let before_ms = now_ms.saturating_sub(self.forget_ms);
        let before_ms = if planted::is(Bug::ForgottenTooSoon) { half_ms } else { before_ms };
        let unseen = self.book.devices_unseen(half_ms, self.after.take()).await?;
        for UnseenDevice { user, device, last_seen_ms } in unseen.devices {
            if self.hub.has_device(&user, &device) {
                self.book.device_seen(user, device).await?;
            } else if last_seen_ms < before_ms
                && self.book.device_forget(user, device, before_ms).await?
            {
                self.hub.metrics().devices_forgotten.one();
            }
        }
        self.after = unseen.next;
        self.book.devices_clear().await
    }
}

/// Goes on until it is told to stop.
pub async fn run<B: DeviceBook>(mut keeper: Keeper<B>, clock: Clock, stop: CancellationToken) {
    let keeping = async {
        loop {
            match keeper.step(clock.wall_ms()).await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => warn!(%error, "devices are not looked at for now"),
            }
            sleep(LOOK_EVERY).await;
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = keeping => {}
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use packetboat_proto::id::SessionId;

    use super::*;
    use crate::hub::HubOutlet;
    use crate::hub::mailbox::MailboxLimits;
    use crate::store::embedded::{EmbeddedStore, Settings};
    use crate::store::memory::MemoryBackend;
    use crate::store::{Claim, Start, Store};

    const FORGET_MS: u64 = 1_000_000;

    fn ann() -> UserId {
        UserId::new("ann").unwrap()
    }

    fn device(id: &str) -> DeviceId {
        DeviceId::new(id).unwrap()
    }

    struct Desk {
        hub: Arc<Hub>,
        store: EmbeddedStore,
        clock: Arc<AtomicU64>,
        keeper: Keeper<EmbeddedStore>,
    }

    fn desk() -> Desk {
        let limits = MailboxLimits { entries: 4, bytes: 1_000 };
        let hub = Arc::new(Hub::new(limits, Arc::default()));
        let clock = Arc::new(AtomicU64::new(1));
        let told = Arc::clone(&clock);
        let clock_of_store = Arc::new(move || told.load(Ordering::SeqCst));
        let (backend, outlet) = (MemoryBackend::default(), HubOutlet(Arc::clone(&hub)));
        let settings = Settings::default();
        let store = EmbeddedStore::open(backend, settings, clock_of_store, outlet).unwrap();
        let keeper = Keeper::new(Arc::clone(&hub), store.clone(), FORGET_MS);
        Desk { hub, store, clock, keeper }
    }

    impl Desk {
        async fn connect(&self, on: &str) -> SessionId {
            let mut bytes = [0; 16];
            bytes[..on.len()].copy_from_slice(on.as_bytes());
            let session = SessionId::from(bytes);
            self.hub.enter(session);
            let claim = Claim::new(ann(), device(on), session, Start::Newest);
            Store::claim(&self.store, claim).await.unwrap();
            session
        }

        async fn known(&self) -> Vec<String> {
            let page = self.store.devices(ann(), None, 9).await.unwrap();
            page.items.into_iter().map(|known| known.device.to_string()).collect()
        }

        async fn tend(&mut self, now_ms: u64) {
            self.clock.store(now_ms, Ordering::SeqCst);
            while self.keeper.step(now_ms).await.unwrap() {}
        }
    }

    #[tokio::test]
    async fn who_is_gone_for_long_is_forgotten_and_who_is_there_is_not() {
        let mut desk = desk();
        let gone = desk.connect("gone").await;
        desk.connect("there").await;
        desk.hub.leave(gone, Some(&ann()));
        desk.tend(FORGET_MS / 2).await;
        assert_eq!(desk.known().await, ["gone", "there"]);
        desk.tend(FORGET_MS + 2).await;
        assert_eq!(desk.known().await, ["there"]);
        assert_eq!(desk.hub.metrics().devices_forgotten.get(), 1);
    }

    #[tokio::test]
    async fn who_was_there_all_the_time_is_not_forgotten_after_a_crash() {
        let mut desk = desk();
        let session = desk.connect("phone").await;
        for now_ms in (1..=9).map(|step| step * FORGET_MS / 3) {
            desk.tend(now_ms).await;
        }
        // The end of the session is noted nowhere, as in a crash.
        desk.hub.leave(session, Some(&ann()));
        desk.tend(3 * FORGET_MS + FORGET_MS / 4).await;
        assert_eq!(desk.known().await, ["phone"]);
        desk.tend(5 * FORGET_MS).await;
        assert!(desk.known().await.is_empty());
    }
}
