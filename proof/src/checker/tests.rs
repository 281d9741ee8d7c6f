//! The checker against a pretended server that keeps every promise, and against the same with one
//! promise broken: for each kind of violation, a history in which it is all that is found.

use std::collections::BTreeSet;

use packetboat_proto::entry::Entry;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::history::{History, Owed};

mod bars;
mod doors;
mod lives;
mod place;
mod plant;
mod port;

use plant::{PLANTS, Plant};
use port::{Port, Step, chat, device, user};

/// All that can be judged.
const RULES: Rules =
    Rules { sender_order: true, bars: Some(Bars { told: false, strangers: Strangers::Barred }) };

/// Steps that are the same each time.
fn fixed_steps(count: usize) -> impl Iterator<Item = Step> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    std::iter::repeat_with(move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let bytes = state.to_be_bytes();
        let number = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        (bytes[0], number(1), number(3))
    })
    .take(count)
}

fn kinds(verdict: &Verdict) -> BTreeSet<String> {
    let of = |violation: &Violation| {
        let text = format!("{violation:?}");
        text.split(' ').next().unwrap().to_owned()
    };
    verdict.violations.iter().map(of).collect()
}

/// False if the history has no place for it.
fn is_found(plant: &Plant, history: &mut History, choice: usize) -> bool {
    if !(plant.put_in)(history, choice) {
        return false;
    }
    let verdict = check_with(history, RULES);
    let expected = plant.with.iter().chain([&plant.name]).map(|name| (*name).to_owned());
    assert_eq!(kinds(&verdict), expected.collect(), "planted {}: {verdict:#?}", plant.name);
    true
}

#[test]
fn every_kind_of_violation_is_found_where_it_is_planted_and_no_other() {
    let valid = Port::history_of(fixed_steps(600));
    for plant in PLANTS {
        let mut planted = 0;
        for choice in 0..40 {
            planted += u32::from(is_found(plant, &mut valid.clone(), choice * 7));
        }
        assert!(planted > 0, "there is a place for {}", plant.name);
    }
}

#[test]
fn the_plants_are_of_every_kind() {
    let source = include_str!("violation.rs");
    let variants = source.split("pub enum Violation {").nth(1).unwrap();
    let variants = variants.split("\n}").next().unwrap().lines();
    // What stands one step in and begins with a capital.
    let names = variants.filter_map(|line| line.strip_prefix("    ")?.split_once(" {"));
    let names = names.map(|(name, _)| name).filter(|name| name.starts_with(char::is_uppercase));
    let planted: BTreeSet<_> = PLANTS.iter().map(|plant| plant.name).collect();
    assert_eq!(planted, names.collect());
}

#[test]
fn a_long_history_is_judged() {
    let valid = Port::history_of(fixed_steps(300_000));
    assert!(valid.events.len() > 200_000, "{} events", valid.events.len());
    let verdict = check_with(&valid, RULES);
    assert_eq!(verdict.violations, []);
    assert_eq!((verdict.counts.chats, verdict.counts.devices), (5, 6));
}

#[test]
fn violations_are_kept_up_to_a_limit_for_each_kind_and_counted_beyond() {
    let mut history = Port::history_of(fixed_steps(600));
    let is_kept = |event: &Event| !matches!(event, Event::Delivered { .. });
    history.events.retain(is_kept);
    let verdict = check(&history);
    assert_eq!(verdict.violations.len(), KEPT_PER_KIND_MAX);
    assert!(verdict.counts.violations > KEPT_PER_KIND_MAX as u64);
}

#[test]
fn counts_say_what_was_looked_at() {
    let history = Port::history_of(fixed_steps(600));
    let Verdict { violations, counts } = check(&history);
    assert_eq!(violations, []);
    let answered = counts.accepted + counts.rejected + counts.unknown;
    assert_eq!(counts.sends, answered);
    for count in [counts.accepted, counts.rejected, counts.unknown, counts.deliveries] {
        assert!(count > 20, "{counts:?}");
    }
}

#[test]
fn what_is_seen_before_it_is_sent_is_invented() {
    let mut history = Port::history_of(fixed_steps(600));
    let is_delivery = |event: &Event| matches!(event, Event::Delivered { .. });
    let at = history.events.iter().position(is_delivery).unwrap();
    let seen = history.events.remove(at);
    let is_device = |event: &Event| matches!(event, Event::Device { .. });
    let start = history.events.iter().take_while(|event| is_device(event)).count();
    history.events.insert(start, seen);
    assert_eq!(kinds(&check(&history)), BTreeSet::from(["Invented".to_owned()]));
}

#[test]
fn the_order_of_a_device_s_sends_is_a_rule_of_its_own() {
    let mut history = Port::history_of(fixed_steps(600));
    let plant = PLANTS.iter().find(|plant| plant.name == "SenderOrder").unwrap();
    assert!((plant.put_in)(&mut history, 0));
    assert_eq!(check(&history).violations, []);
}

#[test]
fn a_violation_is_a_sentence_with_its_place() {
    let mut history = Port::history_of(fixed_steps(600));
    let plant = PLANTS.iter().find(|plant| plant.name == "RealTime").unwrap();
    assert!((plant.put_in)(&mut history, 0));
    let text = check(&history).violations[0].to_string();
    assert!(text.starts_with("dm:ann:bob: send 1099511627777 is at seq "), "{text}");
}

#[test]
fn logs_are_missed_only_where_logs_were_read() {
    let mut history = Port::history_of(fixed_steps(600));
    let bob = user("bob");
    let is_bobs = |event: &Event| matches!(event, Event::Log { reader, .. } if *reader == bob);
    history.events.retain(|event| !is_bobs(event));
    assert_eq!(kinds(&check(&history)), BTreeSet::from(["Unread".to_owned()]));
    history.events.retain(|event| !matches!(event, Event::Log { .. }));
    assert_eq!(check(&history).violations, []);
}

#[test]
fn a_user_without_a_device_need_not_read() {
    let (reader, chat, send) = (user("ann"), chat("dm:ann:bob"), place::send);
    let (desk, first) =
        (device("ann", "desk"), place::entry_at(1, 0, &device("ann", "desk"), "dm:ann:bob", "hi"));
    let log = Event::Log { reader, chat, entries: vec![first] };
    let sent = [send(0, &desk, "dm:ann:bob", "hi"), place::accepted(0, 1)];
    let mut history = History { events: sent.into_iter().chain([log]).collect() };
    assert_eq!(check(&history).violations, []);
    let peer = Event::Device { device: device("bob", "desk"), owed: Owed::FromFirst };
    history.events.insert(0, peer);
    assert_eq!(kinds(&check(&history)), BTreeSet::from(["Unread".to_owned()]));
}

#[test]
fn a_group_whose_beginning_nobody_saw_is_counted() {
    let mut history = Port::history_of(fixed_steps(600));
    assert_eq!(check(&history).counts.unjudged, 0);
    let group = chat("group:g");
    let is_first = |entry: &Entry| entry.chat == group && entry.seq == 1;
    for event in &mut history.events {
        match event {
            Event::Log { entries, .. } => entries.retain(|entry| !is_first(entry)),
            Event::Accepted { send, .. } if send.0 == 0 => *event = Event::Unknown { send: *send },
            _ => {}
        }
    }
    history
        .events
        .retain(|event| !matches!(event, Event::Delivered { entry, .. } if is_first(entry)));
    assert_eq!(check(&history).counts.unjudged, 1);
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    vec(any::<Step>(), 0..300)
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { failure_persistence: None, cases, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(128))]

    #[test]
    fn a_server_that_keeps_its_promises_passes(steps in steps()) {
        let history = Port::history_of(steps);
        let verdict = check_with(&history, RULES);
        prop_assert_eq!(verdict.violations, vec![]);
    }

    #[test]
    fn one_broken_promise_is_found_in_any_history(
        steps in steps(), plant in 0..PLANTS.len(), choice in any::<usize>(),
    ) {
        is_found(&PLANTS[plant], &mut Port::history_of(steps), choice);
    }
}
