//! Keys and values of the store from any bytes: an error or a meaning, never a panic; what has a
//! meaning keeps it when it is written again; keys are in the order of what they name. Must never
//! accept as whole what is cut.

use packetboat::store::key::{self, KeyRange};
use packetboat::store::proof::{self, CODECS};
use packetboat_proto::entry::Entry;
use packetboat_proto::id::{ChatId, DeviceId, MessageId, UserId};
use packetboat_proto::limits::{BODY_BYTES_HIGHEST, BODY_OVERHEAD_BYTES};

use crate::choices::Choices;

/// Bytes of an entry that the store takes.
const ENTRY_BYTES_MAX: usize = (BODY_BYTES_HIGHEST + BODY_OVERHEAD_BYTES) as usize;

/// Reads the bytes as every key and value, and as choices of which to make keys.
pub fn run(data: &[u8]) {
    values(data);
    sight(data);
    parts(data);
    // Whatever is read from a key of any bytes is an error or an id that may be one.
    let _ = (key::last_user(data), key::last_chat(data));
    if let Ok((seq, part)) = key::seq_and_part(data) {
        let tail = [&seq.to_be_bytes()[..], &[part]].concat();
        assert!(data.ends_with(&tail), "the seq and the part are those of the key");
    }
    keys(&mut Choices::new(data));
}

fn values(data: &[u8]) {
    for (name, codec) in CODECS {
        let Some((meaning, written)) = codec(data) else { continue };
        let again = codec(&written);
        assert_eq!(again, Some((meaning, written)), "a {name} keeps its meaning");
    }
}

/// A place as the store writes it, with stretches of any lengths: from, to, and so on, each number
/// a varint behind its field's key.
fn made_place(choices: &mut Choices<'_>) -> Vec<u8> {
    const SPANS: u8 = 4 << 3;
    let mut place = Vec::new();
    let mut put = |mut number: u64| {
        place.push(SPANS);
        while number > 0x7f {
            place.push(number.to_le_bytes()[0] | 0x80);
            number >>= 7;
        }
        place.push(number.to_le_bytes()[0]);
    };
    let mut at = 0_u64;
    for _ in 0..choices.below(5) {
        let from = at.saturating_add(1 + choices.below(5) as u64);
        at = from.saturating_add(choices.below(5) as u64);
        put(from);
        put(at);
        at += 1;
    }
    put(at + 1);
    put(if choices.flag() { 0 } else { (at + 1).saturating_add(choices.number()) });
    place
}

/// What a place shows, against counting.
fn sight(data: &[u8]) {
    let mut choices = Choices::new(data);
    let near = choices.flag();
    let mut number = || if near { choices.below(40) as u64 } else { choices.number() };
    let (after, head, entries) = (number(), number(), number());
    let mut rest = choices;
    check_sight(&made_place(&mut rest), after, head, entries);
    check_sight(choices.rest(), after, head, entries);
}

fn check_sight(place: &[u8], after: u64, head: u64, entries: u64) {
    let Some(sight) = proof::sight(place, after, head, entries) else { return };
    let mut reached = after;
    let mut count = 0_u64;
    for (first, last) in &sight.stretches {
        assert!(reached < *first && first <= last, "stretches ascend and lie apart");
        assert!(*last <= head && *first > sight.before_first, "nothing is seen that is not there");
        count += last - first + 1;
        reached = *last;
    }
    assert_eq!(sight.count, count, "the stretches are what is counted");
    assert!(sight.last <= head, "the last that may be seen is there");
    assert!(sight.stretches.last().is_none_or(|(_, last)| *last == sight.last), "it is the last");
    let from_there = proof::sight(place, sight.before_last, head, 0);
    let shown = from_there.expect("it was a place just now").count;
    let all = proof::sight(place, 0, head, 0).expect("it was a place just now").count;
    assert_eq!(shown, entries.min(all), "the last so many are so many");
}

/// An entry over its parts, and any parts for an entry.
fn parts(data: &[u8]) {
    let body = if data.len() > 1 && data[0] & 1 == 1 {
        data.repeat(1 + usize::from(data[1]))
    } else {
        data.to_vec()
    };
    let body = &body[..body.len().min(ENTRY_BYTES_MAX)];
    let values = proof::split(body);
    let joined = proof::join(values.iter().map(|(part, value)| (*part, value.as_slice())));
    let joined = joined.expect("the parts of an entry fit together");
    assert_eq!(joined, [body], "an entry comes back as it was");
    let (_, cut) = values.split_last().expect("an entry has a part");
    let joined = proof::join(cut.iter().map(|(part, value)| (*part, value.as_slice())));
    assert_eq!(joined, Ok(Vec::new()), "an entry without its last part is not whole");
    let sender = Entry::decode(body.to_vec().into()).map(|entry| entry.sender);
    // Of an entry that the store wrote; in any other bytes the sender may stand anywhere.
    if let Ok(entry) = Entry::decode(body.to_vec().into()) {
        let values = proof::split(&entry.encode());
        let found = proof::sender_of(&values[0].1);
        let sender = sender.expect("it was an entry just now");
        assert_eq!(found, Some(sender.as_str()), "the sender is told from the first part");
    }
    let _ = proof::sender_of(data);
    let pieces = data.chunks(9).map(|piece| (piece[0] & 3, &piece[1..]));
    let _ = proof::join(pieces);
}

/// What keys are made of, in the order in which they are to lie.
type Named = (ChatId, UserId, DeviceId, u64, u8, MessageId);

fn named(choices: &mut Choices<'_>) -> Named {
    let (chat, user, device) = (choices.chat(), choices.user(), choices.device());
    (chat, user, device, choices.number(), choices.byte(), choices.message_id())
}

fn keys(choices: &mut Choices<'_>) {
    let one = named(choices);
    // Now and then alike in all but one part.
    let mut other = named(choices);
    if choices.flag() {
        other.0.clone_from(&one.0);
    }
    if choices.flag() {
        other.1.clone_from(&one.1);
    }
    order(&one, &other);
    ranges(&one, &other);
    let (chat, user, ..) = &one;
    let of_member = key::last_user(&key::member(chat, user));
    assert_eq!(of_member.as_ref(), Ok(user), "a member is told from its key");
    let of_account = key::last_user(&key::account(user));
    assert_eq!(of_account.as_ref(), Ok(user), "an account is told from its key");
    let of_place = key::last_chat(&key::place(user, chat));
    assert_eq!(of_place.as_ref(), Ok(chat), "a place is told from its key");
    let of_entry = key::seq_and_part(&key::entry(chat, one.3, one.4));
    assert_eq!(of_entry, Ok((one.3, one.4)), "an entry is told from its key");
}

/// Keys lie in the order of what they name.
fn order(one: &Named, other: &Named) {
    let (chat, user, device, seq, part, id) = one;
    let (chat_2, user_2, device_2, seq_2, part_2, id_2) = other;
    let (text, text_2) = (chat.as_str(), chat_2.as_str());
    let (name, name_2) = (user.as_str(), user_2.as_str());
    let entries = key::entry(chat, *seq, *part).cmp(&key::entry(chat_2, *seq_2, *part_2));
    assert_eq!(entries, (text, seq, part).cmp(&(text_2, seq_2, part_2)), "entries in order");
    let members = key::member(chat, user).cmp(&key::member(chat_2, user_2));
    assert_eq!(members, (text, name).cmp(&(text_2, name_2)), "members in order");
    let places = key::place(user, chat).cmp(&key::place(user_2, chat_2));
    assert_eq!(places, (name, text).cmp(&(name_2, text_2)), "places in order");
    let cursors =
        key::device::cursor(user, device, chat).cmp(&key::device::cursor(user_2, device_2, chat_2));
    let named = (name, device.as_str(), text).cmp(&(name_2, device_2.as_str(), text_2));
    assert_eq!(cursors, named, "cursors in order");
    let same = key::dedup(chat, user, id) == key::dedup(chat_2, user_2, id_2);
    let alike = (text, name, id.as_bytes()) == (text_2, name_2, id_2.as_bytes());
    assert_eq!(same, alike, "one message, one key");
}

fn holds(range: &KeyRange, key: &[u8]) -> bool {
    range.from.as_slice() <= key && key < range.to.as_slice()
}

/// A range holds what it is of, and nothing else.
fn ranges(one: &Named, other: &Named) {
    let (chat, user, _, seq, ..) = one;
    let (chat_2, user_2, device_2, seq_2, part_2, id_2) = other;
    let entry = key::entry(chat_2, *seq_2, *part_2);
    assert_eq!(holds(&key::log(chat), &entry), chat == chat_2, "a log holds its entries");
    let stretch = key::entries(chat, (*seq).min(*seq_2), *seq);
    let within = chat == chat_2 && *seq_2 <= *seq;
    assert_eq!(holds(&stretch, &entry), within, "a stretch holds its entries");
    let member = key::member(chat_2, user_2);
    let of_chat = key::members(chat, None);
    assert_eq!(holds(&of_chat, &member), chat == chat_2, "a chat holds its members");
    let behind = key::members(chat, Some(user));
    let later = chat == chat_2 && user_2.as_str() > user.as_str();
    assert_eq!(holds(&behind, &member), later, "and those behind one");
    let place = key::place(user_2, chat_2);
    let of_user = key::places(user, None);
    assert_eq!(holds(&of_user, &place), user == user_2, "a user holds its places");
    let behind = key::places(user, Some(chat));
    let later = user == user_2 && chat_2.as_str() > chat.as_str();
    assert_eq!(holds(&behind, &place), later, "and those behind one");
    let in_groups = user == user_2 && chat_2.as_str().starts_with("group:");
    assert_eq!(holds(&key::places_in_groups(user), &place), in_groups, "and those in groups");
    let device = key::device::row(user_2, device_2);
    assert_eq!(
        holds(&key::device::devices(user, None), &device),
        user == user_2,
        "a user holds its devices"
    );
    let ranges =
        [key::log(chat), of_chat, of_user, key::device::devices(user, None), key::accounts(None)];
    let strangers = [
        key::dedup(chat_2, user_2, id_2),
        key::group(chat_2),
        key::user(user_2),
        key::device::cursor(user_2, device_2, chat_2),
        key::format(),
        key::secret(),
        key::body_max(),
    ];
    let strange = |range: &KeyRange| strangers.iter().any(|key| holds(range, key));
    assert!(!ranges.iter().any(strange), "kinds of rows do not mix");
    assert!(holds(&key::accounts(None), &key::account(user)), "the accounts hold each");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_place_is_one_and_is_seen_through() {
        // Two stretches, 1 to 3 and 6 to 6, and one from 8 on.
        let place = made_place(&mut Choices::new(&[2, 0, 2, 1, 0, 1]));
        let sight = proof::sight(&place, 0, 9, 2).unwrap();
        assert_eq!(sight.stretches, [(1, 3), (6, 6), (8, 9)]);
        assert_eq!((sight.count, sight.last, sight.before_last), (6, 9, 7));
        check_sight(&place, 0, 9, 2);
    }
}
