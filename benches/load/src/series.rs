//! All runs of one work on one target, and what one may say of them: medians, and whether they are
//! good and to be trusted. Must never show the figures of a run that was not good.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use crate::figure::{Outcome, median};

/// All runs of a work on a target.
#[derive(Clone, Debug, Default)]
pub struct Series {
    runs: Vec<Outcome>,
    /// Why there is no run.
    unfit: Option<&'static str>,
}

/// A figure of all runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its name.
    pub name: Cow<'static, str>,
    /// What it is counted in.
    pub unit: &'static str,
    /// Its value in each run.
    pub runs: Vec<f64>,
}

impl Row {
    /// The median of the runs.
    pub fn median(&self) -> f64 {
        median(&self.runs)
    }
}

impl Series {
    /// Of runs that were good, with one rate each.
    #[cfg(test)]
    pub(crate) fn of(name: &'static str, rates: &[f64]) -> Self {
        let mut series = Self::default();
        for rate in rates {
            let mut outcome = Outcome::default();
            outcome.add(name, "/s", *rate);
            series.push(outcome);
        }
        series
    }

    /// Adds a run.
    pub fn push(&mut self, run: Outcome) {
        self.runs.push(run);
    }

    /// There will be no run.
    pub const fn leave_out(&mut self, reason: &'static str) {
        self.unfit = Some(reason);
    }

    /// Why there is no run, if the work says nothing about the target.
    pub const fn left_out(&self) -> Option<&'static str> {
        self.unfit
    }

    /// What there is no figure of, and why.
    pub fn gaps(&self) -> &[&'static str] {
        self.runs.first().map(|run| run.gaps.as_slice()).unwrap_or_default()
    }

    /// How many runs there were.
    pub const fn len(&self) -> usize {
        self.runs.len()
    }

    /// Whether there was none.
    pub const fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Whether every run was good.
    pub fn is_good(&self) -> bool {
        self.runs.iter().all(|run| run.faults.is_empty())
    }

    /// What was wrong in any run.
    pub fn faults(&self) -> Vec<String> {
        self.runs.iter().flat_map(|run| run.faults.sentences()).collect()
    }

    /// Why the figures are not to be trusted, though nothing was wrong with the messages; with
    /// the number of the run.
    pub fn doubts(&self) -> Vec<String> {
        let runs = self.runs.iter().zip(1..);
        runs.flat_map(|(run, at)| run.doubts.iter().map(move |doubt| format!("run {at}: {doubt}")))
            .collect()
    }

    /// The figures of all runs, none if one was not good.
    pub fn rows(&self) -> Vec<Row> {
        let first = self.runs.first().filter(|_| self.is_good());
        let figures = first.map(|run| run.figures.as_slice()).unwrap_or_default();
        let row = |figure: &crate::figure::Figure| Row {
            name: figure.name.clone(),
            unit: figure.unit,
            runs: self.runs.iter().filter_map(|run| run.value(&figure.name)).collect(),
        };
        figures.iter().map(row).collect()
    }

    /// One figure of all runs.
    pub fn row(&self, name: &str) -> Option<Row> {
        self.rows().into_iter().find(|row| row.name == name)
    }

    /// All of it, as an object.
    pub fn json(&self) -> Map<String, Value> {
        let figures: Map<String, Value> = self
            .rows()
            .into_iter()
            .map(|row| {
                let figure = json!({ "unit": row.unit, "median": row.median(), "runs": row.runs });
                (row.name.into_owned(), figure)
            })
            .collect();
        let doubts = self.doubts();
        let mut object = Map::new();
        object.insert("good".to_owned(), json!(self.is_good()));
        object.insert("trusted".to_owned(), json!(self.is_good() && doubts.is_empty()));
        object.insert("faults".to_owned(), json!(self.faults()));
        object.insert("doubts".to_owned(), json!(doubts));
        object.insert("figures".to_owned(), Value::Object(figures));
        object
    }
}

/// How much the one is of the other; none of nothing.
pub fn ratio(value: f64, of: f64) -> Option<f64> {
    (of.abs() > f64::EPSILON).then(|| value / of)
}

/// Three digits or so, and no more than were measured.
pub fn shown(value: f64) -> String {
    match value.abs() {
        large if large >= 1_000.0 => grouped(value),
        large if large >= 100.0 => format!("{value:.0}"),
        middle if middle >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// A large number, its thousands apart.
fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    if value < 0.0 { format!("-{out}") } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(rate: f64) -> Outcome {
        let mut outcome = Outcome::default();
        outcome.add("rate", "/s", rate);
        outcome
    }

    #[test]
    fn a_series_has_the_median_of_its_runs() {
        let mut series = Series::default();
        for rate in [3.0, 1.0, 2_000.0] {
            series.push(run(rate));
        }
        let row = series.row("rate").unwrap();
        assert!((row.median() - 3.0).abs() < f64::EPSILON);
        assert_eq!(series.json()["figures"]["rate"]["runs"], json!([3.0, 1.0, 2_000.0]));
        assert_eq!(series.json()["trusted"], json!(true));
        assert_eq!(series.row("other"), None);
    }

    #[test]
    fn one_bad_run_takes_all_figures_away_and_a_doubt_does_not() {
        let mut doubtful = run(9e9);
        doubtful.doubts.push("the machine was busy".to_owned());
        let mut series = Series::default();
        series.push(run(1.0));
        series.push(doubtful);
        assert_eq!(series.doubts(), ["run 2: the machine was busy"]);
        let object = series.json();
        assert_eq!((&object["good"], &object["trusted"]), (&json!(true), &json!(false)));
        let mut bad = run(2.0);
        bad.faults.add(|| "seq 3 came twice".to_owned());
        series.push(bad);
        assert!(series.rows().is_empty() && !series.is_good());
        assert_eq!(series.faults(), ["seq 3 came twice"]);
        assert_eq!(series.json()["figures"], json!({}));
    }

    #[test]
    fn a_ratio_to_nothing_is_none() {
        assert_eq!(ratio(3.0, 4.0), Some(0.75));
        assert_eq!(ratio(3.0, 0.0), None);
    }

    #[test]
    fn numbers_are_short() {
        let cases = [(0.123, "0.12"), (12.34, "12.3"), (345.6, "346"), (1_234_567.0, "1,234,567")];
        for (value, text) in cases {
            assert_eq!(shown(value), text);
        }
        assert_eq!(shown(-1_000.0), "-1,000");
    }
}
