//! Sessions come, take seats and go. Must never need a socket.

use super::*;

fn user(text: &str) -> UserId {
    UserId::new(text).unwrap()
}

fn chat(text: &str) -> ChatId {
    ChatId::new(text).unwrap()
}

fn session(number: u8) -> SessionId {
    SessionId::from([number; 16])
}

fn mailbox(number: u8) -> Arc<Mailbox> {
    Arc::new(Mailbox::new(session(number)))
}

fn on(device: &DeviceId) -> Connected<'_> {
    Connected { device, platform: "" }
}

fn seat(registry: &mut Registry, number: u8, name: &str, device: &str, groups: &[&str]) {
    registry.enter(mailbox(number));
    let groups = groups.iter().map(|group| chat(group)).collect();
    registry.seat(session(number), &user(name), on(&DeviceId::new(device).unwrap()), groups);
}

fn found(registry: &Registry, of: &str) -> Vec<u8> {
    let mut found: Vec<u8> =
        registry.of_chat(&chat(of)).map(|mailbox| mailbox.session().as_bytes()[0]).collect();
    found.sort_unstable();
    found
}

#[test]
fn a_direct_chat_concerns_all_sessions_of_both() {
    let mut registry = Registry::default();
    seat(&mut registry, 1, "a", "x", &[]);
    seat(&mut registry, 2, "a", "y", &[]);
    seat(&mut registry, 3, "b", "x", &[]);
    seat(&mut registry, 4, "c", "x", &[]);
    assert_eq!(found(&registry, "dm:a:b"), [1, 2, 3]);
    assert_eq!(found(&registry, "dm:a:a"), [1, 2]);
    assert!(found(&registry, "dm:d:e").is_empty());
}

#[test]
fn a_newer_session_takes_the_seat_of_its_device() {
    let mut registry = Registry::default();
    seat(&mut registry, 1, "a", "x", &["group:g"]);
    registry.enter(mailbox(2));
    let device = DeviceId::new("x").unwrap();
    let older = registry.seat(session(2), &user("a"), on(&device), vec![chat("group:g")]);
    assert_eq!(older.map(|mailbox| mailbox.session()), Some(session(1)));
    assert_eq!(found(&registry, "group:g"), [2]);
    assert!(!registry.leave(session(1), Some(&user("a"))));
    assert_eq!(found(&registry, "dm:a:a"), [2]);
}

#[test]
fn a_session_that_came_earlier_is_the_older_however_late_it_claims() {
    let mut registry = Registry::default();
    let device = DeviceId::new("x").unwrap();
    registry.enter(mailbox(1));
    seat(&mut registry, 2, "a", "x", &[]);
    assert!(registry.is_outdated(session(1), &user("a"), &device));
    assert!(!registry.is_outdated(session(1), &user("a"), &DeviceId::new("y").unwrap()));
    registry.enter(mailbox(3));
    assert!(!registry.is_outdated(session(3), &user("a"), &device));
    registry.leave(session(2), Some(&user("a")));
    assert!(!registry.is_outdated(session(1), &user("a"), &device));
}

#[test]
fn a_session_that_left_before_its_claim_gets_no_seat() {
    let mut registry = Registry::default();
    seat(&mut registry, 1, "a", "x", &[]);
    let device = DeviceId::new("x").unwrap();
    assert!(registry.seat(session(9), &user("a"), on(&device), Vec::new()).is_none());
    assert_eq!(found(&registry, "dm:a:a"), [1]);
}

#[test]
fn who_is_put_out_of_a_group_is_not_found_in_it() {
    let mut registry = Registry::default();
    seat(&mut registry, 1, "a", "x", &["group:g"]);
    seat(&mut registry, 2, "b", "x", &[]);
    registry.join(&chat("group:g"), &[user("b"), user("nobody")]);
    registry.join(&chat("group:g"), &[user("b")]);
    assert_eq!(found(&registry, "group:g"), [1, 2]);
    registry.part(&chat("group:g"), &[user("a")]);
    assert_eq!(found(&registry, "group:g"), [2]);
    assert!(registry.leave(session(2), Some(&user("b"))));
    assert!(found(&registry, "group:g").is_empty());
    assert!(registry.groups.is_empty());
    assert_eq!(registry.sessions(), 1);
}

#[test]
fn a_session_that_names_another_user_takes_no_seat_away() {
    let mut registry = Registry::default();
    seat(&mut registry, 1, "a", "x", &[]);
    registry.enter(mailbox(2));
    assert!(!registry.leave(session(2), Some(&user("a"))));
    assert_eq!((found(&registry, "dm:a:a"), registry.sessions()), (vec![1], 1));
}

#[test]
fn a_session_that_leaves_or_is_replaced_is_in_no_room() {
    let mut registry = Registry::default();
    seat(&mut registry, 1, "a", "x", &[]);
    seat(&mut registry, 2, "b", "x", &[]);
    let lobby = chat("room:lobby");
    for (number, name) in [(1, "a"), (1, "a"), (2, "b")] {
        registry.join_room(&user(name), session(number), &lobby).unwrap();
    }
    assert_eq!(registry.join_room(&user("a"), session(2), &lobby), Err(JoinError::Gone));
    assert_eq!(found(&registry, "room:lobby"), [1, 2]);
    registry.enter(mailbox(3));
    registry.seat(session(3), &user("a"), on(&DeviceId::new("x").unwrap()), Vec::new());
    assert_eq!(found(&registry, "room:lobby"), [2], "a newer session joins by itself");
    registry.leave(session(2), Some(&user("b")));
    assert!(found(&registry, "room:lobby").is_empty() && !registry.rooms.has_changed());
}

#[test]
fn a_room_that_is_closed_takes_no_place_from_another() {
    let mut registry = Registry::default();
    seat(&mut registry, 1, "a", "x", &["group:g"]);
    let ann = user("a");
    let rooms = (0..=ROOMS_PER_SESSION_MAX).map(|at| chat(&format!("room:r{at}")));
    let rooms: Vec<ChatId> = rooms.collect();
    let (last, rooms) = rooms.split_last().unwrap();
    for room in rooms {
        registry.join_room(&ann, session(1), room).unwrap();
    }
    assert_eq!(registry.join_room(&ann, session(1), last), Err(JoinError::TooMany));
    for room in rooms {
        registry.dissolve(room);
    }
    assert_eq!(registry.mailbox(&ann, session(1)).unwrap().take().rooms_over, rooms);
    assert_eq!(registry.join_room(&ann, session(1), last), Ok(()));
    assert_eq!(registry.users[&ann].all()[0].groups, [chat("group:g"), last.clone()]);
}

#[test]
fn of_a_group_that_is_dissolved_no_receipts_are_told() {
    let mut registry = Registry::default();
    seat(&mut registry, 1, "a", "x", &["group:g", "group:h"]);
    registry.dissolve(&chat("group:g"));
    for (group, told) in [("group:g", Err(ReceiptsError::NoSeat)), ("group:h", Ok(()))] {
        assert_eq!(registry.watch_receipts(&user("a"), session(1), &[chat(group)], &[]), told);
    }
}

#[test]
fn a_user_is_away_when_all_of_its_sessions_are() {
    let mut registry = Registry::default();
    seat(&mut registry, 1, "a", "x", &[]);
    seat(&mut registry, 2, "a", "y", &[]);
    let away = |registry: &Registry| registry.there(&user("a")).away;
    assert!(registry.set_away(&user("a"), session(1), true) && !away(&registry));
    assert!(registry.set_away(&user("a"), session(2), true) && away(&registry));
    assert!(!registry.set_away(&user("a"), session(2), true), "it is no news");
    registry.leave(session(1), Some(&user("a")));
    registry.leave(session(2), Some(&user("a")));
    assert_eq!(registry.there(&user("a")), There::default());
}

#[test]
fn sessions_of_one_user_come_and_go_by_themselves() {
    let mut registry = Registry::default();
    for number in 1..=3 {
        seat(&mut registry, number, "a", &format!("d{number}"), &["group:g"]);
    }
    assert_eq!((registry.count(&user("a")), registry.sessions()), (3, 3));
    for (leaves, left) in [(2, vec![1, 3]), (1, vec![3]), (3, vec![])] {
        assert!(registry.leave(session(leaves), Some(&user("a"))));
        assert!(!registry.leave(session(leaves), Some(&user("a"))));
        assert_eq!(found(&registry, "dm:a:b"), left);
        assert_eq!(found(&registry, "group:g"), left);
    }
    assert!(registry.users.is_empty() && registry.sessions() == 0);
}

#[test]
fn whoever_is_here_or_comes_later_is_told_that_the_server_stops() {
    use std::task::{Context, Poll, Waker};

    use crate::hub::mailbox::{News, Wanted};

    let mut registry = Registry::default();
    let boxes = [1, 2, 3].map(mailbox);
    for mailbox in &boxes[..2] {
        registry.enter(Arc::clone(mailbox));
    }
    registry.seat(session(1), &user("a"), on(&DeviceId::new("x").unwrap()), Vec::new());
    registry.drain();
    registry.enter(Arc::clone(&boxes[2]));
    for mailbox in boxes {
        let news = mailbox.poll_news(&Context::from_waker(Waker::noop()), Wanted::Nothing);
        assert_eq!(news, Poll::Ready(News::Drain));
    }
}
