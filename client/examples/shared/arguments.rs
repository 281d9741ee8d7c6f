//! What the examples are told: `--name value` on the command line, or the default.

/// The value behind `name`.
pub(crate) fn argument(name: &str, default: &str) -> String {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments.nth(1).unwrap_or_else(|| default.to_owned())
}
