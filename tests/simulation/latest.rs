//! What was set last of something, over whatever happens to the server: what was answered stays
//! until something later is set. Each setting has a number of its own as its value. Must never be
//! judged while something is still set.

use std::collections::BTreeMap;

/// The settings of one thing.
#[derive(Clone, Debug, Default)]
pub struct Latest {
    /// Counts what begins and what ends.
    now: u64,
    /// By value: when it was answered, if it was.
    settings: BTreeMap<u64, Option<u64>>,
}

impl Latest {
    /// It is about to be set to a value that it never had.
    pub fn begin(&mut self) -> u64 {
        self.now += 1;
        self.settings.insert(self.now, None);
        self.now
    }

    /// That was answered. What is not may have been set, or may be still.
    pub fn done(&mut self, value: u64) {
        self.now += 1;
        self.settings.insert(value, Some(self.now));
    }

    /// What is wrong with what is kept in the end.
    pub fn wrong(&self, kept: Option<u64>) -> Option<String> {
        let last = kept.map(|value| self.settings.get(&value));
        if let Some(None) = last {
            return Some(format!("it is {kept:?}, which nobody has set"));
        }
        let lost = self.settings.iter().find(|(begun, done)| match (done, last.flatten()) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(_), Some(last)) => last.is_some_and(|last| last < **begun),
        });
        lost.map(|(value, _)| format!("it is {kept:?}, and was set to {value} since"))
    }
}
