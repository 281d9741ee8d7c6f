//! The slash commands about what others see of the user. Must never let more people see it than the
//! line names.

use clap::ValueEnum;
use packetboat_client::Visibility;

use crate::command::presence::VisibleTo;

/// What others see, or are to see, of the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Here {
    /// Whether the user is away from this device.
    Away(bool),
    /// Show how the user is told to be, and what it says of itself.
    Ask,
    /// What the user says of itself, and who sees it.
    Status(String, Visibility),
}

/// What `/status rest` means.
pub(super) fn status(rest: &str) -> Option<Here> {
    if rest.is_empty() {
        return Some(Here::Ask);
    }
    let (who, text) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let who = VisibleTo::from_str(who, true).ok()?;
    Some(Here::Status(text.trim().to_owned(), who.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_says_who_sees_it() {
        let said = Here::Status("at  sea".into(), Visibility::Contacts);
        assert_eq!(status("contacts at  sea"), Some(said));
        assert_eq!(status("nobody"), Some(Here::Status(String::new(), Visibility::Nobody)));
        assert_eq!(status("at sea"), None, "nobody is to see what was meant for some");
        assert_eq!(status(""), Some(Here::Ask));
    }
}
