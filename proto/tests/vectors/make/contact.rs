//! What a user sets of others, and is told of that.

use packetboat_proto::packet::{
    Answer, Block, Contact, ContactAnswer, ContactOperation, ContactState, Item, Kind, Operation,
    OwnAnswer, OwnItem, OwnPage, Packet, SetContact,
};

use super::packet::{request, response, user};
use super::{Message, Theme};
use crate::line::Vector;

fn of_bob() -> SetContact {
    SetContact::of(user("bob"))
}

fn set(set: SetContact) -> Packet {
    request(Operation::Contact(ContactOperation::Set(set)))
}

fn items(items: Vec<Item>) -> Packet {
    let items = items.into_iter().map(|item| OwnItem { revision: 7, item: Some(item) });
    let page = OwnPage { items: items.collect(), more: false, revision: 9, floor: 0 };
    response(Answer::Own(OwnAnswer::Changes(page)))
}

fn contact(state: ContactState, name: &str) -> Item {
    Item::Contact(Contact { user: user("bob"), state, name: name.into() })
}

pub(super) fn vectors() -> Vec<Vector> {
    let mut theme = Theme::default();
    for (name, change) in [
        ("nothing", of_bob()),
        ("wanted", SetContact { wanted: Some(true), ..of_bob() }),
        ("unwanted", SetContact { wanted: Some(false), ..of_bob() }),
        ("named", SetContact { name: Some("Bobby".into()), ..of_bob() }),
        ("unnamed", SetContact { name: Some(String::new()), ..of_bob() }),
    ] {
        theme.canonical(&format!("request.set_contact_{name}"), &set(change));
    }
    for (name, blocked) in [("blocked", true), ("unblocked", false)] {
        let block = ContactOperation::Block(Block { user: user("bob"), blocked });
        theme.canonical(&format!("request.set_{name}"), &request(Operation::Contact(block)));
    }
    for (name, answer) in
        [("set_contact", ContactAnswer::Set(7)), ("set_block", ContactAnswer::Block(0))]
    {
        theme.canonical(&format!("response.{name}"), &response(Answer::Contact(answer)));
    }
    let states = items(vec![
        contact(ContactState::None, "Bobby"),
        contact(ContactState::Asked, ""),
        contact(ContactState::Asks, ""),
        contact(ContactState::Contact, "Bobby"),
        Item::Block(Block { user: user("eve"), blocked: true }),
        Item::Block(Block { user: user("eve"), blocked: false }),
    ]);
    theme.canonical("response.own_contacts", &states);
    limits(&mut theme);
    theme.vectors
}

fn limits(theme: &mut Theme) {
    let longest = SetContact { name: Some("n".repeat(128)), ..of_bob() };
    theme.canonical("limit.contact_name_bytes_max.set_contact.at", &set(longest));
    let named = |bytes: usize| Message::new().bytes(1, "bob").bytes(3, "n".repeat(bytes));
    let body = Message::new().int(1, 1).message(46, named(129));
    let name = "limit.contact_name_bytes_max.set_contact.over";
    theme.bad(name, Kind::Request, &body, "one over the limit");
    let longest = items(vec![contact(ContactState::Contact, &"n".repeat(128))]);
    theme.canonical("limit.contact_name_bytes_max.own.at", &longest);
    let item = Message::new().int(1, 7).message(5, named(129));
    let body = Message::new().int(1, 1).message(33, Message::new().message(1, item));
    let name = "limit.contact_name_bytes_max.own.over";
    theme.bad(name, Kind::Response, &body, "one over the limit");
    let nobody = Message::new().int(1, 1).message(48, Message::new().int(2, 1));
    theme.bad("request.set_block_of_nobody", Kind::Request, &nobody, "a user is needed");
}
