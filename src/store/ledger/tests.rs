//! The ledger's rules that the contract suite cannot see from outside: how much a batch holds, what
//! a crash between two steps leaves, and what later commands of one batch see.

use bytes::Bytes;
use packetboat_proto::content::{Content, Context, GroupChange, RoomChange};
use packetboat_proto::id::{ChatId, DeviceId, MessageId, SessionId, UserId};
use packetboat_proto::packet::SetContact;

use super::*;
use crate::store::backend::Backend;
use crate::store::batch::OPERATIONS_PER_COMMAND_MAX;
use crate::store::key;
use crate::store::memory::MemoryBackend;
use crate::store::record::as_number;
use crate::store::record::own::OwnHead;
use crate::store::rules::Rules;
use crate::store::{Author, Claim, CursorMove, Draft, Effect, Outcome, Start};

/// Chats whose ends are kept at hand: so few that some are read again.
const CHATS_CACHED: usize = 2;

/// A ledger over memory, which runs one turn after the other.
struct Bench {
    backend: MemoryBackend,
    caches: Caches,
}

impl Default for Bench {
    fn default() -> Self {
        Self { backend: MemoryBackend::default(), caches: Caches::new(CHATS_CACHED) }
    }
}

impl Bench {
    /// What a turn comes to, before it is applied.
    fn turn<T>(&mut self, run: impl FnOnce(&mut Turn<'_>) -> T) -> (T, Work) {
        let rules = Rules::default();
        let mut turn = Turn::new(&self.backend, &mut self.caches, &rules, 1_000, false);
        let result = run(&mut turn);
        (result, turn.finish())
    }

    fn applied<T>(&mut self, run: impl FnOnce(&mut Turn<'_>) -> T) -> T {
        let (result, work) = self.turn(run);
        self.backend.commit(work.batch).unwrap();
        result
    }

    /// A start of the process: what was at hand is gone.
    fn restarted(self) -> Self {
        Self { backend: self.backend, caches: Caches::new(CHATS_CACHED) }
    }
}

fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

fn author(name: &str) -> Author {
    Author { user: user(name), session: SessionId::from([1; 16]) }
}

fn chat(id: &str) -> ChatId {
    ChatId::new(id).unwrap()
}

fn draft(to: &str, id: u8, content: Content) -> Draft {
    let bytes = content.encode();
    Draft::new(chat(to), MessageId::from([id; 16]), bytes, (content, Context::default()))
}

fn text(to: &str, id: u8) -> Draft {
    draft(to, id, Content::text("hi"))
}

fn claim(start: Start) -> Claim {
    let device = DeviceId::new("phone").unwrap();
    Claim::new(user("ann"), device, SessionId::from([2; 16]), start)
}

#[test]
fn a_message_costs_a_log_key_and_a_dedup_key() {
    let mut bench = Bench::default();
    bench.applied(|turn| turn.append(&author("ann"), &text("dm:ann:bob", 1)).unwrap());
    let second = text("dm:ann:bob", 2);
    let (outcome, work) = bench.turn(|turn| turn.append(&author("ann"), &second).unwrap());
    assert_eq!(outcome, Outcome::Stored { seq: 2, at_ms: 1_000 });
    assert_eq!(work.batch.operations(), 2);
    assert_eq!(work.heads_before.get(&chat("dm:ann:bob")), Some(&1));
}

#[test]
fn a_message_is_found_again_whatever_the_order_of_the_ids() {
    let mut bench = Bench::default();
    let mut accepted = Vec::new();
    for id in [7, 3, 9, 1, 8, 200, 100, 2] {
        for sender in ["ann", "bob"] {
            let draft = text("dm:ann:bob", id);
            let outcome = bench.applied(|turn| turn.append(&author(sender), &draft).unwrap());
            let Outcome::Stored { seq, .. } = outcome else { panic!("{outcome:?}") };
            accepted.push((sender, draft, seq));
            if accepted.len() % 5 == 0 {
                bench = bench.restarted();
            }
            // In a batch of their own, and all of them in one.
            for (sender, draft, seq) in &accepted {
                let outcome = bench.turn(|turn| turn.append(&author(sender), draft).unwrap()).0;
                assert_eq!(outcome, Outcome::Duplicate { seq: *seq, at_ms: 1_000 });
            }
            let ((), _) = bench.turn(|turn| {
                for (sender, draft, seq) in &accepted {
                    let outcome = turn.append(&author(sender), draft).unwrap();
                    assert_eq!(outcome, Outcome::Duplicate { seq: *seq, at_ms: 1_000 });
                }
            });
        }
    }
}

/// A ledger with a room that keeps three entries.
fn bench_with_room() -> Bench {
    let mut bench = Bench::default();
    let (name, topic) = ("Lobby".into(), String::new());
    let opened = RoomChange::Opened { name, topic, keep: 3, slow_ms: 0 };
    let opened = draft("room:lobby", 1, Content::Room(opened));
    bench.applied(|turn| turn.append(&author("ann"), &opened).unwrap());
    bench
}

/// Mentions somebody in the room as the entry `number`; the rows that say so then.
fn mentioned(bench: &mut Bench, number: u8) -> usize {
    let context = Context { mentions: vec![user("bob")], ..Context::default() };
    let content = Content::text("hi");
    let bytes = content.encode_in(&context);
    let id = MessageId::from([number; 16]);
    let draft = Draft::new(chat("room:lobby"), id, bytes, (content, context));
    let outcome = bench.applied(|turn| turn.append(&author("ann"), &draft).unwrap());
    assert_eq!(outcome, Outcome::Stored { seq: number.into(), at_ms: 1_000 });
    let all = key::own::mentions(&chat("room:lobby"), 1, u64::MAX - 1);
    bench.turn(|turn| turn.rows(&all, 100).unwrap().len()).0
}

#[test]
fn a_room_keeps_no_row_of_whom_its_entries_mention() {
    let mut bench = bench_with_room();
    for number in 2..=10 {
        assert_eq!(mentioned(&mut bench, number), 0, "{number}");
    }
}

#[test]
fn a_mention_that_an_older_version_noted_of_a_room_goes_with_its_entry() {
    let mut bench = bench_with_room();
    mentioned(&mut bench, 2);
    bench.applied(|turn| turn.put(key::own::mention(&chat("room:lobby"), 2), vec![1]));
    let left: Vec<usize> = (3..=6).map(|number| mentioned(&mut bench, number)).collect();
    assert_eq!(left, [1, 1, 0, 0], "the room keeps three");
}

#[test]
fn what_is_not_shown_of_a_room_goes_though_it_is_to_keep_more_again() {
    let mut bench = bench_with_room();
    let set = |id, keep| {
        let (name, topic, slow_ms) = (None, None, None);
        let set = RoomChange::Set { keep: Some(keep), slow_ms, name, topic };
        draft("room:lobby", id, Content::Room(set))
    };
    let mut id = 1;
    let mut run = |bench: &mut Bench, keep: Option<u32>| {
        id += 1;
        let draft = keep.map_or_else(|| text("room:lobby", id), |keep| set(id, keep));
        bench.applied(|turn| turn.append(&author("ann"), &draft).unwrap());
    };
    run(&mut bench, Some(100));
    for _ in 3..=30 {
        run(&mut bench, None);
    }
    run(&mut bench, Some(1));
    run(&mut bench, Some(100));
    for _ in 33..=50 {
        run(&mut bench, None);
    }
    let all = key::entries(&chat("room:lobby"), 1, 100);
    let first = bench.turn(|turn| turn.rows(&all, 1).unwrap().remove(0).0).0;
    assert_eq!(key::seq_and_part(&first).unwrap().0, 31);
}

#[test]
fn the_largest_commands_fit_into_one_batch() {
    let users = (0..100).map(|at| user(&format!("{at:064}"))).collect::<Vec<_>>();
    let mut bench = Bench::default();
    let created = GroupChange::Created { name: "n".repeat(128), members: users.clone() };
    let removed = GroupChange::Removed(users.clone());
    let added = GroupChange::Added(users);
    for (id, change) in [(1, created), (2, removed), (3, added)] {
        let draft = draft("group:g", id, Content::Group(change));
        let most = draft_operations_max(&draft);
        assert!(most <= OPERATIONS_PER_COMMAND_MAX, "{most}");
        let (outcome, work) = bench.turn(|turn| turn.append(&author("ann"), &draft).unwrap());
        assert!(matches!(outcome, Outcome::Stored { .. }), "{outcome:?}");
        assert!(work.batch.operations() <= most, "{} of {most}", work.batch.operations());
        bench.backend.commit(work.batch).unwrap();
    }
    let largest = Draft { content: Bytes::from(vec![1; 256 * 1024]), ..text("dm:ann:bob", 1) };
    let most = draft_operations_max(&largest);
    let (_, work) = bench.turn(|turn| turn.append(&author("ann"), &largest).unwrap());
    assert!(work.batch.operations() <= most && most <= OPERATIONS_PER_COMMAND_MAX);
}

#[test]
fn a_refused_draft_changes_nothing() {
    let mut bench = Bench::default();
    let created = GroupChange::Created { name: "g".into(), members: vec![user("bob")] };
    let created = draft("group:g", 1, Content::Group(created));
    bench.applied(|turn| turn.append(&author("ann"), &created).unwrap());
    let refused = [
        GroupChange::Added(vec![user("cid"), user("bob")]),
        GroupChange::Removed(vec![user("bob"), user("cid")]),
        GroupChange::Left { new_owner: Some(user("cid")) },
        GroupChange::Created { name: "g".into(), members: Vec::new() },
    ];
    for change in refused {
        let draft = draft("group:g", 2, Content::Group(change));
        let (outcome, work) = bench.turn(|turn| turn.append(&author("ann"), &draft).unwrap());
        assert!(matches!(outcome, Outcome::Refused(_)), "{outcome:?}");
        assert!(work.batch.is_empty() && work.effects.is_empty() && work.heads_before.is_empty());
    }
}

#[test]
fn later_commands_of_a_batch_see_the_earlier_ones() {
    let mut bench = Bench::default();
    let ((), work) = bench.turn(|turn| {
        let ann = author("ann");
        let created = GroupChange::Created { name: "g".into(), members: Vec::new() };
        turn.append(&ann, &draft("group:g", 1, Content::Group(created))).unwrap();
        let early = turn.append(&author("bob"), &text("group:g", 2)).unwrap();
        assert!(matches!(early, Outcome::Refused(_)));
        let added = GroupChange::Added(vec![user("bob")]);
        turn.append(&ann, &draft("group:g", 3, Content::Group(added))).unwrap();
        let said = turn.append(&author("bob"), &text("group:g", 4)).unwrap();
        assert_eq!(said, Outcome::Stored { seq: 3, at_ms: 1_000 });
        let again = turn.append(&author("bob"), &text("group:g", 4)).unwrap();
        assert_eq!(again, Outcome::Duplicate { seq: 3, at_ms: 1_000 });
        let to = CursorMove { chat: chat("group:g"), delivered: 9, read: 0 };
        turn.advance(&ann.user, &DeviceId::new("desk").unwrap(), &to).unwrap();
        assert_eq!(turn.claim(&claim(Start::Undelivered), None).unwrap(), new());
        turn.release(&ann.user, &claim(Start::Newest).device).unwrap();
    });
    let moved =
        work.effects.iter().any(|it| matches!(it, Effect::CursorMoved { delivered: 3, .. }));
    let groups = work
        .effects
        .iter()
        .any(|it| matches!(it, Effect::Claimed { groups, .. } if *groups == [chat("group:g")]));
    assert!(moved && groups, "{:?}", work.effects);
    assert_eq!(work.heads_before.get(&chat("group:g")), Some(&0));
}

fn new() -> ClaimStep {
    ClaimStep::Done(crate::store::Claimed { new_device: true, has_chats: true, number: 1 })
}

#[test]
fn a_claim_cut_short_by_a_crash_starts_again() {
    let mut bench = Bench::default();
    for number in 0..150 {
        let to = format!("dm:ann:u{number:03}");
        bench.applied(|turn| turn.append(&author("ann"), &text(&to, 1)).unwrap());
    }
    let step = bench.applied(|turn| turn.claim(&claim(Start::Newest), None).unwrap());
    assert_eq!(step, ClaimStep::After(chat("dm:ann:u099")));
    let cursor = |bench: &Bench, to: &str| {
        let claim = claim(Start::Newest);
        let row = key::device::cursor(&claim.user, &claim.device, &chat(to));
        bench.backend.get(&row).unwrap().map(|value| as_number(&value).unwrap())
    };
    let is_noted = |bench: &Bench| {
        let claim = claim(Start::Newest);
        let row = key::device::gone_device(&claim.user, &claim.device);
        bench.backend.get(&row).unwrap().is_some()
    };
    assert_eq!(cursor(&bench, "dm:ann:u000"), Some(1));
    assert!(is_noted(&bench), "if it never comes again, its cursors are removed");
    let mut bench = bench.restarted();
    let mut after = None;
    for _ in 0..2 {
        let all = claim(Start::Everything);
        match bench.applied(|turn| turn.claim(&all, after.as_ref()).unwrap()) {
            ClaimStep::After(chat) => after = Some(chat),
            done => assert_eq!(done, new()),
        }
    }
    assert_eq!(cursor(&bench, "dm:ann:u000"), None, "what the first try wrote is gone");
    assert!(!is_noted(&bench));
    let (known, work) = bench.turn(|turn| turn.claim(&claim(Start::Newest), None).unwrap());
    assert_eq!(
        known,
        ClaimStep::Done(crate::store::Claimed { new_device: false, has_chats: true, number: 1 })
    );
    assert!(work.batch.is_empty(), "a known device costs no commit");
}

#[test]
fn rows_of_the_batch_lie_over_the_stored_ones() {
    let mut bench = Bench::default();
    let row = |name: &str| key::account(&user(name));
    bench.applied(|turn| {
        for name in ["b", "d", "f", "h"] {
            turn.put(row(name), b"stored".to_vec());
        }
    });
    let ((), _) = bench.turn(|turn| {
        turn.put(row("a"), b"new".to_vec());
        turn.put(row("d"), b"changed".to_vec());
        turn.remove(row("f"));
        turn.remove(row("g"));
        turn.put(row("i"), b"new".to_vec());
        let rows = |after: Option<&str>, limit| {
            let range = key::accounts(after.map(user).as_ref());
            let rows = turn.rows(&range, limit).unwrap().into_iter();
            let shown = rows.map(|(key, value)| {
                let value = String::from_utf8(value).unwrap();
                format!("{} {value}", key::last_user(&key).unwrap())
            });
            shown.collect::<Vec<_>>().join(", ")
        };
        assert_eq!(rows(None, 9), "a new, b stored, d changed, h stored, i new");
        assert_eq!(rows(None, 1), "a new");
        assert_eq!(rows(Some("b"), 2), "d changed, h stored");
        assert_eq!(rows(Some("h"), 9), "i new");
        assert_eq!(rows(None, 0), "");
    });
}

#[test]
fn a_claim_says_whether_there_may_be_anything_to_scan_for() {
    let mut bench = Bench::default();
    let has_chats = |bench: &mut Bench| match bench
        .turn(|turn| turn.claim(&claim(Start::Everything), None).unwrap())
    {
        (ClaimStep::Done(claimed), _) => claimed.has_chats,
        (step, _) => panic!("{step:?}"),
    };
    assert!(!has_chats(&mut bench));
    let both = bench.applied(|turn| {
        turn.append(&author("bob"), &text("dm:ann:bob", 1)).unwrap();
        turn.claim(&claim(Start::Everything), None).unwrap()
    });
    let found = crate::store::Claimed { new_device: true, has_chats: true, number: 1 };
    assert_eq!(both, ClaimStep::Done(found), "also of the same batch");
    assert!(has_chats(&mut bench), "of a device that is known, too");
}

#[test]
fn who_has_no_room_for_a_wish_leaves_nothing_of_it_with_the_other() {
    for full in ["ann", "bob"] {
        let mut bench = Bench::default();
        let set = SetContact { wanted: Some(true), ..SetContact::of(user("bob")) };
        bench.applied(|turn| {
            let head = OwnHead { items: own::ITEMS_MAX, ..OwnHead::default() };
            turn.put(key::own::own(&user(full)), head.to_value());
        });
        let (refused, work) = bench.turn(|turn| turn.set_contact(&user("ann"), &set));
        assert!(refused.is_err() && work.effects.is_empty(), "{full} has no room");
        assert_eq!(work.batch.operations(), 0);
    }
}
