//! An entry from the committer into the mailboxes of the sessions that it concerns. Must never
//! count an entry that one of them did not get.

use std::sync::Arc;
use std::task::{Context, Waker};

use criterion::{BenchmarkId, Criterion};
use packetboat::hub::mailbox::{Mailbox, MailboxLimits, Wanted};
use packetboat::hub::{Hub, HubOutlet};
use packetboat::store::{Effect, Outlet, Stored};
use packetboat_proto::frame::Frame;
use packetboat_proto::id::{ChatId, DeviceId};
use packetboat_proto::limits::BODY_BYTES_DEFAULT;
use packetboat_proto::packet::Packet;

use crate::round::{Stage, measure as measure_stage};
use crate::scene;

/// Sessions that an entry goes to.
const MEMBERS: [u64; 3] = [1, 100, 1_000];
/// Sessions that there are, in groups of that size: the entries go to each group in turn, so that
/// they find every mailbox empty, and its session waiting.
const SESSIONS: u64 = 4_000;
/// Groups at most.
const GROUPS_MAX: u64 = 64;

/// Measures an entry to few sessions and to many.
pub(crate) fn measure(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fan_out");
    for count in MEMBERS {
        let id = BenchmarkId::new("mailboxes", count);
        measure_stage(&mut group, id, count, || FanOut::new(count));
    }
}

struct FanOut {
    outlet: HubOutlet,
    rooms: Vec<Room>,
    next: usize,
    seq: u64,
}

struct Room {
    chat: ChatId,
    mailboxes: Vec<Arc<Mailbox>>,
}

impl FanOut {
    fn new(members: u64) -> Self {
        let limits = packetboat::config::settings::Config::default().limits;
        let limits = MailboxLimits { entries: limits.mailbox_entries, bytes: limits.mailbox_bytes };
        let mut outlet = HubOutlet(Arc::new(Hub::new(limits, Arc::default())));
        let rooms = (0..(SESSIONS / members).min(GROUPS_MAX)).map(|number| {
            let chat = scene::group(number);
            let numbers = number * members..(number + 1) * members;
            let mailboxes = numbers.map(|number| enter(&mut outlet, number, &chat)).collect();
            Room { chat, mailboxes }
        });
        let rooms = rooms.collect();
        Self { outlet, rooms, next: 0, seq: 0 }
    }
}

/// A session with its device, in one group.
fn enter(outlet: &mut HubOutlet, number: u64, group: &ChatId) -> Arc<Mailbox> {
    let session = scene::session(number);
    let mailbox = outlet.0.enter(session);
    outlet.release(vec![Effect::Claimed {
        user: scene::user(number),
        device: DeviceId::new("phone").expect("it is an id"),
        session,
        platform: String::new(),
        blocked: Vec::new(),
        groups: vec![group.clone()],
    }]);
    mailbox
}

impl Stage for FanOut {
    type Input = (usize, Vec<Effect>);
    type Output = ();

    fn at_once(&self) -> u64 {
        self.rooms.len() as u64
    }

    fn prepare(&mut self) -> Self::Input {
        let at = self.next;
        self.next = (at + 1) % self.rooms.len();
        self.seq += 1;
        for mailbox in &self.rooms[at].mailboxes {
            let waits = mailbox.poll_news(&Context::from_waker(Waker::noop()), Wanted::Everything);
            assert!(waits.is_pending(), "a session waits for mail");
        }
        let (chat, seq) = (self.rooms[at].chat.clone(), self.seq);
        let body = scene::entry(0, seq).encode();
        let stored = Stored { chat, seq, origin: scene::session(u64::MAX), body };
        (at, vec![Effect::Stored(stored)])
    }

    fn work(&mut self, (_, effects): &mut Self::Input) {
        self.outlet.release(std::mem::take(effects));
    }

    fn check(&mut self, (at, _): Self::Input, (): ()) {
        let mut first = None;
        for mailbox in &self.rooms[at].mailboxes {
            let mail = mailbox.take();
            assert!(mail.deliveries.len() == 1 && !mail.entries_lost, "one entry for each");
            let delivery = &mail.deliveries[0];
            let frame = &delivery.frame;
            let known = first.get_or_insert_with(|| {
                let frame = Frame::take(&mut frame[..].into(), BODY_BYTES_DEFAULT);
                let frame = frame.expect("it is a frame").expect("it is a whole one");
                let packet = Packet::decode(&frame).expect("it is a packet");
                let wanted = Packet::Deliver(scene::entry(0, delivery.seq));
                assert_eq!(packet, Some(wanted), "the entry as it is stored");
                delivery.frame.clone()
            });
            assert_eq!(known.as_ptr(), frame.as_ptr(), "encoded once for all");
        }
    }

    fn end(self) {
        let sessions = self.rooms.iter().map(|room| room.mailboxes.len()).sum::<usize>();
        assert_eq!(self.outlet.0.sessions(), sessions, "nobody has gone");
    }
}
