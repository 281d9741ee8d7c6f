//! Who comes into a group by itself, and where what is forwarded was said: each way in which that
//! is wrong, and the ways in which it is right. Must never rely on more than one group.

use std::collections::BTreeSet;

use bytes::Bytes;
use packetboat_client::prove;
use packetboat_proto::content::{
    Alteration, Body, Content, Context, Forwarded, GroupChange, GroupRules, JoinRule, Origin,
};
use packetboat_proto::entry::Entry;
use packetboat_proto::id::{InviteId, UserId};
use packetboat_proto::packet::{Invitation, InviteKey};

use super::place::{DIRECT, accepted, add, entry_at, head, is_text, logs, publish, send};
use super::port::{chat, device, user};
use super::{RULES, kinds};
use crate::checker::{Bars, Rules, Strangers, check_with};
use crate::history::{Event, History};

const GROUP: &str = "group:g";

fn saying(number: u64, by: &str, to: &str, what: Bytes) -> Event {
    let mut said = send(number, &device(by, "desk"), to, "");
    if let Event::Invoked { content, .. } = &mut said {
        *content = what;
    }
    said
}

/// Who is in a group comes in by itself, which is not open.
pub(super) fn trespass(history: &mut History, choice: usize) -> bool {
    let by = ["ann", "bob"][choice % 2];
    let head = head(history, GROUP);
    // Who went by the last entry has read it, too.
    let is_in =
        |entries: &[Entry]| entries.last().is_some_and(|last| last.seq == head && is_text(last));
    let members: BTreeSet<UserId> = history
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Log { reader, chat, entries } if chat.as_str() == GROUP && is_in(entries) => {
                Some(reader.clone())
            }
            _ => None,
        })
        .collect();
    if !members.contains(&user(by)) {
        return false;
    }
    let joined = Content::Group(GroupChange::Joined(None)).encode();
    let entry = entry_at(head + 1, 0, &device(by, "desk"), GROUP, "");
    let entry = Entry { content: joined.clone(), ..entry };
    add(history, [saying(0, by, GROUP, joined), accepted(0, entry.seq)]);
    for (name, on) in [
        ("ann", "desk"),
        ("ann", "phone"),
        ("bob", "desk"),
        ("cid", "desk"),
        ("cid", "phone"),
        ("dan", "desk"),
    ] {
        if members.contains(&user(name)) {
            add(history, [Event::Delivered { to: device(name, on), entry: entry.clone() }]);
        }
    }
    let of = chat(GROUP);
    logs(history, &of).filter(|log| is_in(log)).for_each(|log| log.push(entry.clone()));
    true
}

fn forward(seq: u64, sender: &str, text: &str) -> Bytes {
    let origin = Origin { chat: chat(DIRECT), seq, sender: user(sender) };
    let context = Context { forwarded: Some(Forwarded::From(origin)), ..Context::default() };
    Content::text(text).encode_in(&context)
}

/// What is forwarded was never said there.
pub(super) fn false_origin(history: &mut History, choice: usize) -> bool {
    let content = forward(1 + choice as u64 % 3, "bob", "never said");
    let entry = entry_at(head(history, DIRECT) + 1, 0, &device("ann", "desk"), DIRECT, "");
    let entry = Entry { content: content.clone(), ..entry };
    add(history, [saying(0, "ann", DIRECT, content), accepted(0, entry.seq)]);
    publish(history, &[entry]);
    true
}

/// A history of a chat in which users say this, one after the other, and what is found in it.
fn found_by(
    rules: Rules,
    before: impl IntoIterator<Item = Event>,
    to: &str,
    said: Vec<(&str, Content)>,
) -> Vec<String> {
    let said = said.into_iter().map(|(by, content)| (by, content.encode())).collect();
    found_in(rules, before, to, said)
}

fn found_in(
    rules: Rules,
    before: impl IntoIterator<Item = Event>,
    to: &str,
    said: Vec<(&str, Bytes)>,
) -> Vec<String> {
    let mut history = History { events: before.into_iter().collect() };
    let mut entries = Vec::new();
    for (seq, (by, content)) in (1..).zip(said) {
        let entry = entry_at(seq, seq, &device(by, "desk"), to, "");
        history.events.extend([saying(seq, by, to, content.clone()), accepted(seq, seq)]);
        entries.push(Entry { content, at_ms: 1_000 + seq, ..entry });
    }
    history.events.push(Event::Log { reader: user("ann"), chat: chat(to), entries });
    // The others read nothing, which is not what is looked at here.
    let found = kinds(&check_with(&history, rules));
    found.into_iter().filter(|kind| kind != "Unread").collect()
}

fn invitation(change: impl FnOnce(&mut Invitation)) -> Invitation {
    let key = InviteKey { id: InviteId::from([1; 8]), secret: [2; 16] };
    let mut made = Invitation { key, expires_ms: 0, uses: 0, asks: false, made_by: None };
    change(&mut made);
    made
}

fn joins<'a>(who: &'a str, made: &Invitation) -> (&'a str, Content) {
    let proof = prove(&made.key, &chat(GROUP), &user(who));
    (who, Content::Group(GroupChange::Joined(Some(proof))))
}

fn change(by: &str, change: GroupChange) -> (&str, Content) {
    (by, Content::Group(change))
}

fn created() -> (&'static str, Content) {
    change("ann", GroupChange::Created { name: "G".into(), members: Vec::new() })
}

fn inviting(made: &Invitation) -> Event {
    Event::Inviting { by: user("ann"), chat: chat(GROUP), invitation: made.clone() }
}

#[test]
fn an_invitation_lets_in_whom_it_is_good_for() {
    let come = |made: Invitation, who: &[&'static str]| {
        let mut said = vec![created()];
        said.extend(who.iter().map(|who| joins(who, &made)));
        found_by(RULES, [inviting(&made)], GROUP, said)
    };
    let trespass = ["Trespass"];
    assert_eq!(come(invitation(|_| {}), &["bob", "cid"]), [""; 0]);
    assert_eq!(come(invitation(|made| made.uses = 2), &["bob", "cid"]), [""; 0]);
    assert_eq!(come(invitation(|made| made.uses = 1), &["bob", "cid"]), trespass);
    assert_eq!(come(invitation(|made| made.asks = true), &["bob"]), trespass);
    assert_eq!(come(invitation(|made| made.expires_ms = 1_003), &["bob"]), [""; 0]);
    assert_eq!(come(invitation(|made| made.expires_ms = 1_002), &["bob"]), trespass);
}

#[test]
fn nobody_comes_in_by_what_is_not_made_taken_back_or_another_s() {
    let made = invitation(|_| {});
    let come = |before: Vec<Event>, joined: (&'static str, Content)| {
        found_by(RULES, before, GROUP, vec![created(), joined])
    };
    let taken_back = Event::Uninvited { chat: chat(GROUP), id: made.key.id };
    assert_eq!(come(vec![], joins("bob", &made)), ["Trespass"]);
    assert_eq!(come(vec![inviting(&made), taken_back], joins("bob", &made)), ["Trespass"]);
    let (_, anothers) = joins("cid", &made);
    assert_eq!(come(vec![inviting(&made)], ("bob", anothers)), ["Trespass"]);
}

#[test]
fn who_was_put_out_comes_back_only_when_somebody_adds_it() {
    let made = invitation(|_| {});
    let open = GroupRules { join_rule: JoinRule::Anyone, ..GroupRules::default() };
    let come = |changes: Vec<GroupChange>, joined: (&'static str, Content)| {
        let mut said = vec![created()];
        said.extend(changes.into_iter().map(|of| change("ann", of)));
        said.push(joined);
        found_by(RULES, [inviting(&made)], GROUP, said)
    };
    let (bob, alone) = (vec![user("bob")], || ("bob", Content::Group(GroupChange::Joined(None))));
    let add = || GroupChange::Added(bob.clone());
    let put_out = || GroupChange::Removed(bob.clone());
    assert_eq!(come(vec![], alone()), ["Trespass"], "it is not open");
    assert_eq!(come(vec![GroupChange::RulesSet(open)], alone()), [""; 0]);
    assert_eq!(come(vec![add(), put_out()], joins("bob", &made)), ["Trespass"]);
    let back = vec![GroupChange::RulesSet(open), add(), put_out(), add()];
    let left = [change("bob", GroupChange::Left { new_owner: None }), alone()];
    let mut said = vec![created()];
    said.extend(back.into_iter().map(|of| change("ann", of)));
    said.extend(left);
    assert_eq!(found_by(RULES, [], GROUP, said), [""; 0], "it went by itself");
}

#[test]
fn what_is_forwarded_was_said_there_or_edited_to_it() {
    let text = |words: &str| Content::text(words).encode();
    let edited = Alteration::Edited { seq: 1, new: Body::Text("new".into()) };
    let said = |forward: Bytes| {
        let edited = Content::Entry(edited.clone()).encode();
        found_in(
            RULES_OPEN,
            [],
            DIRECT,
            vec![("ann", text("old")), ("ann", edited), ("bob", forward)],
        )
    };
    for (words, right) in [("old", true), ("new", true), ("other", false)] {
        assert_eq!(said(forward(1, "ann", words)).is_empty(), right, "{words}");
    }
    assert_eq!(said(forward(1, "bob", "old")), ["FalseOrigin"], "another sender");
    assert_eq!(said(forward(9, "ann", "old")), ["FalseOrigin"], "nothing is there");
}

/// Anyone writes to anyone.
const RULES_OPEN: Rules =
    Rules { sender_order: true, bars: Some(Bars { told: false, strangers: Strangers::Write }) };

#[test]
fn who_is_in_one_group_writes_and_nobody_else() {
    let bars = Some(Bars { told: false, strangers: Strangers::InGroups });
    let rules = Rules { sender_order: true, bars };
    let group = |changes: Vec<(&str, GroupChange)>, answer: Event| {
        let mut history = History::default();
        for (seq, (by, of)) in (1..).zip(changes) {
            let said = saying(seq, by, GROUP, Content::Group(of).encode());
            history.events.extend([said, accepted(seq, seq)]);
        }
        history.events.extend([send(99, &device("ann", "desk"), DIRECT, "hi"), answer]);
        kinds(&check_with(&history, rules)).into_iter().collect::<Vec<_>>()
    };
    let created = |members| ("ann", GroupChange::Created { name: "G".into(), members });
    let refused = || {
        let Event::Accepted { send, .. } = accepted(99, 1) else { unreachable!("it is one") };
        Event::Rejected { send, code: Some(packetboat_proto::code::RejectCode::NotAllowed) }
    };
    let stored = || accepted(99, 1);
    let together = || vec![created(vec![user("bob")])];
    assert_eq!(group(together(), stored()), [""; 0]);
    assert_eq!(group(together(), refused()), ["FalseBar"]);
    assert_eq!(group(vec![created(vec![])], stored()), ["Stranger"]);
    assert_eq!(group(vec![created(vec![])], refused()), [""; 0]);
    let apart = || [together(), vec![("bob", GroupChange::Left { new_owner: None })]].concat();
    assert_eq!(group(apart(), stored()), ["Stranger"]);
    assert_eq!(group(apart(), refused()), [""; 0]);
    let over = [together(), vec![("ann", GroupChange::Dissolved)]].concat();
    assert_eq!(group(over, stored()), ["Stranger"]);
}
