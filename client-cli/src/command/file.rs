//! What is said on a command line about files. Must never read one.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::context::ContextArgs;
use super::target::Target;

/// What to do with files.
#[derive(Debug, Subcommand)]
pub(crate) enum FileCommand {
    /// Upload a file and send it.
    SendFile(SendFileArgs),
    /// Save the file that a message has.
    ///
    /// Until it is whole it has another name; called again, it goes on where it was.
    SaveFile(SaveFileArgs),
    /// Tell how the file that a message has stands, and whether there is a small picture of it.
    FileState {
        /// In which chat it is.
        chat: Target,
        /// Which message has it.
        #[arg(value_parser = clap::value_parser!(u64).range(1..))]
        seq: u64,
    },
    /// List the user's own files, and what they count for.
    Files,
}

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
    /// The message that it answers.
    #[arg(long, value_name = "SEQ", default_value_t = 0)]
    pub(crate) reply_to: u64,
    #[command(flatten)]
    pub(crate) context: ContextArgs,
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
    /// The small picture of it instead, by its name and `.thumbnail`.
    #[arg(long)]
    pub(crate) thumbnail: bool,
}
