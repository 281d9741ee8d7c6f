//! What is done to the server and the devices, cycle by cycle, drawn from a seed. Must never hang
//! on anything but the seed.

use packetboat_proof::dice::Dice;
use packetboat_proof::history::Owed;

/// Users; those below [`SENDERS`] send, those from [`RECEIVERS_FROM`] on are there to receive.
pub const USERS: usize = 12;
/// Users that send.
pub const SENDERS: usize = 8;
/// The first user that counts as a receiver; those between are both, with two devices.
pub const RECEIVERS_FROM: usize = 4;
/// Direct chats that each user begins.
pub const PEERS: usize = 3;
/// Groups.
pub const GROUPS: usize = 4;

/// Devices that come late, in one epoch, at most.
const LATE_MAX: usize = 8;

/// One epoch.
#[derive(Debug)]
pub struct Plan {
    /// Whether sessions have hardly any room.
    pub is_tight: bool,
    pub cycles: Vec<Cycle>,
}

/// From one server that runs to the next.
#[derive(Debug)]
pub struct Cycle {
    /// What devices do while the server runs.
    pub moves: Vec<Move>,
    /// When the server is hit.
    pub when: When,
    /// How.
    pub blow: Blow,
    /// Starts that are killed before one is let alone.
    pub starts: Vec<KilledStart>,
}

/// When the server is hit, counted from when it listens.
#[derive(Clone, Copy, Debug)]
pub enum When {
    /// So many more were accepted.
    Accepted(u64),
    /// So many more were handed over.
    Delivered(u64),
    /// So many milliseconds later.
    Ms(u64),
}

/// How the server is hit.
#[derive(Clone, Copy, Debug)]
pub enum Blow {
    /// With -9.
    Kill,
    /// With SIGTERM, and so many milliseconds later with -9.
    KillInDrain { after_ms: u64 },
    /// With SIGTERM; it ends by itself.
    Stop,
}

/// A start that is killed with -9.
#[derive(Clone, Copy, Debug)]
pub enum KilledStart {
    /// After so many thousandths of what the last whole start took.
    After { permille: u64 },
    /// So many milliseconds after it said that it listens.
    Listening { after_ms: u64 },
}

/// What a device does; its number counts round.
#[derive(Clone, Copy, Debug)]
pub enum Move {
    /// Its connection is cut.
    Cut { device: usize },
    /// Its app is killed, and starts again.
    Crash { device: usize },
    /// It goes offline for some cycles.
    Away { device: usize, cycles: usize, killed: bool },
    /// Another device of a user comes.
    Late { user: usize, owed: Owed },
}

impl Plan {
    pub fn draw(dice: &mut Dice, is_tight: bool, cycles: usize) -> Self {
        let mut late = 0;
        let cycles = (0..cycles).map(|_| {
            let cycle = Cycle::draw(dice, late < LATE_MAX);
            late += cycle.moves.iter().filter(|done| matches!(done, Move::Late { .. })).count();
            cycle
        });
        Self { is_tight, cycles: cycles.collect() }
    }
}

impl Cycle {
    fn draw(dice: &mut Dice, may_add: bool) -> Self {
        let mut moves: Vec<Move> = (0..dice.below(4)).map(|_| Move::draw(dice)).collect();
        if may_add && dice.chance(200) {
            let owed = if dice.chance(500) { Owed::Everything } else { Owed::FromFirst };
            moves.push(Move::Late { user: dice.index(USERS), owed });
        }
        let when = match dice.below(10) {
            0 => When::Ms(0),
            1..4 => When::Ms(dice.below(400)),
            4..8 => When::Accepted(dice.between(1, 80)),
            _ => When::Delivered(dice.between(1, 300)),
        };
        let blow = match dice.below(10) {
            0 => Blow::Stop,
            1 | 2 => Blow::KillInDrain { after_ms: dice.below(30) },
            _ => Blow::Kill,
        };
        let mut starts = Vec::new();
        while starts.len() < 4 && dice.chance(300) {
            starts.push(if dice.chance(700) {
                KilledStart::After { permille: dice.below(1200) }
            } else {
                KilledStart::Listening { after_ms: dice.below(20) }
            });
        }
        Self { moves, when, blow, starts }
    }
}

impl Move {
    fn draw(dice: &mut Dice) -> Self {
        let device = dice.index(1000);
        match dice.below(6) {
            0..3 => Self::Cut { device },
            3 | 4 => Self::Crash { device },
            _ => {
                let cycles = dice.index(6) + 1;
                Self::Away { device, cycles, killed: dice.chance(500) }
            }
        }
    }
}
