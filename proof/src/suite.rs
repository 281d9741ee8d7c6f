//! The command line of a suite that is a test with a `main` of its own: it is run by `cargo test`
//! among others, with arguments that are meant for libtest. Must never take one of its own for
//! one of those.

use std::env;

use packetboat_proto::planted::Bug;

/// Flags of libtest that mean nothing to a suite.
const FLAGS: [&str; 9] = [
    "--nocapture",
    "--no-capture",
    "--show-output",
    "--quiet",
    "-q",
    "--exact",
    "--ignored",
    "--include-ignored",
    "--test",
];
/// Those that have a value.
const OPTIONS: [&str; 6] = ["--test-threads", "--color", "--format", "--skip", "-Z", "--logfile"];

/// The suite's own arguments, the program's name first; `None`: this run is not meant for it, for
/// it lists tests, or names others.
pub fn arguments(suite: &str) -> Option<Vec<String>> {
    own(suite, env::args())
}

/// The name of a bug to plant, as an argument: one that nobody knows would plant nothing.
pub fn plant(name: &str) -> Result<String, String> {
    let known = || Bug::ALL.map(Bug::name).join(", ");
    Bug::named(name).map(|bug| bug.name().to_owned()).ok_or_else(|| format!("one of {}", known()))
}

fn own(suite: &str, all: impl IntoIterator<Item = String>) -> Option<Vec<String>> {
    let mut all = all.into_iter();
    let mut own: Vec<String> = all.next().into_iter().collect();
    let mut filters: Vec<String> = Vec::new();
    let mut value_follows = false;
    while let Some(argument) = all.next() {
        let flag = argument.split('=').next().unwrap_or_default();
        if argument == "--list" {
            return None;
        }
        if FLAGS.contains(&flag) {
            continue;
        }
        if OPTIONS.contains(&flag) {
            if !argument.contains('=') {
                all.next();
            }
            continue;
        }
        if argument.starts_with('-') {
            value_follows = !argument.contains('=');
            own.push(argument);
        } else if std::mem::take(&mut value_follows) {
            own.push(argument);
        } else {
            filters.push(argument);
        }
    }
    let meant = filters.is_empty() || filters.iter().any(|filter| suite.contains(filter.as_str()));
    meant.then_some(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Option<Vec<String>> {
        own("torture", line.split_whitespace().map(ToOwned::to_owned))
    }

    fn kept(line: &str) -> String {
        of(line).unwrap().join(" ")
    }

    #[test]
    fn what_is_meant_for_libtest_is_left_out() {
        assert_eq!(kept("bin --nocapture -q --test-threads 1 --format=json"), "bin");
        assert_eq!(kept("bin --cycles 9 --nocapture --seed=4"), "bin --cycles 9 --seed=4");
    }

    #[test]
    fn only_what_can_be_planted_is_taken_for_a_plant() {
        assert_eq!(plant("page-skips-one"), Ok("page-skips-one".to_owned()));
        assert!(plant("page-skips-none").unwrap_err().starts_with("one of answer-before-sync, "));
    }

    #[test]
    fn a_run_of_other_tests_is_not_the_suites() {
        assert_eq!(of("bin some_test"), None);
        assert_eq!(of("bin --list --format terse"), None);
        assert_eq!(kept("bin tortu --cycles 9"), "bin --cycles 9");
    }
}
