//! The backends, each in a folder of its own on the disk that builds are on. Must never be measured
//! on a disk that is none, such as one in memory: an fdatasync costs nothing there.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use packetboat::store::backend::Backend;
use packetboat::store::fjall::FjallBackend;
use packetboat::store::key::SAID;
use packetboat::store::memory::MemoryBackend;
use packetboat::store::packed::{PackedBackend, PackedSettings};
use packetboat::store::sled::SledBackend;
use tempfile::TempDir;

/// What the engine may keep of what was read; the server's default.
const CACHE_BYTES: u64 = 128 * 1024 * 1024;
/// What it may keep when rows are to leave memory soon: fjall holds on to what it was founded with.
const CACHE_BYTES_LITTLE: u64 = 256 * 1024;
/// Bytes of rows in memory that are packed together, when rows are to leave memory soon.
const FRESH_BYTES_LITTLE: usize = 64 * 1024;

/// A backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Rows in memory, without any durability.
    Memory,
    /// The server's default: a journal, rows packed into sled.
    Sled,
    /// fjall.
    Fjall,
}

/// Where rows stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// In memory as long as by default.
    Default,
    /// In memory as shortly as can be.
    Short,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Memory, Self::Sled, Self::Fjall];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Sled => "sled",
            Self::Fjall => "fjall",
        }
    }
}

/// A backend with its folder. The backend is dropped first.
pub(crate) struct Ground {
    kind: Kind,
    backend: Arc<dyn Backend>,
    folder: TempDir,
}

impl Ground {
    /// An empty one.
    pub(crate) fn new(kind: Kind, hold: Hold) -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"));
        let folder = folder.expect("there is a place for a folder");
        Self { kind, backend: open(kind, hold, folder.path()), folder }
    }

    pub(crate) fn backend(&self) -> &Arc<dyn Backend> {
        &self.backend
    }

    /// Bytes in the files of what has left memory; 0 if nothing does.
    pub(crate) fn bytes_behind(&self) -> u64 {
        let folder = match self.kind {
            Kind::Memory => return 0,
            Kind::Sled => self.folder.path().join("values"),
            Kind::Fjall => self.folder.path().join("fjall/keyspaces/1/tables"),
        };
        let files = fs::read_dir(folder).expect("the folder is there");
        let bytes = files.map(|file| {
            let file = file.and_then(|file| file.metadata());
            file.expect("a backend at rest removes no file").len()
        });
        bytes.sum()
    }

    /// Closes it and opens what is on the disk, as by default. Nobody else may have it.
    pub(crate) fn reopen(self) -> Self {
        let Self { kind, backend, folder } = self;
        if kind == Kind::Memory {
            return Self { kind, backend, folder };
        }
        drop(backend);
        Self { kind, backend: open(kind, Hold::Default, folder.path()), folder }
    }
}

fn open(kind: Kind, hold: Hold, folder: &Path) -> Arc<dyn Backend> {
    let short = hold == Hold::Short;
    let cache_bytes = if short { CACHE_BYTES_LITTLE } else { CACHE_BYTES };
    match kind {
        Kind::Memory => Arc::new(MemoryBackend::default()),
        Kind::Sled => {
            let mut settings = PackedSettings { apart: SAID, ..PackedSettings::default() };
            if short {
                settings.fresh_bytes = FRESH_BYTES_LITTLE;
            }
            let engine = SledBackend::open(folder, cache_bytes).expect("sled opens");
            Arc::new(PackedBackend::open(engine, folder, settings).expect("packed rows open"))
        }
        Kind::Fjall => Arc::new(FjallBackend::open(folder, cache_bytes).expect("fjall opens")),
    }
}
