//! A complaint that would come many times a second while its cause lasts, and is made once in a
//! while. Must never keep the first one back.

use std::time::{Duration, Instant};

/// From one complaint to the next, at least.
pub const COMPLAINT_PAUSE: Duration = Duration::from_mins(1);

/// When it was last made, and how often it was kept back since.
#[derive(Debug, Default)]
pub struct Complaint {
    last: Option<Instant>,
    unsaid: u64,
}

impl Complaint {
    /// Whether it is to be made at `now`, and if so how often it was kept back since the last.
    pub fn due(&mut self, now: Instant) -> Option<u64> {
        let fresh = |at: Instant| now.saturating_duration_since(at) < COMPLAINT_PAUSE;
        if self.last.is_some_and(fresh) {
            self.unsaid += 1;
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_times_a_second_is_said_once_a_minute() {
        let start = Instant::now();
        let mut complaint = Complaint::default();
        let said: Vec<_> = (0..1_201)
            .filter_map(|tenth| {
                let unsaid = complaint.due(start + Duration::from_millis(100) * tenth)?;
                Some((tenth, unsaid))
            })
            .collect();
        assert_eq!(said, [(0, 0), (600, 599), (1_200, 599)]);
    }
}
