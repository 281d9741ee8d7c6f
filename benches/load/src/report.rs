//! What the runs of a work found, for people and for machines. Must never show the figures of a
//! run that was not good.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use crate::figure::{Outcome, median};
use crate::usage::LOAD_CPU;
use crate::work::Work;

/// From so many per cent of a processor on, the generator may be what is measured: it has one
/// thread.
const LOAD_CPU_HIGH: f64 = 90.0;

/// All runs of a work.
#[derive(Debug)]
pub struct Report<'a> {
    work: &'a Work,
    runs: &'a [Outcome],
}

impl<'a> Report<'a> {
    /// Of these runs, which have the same figures.
    pub const fn new(work: &'a Work, runs: &'a [Outcome]) -> Self {
        Self { work, runs }
    }

    /// Whether every run was good.
    pub fn is_good(&self) -> bool {
        self.runs.iter().all(|run| run.faults.is_empty())
    }

    fn faults(&self) -> Vec<String> {
        self.runs.iter().flat_map(|run| run.faults.sentences()).collect()
    }

    /// Name, unit, and the value of each run.
    fn rows(&self) -> Vec<(&'static str, &'static str, Vec<f64>)> {
        let first = self.runs.first().map(|run| run.figures.as_slice()).unwrap_or_default();
        let values = |name| {
            let of_run =
                |run: &Outcome| run.figures.iter().find(|figure| figure.name == name).copied();
            self.runs.iter().filter_map(of_run).map(|figure| figure.value).collect()
        };
        first.iter().map(|figure| (figure.name, figure.unit, values(figure.name))).collect()
    }

    fn note(&self) -> Option<&'static str> {
        let rows = self.rows();
        let (.., values) = rows.iter().find(|(name, ..)| *name == LOAD_CPU)?;
        let high = values.iter().any(|value| *value >= LOAD_CPU_HIGH);
        high.then_some("the generator was at its own limit: the server may do more than this")
    }

    /// A small table.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let settings = serde_json::to_string(self.work).expect("settings are plain values");
        line(&mut out, format_args!("{settings}, median of {} runs", self.runs.len()));
        if !self.is_good() {
            line(&mut out, format_args!("NOT GOOD, so there are no figures:"));
            self.faults().iter().for_each(|fault| line(&mut out, format_args!("  {fault}")));
            return out;
        }
        for (name, unit, values) in self.rows() {
            let runs: Vec<String> = values.iter().map(|value| shown(*value)).collect();
            let all =
                if runs.len() > 1 { format!("  [{}]", runs.join(", ")) } else { String::new() };
            let middle = shown(median(&values));
            line(&mut out, format_args!("  {name:<24}{middle:>12} {unit:<4}{all}"));
        }
        line(&mut out, format_args!("  good: nothing lost, nothing twice, all in order"));
        if let Some(note) = self.note() {
            line(&mut out, format_args!("  note: {note}"));
        }
        out
    }

    /// One JSON object.
    pub fn json(&self) -> String {
        let good = self.is_good();
        let rows = if good { self.rows() } else { Vec::new() };
        let figures: Map<String, Value> = rows
            .into_iter()
            .map(|(name, unit, runs)| {
                let figure = json!({ "unit": unit, "median": median(&runs), "runs": runs });
                (name.to_owned(), figure)
            })
            .collect();
        let report = json!({
            "work": self.work,
            "good": good,
            "faults": self.faults(),
            "note": self.note(),
            "figures": figures,
        });
        format!("{report}\n")
    }
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(out, "{}", text.to_string().trim_end()).expect("a string can be written to");
}

/// Three digits or so, and no more than were measured.
fn shown(value: f64) -> String {
    match value.abs() {
        large if large >= 100.0 => format!("{value:.0}"),
        middle if middle >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::offline::Offline;

    const WORK: Work = Work::Offline(Offline { messages: 5, window: 6, bytes: 70 });

    fn run(rate: f64, cpu: f64) -> Outcome {
        let mut outcome = Outcome::default();
        outcome.add("rate", "/s", rate);
        outcome.add(LOAD_CPU, "%", cpu);
        outcome
    }

    #[test]
    fn the_table_has_the_median_and_every_run() {
        let runs = [run(3.0, 10.0), run(1.0, 20.0), run(2000.0, 30.0)];
        let text = Report::new(&WORK, &runs).text();
        let expected = "\
            {\"offline\":{\"messages\":5,\"window\":6,\"bytes\":70}}, median of 3 runs\n  \
              rate                            3.00 /s    [3.00, 1.00, 2000]\n  \
              load_cpu_percent                20.0 %     [10.0, 20.0, 30.0]\n  \
              good: nothing lost, nothing twice, all in order\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn the_object_has_the_same() {
        let report = Report::new(&WORK, &[run(3.0, 95.0)]).json();
        let value: Value = serde_json::from_str(&report).unwrap();
        assert_eq!(value["work"], json!({"offline":{"messages":5,"window":6,"bytes":70}}));
        assert_eq!(value["good"], json!(true));
        assert_eq!(value["figures"]["rate"], json!({"unit":"/s","median":3.0,"runs":[3.0]}));
        assert!(value["note"].as_str().unwrap().contains("its own limit"));
    }

    #[test]
    fn one_bad_run_takes_all_figures_away() {
        let mut bad = run(9e9, 1.0);
        bad.faults.add(|| "seq 3 came twice".to_owned());
        let runs = [run(1.0, 1.0), bad];
        let report = Report::new(&WORK, &runs);
        assert!(!report.is_good());
        let text = report.text();
        assert!(text.contains("NOT GOOD") && text.contains("  seq 3 came twice\n"), "{text}");
        assert!(!text.contains("rate"), "{text}");
        let value: Value = serde_json::from_str(&report.json()).unwrap();
        assert_eq!((&value["good"], &value["figures"]), (&json!(false), &json!({})));
    }
}
