//! What is asked of much: who of very many members has read what, counted anew, and the first page
//! of very many chats by activity. Must never count an answer that is not the very counts, or not
//! the chats that were last written to.

use std::sync::Arc;

use criterion::{BenchmarkId, Criterion};
use packetboat::store::proof::{Bench, MOVE_OPERATIONS_MAX, View};
use packetboat::store::rules::Rules;
use packetboat::store::{Author, ChatView, CursorMove, Draft, Outcome, Page, RecentChats};
use packetboat_proto::content::{Content, GroupChange};
use packetboat_proto::id::{ChatId, DeviceId, UserId};
use packetboat_proto::limits::MEMBERS_PER_CHANGE_MAX;
use packetboat_proto::packet::ReceiptCounts;
use packetboat_proto::seqs::SeqRange;

use crate::ground::{Ground, Hold, Kind};
use crate::ledger::append_each;
use crate::round::{Stage, measure as measure_stage};
use crate::scene;

/// Members of the group, and chats of the user.
const COUNTS: [u64; 2] = [1_000, 10_000];
/// Texts in the group, behind the entries that make it.
const TEXTS: u64 = 64;
/// Chats of a page.
const PAGE_CHATS: usize = 50;
/// Entries that come with the list of chats: none.
const NO_LAST: usize = 0;
/// Moves of cursors that come together.
const MOVES: usize = 512;

/// Measures both on rows in memory and on the server's default.
pub(crate) fn measure(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("questions");
    for kind in [Kind::Memory, Kind::Sled] {
        for count in COUNTS {
            let id = BenchmarkId::new(format!("receipts_{}", kind.name()), count);
            measure_stage(&mut group, id, count, || Receipts::of(kind, count));
            let id = BenchmarkId::new(format!("recent_{}", kind.name()), count);
            measure_stage(&mut group, id, count, || Recent::of(kind, count));
        }
    }
}

/// A store that is asked. Its folder is needed as long as the view.
struct Asked {
    view: View,
    _ground: Ground,
}

/// A store in the making.
struct Making {
    ground: Ground,
    bench: Bench,
}

impl Making {
    fn on(kind: Kind) -> Self {
        let ground = Ground::new(kind, Hold::Default);
        let backend = Arc::clone(ground.backend());
        Self { ground, bench: Bench::open(backend, Rules::default(), scene::CHATS_CACHED) }
    }

    fn say(&mut self, drafts: &[(Author, Draft)]) {
        append_each(&mut self.bench, drafts, |(outcomes, done)| {
            let stored = outcomes.iter().all(|outcome| matches!(outcome, Outcome::Stored { .. }));
            assert!(stored, "{outcomes:?}");
            self.ground.backend().commit(done.batch).expect("the disk takes it");
        });
    }

    fn move_cursors(&mut self, moves: &[(UserId, CursorMove)]) {
        let device = device();
        for moves in moves.chunks(MOVES) {
            let mut turn = self.bench.turn(scene::NOW_MS, false);
            for (user, to) in moves {
                assert!(turn.room() >= MOVE_OPERATIONS_MAX, "a chunk fits a turn");
                turn.advance(user, &device, to).expect("memory can be read");
            }
            let done = turn.finish();
            self.ground.backend().commit(done.batch).expect("the disk takes it");
        }
    }

    fn done(self) -> Asked {
        let view = self.bench.view(scene::NOW_MS);
        Asked { view, _ground: self.ground }
    }
}

fn device() -> DeviceId {
    DeviceId::new("desk").expect("it is an id")
}

/// A group of which each member has read another part.
struct Receipts {
    asked: Asked,
    members: u64,
    first: u64,
}

impl Receipts {
    fn of(kind: Kind, members: u64) -> Self {
        let (mut making, chat) = (Making::on(kind), scene::group(0));
        let others: Vec<UserId> = (1..members).map(scene::user).collect();
        let owner = scene::author(scene::user(0));
        let mut drafts = Vec::new();
        for (members, number) in others.chunks(MEMBERS_PER_CHANGE_MAX).zip(1..) {
            let members = members.to_vec();
            let change = if number == 1 {
                GroupChange::Created { name: "Group".to_owned(), members }
            } else {
                GroupChange::Added(members)
            };
            let content = Content::Group(change.clone()).encode();
            let draft = scene::draft(&chat, number);
            drafts.push((owner.clone(), Draft { content, change: Some(change.into()), ..draft }));
        }
        let first = drafts.len() as u64 + 1;
        drafts.extend((first..first + TEXTS).map(|n| (owner.clone(), scene::draft(&chat, n))));
        making.say(&drafts);
        let moves = others.into_iter().zip(1_u64..).map(|(user, number)| {
            let (delivered, read) = (first + number % TEXTS, first + number % TEXTS / 2);
            (user, CursorMove { chat: chat.clone(), delivered, read })
        });
        making.move_cursors(&moves.collect::<Vec<_>>());
        Self { asked: making.done(), members, first }
    }

    /// How many of the others a rule holds for.
    fn others(&self, holds: impl Fn(u64) -> bool) -> u32 {
        let count = (1..self.members).filter(|number| holds(*number)).count();
        u32::try_from(count).expect("members are few enough")
    }
}

impl Stage for Receipts {
    type Input = (UserId, ChatId, SeqRange);
    type Output = ReceiptCounts;

    fn at_once(&self) -> u64 {
        1
    }

    fn prepare(&mut self) -> Self::Input {
        let range = SeqRange::new(self.first, self.first + TEXTS - 1).expect("it is a range");
        (scene::user(0), scene::group(0), range)
    }

    fn work(&mut self, (user, chat, range): &mut Self::Input) -> ReceiptCounts {
        self.asked.view.receipts(user, chat, &[*range]).expect("it can be read")
    }

    fn check(&mut self, _: Self::Input, counts: ReceiptCounts) {
        assert_eq!(counts.steps.len() as u64, TEXTS, "with each entry one has stopped");
        for (step, text) in counts.steps.iter().zip(0..) {
            assert_eq!((step.first, step.last), (self.first + text, self.first + text));
            assert_eq!(step.delivered, self.others(|number| number % TEXTS >= text));
            assert_eq!(step.read, self.others(|number| number % TEXTS / 2 >= text));
        }
    }
}

/// A user with very many chats, each a direct one with one text.
struct Recent {
    asked: Asked,
    chats: u64,
}

impl Recent {
    fn of(kind: Kind, chats: u64) -> Self {
        let mut making = Making::on(kind);
        let reader = scene::user(0);
        let drafts = (1..=chats).map(|number| {
            let other = scene::user(number);
            let chat = ChatId::direct(&reader, &other);
            (scene::author(other), scene::draft(&chat, number))
        });
        making.say(&drafts.collect::<Vec<_>>());
        Self { asked: making.done(), chats }
    }
}

impl Stage for Recent {
    type Input = (UserId, DeviceId, RecentChats);
    type Output = Page<ChatView>;

    fn at_once(&self) -> u64 {
        1
    }

    fn prepare(&mut self) -> Self::Input {
        let asked = RecentChats { behind: None, limit: PAGE_CHATS, last_bytes: NO_LAST };
        (scene::user(0), device(), asked)
    }

    fn work(&mut self, (user, device, asked): &mut Self::Input) -> Page<ChatView> {
        self.asked.view.recent(user, device, asked).expect("it can be read")
    }

    fn check(&mut self, _: Self::Input, page: Page<ChatView>) {
        assert_eq!((page.items.len(), page.more), (PAGE_CHATS, self.chats > PAGE_CHATS as u64));
        // All were written to at the same time: then they come by their ids.
        for (view, number) in page.items.iter().zip(1..) {
            assert_eq!(view.chat, ChatId::direct(&scene::user(0), &scene::user(number)));
            assert_eq!((view.head, view.unread), (1, 1));
        }
    }
}
