//! The timeline against what a server does to a log, whatever order its entries come in.

use proptest::prelude::*;

use super::*;
use packetboat_proto::id::{ChatId, FileId};

fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

fn entry(seq: u64, sender: &str, content: &Content) -> Entry {
    let chat = ChatId::group("crew").unwrap();
    let id = MessageId::from([u8::try_from(seq % 200).unwrap(); 16]);
    Entry { chat, seq, sender: user(sender), id, at_ms: seq, content: content.encode() }
}

fn altered(seq: u64, sender: &str, alteration: Alteration) -> Entry {
    entry(seq, sender, &Content::Entry(alteration))
}

fn text(body: &str) -> Said {
    Said::Body(Body::Text(body.into()))
}

/// When it is looked at: behind everything that was sent.
const NOW_MS: u64 = 1_030;

fn folded(entries: &[Entry]) -> View {
    let mut timeline = Timeline::default();
    for entry in entries {
        timeline.insert(entry);
    }
    timeline.view(NOW_MS)
}

#[test]
fn what_is_hidden_is_not_shown_and_does_what_it_did() {
    use packetboat_proto::seqs::SeqRange;
    let mut timeline = Timeline::default();
    for (seq, said) in [(1, "one"), (2, "two")] {
        timeline.insert(&entry(seq, "ann", &Content::text(said)));
    }
    timeline.insert(&altered(3, "ann", Alteration::Edited { seq: 2, new: Body::Text("2".into()) }));
    let mut hidden = SeqSet::default();
    for seq in [1, 3] {
        hidden.insert(SeqRange::new(seq, seq).unwrap());
    }
    timeline.hide(hidden);
    let view = timeline.view(NOW_MS);
    let [shown] = &view.messages[..] else { panic!("{view:?}") };
    assert_eq!((shown.seq, &shown.said), (2, &text("2")));
}

#[test]
fn a_message_shows_its_newest_text_its_reactions_and_its_pin() {
    let reacted = |seq, sender, reaction: &str, taken_back| {
        let reaction = reaction.to_owned();
        altered(seq, sender, Alteration::Reacted { seq: 1, reaction, taken_back })
    };
    let edited = |seq, sender, body: &str| {
        altered(seq, sender, Alteration::Edited { seq: 1, new: Body::Text(body.into()) })
    };
    let entries = [
        entry(1, "ann", &Content::text("one")),
        edited(2, "ann", "two"),
        reacted(3, "bob", "+1", false),
        reacted(4, "cid", "+1", false),
        reacted(5, "bob", "+1", true),
        reacted(6, "bob", "⚓", false),
        edited(7, "ann", "three"),
        altered(8, "ann", Alteration::Pinned { seq: 1, unpinned: false }),
        altered(9, "ann", Alteration::Pinned { seq: 4, unpinned: false }),
        altered(10, "ann", Alteration::Pinned { seq: 4, unpinned: true }),
        edited(11, "eve", "no server lets this through"),
    ];
    let view = folded(&entries[..10]);
    let [shown] = &view.messages[..] else { panic!("{view:?}") };
    assert_eq!((&shown.said, shown.edited, shown.pinned), (&text("three"), Some(7), true));
    let reactions: Vec<_> = shown.reactions.iter().collect();
    let wanted: BTreeMap<String, BTreeSet<UserId>> =
        [("+1".into(), [user("cid")].into()), ("⚓".into(), [user("bob")].into())].into();
    assert_eq!(reactions, wanted.iter().collect::<Vec<_>>());
    assert_eq!(view.pins, [1]);
    assert_eq!(folded(&entries).messages[0].edited, None, "the last edit is nobody's");
}

fn file() -> FileSent {
    FileSent {
        file: FileId::from([3; 16]),
        name: "cat.png".into(),
        media_type: "image/png".into(),
        size: 9,
        sha256: [4; 32],
        caption: String::new(),
        from: None,
    }
}

#[test]
fn a_file_is_reacted_to_pinned_and_taken_back() {
    let file = file();
    let reaction = Alteration::Reacted { seq: 1, reaction: "+1".into(), taken_back: false };
    let entries = [
        entry(1, "ann", &Content::File(file.clone())),
        altered(2, "bob", reaction),
        altered(3, "ann", Alteration::Pinned { seq: 1, unpinned: false }),
        altered(4, "ann", Alteration::Recalled { seq: 1 }),
    ];
    let view = folded(&entries[..3]);
    let shown = &view.messages[0];
    assert_eq!((&shown.said, shown.pinned), (&Said::File(file), true));
    assert_eq!(shown.reactions["+1"], [user("bob")].into());
    assert_eq!(folded(&entries).messages[0].said, Said::Recalled { by: 4 });
}

#[test]
fn what_is_recalled_stays_recalled() {
    let said = entry(1, "ann", &Content::text("one"));
    let edit = Alteration::Edited { seq: 1, new: Body::Text("two".into()) };
    let edit = altered(2, "ann", edit);
    let recall = altered(3, "bob", Alteration::Recalled { seq: 1 });
    let left = |seq| entry(seq, "ann", &Content::Erased(Erasure::Recalled { by: 3 }));
    let view = folded(&[said.clone(), edit.clone(), recall.clone()]);
    assert_eq!(view.messages.len(), 1);
    assert_eq!(view.messages[0].said, Said::Recalled { by: 3 });
    assert_eq!(folded(&[left(1), left(2), recall.clone()]), view);
    assert_eq!(folded(&[left(2), recall, left(1), said, edit]), view);
    assert_eq!(folded(&[left(1)]), view, "before the recall itself has come");
}

/// A text that expires so long after it was sent.
fn expiring(seq: u64, sender: &str, expires_after_ms: u64) -> Entry {
    let context = Context { expires_after_ms, ..Context::default() };
    let content = Content::text(seq.to_string()).encode_in(&context);
    Entry { content, ..entry(seq, sender, &Content::text("")) }
}

#[test]
fn what_has_expired_is_forgotten_with_all_that_was_said_of_it() {
    let edit = Alteration::Edited { seq: 1, new: Body::Text("two".into()) };
    let log = [
        expiring(1, "ann", 1_000),
        altered(2, "ann", edit),
        altered(3, "bob", Alteration::Pinned { seq: 1, unpinned: false }),
        expiring(4, "bob", 5_000),
    ];
    let mut timeline = Timeline::default();
    for entry in &log {
        timeline.insert(entry);
    }
    assert_eq!(timeline.next_expiry_ms(), Some(1_001));
    let view = timeline.view(1_000);
    assert_eq!((&view.messages[0].said, &view.pins), (&text("two"), &vec![1]));
    assert_eq!(view.messages[0].expires_ms, Some(1_001));
    let view = timeline.view(1_001);
    assert_eq!((&view.messages[0].said, &view.pins), (&Said::Expired, &vec![]));
    assert_eq!((view.messages.len(), timeline.next_expiry_ms()), (2, Some(5_004)));
    assert_eq!(timeline.view(0), view, "what is forgotten does not come back");
    for entry in &log {
        timeline.insert(entry);
    }
    assert_eq!(timeline.view(0), view, "nor with an older page");
    let left = |seq| entry(seq, "ann", &Content::Erased(Erasure::Expired { of: 1 }));
    let read_late = folded(&[left(1), left(2), log[2].clone(), log[3].clone()]);
    let said = |view: &View| view.messages.iter().map(|it| it.said.clone()).collect::<Vec<_>>();
    assert_eq!((said(&read_late), read_late.pins), (said(&view), view.pins));
}

#[test]
fn a_file_expires_as_a_text_does_and_what_a_room_became_never() {
    let context = Context { expires_after_ms: 1_000, ..Context::default() };
    let change = RoomChange::Muted { users: vec![user("bob")], until_ms: 9 };
    let mut timeline = Timeline::default();
    let sent = Content::File(file());
    timeline.insert(&Entry { content: sent.encode_in(&context), ..entry(1, "ann", &sent) });
    timeline.insert(&entry(2, "ann", &Content::Room(change.clone())));
    let sent = &timeline.view(1_000).messages[0];
    assert_eq!((&sent.said, sent.expires_ms), (&Said::File(file()), Some(1_001)));
    assert_eq!(timeline.next_expiry_ms(), Some(1_001));
    let view = timeline.view(9_999);
    assert_eq!(view.messages[0].said, Said::Expired);
    assert_eq!((&view.messages[1].said, view.messages[1].expires_ms), (&Said::Room(change), None));
    assert_eq!(timeline.next_expiry_ms(), None);
}

#[test]
fn what_answers_and_what_is_not_known_is_shown() {
    let context = Context { reply_to: 1, thread: 1, ..Context::default() };
    let reply = Content::text("re").encode_in(&context);
    let later = Bytes::from_static(&[0xfa, 0x07, 0x00]);
    let gone = Content::Group(GroupChange::Dissolved);
    let view = folded(&[
        Entry { content: reply, ..entry(2, "ann", &Content::text("")) },
        Entry { content: later.clone(), ..entry(3, "ann", &Content::text("")) },
        entry(4, "ann", &gone),
    ]);
    assert_eq!((&view.messages[0].said, &view.messages[0].context), (&text("re"), &context));
    assert_eq!(view.messages[1].said, Said::Unknown(later));
    assert_eq!(view.messages[2].said, Said::Group(GroupChange::Dissolved));
}

/// Erases an entry and its edits, as a server does.
fn erase(log: &mut [Entry], of: u64, why: Erasure) {
    for entry in log {
        let is_edit = matches!(
            Held::of(entry).said,
            Sense::Alteration(Alteration::Edited { seq, .. }) if seq == of
        );
        if entry.seq == of || is_edit {
            entry.content = Content::Erased(why).encode();
        }
    }
}

/// A log as a server has it before and after its recalls, and before and after what has expired.
fn log(kinds: &[(u8, u8, u8)]) -> (Vec<Entry>, Vec<Entry>) {
    let mut before: Vec<Entry> = Vec::new();
    let mut after: Vec<Entry> = Vec::new();
    for (at, (kind, target, who)) in kinds.iter().enumerate() {
        let seq = at as u64 + 1;
        let sender = ["ann", "bob"][usize::from(who % 2)];
        let of = u64::from(*target) % seq + u64::from(seq == 1);
        let target = before.iter().find(|entry| entry.seq == of);
        let is_body = |entry: &Entry| matches!(Held::of(entry).said, Sense::Body(..));
        let gone = after
            .iter()
            .any(|entry| entry.seq == of && matches!(Held::of(entry).said, Sense::Erased(_)));
        let alters = target.is_some_and(is_body) && !gone;
        let made = match kind % 6 {
            1 if alters => {
                let sender = target.unwrap().sender.to_string();
                let new = Body::Text(format!("edit {seq}"));
                altered(seq, &sender, Alteration::Edited { seq: of, new })
            }
            2 if alters => {
                let reaction = ["+1", "⚓"][usize::from(who / 2 % 2)].to_owned();
                let taken_back = who / 4 % 3 == 0;
                altered(seq, sender, Alteration::Reacted { seq: of, reaction, taken_back })
            }
            3 if alters => {
                let unpinned = who / 4 % 3 == 0;
                altered(seq, sender, Alteration::Pinned { seq: of, unpinned })
            }
            4 if alters => {
                erase(&mut after, of, Erasure::Recalled { by: seq });
                altered(seq, sender, Alteration::Recalled { seq: of })
            }
            5 => expiring(seq, sender, 1_000 + u64::from(who % 32)),
            _ => entry(seq, sender, &Content::text(seq.to_string())),
        };
        before.push(made.clone());
        after.push(made);
    }
    for seq in 1..=after.len() as u64 {
        let held = Held::of(&after[usize::try_from(seq - 1).unwrap()]);
        if held.is_over(seq, NOW_MS) {
            erase(&mut after, seq, Erasure::Expired { of: seq });
        }
    }
    (before, after)
}

proptest! {
    #[test]
    fn any_order_of_pages_gives_the_same_view(
        kinds in proptest::collection::vec((any::<u8>(), any::<u8>(), any::<u8>()), 1..60),
        kept in 1..80_usize,
        order in any::<u64>(),
        versions in any::<u64>(),
    ) {
        let (before, after) = log(&kinds);
        let mut wanted = Timeline::keeping(kept);
        for entry in &after {
            wanted.insert(entry);
        }
        // Pages of any size, in any order, some of them twice, each as it was before or after what
        // is gone of it was.
        let mut pages: Vec<&[Entry]> = Vec::new();
        let mut from = 0;
        while from < before.len() {
            let size = 1 + usize::try_from(order >> (from % 50) & 7).unwrap();
            let to = (from + size).min(before.len());
            let log = if versions >> (from % 60) & 1 == 0 { &before } else { &after };
            pages.push(&log[from..to]);
            if (order >> (from % 40)).is_multiple_of(4) {
                pages.push(&after[from..to]);
            }
            from = to;
        }
        let key = |page: &&[Entry]| page[0].seq.wrapping_mul(order | 1).rotate_left(17);
        pages.sort_by_key(key);
        let mut found = Timeline::keeping(kept);
        pages.into_iter().flatten().for_each(|entry| found.insert(entry));
        prop_assert!(found.len() <= kept);
        prop_assert_eq!(found.view(NOW_MS), wanted.view(NOW_MS));
    }
}
