//! The command line of search.

use clap::Args;

use super::target::Target;

/// Messages that one search may ask for.
const FOUND_MAX: i64 = 10_000;

/// What to search for.
#[derive(Debug, Args)]
pub(crate) struct SearchArgs {
    /// The words; a message is found that has all of them.
    #[arg(required = true)]
    pub(crate) words: Vec<String>,
    /// In this chat alone.
    #[arg(long, value_name = "TARGET")]
    pub(crate) chat: Option<Target>,
    /// How many messages.
    #[arg(long, default_value_t = 20,
          value_parser = clap::value_parser!(u32).range(1..=FOUND_MAX))]
    pub(crate) limit: u32,
}
