//! Devices that are logged out, and others that come by their names. Must never take one for the
//! other.

use packetboat_proto::entry::Entry;

use super::place::{DIRECT, accepted, entry_at, logs, send};
use super::port::{chat, device};
use super::{RULES, kinds};
use crate::checker::{Rules, check_with};
use crate::history::{Event, History, Owed};

/// A tablet of Ann's comes up that starts at what is new, and is given the last entry that there
/// was before.
pub(super) fn old(history: &mut History, _: usize) -> bool {
    let of = chat(DIRECT);
    let last = logs(history, &of).next().and_then(|log| log.last().cloned());
    let Some(entry) = last else { return false };
    let to = device("ann", "tablet");
    history.events.push(Event::Device { device: to.clone(), owed: Owed::Newest });
    history.events.push(Event::Delivered { to, entry });
    true
}

/// Ann has said two things on her desk; what happens to her phone then.
fn found(events: impl Fn(&[Entry]) -> Vec<Event>) -> Vec<String> {
    let desk = device("ann", "desk");
    let entry = |number: u64| entry_at(number + 1, number, &desk, DIRECT, &number.to_string());
    let entries = [entry(0), entry(1)];
    let mut history = History::default();
    history.events.push(comes(Owed::Everything));
    for (number, entry) in (0..).zip(&entries) {
        history.events.push(send(number, &desk, DIRECT, &number.to_string()));
        history.events.push(accepted(number, entry.seq));
    }
    for event in events(&entries) {
        history.events.push(event);
    }
    let rules = Rules { bars: None, ..RULES };
    kinds(&check_with(&history, rules)).into_iter().collect()
}

fn comes(owed: Owed) -> Event {
    Event::Device { device: device("ann", "phone"), owed }
}

fn goes() -> Event {
    Event::LoggedOut { device: device("ann", "phone") }
}

fn has(entry: &Entry) -> Event {
    Event::Delivered { to: device("ann", "phone"), entry: entry.clone() }
}

#[test]
fn what_a_device_is_owed_ends_when_it_is_logged_out() {
    assert_eq!(found(|_| vec![]), ["Missing"]);
    assert_eq!(found(|_| vec![goes()]), [""; 0]);
    assert_eq!(found(|all| vec![goes(), has(&all[1]), has(&all[1])]), ["Twice"], "it is the same");
}

#[test]
fn a_device_that_comes_back_is_another() {
    let again = |owed: Owed, first: usize, then: &'static [usize]| {
        found(move |all| {
            let before = all[..first].iter().map(has);
            let after = then.iter().map(|at| has(&all[*at]));
            before.chain([goes(), comes(owed)]).chain(after).collect()
        })
    };
    assert_eq!(again(Owed::Everything, 2, &[]), ["Missing"]);
    assert_eq!(again(Owed::Everything, 2, &[0, 1]), [""; 0]);
    assert_eq!(again(Owed::Everything, 0, &[0, 1, 1]), ["Twice"]);
    assert_eq!(again(Owed::FromFirst, 2, &[]), [""; 0]);
    assert_eq!(again(Owed::FromFirst, 0, &[0]), ["Missing"]);
    assert_eq!(again(Owed::Newest, 1, &[]), [""; 0]);
    assert_eq!(again(Owed::Newest, 1, &[1]), ["Old"]);
    // Comes up again without having been logged out: it is the same.
    assert_eq!(found(|all| vec![has(&all[0]), comes(Owed::Newest), has(&all[1])]), [""; 0]);
}

#[test]
fn a_device_has_what_it_sent_itself_also_when_it_is_answered_as_another() {
    let phone = device("ann", "phone");
    let said = |before: usize| {
        let phone = &phone;
        found(move |all| {
            let sent = send(2, phone, DIRECT, "2");
            let mut events = vec![has(&all[0]), goes(), comes(Owed::FromFirst), has(&all[1])];
            events.insert(before, sent);
            events.push(accepted(2, 3));
            events
        })
    };
    assert_eq!(said(0), [""; 0], "it was forgotten meanwhile");
    assert_eq!(said(3), [""; 0]);
}
