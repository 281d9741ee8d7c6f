//! The command line of a message that is sent now. Must never guess whom a text calls.

use clap::Args;

use super::context::ContextArgs;
use super::target::Target;

/// What to send.
#[derive(Debug, Args)]
pub(crate) struct SendArgs {
    /// To whom, or to which chat.
    pub(crate) target: Target,
    /// What; `-` reads lines from stdin and sends each that is not blank.
    #[arg(allow_hyphen_values = true)]
    pub(crate) text: String,
    /// Send it as data of this media type, such as `application/json`.
    #[arg(long, value_name = "TYPE")]
    pub(crate) media_type: Option<String>,
    #[command(flatten)]
    pub(crate) context: ContextArgs,
}
