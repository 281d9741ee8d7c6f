//! What is said in the model, as a draft, and as the entry that it becomes. Must never look at the
//! store.

use bytes::Bytes;
use packetboat::store::Draft;
use packetboat_proto::content::{Change, Content, Erasure, GroupChange, Role};
use packetboat_proto::entry::Entry;
use packetboat_proto::id::MessageId;

use super::model::{CHATS, Line, What};
use super::names::{chat, user};
use super::{alter, inviting};

/// A draft of it.
pub(super) fn draft(to: usize, id: u8, what: &What) -> Draft {
    let users = |some: &[usize]| some.iter().map(|by| user(*by)).collect();
    let change = match what {
        What::Text(..) | What::Expiring(_) | What::Reply(_) | What::Alter(_) => None,
        What::Create(members) => {
            Some(GroupChange::Created { name: "G".to_owned(), members: users(members) })
        }
        What::Add(some) => Some(GroupChange::Added(users(some))),
        What::Remove(some) => Some(GroupChange::Removed(users(some))),
        What::Leave(heir) => Some(GroupChange::Left { new_owner: heir.map(user) }),
        What::Rename => Some(GroupChange::Renamed("H".to_owned())),
        What::Describe => {
            Some(GroupChange::Described { topic: Some("T".to_owned()), avatar: None })
        }
        What::Rules(rules) => Some(GroupChange::RulesSet(*rules)),
        What::Role(some, gives) => {
            let role = if *gives { Role::Admin } else { Role::Member };
            Some(GroupChange::RolesGiven { users: users(some), role })
        }
        What::HandOver(to) => Some(GroupChange::OwnerChanged(user(*to))),
        What::Mute(some, until_ms) => {
            Some(GroupChange::Muted { users: users(some), until_ms: *until_ms })
        }
        What::Join(by) => Some(GroupChange::Joined(by.map(|by| inviting::proof(by, to)))),
        What::Dissolve => Some(GroupChange::Dissolved),
    };
    Draft {
        chat: chat(to),
        id: MessageId::from([id; 16]),
        content: content(what, change.as_ref()),
        change: change.map(Change::Group),
        file: None,
        refers: alter::reference(what),
    }
}

fn content(what: &What, change: Option<&GroupChange>) -> Bytes {
    match (what, change) {
        (What::Text(letter, bytes), _) => alter::text(*letter, *bytes),
        (What::Expiring(_) | What::Reply(_) | What::Alter(_), _) => alter::content(what),
        (_, Some(change)) => Content::Group(change.clone()).encode(),
        (_, None) => Bytes::new(),
    }
}

/// An entry is what was said, or what is left of it.
pub(super) fn check_entry(
    body: &Bytes,
    (to, seq): (usize, u64),
    line: &Line,
    left: Option<Erasure>,
) {
    let entry = Entry::decode(body.clone()).expect("a log holds entries");
    let made = draft(to, line.id, &line.what);
    let Draft { chat, id, mut content, .. } = made;
    if let Some(left) = left {
        content = Content::Erased(left).encode();
    }
    let (sender, at_ms) = (user(line.by), line.at_ms);
    let expected = Entry { chat, seq, sender, id, at_ms, content };
    assert!(entry == expected, "{seq} of {} is what was said: {line:?}", CHATS[to]);
}
