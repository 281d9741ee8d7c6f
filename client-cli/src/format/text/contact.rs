//! Contacts and blocks in lines for people. Must never hold a character that a terminal obeys.

use packetboat_client::{Contact, ContactState, UserId};

use super::table::{USER_COLUMNS, row, row_with};
use crate::clean;

/// What is known of another.
pub(crate) fn contact(contact: &Contact) -> String {
    let state = match contact.state {
        ContactState::None => "no contact",
        ContactState::Asked => "asked by you",
        ContactState::Asks => "asks you",
        ContactState::Contact => "contact",
    };
    let name = clean::line(&contact.name);
    row_with(contact.user.as_str(), USER_COLUMNS, &format!("{state} "), &name)
}

/// One who is blocked.
pub(crate) fn blocked(user: &UserId) -> String {
    row(user.as_str(), USER_COLUMNS, "blocked")
}

#[cfg(test)]
mod tests {
    use super::super::table::fits;
    use super::*;

    #[test]
    fn a_contact_is_a_line() {
        let mut bob = Contact::of("bob".parse().unwrap());
        assert_eq!(contact(&bob), format!("{:<28} no contact", "bob"));
        bob.state = ContactState::Asks;
        bob.name = "Bob\u{1b}by".into();
        assert_eq!(contact(&bob), format!("{:<28} asks you  Bob\u{241b}by", "bob"));
        bob.name = "b".repeat(128);
        fits(&contact(&bob));
        assert_eq!(blocked(&bob.user), format!("{:<28} blocked", "bob"));
    }
}
