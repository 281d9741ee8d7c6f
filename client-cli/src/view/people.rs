//! The slash commands about contacts and blocks. Must never guess whom one means.

use packetboat_client::UserId;

/// What is done about other users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum People {
    /// Show them.
    List,
    /// Ask one to be a contact or accept its wish; or be contacts no more.
    Contact(UserId, bool),
    /// Call one something.
    Name(UserId, String),
    /// Block one, or no more.
    Block(UserId, bool),
}

/// What `/verb rest` means, if it is about other users and written as it should be.
pub(super) fn parse(verb: &str, rest: &str) -> Option<People> {
    let (user, name) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    if verb == "contacts" {
        return rest.is_empty().then_some(People::List);
    }
    let user: UserId = user.parse().ok()?;
    match verb {
        "name" => Some(People::Name(user, name.trim().to_owned())),
        _ if !name.is_empty() => None,
        "contact" | "uncontact" => Some(People::Contact(user, verb == "contact")),
        _ => Some(People::Block(user, verb == "block")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_named_to_be_known_or_blocked() {
        let bob = || "bob".parse().unwrap();
        let is = |verb, rest, meant| assert_eq!(parse(verb, rest), Some(meant), "{verb} {rest}");
        is("contacts", "", People::List);
        is("contact", "bob", People::Contact(bob(), true));
        is("uncontact", "bob", People::Contact(bob(), false));
        is("name", "bob Bobby  B", People::Name(bob(), "Bobby  B".into()));
        is("name", "bob", People::Name(bob(), String::new()));
        is("block", "bob", People::Block(bob(), true));
        is("unblock", "bob", People::Block(bob(), false));
        for (verb, rest) in
            [("contacts", "bob"), ("contact", ""), ("contact", "a/b"), ("block", "bob eve")]
        {
            assert_eq!(parse(verb, rest), None, "/{verb} {rest}");
        }
    }
}
