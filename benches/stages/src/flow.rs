//! The pure flow of a session: a packet in, actions out, as the session's task drives it. Must
//! never count a turn that asked the store for something else, or told the client something else.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use criterion::{BenchmarkId, Criterion};
use packetboat::auth::Vouched;
use packetboat::auth::doorman::Admitted;
use packetboat::hub::mailbox::Delivery;
use packetboat::metrics::Metrics;
use packetboat::session::flow::Flow;
use packetboat::session::port::{Action, Guest, Input, Rules, Work};
use packetboat::store::{Claimed, CursorMove, LagPage, Outcome};
use packetboat_proto::id::DeviceId;
use packetboat_proto::packet::{Credential, Cursor, Hello, Limits, Packet, Send};
use packetboat_proto::time::Time;

use crate::round::{Stage, measure as measure_stage};
use crate::scene;

/// Packets of one turn: the most that the session's task takes.
const PACKETS_PER_TURN: u64 = 64;
/// Sessions whose turns are timed together.
const AT_ONCE: u64 = 64;
/// The chat of all of it.
const CHAT: u64 = 0;

/// Measures turns of one packet and of many.
pub(crate) fn measure(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("flow");
    for count in [1, PACKETS_PER_TURN] {
        let id = BenchmarkId::new("send", count);
        measure_stage(&mut group, id, count, || Sends { house: Shared::new(), count });
        let id = BenchmarkId::new("accepted", count);
        measure_stage(&mut group, id, count, || Accepts { house: Shared::new(), count });
        let id = BenchmarkId::new("deliver_and_ack", count);
        measure_stage(&mut group, id, count, || Deliveries { house: Shared::new(), count });
    }
}

/// What all sessions share.
struct Shared {
    rules: Arc<Rules>,
    metrics: Arc<Metrics>,
}

/// A session, and what its turn is fed with.
struct Turn {
    flow: Flow,
    now: Time,
    inputs: Vec<Input>,
    actions: Vec<Action>,
}

impl Shared {
    fn new() -> Self {
        Self { rules: scene::rules(), metrics: Arc::default() }
    }

    /// An open session that has all that is stored.
    fn open(&self) -> Turn {
        let (rules, metrics) = (Arc::clone(&self.rules), Arc::clone(&self.metrics));
        let hello = Hello {
            user: scene::reader(CHAT),
            device: DeviceId::new("phone").expect("it is an id"),
            credential: Credential::Open,
            client: String::new(),
            wanted: Limits::default(),
            start: None,
            device_name: String::new(),
            platform: String::new(),
        };
        let claimed = Claimed { new_device: false, has_chats: true, number: 1 };
        let admitted = Admitted::Vouched(Vouched::default());
        let now = Time::from_ms(1_000);
        let mut turn = Turn {
            flow: Flow::new(now, scene::session(1), rules, metrics),
            now,
            inputs: vec![
                Input::Packet(Packet::Hello(hello)),
                Input::Checked(Ok(Guest { admitted, address: None })),
                Input::Claimed(Ok((claimed, None)), scene::NOW_MS),
            ],
            actions: Vec::new(),
        };
        turn.run();
        turn.inputs.push(Input::Scanned(Ok(LagPage::default())));
        turn.run();
        assert!(turn.flow.is_open(), "the session is open");
        turn.actions.clear();
        turn
    }
}

impl Turn {
    /// Feeds all inputs, as the task does: packets only as long as they are wanted.
    fn run(&mut self) {
        for input in self.inputs.drain(..) {
            if matches!(input, Input::Packet(_)) && !self.flow.wants_packet(self.now) {
                break;
            }
            self.flow.handle(self.now, input, &mut self.actions);
        }
        self.flow.settle(true, &mut self.actions);
    }
}

fn send(number: u64) -> Input {
    let (chat, id) = (scene::direct(CHAT), scene::message_id(number));
    Input::Packet(Packet::Send(Send { chat, id, content: scene::content() }))
}

/// Packets come, and are to be appended.
struct Sends {
    house: Shared,
    count: u64,
}

impl Stage for Sends {
    type Input = Turn;
    type Output = ();

    fn at_once(&self) -> u64 {
        AT_ONCE
    }

    fn prepare(&mut self) -> Turn {
        let mut turn = self.house.open();
        turn.inputs.push(Input::Heard);
        turn.inputs.extend((0..self.count).map(send));
        turn
    }

    fn work(&mut self, turn: &mut Turn) {
        turn.run();
    }

    fn check(&mut self, turn: Turn, (): ()) {
        let [Action::Start(Work::Append(drafts))] = &turn.actions[..] else {
            panic!("all is appended at once: {:?}", turn.actions)
        };
        assert_eq!(drafts.len() as u64, self.count, "all is appended");
        for (draft, number) in drafts.iter().zip(0..) {
            assert_eq!(*draft, scene::draft(&scene::direct(CHAT), number), "as it was sent");
        }
    }
}

/// The store has answered, and the client is told.
struct Accepts {
    house: Shared,
    count: u64,
}

impl Stage for Accepts {
    type Input = Turn;
    type Output = ();

    fn at_once(&self) -> u64 {
        AT_ONCE
    }

    fn prepare(&mut self) -> Turn {
        let mut turn = self.house.open();
        turn.inputs.extend((0..self.count).map(send));
        turn.run();
        turn.actions.clear();
        let stored = |number| Outcome::Stored { seq: number + 1, at_ms: scene::NOW_MS };
        turn.inputs.push(Input::Appended(Ok((0..self.count).map(stored).collect())));
        turn
    }

    fn work(&mut self, turn: &mut Turn) {
        turn.run();
    }

    fn check(&mut self, turn: Turn, (): ()) {
        assert_eq!(turn.actions.len() as u64, self.count, "each send is answered");
        for (action, number) in turn.actions.iter().zip(0..) {
            let Action::Write(Packet::Accepted(accepted)) = action else {
                panic!("it is accepted: {action:?}")
            };
            let told = (accepted.id, accepted.seq);
            assert_eq!(told, (scene::message_id(number), number + 1), "each by its own answer");
        }
    }
}

/// Entries are pushed and go out; then all of them are acknowledged.
struct Deliveries {
    house: Shared,
    count: u64,
}

fn frame(seq: u64) -> Bytes {
    let mut frame = BytesMut::new();
    Packet::Deliver(scene::entry(CHAT, seq)).put(&mut frame);
    frame.freeze()
}

impl Stage for Deliveries {
    /// The pushes, and then the acknowledgement.
    type Input = (Turn, Vec<Input>);
    /// How many actions came of the pushes.
    type Output = usize;

    fn at_once(&self) -> u64 {
        AT_ONCE
    }

    fn prepare(&mut self) -> Self::Input {
        let (mut turn, chat) = (self.house.open(), scene::direct(CHAT));
        let origin = scene::session(2);
        turn.inputs.extend((1..=self.count).map(|seq| {
            let delivery = Delivery { chat: chat.clone(), seq, origin, frame: frame(seq) };
            Input::Pushed(Arc::new(delivery))
        }));
        let ack = Packet::Ack(vec![Cursor { chat, delivered: self.count, read: 0 }]);
        (turn, vec![Input::Heard, Input::Packet(ack)])
    }

    fn work(&mut self, (turn, acks): &mut Self::Input) -> usize {
        turn.run();
        let pushed = turn.actions.len();
        std::mem::swap(&mut turn.inputs, acks);
        turn.run();
        pushed
    }

    fn check(&mut self, (turn, _): Self::Input, pushed: usize) {
        let Some((last, written)) = turn.actions.split_last() else {
            panic!("entries go out");
        };
        assert_eq!(written.len() as u64, self.count, "each entry goes out");
        assert_eq!(written.len(), pushed, "no cursor is moved before it is acknowledged");
        for (action, seq) in written.iter().zip(1..) {
            let right = matches!(action, Action::WriteFrame(bytes) if *bytes == frame(seq));
            assert!(right, "entry {seq} as it was encoded: {action:?}");
        }
        let Action::Start(Work::Advance(moves)) = last else {
            panic!("the cursor is moved: {last:?}")
        };
        let wanted = CursorMove { chat: scene::direct(CHAT), delivered: self.count, read: 0 };
        assert_eq!(moves[..], [wanted], "once for all of them");
    }
}
