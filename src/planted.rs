//! Bugs planted on purpose, so that the proofs can show that they would be found. Must never be
//! switched on in what is shipped: without the feature `proof`, `is` is false at compile time.

/// A bug that can be planted: one at a time, for the whole process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Bug {
    /// What was appended is answered before it is durable.
    AnswerBeforeSync = 1,
    /// A sync returns without an fdatasync.
    SyncWithoutFdatasync,
}

impl Bug {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::AnswerBeforeSync, Self::SyncWithoutFdatasync];

    /// Its name in the variable `PACKETBOAT_PLANT`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AnswerBeforeSync => "answer-before-sync",
            Self::SyncWithoutFdatasync => "sync-without-fdatasync",
        }
    }

    /// The bug of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|bug| bug.name() == name)
    }
}

/// Whether this bug is planted.
#[cfg(not(feature = "proof"))]
pub(crate) const fn is(_bug: Bug) -> bool {
    false
}

#[cfg(feature = "proof")]
pub(crate) use self::plot::is;
#[cfg(feature = "proof")]
pub use self::plot::plant;

#[cfg(feature = "proof")]
mod plot {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU8, Ordering};

    use super::Bug;

    static PLANTED: LazyLock<AtomicU8> = LazyLock::new(|| {
        let name = std::env::var("PACKETBOAT_PLANT").unwrap_or_default();
        AtomicU8::new(Bug::named(&name).map_or(0, |bug| bug as u8))
    });

    /// Plants a bug, or none, instead of what was planted before.
    pub fn plant(bug: Option<Bug>) {
        PLANTED.store(bug.map_or(0, |bug| bug as u8), Ordering::Relaxed);
    }

    pub(crate) fn is(bug: Bug) -> bool {
        PLANTED.load(Ordering::Relaxed) == bug as u8
    }
}
