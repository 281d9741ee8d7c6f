//! Who is told what of whom, and what is left of it in the end.

use super::*;
use crate::hub::mailbox::HINTS_MAX;
use crate::store::Visibility;

const HERE: There = There { online: true, away: false };
const GONE: There = There { online: false, away: false };

fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

fn mailbox(number: u8) -> Arc<Mailbox> {
    Arc::new(Mailbox::new(SessionId::from([number; 16])))
}

fn told(mailbox: &Mailbox) -> Vec<bool> {
    let hints = mailbox.take().hints;
    assert!(hints.len() <= HINTS_MAX);
    let online = |hint| match hint {
        Hint::Presence(_, frame) => frame == super::frame(presence_of(HERE)),
        other => panic!("{other:?}"),
    };
    hints.into_iter().map(online).collect()
}

fn presence_of(there: There) -> Presence {
    presence_for(&user("bob"), &user("bob"), there, (&Profile::default(), Relation::default()))
}

/// What somebody is told first of Bob: Ann's session is 1, Cid's is 2.
fn first(watches: &mut Watches, viewer: &UserId, there: There) -> Presence {
    let session = SessionId::from([if viewer.as_str() == "ann" { 1 } else { 2 }; 16]);
    let kept = (&Profile::default(), Relation::default());
    watches.first((viewer, session), &user("bob"), there, kept)
}

#[test]
fn who_is_blocked_is_told_that_a_user_is_offline_and_nobody_else_is() {
    let mut watches = Watches::default();
    let (ann, cid, bob) = (user("ann"), user("cid"), user("bob"));
    let seats = [mailbox(1), mailbox(2)];
    for (viewer, seat) in [(&ann, &seats[0]), (&cid, &seats[1])] {
        watches.watch(viewer, seat, std::slice::from_ref(&bob), &[]).unwrap();
        assert!(first(&mut watches, viewer, HERE).online);
    }
    let blocked = Relation { contact: true, blocked: true };
    assert!(watches.relate(&bob, &ann, blocked) && !watches.relate(&cid, &ann, blocked));
    watches.tell(&bob, HERE, 1);
    assert_eq!((told(&seats[0]), told(&seats[1])), (vec![false], vec![true]));
    // It was set while it was read: what was read is older.
    assert!(!first(&mut watches, &ann, HERE).online);
    assert!(watches.relate(&bob, &ann, Relation::default()));
    watches.tell(&bob, HERE, 2);
    assert_eq!(told(&seats[0]), [true]);
}

#[test]
fn a_flap_costs_nothing_and_a_change_is_told_once() {
    let mut watches = Watches::default();
    let (ann, bob, seat) = (user("ann"), user("bob"), mailbox(1));
    watches.watch(&ann, &seat, std::slice::from_ref(&bob), &[]).unwrap();
    assert!(!first(&mut watches, &ann, GONE).online);
    watches.take_changed(9);
    watches.tell(&bob, GONE, 5);
    assert_eq!(told(&seat), [false]);
    assert!(watches.touch(&bob) && !watches.touch(&bob));
    assert_eq!(watches.take_changed(9), (vec![bob.clone()], false));
    assert_eq!(watches.tell(&bob, GONE, 6), (0, 0), "it came and went");
    assert_eq!(watches.tell(&bob, HERE, 7), (1, 0));
    assert_eq!(watches.tell(&bob, HERE, 8), (0, 0));
    assert_eq!(told(&seat), [true]);
}

#[test]
fn who_was_told_otherwise_in_its_answer_is_told_again() {
    let mut watches = Watches::default();
    let (ann, cid, bob) = (user("ann"), user("cid"), user("bob"));
    let seats = [mailbox(1), mailbox(2)];
    watches.watch(&ann, &seats[0], std::slice::from_ref(&bob), &[]).unwrap();
    first(&mut watches, &ann, GONE);
    watches.tell(&bob, GONE, 1);
    watches.watch(&cid, &seats[1], std::slice::from_ref(&bob), &[]).unwrap();
    assert!(first(&mut watches, &cid, HERE).online);
    // Gone again before the round: what was told last says so, and the answer did not.
    assert_eq!(watches.tell(&bob, GONE, 2), (2, 0));
    assert_eq!(told(&seats[1]), [false]);
}

#[test]
fn what_was_set_while_it_was_read_is_what_is_told() {
    let mut watches = Watches::default();
    let (ann, bob, seat) = (user("ann"), user("bob"), mailbox(1));
    watches.watch(&ann, &seat, std::slice::from_ref(&bob), &[]).unwrap();
    let set = Profile { visible_to: Visibility::Nobody, ..Profile::default() };
    assert!(watches.set_profile(&bob, set));
    assert!(!first(&mut watches, &ann, HERE).online);
    watches.tell(&bob, HERE, 1);
    assert_eq!(told(&seat), [false], "it is hidden");
}

/// What the one notice in a mailbox says of when somebody was seen last.
fn last_seen(mailbox: &Mailbox) -> u64 {
    match &mailbox.take().hints.into_iter().collect::<Vec<_>>()[..] {
        [Hint::Presence(_, frame)] => {
            let of = |last_seen_ms| Presence { last_seen_ms, ..presence_of(GONE) };
            let found = (0..10).find(|last_seen_ms| *frame == super::frame(of(*last_seen_ms)));
            found.expect("one of the times of these tests")
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_went_long_ago_is_not_told_of_as_if_it_had_gone_just_now() {
    let mut watches = Watches::default();
    let (ann, cid, bob) = (user("ann"), user("cid"), user("bob"));
    let (seat, other) = (mailbox(1), mailbox(2));
    let kept = Profile { last_seen_ms: 2, ..Profile::default() };
    let read = (&kept, Relation::default());
    watches.watch(&ann, &seat, std::slice::from_ref(&bob), &[]).unwrap();
    assert_eq!(watches.first((&ann, seat.session()), &bob, GONE, read).last_seen_ms, 2);
    watches.tell(&bob, GONE, 5);
    assert_eq!(last_seen(&seat), 2);
    // How it stands to somebody is no news of when it went, nor is what it says of itself.
    assert!(watches.relate(&bob, &ann, Relation { contact: true, blocked: false }));
    watches.tell(&bob, GONE, 6);
    assert_eq!(last_seen(&seat), 2);
    // It comes for so short that nobody is told of it.
    watches.touch(&bob);
    assert_eq!(watches.tell(&bob, GONE, 7), (0, 0));
    watches.watch(&cid, &other, std::slice::from_ref(&bob), &[]).unwrap();
    watches.first((&cid, other.session()), &bob, GONE, read);
    watches.relate(&bob, &ann, Relation::default());
    watches.tell(&bob, GONE, 8);
    assert_eq!((last_seen(&seat), last_seen(&other)), (7, 7), "it is later than what was read");
}

#[test]
fn who_goes_while_it_is_read_has_gone_now() {
    let mut watches = Watches::default();
    let (ann, bob, seat) = (user("ann"), user("bob"), mailbox(1));
    watches.watch(&ann, &seat, std::slice::from_ref(&bob), &[]).unwrap();
    // What is kept says when its session began.
    assert!(watches.touch(&bob));
    assert_eq!(watches.tell(&bob, GONE, 4), (0, 0), "nobody was told anything of it yet");
    let kept = Profile { last_seen_ms: 2, ..Profile::default() };
    watches.first((&ann, seat.session()), &bob, GONE, (&kept, Relation::default()));
    watches.tell(&bob, GONE, 5);
    assert_eq!(last_seen(&seat), 5);
}

#[test]
fn nothing_is_left_of_a_session_that_has_ended_nor_of_one_that_watches_nobody() {
    let mut watches = Watches::default();
    let (ann, seat) = (user("ann"), mailbox(1));
    let many: Vec<UserId> = (0..WATCHED_MAX).map(|number| user(&format!("u{number}"))).collect();
    watches.watch(&ann, &seat, &many, &[]).unwrap();
    let one_more = watches.watch(&ann, &seat, &[user("one.more")], &[]);
    assert_eq!(one_more, Err(TooManyWatched));
    assert_eq!(watches.watched.len(), WATCHED_MAX, "and nothing of it was done");
    watches.watch(&ann, &seat, &[user("one.more")], &many[..1]).unwrap();
    watches.touch(&many[1]);
    watches.leave(seat.session());
    assert!(watches.watched.is_empty() && watches.changed.is_empty());
    watches.watch(&ann, &seat, &many[..1], &[]).unwrap();
    watches.watch(&ann, &seat, &[], &many[..1]).unwrap();
    assert!(watches.watched.is_empty() && watches.by_session.is_empty());
}

#[test]
fn what_is_no_part_of_presence_is_not_told() {
    let mut watches = Watches::default();
    let (ann, bob, seat) = (user("ann"), user("bob"), mailbox(1));
    watches.watch(&ann, &seat, std::slice::from_ref(&bob), &[]).unwrap();
    first(&mut watches, &ann, HERE);
    watches.tell(&bob, HERE, 1);
    told(&seat);
    let set = Profile { receipts: ReceiptRule::Hidden, ..Profile::default() };
    watches.set_profile(&bob, set);
    assert_eq!(watches.tell(&bob, HERE, 2), (0, 0));
}
