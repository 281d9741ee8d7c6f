//! What a seed decides: how many take part, how small the bounds are, what goes wrong. Every seed
//! leaves out some of it, so that each fault also meets the others alone. Must never read a clock.

use std::time::Duration;

use fastrand::Rng;
use packetboat::hub::mailbox::MailboxLimits;
use packetboat::hub::policy::{AtOnce, DevicePolicy, Wins};
use packetboat::session::deliveries::Retries;
use packetboat::session::port::Rules;
use packetboat::session::rate::Rate;
use packetboat::store::embedded::Settings;
use packetboat::store::rules::{Rules as StoreRules, WhoWrites};
use packetboat_proof::checker::{Bars, Strangers};
use packetboat_proto::limits::{BODY_BYTES_DEFAULT, BODY_OVERHEAD_BYTES};

/// Things that may go wrong, each as a chance in a hundred that a step does it; 0 leaves it out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// A connection is cut.
    pub cut: u32,
    /// A connection goes silent, one way or both.
    pub silence: u32,
    /// Nobody new gets through for a while.
    pub partition: u32,
    /// The server crashes.
    pub crash: u32,
    /// The server drains, and is started again.
    pub drain: u32,
    /// The disk fails.
    pub disk: u32,
    /// The disk is full for a while.
    pub full: u32,
    /// The wall's clock jumps.
    pub jump: u32,
    /// An app ends and begins again where it was.
    pub restart: u32,
    /// A device is away for a while.
    pub away: u32,
    /// Somebody sends bytes that are no packets, or packets out of turn.
    pub rude: u32,
}

/// A network that is slow carries no more than this, in the best case.
const SLOW_BYTES_PER_MS: u64 = 50;

/// After how long devices are forgotten: longer than any run is, but for its end.
const FORGET_MS: u64 = 90 * 24 * 60 * 60 * 1_000;
/// Sooner than the wall's clock jumps.
const FORGET_SOON_MS: u64 = 30 * 60 * 1_000;

/// How files are taken.
#[derive(Clone, Copy, Debug)]
pub struct FilePlan {
    /// Bytes that the files of one user may count for.
    pub quota: u64,
    /// How long one is kept that stands in no chat, in milliseconds.
    pub unreferenced_ms: u64,
    /// Of a hundred pieces of work on their bytes so many fail.
    pub fails: u32,
}

impl FilePlan {
    fn draw(rng: &mut Rng) -> Self {
        Self {
            quota: pick(rng, &[20_000, 1_000_000]),
            unreferenced_ms: pick(rng, &[600_000, 36_000_000]),
            fails: pick(rng, &[0, 5, 20]),
        }
    }
}

/// What a seed decides.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Users, each with one or two devices.
    pub users: usize,
    /// Groups.
    pub groups: usize,
    /// Things that are done.
    pub steps: usize,
    /// The longest time between two of them.
    pub pause: Duration,
    /// The longest time that bytes are on their way.
    pub delay: Duration,
    /// The most bytes that go at a time.
    pub chunk: usize,
    /// The longest sync.
    pub sync: Duration,
    /// The longest read of the store.
    pub read: Duration,
    /// The longest time from the effects of a commit to its answers.
    pub tell: Duration,
    /// The longest time that an app is at an entry.
    pub app: Duration,
    /// The rules of the sessions.
    pub rules: Rules,
    /// The bounds of the mailboxes.
    pub mailbox: MailboxLimits,
    /// Bytes that may wait to be written.
    pub out_bytes: usize,
    /// The store's own.
    pub store: Settings,
    /// Tickets live so long, in milliseconds; 0: there are none.
    pub ticket_ms: u64,
    /// Clients keep one message of a chat on the wire.
    pub strict: bool,
    /// Messages that a client's outbox holds, and entries that may wait for an app.
    pub client_bounds: usize,
    /// People block each other.
    pub blocks: bool,
    /// Which of a user's devices may be connected at a time.
    pub policy: DevicePolicy,
    /// After how long devices are forgotten, in milliseconds.
    pub forget_ms: u64,
    /// Files, if any are taken.
    pub files: Option<FilePlan>,
    /// Whether there is search.
    pub search: bool,
    /// What goes wrong.
    pub faults: Faults,
}

impl Plan {
    /// Of a seed's stream of numbers, and of another of the same seed for what came later.
    pub fn draw(rng: &mut Rng, more: &mut Rng) -> Self {
        let mut rules = rules(rng);
        // Small pieces come fast: some 10 KB a second get through, or no large message ever would.
        let (chunk, delay_ms) =
            pick(rng, &[(7, 0), (100, 0), (100, 10), (4_096, 1), (4_096, 100), (65_536, 10)]);
        let delay = Duration::from_millis(delay_ms);
        if chunk as u64 <= SLOW_BYTES_PER_MS * delay_ms {
            // A device that has not yet had what was sent is not to be given up for that.
            rules.retries = Retries { first: Duration::from_secs(5), max: 3 };
        }
        let entries = pick(rng, &[1, 2, 4, 64]);
        let store_rules = store_rules(rng);
        let groups = usize::from(store_rules.who_writes == WhoWrites::ContactsOrGroups);
        Self {
            users: rng.usize(2..=4),
            groups: rng.usize(groups..=2),
            steps: rng.usize(20..=120),
            pause: Duration::from_millis(pick(rng, &[1, 20, 200, 1_000])),
            delay,
            chunk,
            sync: Duration::from_millis(pick(rng, &[0, 2, 20, 200])),
            read: Duration::from_millis(pick(rng, &[0, 1, 10, 100])),
            tell: Duration::from_millis(pick(more, &[0, 0, 2, 20])),
            app: Duration::from_millis(pick(rng, &[0, 0, 5, 50])),
            rules,
            mailbox: MailboxLimits { entries, bytes: pick(rng, &[300, 2_000, 1_000_000]) },
            out_bytes: pick(rng, &[200, 4_096, 65_536]),
            store: Settings {
                stall_ms: 600_000,
                chats_cached: pick(rng, &[1, 2, 1_000]),
                readers: pick(rng, &[1, 4, 16]),
                rules: store_rules,
                ..Settings::default()
            },
            ticket_ms: pick(rng, &[0, 5_000, 3_600_000]),
            strict: rng.u8(0..4) == 0,
            client_bounds: pick(rng, &[2, 16, 1_024]),
            blocks: rng.bool(),
            policy: policy(rng),
            files: (more.u8(0..4) == 0).then(|| FilePlan::draw(more)),
            search: more.u8(0..4) == 0,
            forget_ms: if rng.u8(0..12) == 0 { FORGET_SOON_MS } else { FORGET_MS },
            faults: faults(rng),
        }
    }
}

impl Plan {
    /// Who may write to whom.
    pub fn bars(&self) -> Bars {
        let rules = &self.store.rules;
        let strangers = match rules.who_writes {
            WhoWrites::Anyone => Strangers::Write,
            WhoWrites::Contacts => Strangers::Barred,
            WhoWrites::ContactsOrGroups => Strangers::InGroups,
        };
        Bars { told: rules.tell_blocked, strangers }
    }
}

/// One of these.
pub fn pick<T: Copy>(rng: &mut Rng, from: &[T]) -> T {
    from[rng.usize(0..from.len())]
}

/// A time of up to so long, in whole milliseconds.
pub fn up_to(rng: &mut Rng, most: Duration) -> Duration {
    let most = u64::try_from(most.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(rng.u64(0..=most))
}

/// Mostly anyone writes to anyone.
fn store_rules(rng: &mut Rng) -> StoreRules {
    let who_writes = match rng.u8(0..16) {
        0 => WhoWrites::Contacts,
        1 | 2 => WhoWrites::ContactsOrGroups,
        _ => WhoWrites::Anyone,
    };
    StoreRules { who_writes, tell_blocked: rng.bool(), ..StoreRules::default() }
}

/// Mostly all of a user's devices are connected.
fn policy(rng: &mut Rng) -> DevicePolicy {
    let at_once = match rng.u8(0..10) {
        0 => AtOnce::One,
        1 => AtOnce::OnePerPlatform,
        _ => AtOnce::Any,
    };
    let wins = if rng.bool() { Wins::Newest } else { Wins::Oldest };
    DevicePolicy { at_once, wins }
}

fn rules(rng: &mut Rng) -> Rules {
    let rate = |per_second| Rate { per_second, burst: per_second };
    let none = rate(0);
    Rules {
        max_body: BODY_BYTES_DEFAULT,
        max_content: BODY_BYTES_DEFAULT - BODY_OVERHEAD_BYTES,
        window: pick(rng, &[1, 2, 8, 256]),
        sends: pick(rng, &[1, 4, 256]),
        heartbeat: Duration::from_millis(pick(rng, &[500, 2_000])),
        handshake: Duration::from_millis(pick(rng, &[1_000, 10_000])),
        retries: Retries {
            first: Duration::from_millis(pick(rng, &[300, 2_000])),
            max: pick(rng, &[1, 3]),
        },
        read_bytes: pick(rng, &[100, 1_000, 65_536]),
        pings: Rate { per_second: 10, burst: 20 },
        send_rate: pick(rng, &[none, rate(20)]),
        requests: pick(rng, &[none, rate(20)]),
        transfers: rate(0),
        signals: rate(5),
        retry_after_ms: 200,
    }
}

fn faults(rng: &mut Rng) -> Faults {
    let mut chance = |most: u32| if rng.bool() { rng.u32(1..=most) } else { 0 };
    Faults {
        cut: chance(10),
        silence: chance(6),
        partition: chance(4),
        crash: chance(6),
        drain: chance(4),
        disk: chance(3),
        full: chance(4),
        jump: chance(6),
        restart: chance(6),
        away: chance(6),
        rude: chance(8),
    }
}
