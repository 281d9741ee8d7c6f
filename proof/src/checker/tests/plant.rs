//! One broken promise each, planted in a valid history at a place that is chosen. Must never break
//! another that is still judged then.

use packetboat_proto::code::RejectCode;
use packetboat_proto::content::{Alteration, Content, Context, Erasure};
use packetboat_proto::entry::Entry;

use super::bars::{barred, false_bar, stranger};
use super::doors::{false_origin, trespass};
use super::lives::old;
use super::place::{
    DIRECT, accepted, add, choose, delivered, delivery, entry_at, entry_of, head, invoked_by,
    is_stranger, is_text, logs, owes_everything, publish, send, sends_of, two_sends, unknown,
    users,
};
use super::port::{chat, device};
use crate::history::{Device, Event, History, SendNumber};

/// A broken promise.
#[derive(Debug)]
pub(super) struct Plant {
    /// The variant by which it is to be found.
    pub(super) name: &'static str,
    /// What it cannot be without.
    pub(super) with: &'static [&'static str],
    /// Plants it, unless the history has no place for it.
    pub(super) put_in: fn(&mut History, usize) -> bool,
}

/// One for each variant.
pub(super) const PLANTS: &[Plant] = &[
    plant("Missing", missing),
    plant("AcceptedLost", accepted_lost),
    plant("DeliveredLost", delivered_lost),
    plant("Old", old),
    plant("Invented", invented),
    plant("Twice", twice),
    Plant { name: "TwiceById", with: &["SecondSeq"], put_in: twice_by_id },
    plant("Changed", changed),
    plant("Disagree", disagree),
    plant("Conflict", conflict),
    plant("Order", order),
    plant("LogOrder", log_order),
    plant("Gap", gap),
    plant("Unread", unread),
    plant("ReusedSeq", reused_seq),
    plant("SecondSeq", second_seq),
    plant("RealTime", real_time),
    plant("NotRecalled", not_recalled),
    plant("StillSaid", still_said),
    plant("NotExpired", not_expired),
    plant("Outlived", outlived),
    plant("NotAMember", not_a_member),
    plant("Outsider", outsider),
    plant("Barred", barred),
    plant("Stranger", stranger),
    plant("Trespass", trespass),
    plant("FalseOrigin", false_origin),
    plant("SenderOrder", sender_order),
    plant("Unfinished", unfinished),
    plant("RejectedButStored", rejected_but_stored),
    plant("FalseConflict", false_conflict),
    plant("FalseRefusal", false_refusal),
    plant("FalseBar", false_bar),
    plant("Muddled", muddled),
];

const fn plant(name: &'static str, put_in: fn(&mut History, usize) -> bool) -> Plant {
    Plant { name, with: &[], put_in }
}

fn missing(history: &mut History, choice: usize) -> bool {
    let valid = history.clone();
    let place = delivery(history, choice, |to, entry| {
        owes_everything(&valid, to) && !invoked_by(&valid, to, entry)
    });
    place.is_some_and(|(at, ..)| {
        history.events.remove(at);
        true
    })
}

/// The last entry of a chat, if it is a text that went to somebody.
fn take_last_from_logs(history: &mut History, choice: usize, accepted: bool) -> bool {
    let names = [DIRECT, "dm:cid:cid", "dm:bob:dan", "group:g", "group:h"];
    let of = chat(names[choice % names.len()]);
    let last = logs(history, &of).filter_map(|log| log.last().cloned());
    let Some(last) = last.max_by_key(|entry| entry.seq).filter(is_text) else { return false };
    let invoked = history.events.iter().filter_map(|event| match event {
        Event::Invoked { send, chat, id, .. } if *chat == of && *id == last.id => Some(*send),
        _ => None,
    });
    let sends: Vec<SendNumber> = invoked.collect();
    let is_accepted = |event: &mut Event| match event {
        Event::Accepted { send, .. } if sends.contains(send) => Some(*send),
        _ => None,
    };
    let mut was_accepted = false;
    for event in &mut history.events {
        if let Some(send) = is_accepted(event) {
            was_accepted = true;
            if !accepted {
                *event = Event::Unknown { send };
            }
        }
    }
    let was_delivered =
        history.events.iter().filter_map(delivered).any(|(_, entry)| *entry == last);
    logs(history, &of).for_each(|log| log.retain(|entry| entry.seq != last.seq));
    if accepted { was_accepted } else { was_delivered }
}

fn accepted_lost(history: &mut History, choice: usize) -> bool {
    take_last_from_logs(history, choice, true)
}

fn delivered_lost(history: &mut History, choice: usize) -> bool {
    take_last_from_logs(history, choice, false)
}

fn invented(history: &mut History, _: usize) -> bool {
    let by = device("bob", "desk");
    let entry = entry_at(head(history, DIRECT) + 1, 0, &by, DIRECT, "never said");
    history.events.push(Event::Delivered { to: device("ann", "desk"), entry });
    true
}

fn twice(history: &mut History, choice: usize) -> bool {
    let Some((at, to, entry)) = delivery(history, choice, |_, _| true) else { return false };
    let behind = at + 1 + choice % (history.events.len() - at);
    history.events.insert(behind, Event::Delivered { to, entry });
    true
}

/// Also a second seq of the message, which is what makes it possible.
fn twice_by_id(history: &mut History, choice: usize) -> bool {
    let direct = |_: &Device, entry: &Entry| entry.chat.as_str().starts_with("dm:");
    let Some((_, to, entry)) = delivery(history, choice, direct) else { return false };
    let seq = head(history, entry.chat.as_str()) + 1;
    history.events.push(Event::Delivered { to, entry: Entry { seq, ..entry } });
    true
}

fn changed(history: &mut History, choice: usize) -> bool {
    let Some((at, ..)) = delivery(history, choice, |_, _| true) else { return false };
    entry_of(&mut history.events[at]).content = Content::text("changed").encode();
    true
}

fn disagree(history: &mut History, choice: usize) -> bool {
    let Some((at, ..)) = delivery(history, choice, |_, _| true) else { return false };
    entry_of(&mut history.events[at]).at_ms += 1;
    true
}

fn conflict(history: &mut History, _: usize) -> bool {
    let by = device("ann", "desk");
    let seq = head(history, DIRECT) + 1;
    let entry = entry_at(seq, 0, &by, DIRECT, "this");
    let mut other = send(1, &by, DIRECT, "that");
    if let Event::Invoked { id, .. } = &mut other {
        *id = entry.id;
    }
    add(history, [send(0, &by, DIRECT, "this"), accepted(0, seq)]);
    add(history, [other, accepted(1, seq)]);
    publish(history, &[entry]);
    true
}

/// The first of two deliveries comes behind the other: it may always come later.
fn order(history: &mut History, choice: usize) -> bool {
    let Some((at, to, entry)) = delivery(history, choice, |_, _| true) else { return false };
    let next = history.events[at + 1..].iter().position(|event| {
        delivered(event).is_some_and(|(who, next)| *who == to && next.chat == entry.chat)
    });
    next.is_some_and(|behind| {
        let event = history.events.remove(at);
        history.events.insert(at + 1 + behind, event);
        true
    })
}

fn log_order(history: &mut History, choice: usize) -> bool {
    let long = |_, event: &Event| matches!(event, Event::Log { entries, .. } if entries.len() > 1);
    let Some(at) = choose(history, choice, long) else { return false };
    let Event::Log { entries, .. } = &mut history.events[at] else { return false };
    let first = choice % (entries.len() - 1);
    entries.swap(first, first + 1);
    true
}

/// From the log that one read, and another read too.
fn gap(history: &mut History, choice: usize) -> bool {
    let of = chat(DIRECT);
    let Some(log) = logs(history, &of).nth(choice % 2).filter(|log| !log.is_empty()) else {
        return false;
    };
    log.remove(choice % log.len());
    true
}

/// A log that others saw something of, its beginning too, which says who is in it.
fn unread(history: &mut History, choice: usize) -> bool {
    let valid = history.clone();
    let was_seen = |is_it: &dyn Fn(&Entry) -> bool| {
        valid.events.iter().filter_map(delivered).any(|(_, entry)| is_it(entry))
    };
    let fits = |_, event: &Event| match event {
        Event::Log { chat, entries, .. } => {
            was_seen(&|entry| entry.chat == *chat && entry.seq == 1)
                && was_seen(&|entry| entries.contains(entry))
        }
        _ => false,
    };
    let Some(at) = choose(history, choice, fits) else { return false };
    history.events.remove(at);
    true
}

fn reused_seq(history: &mut History, choice: usize) -> bool {
    let place = delivery(history, choice, |_, entry| is_text(entry));
    let Some((at, _, entry)) = place else { return false };
    let by = Device { user: entry.sender.clone(), name: "tablet".parse().unwrap() };
    let other = entry_at(entry.seq, 0, &by, entry.chat.as_str(), "rival");
    *entry_of(&mut history.events[at]) = other;
    history.events.splice(at..at, [send(0, &by, entry.chat.as_str(), "rival"), unknown(0)]);
    true
}

fn second_seq(history: &mut History, choice: usize) -> bool {
    let accepted = |_, event: &Event| matches!(event, Event::Accepted { .. });
    let Some(at) = choose(history, choice, accepted) else { return false };
    if let Event::Accepted { seq, .. } = &mut history.events[at] {
        *seq += 1 + choice as u64 % 9;
    }
    true
}

fn real_time(history: &mut History, _: usize) -> bool {
    let (ann, bob) = (device("ann", "desk"), device("bob", "desk"));
    let [low, high] = two_sends(history, &ann, &bob);
    add(history, [send(0, &ann, DIRECT, "first"), accepted(0, high.seq)]);
    add(history, [send(1, &bob, DIRECT, "second"), accepted(1, low.seq)]);
    publish(history, &[low, high]);
    true
}

fn sender_order(history: &mut History, _: usize) -> bool {
    let ann = device("ann", "desk");
    let [low, high] = two_sends(history, &ann, &ann);
    add(history, [send(0, &ann, DIRECT, "first"), send(1, &ann, DIRECT, "second")]);
    add(history, [accepted(0, high.seq), accepted(1, low.seq)]);
    publish(history, &[low, high]);
    true
}

/// Given to a device, or read, of a chat that is not the user's; or behind the user's time in it.
fn not_a_member(history: &mut History, choice: usize) -> bool {
    if choice.is_multiple_of(3) {
        return read_behind_the_end(history, choice / 3);
    }
    let who = users()[choice % 4].clone();
    let valid = history.clone();
    let place = delivery(history, choice / 8, |_, entry| is_stranger(&valid, &who, &entry.chat));
    let Some((_, _, entry)) = place else { return false };
    let tablet = Device { user: who.clone(), name: "tablet".parse().unwrap() };
    let (chat, entries) = (entry.chat.clone(), vec![entry.clone()]);
    history.events.push(if choice % 8 < 4 {
        Event::Delivered { to: tablet, entry }
    } else {
        Event::Log { reader: who, chat, entries }
    });
    true
}

/// A user who left sees one more.
fn read_behind_the_end(history: &mut History, choice: usize) -> bool {
    let group = chat(["group:g", "group:h"][choice % 2]);
    let whole = logs(history, &group).max_by_key(|log| log.len()).map(|log| log.clone());
    let whole = whole.unwrap_or_default();
    let missed = history.events.iter_mut().find_map(|event| match event {
        Event::Log { chat, entries, .. } if *chat == group => {
            let last = entries.last().map_or(0, |entry| entry.seq);
            whole.iter().find(|entry| entry.seq == last + 1).map(|next| (entries, next.clone()))
        }
        _ => None,
    });
    let Some((entries, next)) = missed else { return false };
    let comes_in = Content::decode(&next.content, usize::MAX);
    if !matches!(comes_in, Ok(Content::Text(_))) {
        return false;
    }
    entries.push(next);
    true
}

/// What was said is gone from a log, by an entry that is none that recalls.
fn not_recalled(history: &mut History, choice: usize) -> bool {
    let of = chat(DIRECT);
    let Some(log) = logs(history, &of).nth(choice % 2).filter(|log| log.len() > 1) else {
        return false;
    };
    let (at, by) = (choice % (log.len() - 1), log.len() as u64);
    log[at].content = Content::Erased(Erasure::Recalled { by }).encode();
    true
}

/// What was said is gone from a log, as if it had had a time.
fn not_expired(history: &mut History, choice: usize) -> bool {
    let of = chat(DIRECT);
    let Some(log) = logs(history, &of).nth(choice % 2).filter(|log| !log.is_empty()) else {
        return false;
    };
    let at = choice % log.len();
    log[at].content = Content::Erased(Erasure::Expired { of: log[at].seq }).encode();
    true
}

/// What had a time is read when that was over.
fn outlived(history: &mut History, _: usize) -> bool {
    let by = device("ann", "desk");
    let context = Context { expires_after_ms: 1_000, ..Context::default() };
    let said = Content::text("said").encode_in(&context);
    let entry = entry_at(head(history, DIRECT) + 1, 0, &by, DIRECT, "said");
    let entry = Entry { content: said.clone(), ..entry };
    let mut saying = send(0, &by, DIRECT, "said");
    if let Event::Invoked { content, .. } = &mut saying {
        *content = said;
    }
    add(history, [saying, accepted(0, entry.seq)]);
    publish(history, &[entry]);
    true
}

/// A recall that stands in the log, and nothing else of it.
fn still_said(history: &mut History, _: usize) -> bool {
    let by = device("ann", "desk");
    let head = head(history, DIRECT);
    let said = entry_at(head + 1, 0, &by, DIRECT, "said");
    let recall = Content::Entry(Alteration::Recalled { seq: head + 1 }).encode();
    let entry = Entry { content: recall.clone(), ..entry_at(head + 2, 1, &by, DIRECT, "") };
    let mut recalling = send(1, &by, DIRECT, "");
    if let Event::Invoked { content, .. } = &mut recalling {
        *content = recall;
    }
    add(history, [send(0, &by, DIRECT, "said"), accepted(0, said.seq)]);
    add(history, [recalling, accepted(1, entry.seq)]);
    publish(history, &[said, entry]);
    true
}

fn outsider(history: &mut History, _: usize) -> bool {
    let by = device("dan", "desk");
    let entry = entry_at(head(history, DIRECT) + 1, 0, &by, DIRECT, "let me in");
    add(history, [send(0, &by, DIRECT, "let me in"), accepted(0, entry.seq)]);
    publish(history, &[entry]);
    true
}

fn unfinished(history: &mut History, choice: usize) -> bool {
    let place = choose(history, choice, |_, event| matches!(event, Event::Unknown { .. }));
    place.is_some_and(|at| {
        history.events.remove(at);
        true
    })
}

fn rejected_but_stored(history: &mut History, choice: usize) -> bool {
    let valid = history.clone();
    let is_alone = |send: &SendNumber| {
        valid.events.iter().any(|event| match event {
            Event::Invoked { send: number, chat, id, .. } if number == send => {
                sends_of(&valid, chat, *id) == 1
            }
            _ => false,
        })
    };
    let fits = |_, event: &Event| matches!(event, Event::Accepted { send, .. } if is_alone(send));
    let Some(at) = choose(history, choice, fits) else { return false };
    if let Event::Accepted { send, .. } = history.events[at] {
        let code = [None, Some(RejectCode::Invalid)][choice % 2];
        history.events[at] = Event::Rejected { send, code };
    }
    true
}

/// Of a message that has no rival: one that stands, or one that does not.
fn false_conflict(history: &mut History, choice: usize) -> bool {
    let code = Some(RejectCode::Conflict);
    if choice.is_multiple_of(2) {
        let by = device("ann", "desk");
        let answer = Event::Rejected { send: number_of(&accepted(0, 1)), code };
        add(history, [send(0, &by, DIRECT, "refused"), answer]);
        return true;
    }
    let fits = |_, event: &Event| matches!(event, Event::Accepted { .. });
    let Some(at) = choose(history, choice / 2, fits) else { return false };
    history.events[at] = Event::Rejected { send: number_of(&history.events[at]), code };
    true
}

fn false_refusal(history: &mut History, choice: usize) -> bool {
    let code = Some(RejectCode::NoSuchChat);
    let (by, to) = [(device("bob", "desk"), DIRECT), (device("cid", "phone"), "dm:cid:cid")]
        [choice % 2]
        .clone();
    let answer = Event::Rejected { send: number_of(&accepted(0, 1)), code };
    add(history, [send(0, &by, to, "refused"), answer]);
    true
}

fn number_of(event: &Event) -> SendNumber {
    match event {
        Event::Accepted { send, .. } => *send,
        _ => panic!("the place is that of an answer"),
    }
}

fn muddled(history: &mut History, choice: usize) -> bool {
    let Some((at, ..)) = delivery(history, choice, |_, _| true) else { return false };
    let answered = choose(history, choice, |_, event| matches!(event, Event::Unknown { .. }));
    let again = answered.map_or(unknown(0), |at| history.events[at].clone());
    let event = if choice.is_multiple_of(2) { again } else { unknown(0) };
    history.events.insert(at.max(answered.unwrap_or(0)) + 1, event);
    true
}
