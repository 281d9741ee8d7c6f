//! What is printed of a run: a line for each check, for people or for machines. Must never print a
//! credential.

use std::fmt::Write;

use serde_json::json;

use crate::check::{Finding, Level};
use crate::outcome::Stop;

/// How lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// For people.
    Text,
    /// For machines: one object a line.
    Json,
}

/// How many checks ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Those that hold.
    pub ok: usize,
    /// Those that do not.
    pub failed: usize,
    /// Those of a SHOULD that do not.
    pub warned: usize,
    /// Those that could not be run.
    pub skipped: usize,
}

impl Tally {
    /// Of what was found.
    pub fn of(findings: &[Finding], strict: bool) -> Self {
        let mut tally = Self::default();
        for finding in findings {
            match &finding.result {
                Ok(()) => tally.ok += 1,
                Err(Stop::Skip { .. }) => tally.skipped += 1,
                Err(Stop::Fail { .. }) if finding.fails(strict) => tally.failed += 1,
                Err(Stop::Fail { .. }) => tally.warned += 1,
            }
        }
        tally
    }

    /// The last line.
    pub fn line(self, form: Form) -> String {
        let Self { ok, failed, warned, skipped } = self;
        match form {
            Form::Text => {
                format!("{ok} ok, {failed} failed, {warned} warnings, {skipped} skipped")
            }
            Form::Json => json!({"ok": ok, "failed": failed, "warned": warned, "skipped": skipped})
                .to_string(),
        }
    }
}

/// The line of one check.
pub fn line(finding: &Finding, strict: bool, form: Form) -> String {
    let outcome = match &finding.result {
        Ok(()) => "ok",
        Err(Stop::Skip { .. }) => "skip",
        Err(Stop::Fail { .. }) if finding.fails(strict) => "FAIL",
        Err(Stop::Fail { .. }) => "warn",
    };
    match form {
        Form::Text => text(finding, outcome),
        Form::Json => object(finding, outcome),
    }
}

fn text(finding: &Finding, outcome: &str) -> String {
    let ids = finding.ids.join(",");
    let mut line = format!("{outcome:<4} {ids} {}: {}", finding.name, finding.says);
    let added = match &finding.result {
        Ok(()) => Ok(()),
        Err(Stop::Skip { reason }) => write!(line, ": {reason}"),
        Err(Stop::Fail { expected, got }) => write!(line, ": expected {expected}, got {got}"),
    };
    added.expect("a String grows as it is written to");
    // What a peer says must not pass for lines of this program.
    line.replace(char::is_control, " ")
}

fn object(finding: &Finding, outcome: &str) -> String {
    let level = match finding.level {
        Level::Must => "must",
        Level::Should => "should",
    };
    let mut object = json!({
        "outcome": outcome.to_lowercase(),
        "clauses": finding.ids,
        "check": finding.name,
        "level": level,
        "says": finding.says,
    });
    match &finding.result {
        Ok(()) => {}
        Err(Stop::Skip { reason }) => object["reason"] = json!(reason),
        Err(Stop::Fail { expected, got }) => {
            object["expected"] = json!(expected);
            object["got"] = json!(got);
        }
    }
    object.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Checked, fail, skip};

    fn finding(level: Level, result: Checked) -> Finding {
        Finding { name: "frames.flags", ids: &["F-3"], level, says: "flags are refused", result }
    }

    #[test]
    fn a_line_says_the_clause_and_what_was_expected() {
        let told = |result| line(&finding(Level::Must, result), false, Form::Text);
        assert_eq!(told(Ok(())), "ok   F-3 frames.flags: flags are refused");
        let failed = told(fail("a close", "a\nPong"));
        assert_eq!(
            failed,
            "FAIL F-3 frames.flags: flags are refused: expected a close, got a Pong"
        );
        let skipped = told(skip("slow"));
        assert_eq!(skipped, "skip F-3 frames.flags: flags are refused: slow");
    }

    #[test]
    fn machines_get_one_object_a_line() {
        let failed = finding(Level::Should, fail("1", "2"));
        let text = line(&failed, true, Form::Json);
        let object: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(object["outcome"], "fail");
        assert_eq!(object["clauses"][0], "F-3");
        assert_eq!((&object["expected"], &object["got"]), (&json!("1"), &json!("2")));
    }

    #[test]
    fn a_should_warns_unless_it_counts() {
        let found = [
            finding(Level::Should, fail("1", "2")),
            finding(Level::Must, fail("1", "2")),
            finding(Level::Must, Ok(())),
            finding(Level::Must, skip("slow")),
        ];
        let tally = Tally { ok: 1, failed: 1, warned: 1, skipped: 1 };
        assert_eq!(Tally::of(&found, false), tally);
        assert_eq!(Tally::of(&found, true), Tally { failed: 2, warned: 0, ..tally });
        assert_eq!(tally.line(Form::Text), "1 ok, 1 failed, 1 warnings, 1 skipped");
    }
}
