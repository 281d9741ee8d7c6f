//! What the runs of one work found, for people and for machines. Must never judge them itself.

use std::fmt::Write;

use serde::Serialize;
use serde_json::{Value, json};

use crate::series::{Series, shown};

/// A small table.
pub fn text(work: &impl Serialize, target: &str, series: &Series) -> String {
    let mut out = String::new();
    let settings = serde_json::to_string(work).expect("settings are plain values");
    line(&mut out, format_args!("{settings} on {target}, median of {} runs", series.len()));
    if !series.is_good() {
        line(&mut out, format_args!("NOT GOOD, so there are no figures:"));
        series.faults().iter().for_each(|fault| line(&mut out, format_args!("  {fault}")));
        return out;
    }
    for row in series.rows() {
        let runs: Vec<String> = row.runs.iter().map(|value| shown(*value)).collect();
        let all = if runs.len() > 1 { format!("  [{}]", runs.join(" · ")) } else { String::new() };
        let (name, middle, unit) = (&row.name, shown(row.median()), row.unit);
        line(&mut out, format_args!("  {name:<26}{middle:>12} {unit:<4}{all}"));
    }
    line(&mut out, format_args!("  good: every accepted message delivered once, in order"));
    for gap in series.gaps() {
        line(&mut out, format_args!("  –: {gap}"));
    }
    for doubt in series.doubts() {
        line(&mut out, format_args!("  NOT TO BE TRUSTED: {doubt}"));
    }
    out
}

/// One JSON object.
pub fn json(work: &impl Serialize, target: &str, series: &Series) -> Value {
    let mut object = series.json();
    object.insert("work".to_owned(), json!(work));
    object.insert("target".to_owned(), json!(target));
    Value::Object(object)
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(out, "{}", text.to_string().trim_end()).expect("a string can be written to");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::work;
    use crate::figure::Outcome;

    #[test]
    fn the_table_has_the_median_and_every_run() {
        let work = work("reconnect --connections 5 --at-once 6").unwrap();
        let expected = "\
            {\"reconnect\":{\"connections\":5,\"at_once\":6}} on raw, median of 3 runs\n  \
              rate                              3.00 /s    [3.00 · 1.00 · 2,000]\n  \
              good: every accepted message delivered once, in order\n";
        assert_eq!(text(&work, "raw", &Series::of("rate", &[3.0, 1.0, 2_000.0])), expected);
    }

    #[test]
    fn a_bad_run_and_a_doubt_are_said_aloud() {
        let work = work("reconnect").unwrap();
        let mut outcome = Outcome::default();
        outcome.add("rate", "/s", 1.0);
        outcome.doubts.push("the machine was busy".to_owned());
        let mut series = Series::default();
        series.push(outcome.clone());
        let doubtful = text(&work, "raw", &series);
        assert!(doubtful.contains("NOT TO BE TRUSTED: run 1: the machine was busy"), "{doubtful}");
        outcome.faults.add(|| "seq 3 came twice".to_owned());
        series.push(outcome);
        let bad = text(&work, "raw", &series);
        assert!(bad.contains("NOT GOOD") && bad.contains("  seq 3 came twice\n"), "{bad}");
        assert!(!bad.contains("rate "), "{bad}");
        assert_eq!(json(&work, "raw", &series)["target"], json!("raw"));
    }
}
