//! A suite with a command line of its own, which cargo may start as it starts any test. Must never
//! fail because of an argument that is for others.

use std::process::ExitCode;

/// Switches of libtest that take a value behind them.
const LIBTEST_VALUES: [&str; 8] = [
    "--test-threads",
    "--skip",
    "--format",
    "--color",
    "--logfile",
    "--shuffle-seed",
    "-Z",
    "--report-time",
];
/// Those that take none.
const LIBTEST_FLAGS: [&str; 13] = [
    "--nocapture",
    "--no-capture",
    "--show-output",
    "--quiet",
    "-q",
    "--exact",
    "--ignored",
    "--include-ignored",
    "--test",
    "--bench",
    "--shuffle",
    "--force-run-in-process",
    "--exclude-should-panic",
];

/// How a process ends after a test failed.
pub fn failed() -> ExitCode {
    ExitCode::from(101)
}

/// The arguments that are for the suite: libtest's switches and filters are left out. `None`: the
/// tests are to be listed, not run.
pub fn own_arguments(all: impl IntoIterator<Item = String>) -> Option<Vec<String>> {
    let mut all = all.into_iter();
    let mut own: Vec<String> = all.next().into_iter().collect();
    // A word behind a switch of the suite is its value; any other is a filter.
    let mut takes_value = false;
    while let Some(argument) = all.next() {
        let name = argument.split('=').next().unwrap_or_default();
        if name == "--list" {
            return None;
        } else if LIBTEST_VALUES.contains(&name) {
            if name.len() == argument.len() {
                all.next();
            }
            takes_value = false;
        } else if LIBTEST_FLAGS.contains(&name) {
            takes_value = false;
        } else if argument.starts_with('-') {
            takes_value = !argument.contains('=');
            own.push(argument);
        } else if std::mem::take(&mut takes_value) {
            own.push(argument);
        }
    }
    Some(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(line: &str) -> Option<Vec<String>> {
        own_arguments(line.split(' ').map(ToOwned::to_owned))
    }

    #[test]
    fn what_is_for_libtest_is_left_out() {
        let line = "torture some_filter --cycles 7 --nocapture -q --test-threads 3 --seed=9 \
                    --skip=x --verbose --exact other";
        let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
        let kept = ["torture", "--cycles", "7", "--seed=9", "--verbose"];
        assert_eq!(own(&line).unwrap(), kept);
        assert_eq!(own("torture --list --format terse"), None);
    }
}
