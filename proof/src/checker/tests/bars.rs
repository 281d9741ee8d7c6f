//! Who may write to whom, broken in a valid history; and times at which nobody can tell. Must never
//! rely on an order that no client saw.

use packetboat_proto::code::RejectCode;
use packetboat_proto::content::{Alteration, Content, GroupChange};

use super::place::{DIRECT, accepted, add, entry_at, head, publish, send, unknown};
use super::port::{device, user};
use super::{RULES, kinds};
use crate::checker::{Bars, Rules, Strangers, check_with};
use crate::history::{BlockNumber, Event, History, SendNumber};

fn blocking(number: u64, by: &str, other: &str, blocked: bool) -> [Event; 2] {
    let (call, by, other) = (BlockNumber(number), user(by), user(other));
    [Event::Blocking { call, by, other, blocked }, Event::Blocked { call }]
}

/// Ann writes to Bob, who has blocked her, or whom she has blocked.
pub(super) fn barred(history: &mut History, choice: usize) -> bool {
    let by = device("ann", "desk");
    let entry = entry_at(head(history, DIRECT) + 1, 0, &by, DIRECT, "barred");
    let (who, whom) = [("ann", "bob"), ("bob", "ann")][choice % 2];
    add(history, blocking(0, who, whom, true));
    add(history, [send(0, &by, DIRECT, "barred"), accepted(0, entry.seq)]);
    publish(history, &[entry]);
    true
}

/// Bob never wanted to be Ann's contact.
pub(super) fn stranger(history: &mut History, _: usize) -> bool {
    let bob = user("bob");
    history.events.retain(|event| match event {
        Event::Wanting { by, other } => *by != bob || other.as_str() != "ann",
        _ => true,
    });
    head(history, DIRECT) > 0
}

/// Bob is told that there is no Ann, or that one of them has blocked the other.
pub(super) fn false_bar(history: &mut History, choice: usize) -> bool {
    let code = Some([RejectCode::UnknownUser, RejectCode::Blocked][choice % 2]);
    let answer = Event::Rejected { send: number(), code };
    add(history, [send(0, &device("bob", "desk"), DIRECT, "refused"), answer]);
    true
}

fn number() -> SendNumber {
    match accepted(0, 1) {
        Event::Accepted { send, .. } => send,
        _ => unreachable!("it is one"),
    }
}

/// A history in which Bob does something about Ann, and she then writes to him.
fn written(blocks: impl IntoIterator<Item = Event>, answer: Event) -> History {
    let ann = device("ann", "desk");
    let mut history = History::default();
    for (by, other) in [("ann", "bob"), ("bob", "ann")] {
        history.events.push(Event::Wanting { by: user(by), other: user(other) });
    }
    history.events.extend(blocks);
    add(&mut history, [send(0, &ann, DIRECT, "hi"), answer]);
    history
}

fn found(history: &History) -> Vec<String> {
    kinds(&check_with(history, RULES)).into_iter().collect()
}

fn refused(code: RejectCode) -> Event {
    Event::Rejected { send: number(), code: Some(code) }
}

#[test]
fn while_somebody_is_just_being_blocked_both_answers_are_right() {
    let [begins, done] = blocking(0, "bob", "ann", true);
    let [ends, over] = blocking(1, "bob", "ann", false);
    let both = |blocks: &[&Event]| {
        let blocks = || blocks.iter().map(|event| (*event).clone());
        let stored = found(&written(blocks(), accepted(0, 1)));
        (stored, found(&written(blocks(), refused(RejectCode::UnknownUser))))
    };
    let [none, barred, wrong] = [vec![], vec!["Barred".to_owned()], vec!["FalseBar".to_owned()]];
    assert_eq!(both(&[]), (none.clone(), wrong.clone()), "nobody is blocked");
    assert_eq!(both(&[&begins]), (none.clone(), none.clone()), "it is under way");
    assert_eq!(both(&[&begins, &done]), (barred, none.clone()), "it is done");
    assert_eq!(both(&[&begins, &done, &ends]), (none.clone(), none.clone()), "its end begins");
    assert_eq!(both(&[&begins, &done, &ends, &over]), (none.clone(), wrong), "it is over");
    assert_eq!(both(&[&begins, &ends, &over, &done]), (none.clone(), none), "nobody can tell");
}

#[test]
fn who_has_blocked_somebody_is_told_so_and_who_is_blocked_if_the_operator_wants_it() {
    let told = Rules { bars: Some(Bars { told: true, strangers: Strangers::Write }), ..RULES };
    for (blocks, code, quiet, loud) in [
        (blocking(0, "ann", "bob", true), RejectCode::Blocked, true, true),
        (blocking(0, "bob", "ann", true), RejectCode::Blocked, false, true),
        (blocking(0, "bob", "ann", true), RejectCode::UnknownUser, true, false),
        (blocking(0, "bob", "cid", true), RejectCode::UnknownUser, false, false),
        (blocking(0, "bob", "ann", true), RejectCode::NotAllowed, true, false),
    ] {
        let history = written(blocks, refused(code));
        let right = [RULES, told].map(|rules| check_with(&history, rules).violations.is_empty());
        assert_eq!(right, [quiet, loud], "{history:?}");
    }
}

#[test]
fn who_is_blocked_takes_back_what_it_said_and_brings_nobody_in() {
    let ann = device("ann", "desk");
    let says = |to: &str, content: Content, answer: Event| {
        let mut history = written(blocking(0, "bob", "ann", true), unknown(0));
        history.events.truncate(history.events.len() - 2);
        let mut said = send(0, &ann, to, "");
        if let Event::Invoked { content: bytes, .. } = &mut said {
            *bytes = content.encode();
        }
        add(&mut history, [said, answer]);
        found(&history)
    };
    let recall = || Content::Entry(Alteration::Recalled { seq: 1 });
    assert_eq!(says(DIRECT, recall(), accepted(0, 2)), [""; 0]);
    assert_eq!(says(DIRECT, recall(), refused(RejectCode::UnknownUser)), ["FalseBar"]);
    let brings = || {
        let members = vec![user("bob"), user("cid")];
        Content::Group(GroupChange::Created { name: "G".into(), members })
    };
    assert_eq!(says("group:g", brings(), accepted(0, 1)), ["Barred"]);
    assert_eq!(says("group:g", brings(), refused(RejectCode::UnknownUser)), [""; 0]);
}
