//! Contracts of messages: stored once, in one order, and answered truly.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use packetboat::store::embedded::Settings;
use packetboat::store::rules::{Rules, UnknownUsers};
use packetboat::store::{Accounts, Draft, Edge, Outcome, Store};
use packetboat_proto::code::RejectCode;
use packetboat_proto::content::Content;
use packetboat_proto::entry::Entry;

use crate::bed::{
    Bed, WIDE, author, change_draft, chat, code, created, draft, duplicate, fresh_id, stored,
    text_of, user, with_id,
};

const DM: &str = "dm:ann:bob";

pub(crate) async fn a_log_has_no_gaps_over_a_restart(bed: impl Bed) {
    let mut expected = Vec::new();
    for round in 0..3 {
        let open = bed.open();
        for number in 0..5 {
            let text = format!("{round}.{number}");
            let sender = if number % 2 == 0 { "ann" } else { "bob" };
            let outcome = open.put(sender, draft(DM, &text)).await;
            expected.push((expected.len() as u64 + 1, text));
            assert_eq!(outcome, stored(expected.len() as u64));
        }
        let page = open.history(user("ann"), chat(DM), Edge::After(0), WIDE).await.unwrap();
        let found: Vec<_> = page.items.iter().map(|it| (it.seq, text_of(&it.body))).collect();
        assert_eq!(found, expected);
        open.close().await;
    }
}

pub(crate) async fn what_was_accepted_is_found_again_by_its_id(bed: impl Bed) {
    let first = draft(DM, "hello");
    let open = bed.open();
    assert_eq!(open.put("ann", first.clone()).await, stored(1));
    open.say("bob", DM, &["between"]).await;
    open.clock.store(9_000, Ordering::SeqCst);
    assert_eq!(open.put("ann", first.clone()).await, duplicate(1));
    open.close().await;
    let open = bed.open();
    assert_eq!(open.put("ann", first).await, duplicate(1));
    assert_eq!(open.put("ann", draft(DM, "next")).await, stored(3));
    open.close().await;
}

pub(crate) async fn the_same_id_with_other_content_is_a_conflict(bed: impl Bed) {
    let open = bed.open();
    assert_eq!(open.put("ann", with_id(draft(DM, "one"), 7)).await, stored(1));
    let other = open.put("ann", with_id(draft(DM, "two"), 7)).await;
    assert_eq!(code(&other), Some(RejectCode::Conflict));
    assert_eq!(open.put("ann", with_id(draft(DM, "one"), 7)).await, duplicate(1));
    assert_eq!(open.missing_texts("bob", "phone").await, ["one"]);
    open.close().await;
}

pub(crate) async fn an_id_is_the_senders_own(bed: impl Bed) {
    let open = bed.open();
    assert_eq!(open.put("ann", with_id(draft(DM, "mine"), 7)).await, stored(1));
    assert_eq!(open.put("bob", with_id(draft(DM, "also mine"), 7)).await, stored(2));
    assert_eq!(open.put("ann", with_id(draft("dm:ann:cid", "mine"), 7)).await, stored(1));
    open.close().await;
}

pub(crate) async fn a_duplicate_in_one_append_is_found(bed: impl Bed) {
    let open = bed.open();
    let twice = draft(DM, "once");
    let outcomes =
        open.send("ann", vec![twice.clone(), draft(DM, "other"), twice.clone(), twice]).await;
    assert_eq!(outcomes, [stored(1), stored(2), duplicate(1), duplicate(1)]);
    assert_eq!(open.effects().len(), 2, "a duplicate has no effect");
    open.close().await;
}

pub(crate) async fn a_direct_chat_is_of_two(bed: impl Bed) {
    let open = bed.open();
    let outcome = open.put("eve", draft(DM, "let me in")).await;
    assert_eq!(code(&outcome), Some(RejectCode::NoSuchChat));
    open.say("ann", DM, &["secret"]).await;
    let outcome = open.put("eve", draft(DM, "let me in")).await;
    assert_eq!(code(&outcome), Some(RejectCode::NoSuchChat));
    assert_eq!(open.missing_texts("eve", "phone").await, Vec::<String>::new());
    let outcome = open.put("ann", change_draft(DM, created(&[]))).await;
    assert_eq!(code(&outcome), Some(RejectCode::Invalid));
    open.close().await;
}

pub(crate) async fn a_note_to_oneself_has_one_member(bed: impl Bed) {
    let open = bed.open();
    open.say("ann", "dm:ann:ann", &["buy milk"]).await;
    let note = chat("dm:ann:ann");
    let members = open.members(user("ann"), note, None, 10).await.unwrap();
    assert_eq!(members.items.len(), 1);
    assert_eq!(open.missing_texts("ann", "phone").await, ["buy milk"]);
    open.close().await;
}

pub(crate) async fn what_is_not_supported_is_refused(bed: impl Bed) {
    let open = bed.open();
    let outcome = open.put("ann", draft("room:lobby", "hello")).await;
    assert_eq!(code(&outcome), Some(RejectCode::NoSuchChat), "no such room");
    let huge = Draft { content: vec![7; 300 * 1024].into(), ..draft(DM, "") };
    assert_eq!(code(&open.put("ann", huge).await), Some(RejectCode::TooLarge));
    assert_eq!(open.send("ann", Vec::new()).await, []);
    assert_eq!(open.put("ann", draft(DM, "first")).await, stored(1));
    open.close().await;
}

pub(crate) async fn a_large_entry_comes_back_whole(bed: impl Bed) {
    let sizes = [1, 3_900, 4_000, 4_096, 8_190, 50_000, 200 * 1024, 256 * 1024 - 64];
    let contents: Vec<Bytes> = sizes
        .iter()
        .map(|size| {
            let body: Vec<u8> = (0..=250).cycle().take(*size).collect();
            let media_type = "application/octet-stream".into();
            Content::Data { media_type, body: body.into() }.encode()
        })
        .collect();
    let open = bed.open();
    for content in &contents {
        let large = Draft { content: content.clone(), ..draft(DM, "") };
        assert!(matches!(open.put("ann", large.clone()).await, Outcome::Stored { .. }));
        assert!(matches!(open.put("ann", large).await, Outcome::Duplicate { .. }));
    }
    open.close().await;
    let open = bed.open();
    for edge in [Edge::After(0), Edge::Before(0)] {
        let page = open.history(user("bob"), chat(DM), edge, WIDE).await.unwrap();
        assert_eq!(page.items.len(), contents.len());
        for (logged, content) in page.items.into_iter().zip(&contents) {
            let entry = Entry::decode(logged.body).unwrap();
            assert_eq!((entry.seq, &entry.content), (logged.seq, content));
        }
    }
    open.close().await;
}

pub(crate) async fn an_append_larger_than_a_commit_is_answered_whole(bed: impl Bed) {
    let open = bed.open();
    let drafts = (0..1_000).map(|number| draft(DM, &format!("{number}"))).collect();
    let outcomes = open.send("ann", drafts).await;
    let expected: Vec<_> = (1..=1_000).map(stored).collect();
    assert_eq!(outcomes, expected);
    let texts = open.missing_texts("bob", "phone").await;
    let expected: Vec<_> = (0..1_000).map(|number| number.to_string()).collect();
    assert_eq!(texts, expected);
    open.close().await;
}

pub(crate) async fn concurrent_senders_get_one_order(bed: impl Bed) {
    const SENDERS: usize = 8;
    const EACH: usize = 40;
    let open = bed.open();
    let names: Vec<String> = (0..SENDERS).map(|number| format!("u{number}")).collect();
    let members: Vec<&str> = names[1..].iter().map(String::as_str).collect();
    open.crew(&names[0], &members).await;
    let mut tasks = Vec::new();
    for name in &names {
        let (store, name) = (open.store.clone(), name.clone());
        tasks.push(tokio::spawn(async move {
            let mut last = 0;
            for number in 0..EACH {
                let text = format!("{name} {number}");
                let sent = store.append(author(&name), vec![draft("group:crew", &text)]).await;
                let [Outcome::Stored { seq, .. }] = sent.unwrap()[..] else { panic!("refused") };
                assert!(seq > last, "what was accepted before has a lower seq");
                last = seq;
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let page = open.history(user("u0"), chat("group:crew"), Edge::After(1), WIDE).await.unwrap();
    let seqs: Vec<_> = page.items.iter().map(|logged| logged.seq).collect();
    assert_eq!(seqs, (2..=(SENDERS * EACH) as u64 + 1).collect::<Vec<_>>());
    for name in &names {
        let own = page.items.iter().map(|logged| text_of(&logged.body));
        let own: Vec<_> = own.filter(|text| text.starts_with(&format!("{name} "))).collect();
        let sent: Vec<_> = (0..EACH).map(|number| format!("{name} {number}")).collect();
        assert_eq!(own, sent, "each sender's order is kept");
    }
    open.close().await;
}

pub(crate) async fn an_unknown_user_is_refused_when_the_operator_wants_it(bed: impl Bed) {
    let rules = Rules { unknown_users: UnknownUsers::Reject, ..Rules::default() };
    let open = bed.open_with(Settings { rules, ..Settings::default() });
    open.claim("ann", "phone", packetboat::store::Start::default()).await;
    let outcome = open.put("ann", draft(DM, "are you there?")).await;
    assert_eq!(code(&outcome), Some(RejectCode::UnknownUser));
    let outcome = open.change("ann", "group:crew", created(&["bob"])).await;
    assert_eq!(code(&outcome), Some(RejectCode::UnknownUser));
    open.set_account(user("bob"), "$argon2id$x".into(), true).await.unwrap();
    assert_eq!(open.put("ann", draft(DM, "are you there?")).await, stored(1));
    open.claim("cid", "phone", packetboat::store::Start::default()).await;
    assert_eq!(open.put("ann", draft("dm:ann:cid", "and you?")).await, stored(1));
    assert_eq!(open.put("ann", draft("dm:ann:ann", "only me")).await, stored(1));
    open.close().await;
}

pub(crate) async fn time_does_not_go_back(bed: impl Bed) {
    let open = bed.open();
    let mut last = 0;
    for now in [5_000, 4_000, 1, 6_000] {
        open.clock.store(now, Ordering::SeqCst);
        let draft = Draft { id: fresh_id(), ..draft(DM, "tick") };
        let Outcome::Stored { at_ms, .. } = open.put("ann", draft).await else { panic!("refused") };
        assert!(at_ms >= last && at_ms >= now, "{at_ms} after {last}");
        last = at_ms;
    }
    open.close().await;
}
