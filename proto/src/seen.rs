//! Which event met which state of a machine, counted for the proofs: what a simulation never met,
//! it does not prove. Must never count in what is shipped: without the feature `proof`, `note`
//! does nothing.

/// An event meets a machine in a state.
#[cfg(not(feature = "proof"))]
#[inline]
pub const fn note(_machine: &'static str, _state: &'static str, _event: &'static str) {}

#[cfg(feature = "proof")]
pub use self::counts::{Counts, note, take};

#[cfg(feature = "proof")]
mod counts {
    use std::cell::RefCell;
    use std::collections::BTreeMap;

    /// How often, by machine, state and event.
    pub type Counts = BTreeMap<(&'static str, &'static str, &'static str), u64>;

    thread_local! {
        static COUNTS: RefCell<Counts> = const { RefCell::new(BTreeMap::new()) };
    }

    /// An event meets a machine in a state.
    pub fn note(machine: &'static str, state: &'static str, event: &'static str) {
        COUNTS.with_borrow_mut(|counts| *counts.entry((machine, state, event)).or_default() += 1);
    }

    /// What was counted on this thread since the last time.
    pub fn take() -> Counts {
        COUNTS.take()
    }
}
