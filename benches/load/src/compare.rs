//! Several works over several targets: in each round every target has its turn, so that what
//! changes with the hour changes for all. Must never stop at a target that fails.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::error::LoadError;
use crate::figure::Outcome;
use crate::report;
use crate::run::once;
use crate::series::{Row, Series, ratio, shown};
use crate::stop::Stop;
use crate::target::Target;
use crate::work::{Headline, Work};

/// What others are compared with.
const BASES: [&str; 2] = ["raw", "raw-fsync"];
/// Figures that are shown of every work, where it has them.
const ALWAYS: [&str; 3] = ["server_cpu_each", "server_rss", "load_cpu_percent"];

/// A work, and what it found on each target.
#[derive(Clone, Debug)]
pub struct Compared {
    /// The work.
    pub work: Work,
    /// By target; one about which it says nothing has no runs.
    pub series: Vec<(String, Series)>,
}

/// Does all works on all targets so often; `told` hears of each run.
pub fn compare(
    works: Vec<Work>,
    targets: &[Box<dyn Target>],
    runs: u32,
    stop: &Stop,
    told: &mut dyn FnMut(&Work, &str, &Outcome),
) -> Result<Vec<Compared>, LoadError> {
    let mut all = Vec::new();
    for work in works {
        let mut series: Vec<_> =
            targets.iter().map(|target| (target.name().to_owned(), Series::default())).collect();
        for _ in 0..runs {
            for (target, (name, series)) in targets.iter().zip(&mut series) {
                if let Some(reason) = work.unfit(target.nature()) {
                    series.leave_out(reason);
                    continue;
                }
                let outcome = match once(&**target, &work, stop) {
                    Err(LoadError::Stopped) => return Err(LoadError::Stopped),
                    Err(error) => failed(&error),
                    Ok(outcome) => outcome,
                };
                told(&work, name, &outcome);
                series.push(outcome);
            }
        }
        all.push(Compared { work, series });
    }
    Ok(all)
}

fn failed(error: &LoadError) -> Outcome {
    let mut outcome = Outcome::default();
    outcome.faults.add(|| error.to_string());
    outcome
}

impl Compared {
    /// Whether every run was good.
    pub fn is_good(&self) -> bool {
        self.series.iter().all(|(_, series)| series.is_good())
    }

    /// The figures that are shown: those that matter most first.
    pub fn shown(&self) -> Vec<Headline> {
        let headlines = self.work.headlines();
        let others = ALWAYS.iter().map(|figure| Headline { figure, more_is_better: false });
        let others = others.filter(|other| headlines.iter().all(|one| one.figure != other.figure));
        headlines.iter().copied().chain(others).collect()
    }

    /// A figure on each target.
    pub fn rows(&self, figure: &str) -> Vec<(&str, Option<Row>)> {
        self.series.iter().map(|(target, series)| (&**target, series.row(figure))).collect()
    }

    /// What a figure of a target is of those of the relays.
    fn ratios(&self, figure: &str, value: f64) -> [Option<f64>; BASES.len()] {
        BASES.map(|base| {
            let (_, series) = self.series.iter().find(|(target, _)| target == base)?;
            ratio(value, series.row(figure)?.median())
        })
    }

    fn cell(&self, target: &str, series: &Series, figure: &str) -> String {
        if series.is_empty() {
            return "–".to_owned();
        }
        if !series.is_good() {
            return "BAD".to_owned();
        }
        let Some(row) = series.row(figure) else { return "–".to_owned() };
        let mut cell = shown(row.median());
        if !series.doubts().is_empty() {
            cell.push('*');
        }
        if !BASES.contains(&target) {
            for (ratio, base) in self.ratios(figure, row.median()).into_iter().zip(BASES) {
                if let Some(ratio) = ratio {
                    write!(cell, " ({} {base})", shown(ratio)).expect("a string can be written to");
                }
            }
        }
        cell
    }

    fn object(&self) -> Value {
        let of_target = |(target, series): &(String, Series)| {
            let mut object = report::json(&self.work, target, series);
            if let Some(reason) = series.left_out() {
                object["left_out"] = json!(reason);
            }
            if let Some(figures) = object["figures"].as_object_mut() {
                for (name, figure) in figures {
                    let value = figure["median"].as_f64().unwrap_or_default();
                    let [raw, raw_fsync] = self.ratios(name, value);
                    figure["of_raw"] = json!(raw);
                    figure["of_raw_fsync"] = json!(raw_fsync);
                }
            }
            object
        };
        json!({
            "work": self.work,
            "targets": self.series.iter().map(of_target).collect::<Vec<_>>(),
        })
    }
}

/// One table of all works, in Markdown, and what has to be said about it.
pub fn table(compared: &[Compared]) -> String {
    let mut out = String::new();
    let names: Vec<&str> = compared
        .first()
        .map(|one| one.series.iter().map(|(name, _)| &**name).collect())
        .unwrap_or_default();
    line(&mut out, &format!("| work | figure | unit | {} |", names.join(" | ")));
    line(&mut out, &format!("|---|---|---|{}", "---|".repeat(names.len())));
    for one in compared {
        for Headline { figure, .. } in one.shown() {
            let rows = one.rows(figure);
            let Some(unit) = rows.iter().find_map(|(_, row)| Some(row.as_ref()?.unit)) else {
                continue;
            };
            let cells: Vec<String> = one
                .series
                .iter()
                .map(|(target, series)| one.cell(target, series, figure))
                .collect();
            let work = one.work.name();
            line(&mut out, &format!("| {work} | {figure} | {unit} | {} |", cells.join(" | ")));
        }
    }
    for one in compared {
        for (target, series) in &one.series {
            let work = one.work.name();
            for fault in series.faults() {
                line(&mut out, &format!("BAD: {work} on {target}: {fault}"));
            }
            if let Some(reason) = series.left_out() {
                line(&mut out, &format!("–: {work} says nothing about {target}: {reason}"));
            }
            for gap in series.gaps() {
                line(&mut out, &format!("–: {work} on {target}: {gap}"));
            }
            for doubt in series.doubts() {
                line(&mut out, &format!("* {work} on {target}: not to be trusted: {doubt}"));
            }
        }
    }
    out
}

/// All of it as one JSON object, with the machine on which it was measured.
pub fn json(compared: &[Compared], runs: u32) -> Value {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpuinfo = read("/proc/cpuinfo");
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "machine": {
            "processor": model.map(|(_, model)| model),
            "processors": std::thread::available_parallelism().map_or(0, usize::from),
            "kernel": read("/proc/sys/kernel/osrelease").trim(),
        },
        "runs": runs,
        "works": compared.iter().map(Compared::object).collect::<Vec<_>>(),
    })
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::work;

    fn series(rates: &[f64]) -> Series {
        Series::of("reconnected_per_s", rates)
    }

    fn compared() -> Compared {
        let mut bad = Outcome::default();
        bad.faults.add(|| "it fell over".to_owned());
        let mut fallen = series(&[]);
        fallen.push(bad);
        let mut gap = Outcome::default();
        gap.add("reconnected_per_s", "/s", 4_000.0);
        gap.gaps.push("it has no tickets");
        let mut raw = series(&[]);
        raw.push(gap);
        let mut absent = series(&[]);
        absent.leave_out("it cannot");
        Compared {
            work: work("reconnect").unwrap(),
            series: vec![
                ("packetboat".to_owned(), series(&[900.0, 1_500.0, 1_000.0])),
                ("raw".to_owned(), raw),
                ("raw-fsync".to_owned(), series(&[2_000.0])),
                ("other".to_owned(), fallen),
                ("absent".to_owned(), absent),
            ],
        }
    }

    #[test]
    fn the_table_has_ratios_to_both_relays() {
        let expected = "\
            | work | figure | unit | packetboat | raw | raw-fsync | other | absent |\n\
            |---|---|---|---|---|---|---|---|\n\
            | reconnect | reconnected_per_s | /s | 1,000 (0.25 raw) (0.50 raw-fsync) | 4,000 \
            | 2,000 | BAD | – |\n\
            –: reconnect on raw: it has no tickets\n\
            BAD: reconnect on other: it fell over\n\
            –: reconnect says nothing about absent: it cannot\n";
        assert_eq!(table(&[compared()]), expected);
        assert!(!compared().is_good());
    }

    #[test]
    fn the_object_has_the_same() {
        let object = json(&[compared()], 3);
        let target = &object["works"][0]["targets"][0];
        assert_eq!(target["target"], "packetboat");
        let figure = &target["figures"]["reconnected_per_s"];
        assert_eq!((&figure["median"], &figure["of_raw"]), (&json!(1_000.0), &json!(0.25)));
        assert_eq!(object["works"][0]["targets"][3]["good"], json!(false));
        assert!(object["machine"]["processors"].as_u64() > Some(0));
    }
}
