//! Places in a generated history where something can be broken, and what breaks it. Must never
//! choose by chance: a choice is a number.

use packetboat_proto::content::Content;
use packetboat_proto::entry::Entry;
use packetboat_proto::id::{ChatId, MessageId, UserId};

use super::port::{chat, device, message_id, user};
use crate::history::{Device, Event, History, Owed, SendNumber};

pub(super) const DIRECT: &str = "dm:ann:bob";

/// A number that no send of a generated history has.
const NEW: u64 = 1 << 40;

/// The place of the event that is chosen among those that will do.
pub(super) fn choose(
    history: &History,
    choice: usize,
    will_do: impl Fn(usize, &Event) -> bool,
) -> Option<usize> {
    let events = history.events.iter().enumerate();
    let places: Vec<usize> =
        events.filter(|(at, event)| will_do(*at, event)).map(|(at, _)| at).collect();
    (!places.is_empty()).then(|| places[choice % places.len()])
}

pub(super) fn delivered(event: &Event) -> Option<(&Device, &Entry)> {
    match event {
        Event::Delivered { to, entry } => Some((to, entry)),
        _ => None,
    }
}

pub(super) fn is_text(entry: &Entry) -> bool {
    matches!(Content::decode(&entry.content, usize::MAX), Ok(Content::Text(_)))
}

/// A delivery, chosen; with its place.
pub(super) fn delivery(
    history: &History,
    choice: usize,
    will_do: impl Fn(&Device, &Entry) -> bool,
) -> Option<(usize, Device, Entry)> {
    let fits = |_, event: &Event| delivered(event).is_some_and(|(to, entry)| will_do(to, entry));
    let at = choose(history, choice, fits)?;
    let (to, entry) = delivered(&history.events[at])?;
    Some((at, to.clone(), entry.clone()))
}

pub(super) fn entry_of(event: &mut Event) -> &mut Entry {
    match event {
        Event::Delivered { entry, .. } => entry,
        _ => panic!("the place is that of a delivery"),
    }
}

pub(super) fn owes_everything(history: &History, to: &Device) -> bool {
    let event = Event::Device { device: to.clone(), owed: Owed::Everything };
    history.events.contains(&event)
}

pub(super) fn invoked_by(history: &History, by: &Device, entry: &Entry) -> bool {
    history.events.iter().any(|event| match event {
        Event::Invoked { by: who, chat, id, .. } => {
            who == by && *chat == entry.chat && *id == entry.id
        }
        _ => false,
    })
}

/// How often a message was sent.
pub(super) fn sends_of(history: &History, chat: &ChatId, id: MessageId) -> usize {
    let is_one = |event: &&Event| match event {
        Event::Invoked { chat: to, id: named, .. } => to == chat && *named == id,
        _ => false,
    };
    history.events.iter().filter(is_one).count()
}

/// The logs of a chat.
pub(super) fn logs<'a>(
    history: &'a mut History,
    of: &'a ChatId,
) -> impl Iterator<Item = &'a mut Vec<Entry>> {
    history.events.iter_mut().filter_map(move |event| match event {
        Event::Log { chat, entries, .. } if chat == of => Some(entries),
        _ => None,
    })
}

pub(super) fn send(number: u64, by: &Device, to: &str, text: &str) -> Event {
    Event::Invoked {
        send: SendNumber(NEW + number),
        by: by.clone(),
        chat: chat(to),
        id: message_id(NEW + number),
        content: Content::text(text).encode(),
    }
}

pub(super) fn entry_at(seq: u64, number: u64, by: &Device, to: &str, text: &str) -> Entry {
    Entry {
        chat: chat(to),
        seq,
        sender: by.user.clone(),
        id: message_id(NEW + number),
        at_ms: 5,
        content: Content::text(text).encode(),
    }
}

pub(super) fn head(history: &mut History, of: &str) -> u64 {
    let of = chat(of);
    logs(history, &of).map(|log| log.len() as u64).max().unwrap_or(0)
}

/// Lets it happen before the logs are read.
pub(super) fn add(history: &mut History, events: impl IntoIterator<Item = Event>) {
    let is_log = |event: &Event| matches!(event, Event::Log { .. });
    let end = history.events.iter().position(is_log).unwrap_or(history.events.len());
    history.events.splice(end..end, events);
}

/// Puts what was stored in the direct chat into its logs and before its owed devices.
pub(super) fn publish(history: &mut History, entries: &[Entry]) {
    for (user, name) in [("ann", "desk"), ("ann", "phone"), ("bob", "desk")] {
        for entry in entries {
            let to = device(user, name);
            add(history, [Event::Delivered { to, entry: entry.clone() }]);
        }
    }
    for reader in ["ann", "bob"].map(user) {
        // The log of a chat that had no entries was not read.
        if is_stranger(history, &reader, &chat(DIRECT)) {
            history.events.push(Event::Log { reader, chat: chat(DIRECT), entries: Vec::new() });
        }
    }
    logs(history, &chat(DIRECT)).for_each(|log| log.extend_from_slice(entries));
}

/// What two accepted sends of the direct chat say, with the seqs behind its head.
pub(super) fn two_sends(history: &mut History, first: &Device, second: &Device) -> [Entry; 2] {
    let head = head(history, DIRECT);
    let one = entry_at(head + 2, 0, first, DIRECT, "first");
    [entry_at(head + 1, 1, second, DIRECT, "second"), one]
}

pub(super) fn accepted(number: u64, seq: u64) -> Event {
    Event::Accepted { send: SendNumber(NEW + number), seq }
}

pub(super) fn unknown(number: u64) -> Event {
    Event::Unknown { send: SendNumber(NEW + number) }
}

/// Whether a user is given nothing of a chat by the end.
pub(super) fn is_stranger(history: &History, who: &UserId, of: &ChatId) -> bool {
    !history.events.iter().any(
        |event| matches!(event, Event::Log { reader, chat, .. } if reader == who && chat == of),
    )
}

pub(super) fn users() -> [UserId; 4] {
    ["ann", "bob", "cid", "dan"].map(user)
}
