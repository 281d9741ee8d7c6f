//! When each message of an open loop is due, whatever became of those before. Must never wait for
//! anything, nor leave one out.

/// Nanoseconds of a second.
const SECOND: u64 = 1_000_000_000;

/// So many a second, evenly, from a moment on.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    start: u64,
    per_second: u64,
    messages: u64,
}

impl Schedule {
    /// From `start` on, for so many messages.
    pub const fn new(start: u64, per_second: u64, messages: u64) -> Self {
        Self { start, per_second, messages }
    }

    /// How many there are.
    pub const fn messages(&self) -> u64 {
        self.messages
    }

    /// When that one is due; `None` behind the last.
    pub fn due(&self, number: u64) -> Option<u64> {
        if number >= self.messages {
            return None;
        }
        let (whole, part) = (number / self.per_second, number % self.per_second);
        Some(self.start + whole * SECOND + part * SECOND / self.per_second)
    }

    /// Nanoseconds from now until that one is due; 0 if it is, or is late.
    pub fn wait(&self, number: u64, now: u64) -> Option<u64> {
        self.due(number).map(|due| due.saturating_sub(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn messages_are_due_evenly_whatever_the_time_is() {
        let schedule = Schedule::new(500, 4, 6);
        let due: Vec<_> = (0..7).map(|number| schedule.due(number)).collect();
        let quarter = SECOND / 4;
        let expected = (0..6).map(|number| Some(500 + number * quarter)).chain([None]);
        assert_eq!(due, expected.collect::<Vec<_>>());
        assert_eq!(schedule.wait(1, 500), Some(quarter));
        assert_eq!(schedule.wait(1, 9 * SECOND), Some(0), "late is due");
        assert_eq!(schedule.wait(6, 0), None);
    }

    proptest! {
        #[test]
        fn a_second_has_as_many_as_asked_for(rate in 1_u64..300_000, start in 0_u64..1 << 40) {
            let schedule = Schedule::new(start, rate, 3 * rate);
            prop_assert_eq!(schedule.due(0), Some(start));
            prop_assert_eq!(schedule.due(rate), Some(start + SECOND));
            prop_assert!(schedule.due(rate - 1) < schedule.due(rate));
        }
    }
}
