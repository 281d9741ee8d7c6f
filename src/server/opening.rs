//! Opens the store that the configuration names. The only place that names its engines. Must never
//! make a folder of one engine into one of another.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;

use super::start_error::StartError;
use crate::clock::wall_ms;
use crate::config::settings::{BackendKind, ContactsSettings, StoreSettings};
use crate::store::backend::{Backend, BackendError};
use crate::store::embedded::{EmbeddedStore, Settings};
use crate::store::fjall::FjallBackend;
use crate::store::folder::Engine;
use crate::store::key::SAID;
use crate::store::packed::{PackedBackend, PackedSettings};
use crate::store::rules::{Rules as StoreRules, UnknownUsers};
use crate::store::sled::SledBackend;
use crate::store::{Effect, Outlet};

/// Opens the store of a server, or of a command that works on it while no server runs; the
/// command takes no entries, and leaves `body_max` 0.
pub async fn open_store(
    settings: &StoreSettings,
    (contacts, keep_unknown_users): (&ContactsSettings, bool),
    body_max: u32,
    outlet: impl Outlet,
) -> Result<EmbeddedStore, StartError> {
    let words = in_store_words(settings, contacts, keep_unknown_users, body_max);
    let (asked, settings) = (settings.clone(), words);
    let opening = spawn_blocking(move || {
        let StoreSettings { data, cache_bytes, fresh_bytes, erase_ms, backend, .. } = asked;
        match backend {
            BackendKind::Sled => {
                let stall = Duration::from_millis(settings.stall_ms);
                let erase_after = Duration::from_millis(erase_ms);
                let packing = PackedSettings { fresh_bytes, stall, erase_after, apart: SAID };
                let engine = SledBackend::open(&data, cache_bytes);
                let backend = engine.and_then(|engine| PackedBackend::open(engine, &data, packing));
                open_over(backend, data, settings, outlet)
            }
            BackendKind::Fjall => {
                open_over(FjallBackend::open(&data, cache_bytes), data, settings, outlet)
            }
        }
    });
    opening.await.expect("opening a store does not panic: the engine is guarded")
}

/// The same settings, with the backend whose data is in the folder, if there is any: for a command
/// that works on what there is, and is told nothing but the folder.
pub fn as_found(settings: &StoreSettings) -> StoreSettings {
    let asked = match settings.backend {
        BackendKind::Sled => Engine::Sled,
        BackendKind::Fjall => Engine::Fjall,
    };
    // What cannot be looked at, the open will tell.
    let backend = match asked.other_in(&settings.data) {
        Ok(Some(Engine::Sled)) => BackendKind::Sled,
        Ok(Some(Engine::Fjall)) => BackendKind::Fjall,
        Ok(None) | Err(_) => settings.backend,
    };
    StoreSettings { backend, ..settings.clone() }
}

fn open_over(
    backend: Result<impl Backend, BackendError>,
    data: PathBuf,
    settings: Settings,
    outlet: impl Outlet,
) -> Result<EmbeddedStore, StartError> {
    let backend = backend.map_err(|source| StartError::Backend { data: data.clone(), source })?;
    EmbeddedStore::open(backend, settings, Arc::new(wall_ms), outlet)
        .map_err(|source| StartError::Store { data, source })
}

fn in_store_words(
    stored: &StoreSettings,
    contacts: &ContactsSettings,
    keep_unknown_users: bool,
    body_max: u32,
) -> Settings {
    let unknown_users = if keep_unknown_users { UnknownUsers::Keep } else { UnknownUsers::Reject };
    Settings {
        rules: StoreRules {
            unknown_users,
            group_members_max: stored.group_members_max,
            chats_per_user_max: stored.chats_per_user_max,
            devices_per_user_max: stored.devices_per_user_max,
            edit_ms: stored.edit_ms,
            recall_ms: stored.recall_ms,
            rooms: stored.rooms,
            who_writes: contacts.who_writes,
            tell_blocked: contacts.tell_blocked,
        },
        stall_ms: stored.stall_ms.into(),
        disk_reserve_bytes: stored.disk_reserve_bytes,
        queue_bytes: stored.queue_bytes,
        chats_cached: stored.chats_cached,
        readers: stored.readers,
        body_max,
    }
}

/// For a store that nobody is connected to.
pub struct NoOutlet;

impl Outlet for NoOutlet {
    fn release(&mut self, _effects: Vec<Effect>) {}
}

#[cfg(test)]
mod tests {
    use packetboat_proto::limits::BODY_BYTES_DEFAULT;

    use super::*;
    use crate::config::shape::Shape;
    use crate::config::table;
    use crate::store::embedded::{QUEUE_BYTES_BOUNDS, READERS_BOUNDS, STALL_MS_BOUNDS};
    use crate::store::rules::{
        ALTER_MS_BOUNDS, CHATS_PER_USER_BOUNDS, DEVICES_PER_USER_BOUNDS, GROUP_MEMBERS_BOUNDS,
    };

    #[test]
    fn the_store_has_the_defaults_that_the_configuration_says() {
        assert_eq!(
            in_store_words(
                &StoreSettings::default(),
                &ContactsSettings::default(),
                true,
                BODY_BYTES_DEFAULT
            ),
            Settings::default()
        );
    }

    #[tokio::test]
    async fn a_folder_stays_with_its_backend_and_a_command_finds_out_which() {
        use BackendKind::{Fjall, Sled};
        let place = tempfile::tempdir().unwrap();
        let contacts = ContactsSettings::default();
        let anyone = (&contacts, true);
        for (backend, other) in [(Sled, Fjall), (Fjall, Sled)] {
            let data = place.path().join(format!("{backend:?}"));
            let settings = StoreSettings { data, backend, ..StoreSettings::default() };
            assert_eq!(as_found(&settings), settings, "there is nothing yet");
            open_store(&settings, anyone, 0, NoOutlet).await.unwrap().close().await;
            let wrong = StoreSettings { backend: other, ..settings.clone() };
            let refused = open_store(&wrong, anyone, 0, NoOutlet).await.err();
            let Some(StartError::Backend { source, .. }) = refused else { panic!("{refused:?}") };
            assert!(matches!(source, BackendError::OtherEngine { .. }), "{source}");
            assert_eq!((as_found(&wrong), as_found(&settings)), (settings.clone(), settings));
        }
    }

    #[test]
    fn the_store_has_the_bounds_that_the_configuration_says() {
        for (key, bounds) in [
            ("store.group_members_max", GROUP_MEMBERS_BOUNDS),
            ("store.chats_per_user_max", CHATS_PER_USER_BOUNDS),
            ("store.devices_per_user_max", DEVICES_PER_USER_BOUNDS),
            ("store.edit_ms", ALTER_MS_BOUNDS),
            ("store.recall_ms", ALTER_MS_BOUNDS),
            ("store.stall_ms", STALL_MS_BOUNDS),
            ("store.queue_bytes", QUEUE_BYTES_BOUNDS),
            ("store.readers", READERS_BOUNDS),
        ] {
            let Shape::Count { low, high } = table::find(key).unwrap().shape else {
                panic!("{key} is no number")
            };
            assert_eq!((low, high), bounds, "{key}");
        }
    }
}
