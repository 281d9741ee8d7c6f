//! All that can be asked of one chat, against the model. Must never compare less.

use packetboat::store::proof::View;
use packetboat::store::{Edge, PageLimit, Role, Stretch};

use super::alter;
use super::model::{CHATS, DEVICES, NAMES, Room};
use super::names::{chat, device, index, number, user};
use super::own::OwnState;
use super::part::Part;
use super::saying::check_entry;

/// Everything at once.
const WIDE: PageLimit = PageLimit { items: usize::MAX, bytes: usize::MAX };

/// What a user is shown of a chat.
pub(super) fn compare_chat(
    view: &View,
    (by, to): (usize, usize),
    room: &Room,
    own: &OwnState,
    now_ms: u64,
) {
    let (name, id) = (user(by), chat(to));
    let history = view.history(&name, &id, Edge::After(0), WIDE);
    let Some(part) = room.parts.get(&by) else {
        // A direct chat is its users' before anything is written to it.
        match id.peer_of(&name) {
            Some(_) => assert_eq!(history.map(|page| page.items.len()), Ok(0), "{id} is empty"),
            None => assert!(history.is_err(), "{id} is not {name}'s"),
        }
        return;
    };
    let history = history.expect("what was written can be read").items;
    let seqs: Vec<u64> = history.iter().map(|logged| logged.seq).collect();
    assert!(part.visible().iter().eq(&seqs), "{name} sees {seqs:?} in {id}");
    for logged in &history {
        let (line, left) = (&room.log[index(logged.seq)], room.left(logged.seq, now_ms));
        check_entry(&logged.body, (to, logged.seq), line, left);
    }
    let back = view.history(&name, &id, Edge::Before(0), WIDE).map(|page| page.items);
    assert_eq!(back.as_ref(), Ok(&history), "a log is the same from its end");
    let upto = room.log.len() as u64;
    let stretch = Stretch { chat: id.clone(), after: 0, upto };
    let reads = view.stretches(&name, vec![stretch], WIDE).expect("what was written can be read");
    assert_eq!(reads[0].entries, history, "a stretch is read as a page is");
    assert_eq!(reads[0].reached, upto, "and to its end");
    alter::compare(view, &name, &id, (room, part));
    compare_view(view, (by, to), (room, part), own, now_ms);
}

fn compare_view(
    view: &View,
    (by, to): (usize, usize),
    (room, part): (&Room, &Part),
    own: &OwnState,
    now_ms: u64,
) {
    let (name, id) = (user(by), chat(to));
    for (on, on_name) in DEVICES.iter().enumerate() {
        let seen = view.chat(&name, &device(on), &id).expect("what was written can be read");
        let unread = part.visible().range(part.before_unread() + 1..).copied().collect::<Vec<_>>();
        let unread = unread.into_iter().filter(|seq| {
            let line = &room.log[index(*seq)];
            let is_there = !line.is_silent() && room.left(*seq, now_ms).is_none();
            line.by != by && is_there && !own.hides(to, *seq)
        });
        let unread = unread.count();
        let standing = &room.standing;
        let there = standing.members.contains(&by) && !standing.over;
        let role = there.then(|| standing.rank(by));
        let last_at_ms = part
            .last()
            .checked_sub(1)
            .map_or(0, |at| room.log[usize::try_from(at).expect("logs are short here")].at_ms);
        let found = (seen.head, seen.delivered, seen.read, seen.unread, seen.role, seen.last_at_ms);
        let (head, at) = (part.last(), part.cursor(on));
        let expected = (head, at, part.before_unread(), unread as u64, role, last_at_ms);
        assert_eq!(found, expected, "{name} in {id} on {on_name}");
        assert_eq!(seen.marks.pinned, own.pin(to), "{name} has pinned {id}");
        if CHATS[to].starts_with("group:") {
            let members = if standing.over { 0 } else { standing.members.len() };
            assert_eq!(seen.members as usize, members, "members of {id}");
            assert_eq!(seen.rules, standing.rules, "rules of {id}");
            assert_eq!(seen.muted_until_ms, part.muted_until_ms, "{name} in {id}");
            let lets_in =
                role.is_some_and(|rank| standing.rules.members_add || rank != Role::Member);
            let waiting = if lets_in { standing.waiting() } else { 0 };
            assert_eq!(seen.join_requests as usize, waiting, "who asks to come into {id}");
        }
    }
    let members = view.members(&name, &id);
    if room.standing.members.contains(&by) && !room.standing.over {
        let found: Vec<_> = members
            .expect("what was written can be read")
            .items
            .iter()
            .map(|member| (number(&NAMES, member.user.as_str()), member.role))
            .collect();
        let expected = room.standing.members.iter();
        let expected = expected.map(|user| (*user, room.standing.rank(*user)));
        assert!(expected.eq(found), "members of {id}");
    } else {
        assert!(members.is_err(), "who is out of {id} is not told who is in");
    }
}
