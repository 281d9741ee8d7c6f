//! The wiring of search: an index if the settings want one and this build has it. Must never keep a
//! server from starting, nor from stopping, nor leave an index behind that is not kept on with.

#[cfg(feature = "search")]
pub(super) use self::with::Searching;
#[cfg(not(feature = "search"))]
pub(super) use self::without::Searching;

use tracing::{info, warn};

use crate::config::settings::Config;
use crate::search;

/// Removes an index of a life before.
fn forget(config: &Config) {
    match search::forget(&config.store.data) {
        Ok(false) => {}
        Ok(true) => {
            info!("the index of search is removed: there is no search that goes on with it");
        }
        Err(error) => {
            warn!(%error, "search/ is left: if it is an index, it has words of what was recalled");
        }
    }
}

#[cfg(feature = "search")]
mod with {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::task::spawn_blocking;
    use tokio::time::timeout;
    use tracing::warn;

    use crate::config::settings::Config;
    use crate::metrics::Metrics;
    use crate::search::Search;
    use crate::search::finder::Finder;
    use crate::search::hints::{Hints, Noting};
    use crate::search::indexer::Indexer;
    use crate::store::Outlet;
    use crate::store::embedded::EmbeddedStore;

    /// How long the index may take to end what it is at: what it has not committed is read again.
    const STOP_TIME_MAX: Duration = Duration::from_secs(10);

    /// What search is made of.
    #[derive(Default)]
    pub(in crate::server) struct Searching {
        hints: Option<Arc<Hints>>,
        indexer: Option<Indexer>,
    }

    impl Searching {
        pub(in crate::server) fn prepare(config: &Config, metrics: &Arc<Metrics>) -> Self {
            let hints = config.search.on.then(|| Arc::new(Hints::new(Arc::clone(metrics))));
            Self { hints, indexer: None }
        }

        /// The outlet, noting what has grown.
        pub(in crate::server) fn noting<O: Outlet>(&self, outlet: O) -> Noting<O> {
            Noting { outlet, hints: self.hints.clone() }
        }

        pub(in crate::server) fn start(
            &mut self,
            store: &EmbeddedStore,
            config: &Config,
            metrics: &Arc<Metrics>,
        ) -> Option<Arc<dyn Search>> {
            let Some(hints) = &self.hints else {
                super::forget(config);
                return None;
            };
            let erase_after = Duration::from_millis(config.store.erase_ms);
            let (place, metrics) = ((&*config.store.data, erase_after), Arc::clone(metrics));
            match Indexer::start(store.clone(), place, Arc::clone(hints), metrics) {
                Ok(indexer) => {
                    let finder = Finder::new(store.clone(), indexer.shared());
                    self.indexer = Some(indexer);
                    Some(Arc::new(finder))
                }
                Err(error) => {
                    warn!(%error, "there is no thread for the index: there is no search");
                    None
                }
            }
        }

        /// What waits for the index, if there is one.
        pub(in crate::server) fn hints(&self) -> Option<Arc<Hints>> {
            self.hints.clone()
        }

        pub(in crate::server) async fn stop(&mut self) {
            let Some(indexer) = self.indexer.take() else { return };
            let stopping = spawn_blocking(move || indexer.stop());
            if timeout(STOP_TIME_MAX, stopping).await.is_err() {
                warn!("the index did not end in time; it goes on from its last commit next time");
            }
        }
    }
}

#[cfg(not(feature = "search"))]
#[allow(
    clippy::unused_self,
    clippy::unused_async,
    reason = "it is called as that with the feature"
)]
mod without {
    use std::sync::Arc;

    use tracing::warn;

    use crate::config::settings::Config;
    use crate::metrics::Metrics;
    use crate::search::Search;
    use crate::store::Outlet;
    use crate::store::embedded::EmbeddedStore;

    /// Nothing.
    pub(in crate::server) struct Searching;

    impl Searching {
        pub(in crate::server) fn prepare(config: &Config, _metrics: &Arc<Metrics>) -> Self {
            if config.search.on {
                warn!("this server was built without the cargo feature search: there is no search");
            }
            Self
        }

        pub(in crate::server) fn noting<O: Outlet>(&self, outlet: O) -> O {
            outlet
        }

        pub(in crate::server) fn start(
            &mut self,
            _store: &EmbeddedStore,
            config: &Config,
            _metrics: &Arc<Metrics>,
        ) -> Option<Arc<dyn Search>> {
            super::forget(config);
            None
        }

        pub(in crate::server) async fn stop(&mut self) {}
    }
}
