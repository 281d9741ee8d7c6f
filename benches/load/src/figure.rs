//! What a run found: figures with a name and a unit, and what makes them worthless. Must never
//! know of a work, nor print.

use std::borrow::Cow;
use std::time::Duration;

use crate::check::Faults;
use crate::histogram::Histogram;

/// One figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// What it is, as a key.
    pub name: Cow<'static, str>,
    /// What it is counted in.
    pub unit: &'static str,
    /// How many of it.
    pub value: f64,
}

/// All that a run found.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// In the order in which they are shown.
    pub figures: Vec<Figure>,
    /// Without any, the figures are good.
    pub faults: Faults,
    /// Why the figures are not to be trusted, though nothing was wrong with the messages.
    pub doubts: Vec<String>,
    /// What it does not have a figure of, and why.
    pub gaps: Vec<&'static str>,
}

impl Outcome {
    /// Adds a figure.
    pub fn add(&mut self, name: impl Into<Cow<'static, str>>, unit: &'static str, value: f64) {
        self.figures.push(Figure { name: name.into(), unit, value });
    }

    /// The value of a figure.
    pub fn value(&self, name: &str) -> Option<f64> {
        self.figures.iter().find(|figure| figure.name == name).map(|figure| figure.value)
    }

    /// Adds the median, the 99th and the 99.9th percentile of a latency.
    pub fn add_latency(&mut self, of: &str, latency: &Histogram) {
        for (rank, share) in [("p50", 500), ("p99", 990), ("p999", 999)] {
            self.add(format!("{of}_{rank}"), "us", us(latency.per_mille(share)));
        }
    }
}

/// A count as a figure.
#[expect(clippy::cast_precision_loss, reason = "a figure is not read to 16 digits")]
pub const fn float(count: u64) -> f64 {
    count as f64
}

/// So many in that time, by the second.
pub fn per_second(count: u64, time: Duration) -> f64 {
    float(count) / time.as_secs_f64().max(f64::EPSILON)
}

/// Nanoseconds as microseconds.
pub const fn us(nanos: u64) -> f64 {
    float(nanos) / 1e3
}

/// A time in milliseconds.
pub fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The median: of an even number, the mean of the two in the middle. 0 of none.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    match sorted.get(half) {
        None => 0.0,
        Some(upper) if sorted.len() % 2 == 1 => *upper,
        Some(upper) => f64::midpoint(sorted[half - 1], *upper),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        assert!((median(&[9.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median(&[4.0, 1.0, 2.0, 100.0]) - 3.0).abs() < f64::EPSILON);
        assert!((median(&[5.0]) - 5.0).abs() < f64::EPSILON);
        assert!(median(&[]).abs() < f64::EPSILON);
    }

    #[test]
    fn a_rate_is_by_the_second() {
        assert!((per_second(500, Duration::from_millis(250)) - 2_000.0).abs() < 1e-9);
    }
}
