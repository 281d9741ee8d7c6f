//! What is said on a command line about files. Must never read one.

use std::path::PathBuf;

use clap::Args;

use super::target::Target;

/// A file to send.
#[derive(Debug, Args)]
pub(crate) struct SendFileArgs {
    /// To whom, or to which chat.
    pub(crate) target: Target,
    /// Which file.
    pub(crate) path: PathBuf,
    /// Words to go with it.
    #[arg(long, default_value = "")]
    pub(crate) caption: String,
    /// Its media type [default: by the ending of its name].
    #[arg(long, value_name = "TYPE")]
    pub(crate) media_type: Option<String>,
    /// A small picture of it, at most 16 KiB.
    #[arg(long, value_name = "PATH")]
    pub(crate) thumbnail: Option<PathBuf>,
}

/// A file to save.
#[derive(Debug, Args)]
pub(crate) struct SaveFileArgs {
    /// In which chat it is.
    pub(crate) chat: Target,
    /// Which message has it.
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) seq: u64,
    /// Where to, a folder or a name [default: its own name, here].
    pub(crate) path: Option<PathBuf>,
}
