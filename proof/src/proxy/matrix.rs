//! Which faults are to be done to which frames, and which were: a cell for each kind of frame,
//! direction and fault. Must never count a fault that was not done.

use std::collections::BTreeMap;
use std::fmt;

use packetboat_proto::packet::Kind;

use crate::dice::Dice;

/// Where a frame goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    /// From a client.
    ToServer,
    /// From the server.
    ToClient,
}

/// What is done to a frame, or from a frame on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fault {
    /// It comes late, and all behind it.
    Delay,
    /// The connection ends inside of it.
    Cut,
    /// From it on nothing comes through in its direction, and nobody is told.
    Silence,
    /// The connection is reset in its place.
    Reset,
    /// It comes one byte at a time.
    Dribble,
    /// It comes twice.
    Repeat,
    /// One of its kind from an earlier connection of the device comes with it.
    Replay,
    /// It is lost with all behind it, and then the connection ends.
    Lose,
    /// It is lost, and what is behind it comes.
    Swallow,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Delay,
        Self::Cut,
        Self::Silence,
        Self::Reset,
        Self::Dribble,
        Self::Repeat,
        Self::Replay,
        Self::Lose,
        Self::Swallow,
    ];
}

/// A fault, and what it is done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Where the frame goes.
    pub direction: Direction,
    /// What it is.
    pub kind: Kind,
    /// What is done.
    pub fault: Fault,
}

impl Cell {
    /// All cells of frames that there are.
    pub fn all() -> impl Iterator<Item = Self> {
        let ways = [Direction::ToServer, Direction::ToClient];
        let frames = ways.into_iter().flat_map(|direction| {
            let comes = move |kind: &Kind| match direction {
                Direction::ToServer => kind.sent_by_client(),
                Direction::ToClient => kind.sent_by_server(),
            };
            Kind::ALL.iter().copied().filter(comes).map(move |kind| (direction, kind))
        });
        frames.flat_map(|(direction, kind)| {
            Fault::ALL.into_iter().map(move |fault| Self { direction, kind, fault })
        })
    }

    /// Why it makes no sense, if it makes none.
    pub const fn senseless(self) -> Option<&'static str> {
        match (self.direction, self.kind, self.fault) {
            (Direction::ToClient, _, Fault::Replay) => {
                Some("what a server said on another connection is not true on this one")
            }
            (_, Kind::Request, Fault::Replay) => {
                Some("its id names another question on this connection")
            }
            (_, Kind::Hello, Fault::Repeat) => {
                Some("a second Hello ends the client for good, as H-1 and 8.1 have it")
            }
            (_, Kind::Hello, Fault::Swallow) => {
                Some("what is pipelined behind it would end the client for good (S-1)")
            }
            (_, Kind::Send, Fault::Swallow) => {
                Some("later sends of its chat would overtake it: M-3 needs a stream without holes")
            }
            _ => None,
        }
    }
}

/// The cells still to be hit, and how often each was.
#[derive(Clone, Debug)]
pub struct Matrix {
    wanted: BTreeMap<(Direction, u8), Vec<Fault>>,
    hits: BTreeMap<(Direction, u8, Fault), u64>,
    dice: Dice,
}

impl Matrix {
    /// Each cell that makes sense is to be hit so many times.
    pub fn new(rounds: usize, mut dice: Dice) -> Self {
        let mut wanted: BTreeMap<_, Vec<Fault>> = BTreeMap::new();
        for cell in Cell::all().filter(|cell| cell.senseless().is_none()) {
            let faults = wanted.entry((cell.direction, cell.kind as u8)).or_default();
            faults.extend(std::iter::repeat_n(cell.fault, rounds));
        }
        for faults in wanted.values_mut() {
            dice.shuffle(faults);
        }
        Self { wanted, hits: BTreeMap::new(), dice }
    }

    /// What is done to this frame, if something is. It counts as done.
    pub(super) fn draw(
        &mut self,
        direction: Direction,
        kind: Kind,
        may_replay: bool,
    ) -> Option<Fault> {
        let faults = self.wanted.get_mut(&(direction, kind as u8))?;
        if !self.dice.chance(permille(kind)) {
            return None;
        }
        let at = faults.iter().rposition(|fault| may_replay || *fault != Fault::Replay)?;
        let fault = faults.remove(at);
        self.hit(direction, kind, fault);
        Some(fault)
    }

    /// Takes this very fault, if it is wanted. It counts as done.
    pub(super) fn take(&mut self, direction: Direction, kind: Kind, fault: Fault) -> bool {
        let Some(faults) = self.wanted.get_mut(&(direction, kind as u8)) else { return false };
        let Some(at) = faults.iter().position(|wanted| *wanted == fault) else { return false };
        faults.remove(at);
        self.hit(direction, kind, fault);
        true
    }

    fn hit(&mut self, direction: Direction, kind: Kind, fault: Fault) {
        *self.hits.entry((direction, kind as u8, fault)).or_default() += 1;
    }

    /// Hits that are still to come.
    pub fn left(&self) -> usize {
        self.wanted.values().map(Vec::len).sum()
    }

    /// The cells that are still to be hit.
    pub fn cells_left(&self) -> Vec<Cell> {
        let is_left = |cell: &Cell| {
            let faults = self.wanted.get(&(cell.direction, cell.kind as u8));
            faults.is_some_and(|faults| faults.contains(&cell.fault))
        };
        Cell::all().filter(is_left).collect()
    }

    /// Nothing more is to be hit.
    pub(super) fn calm(&mut self) {
        self.wanted.clear();
    }

    /// Random numbers for how exactly a fault is done.
    pub(super) const fn dice(&mut self) -> &mut Dice {
        &mut self.dice
    }

    /// Hits of all cells.
    pub fn total(&self) -> u64 {
        self.hits.values().sum()
    }

    /// How often a cell was hit.
    pub fn hits(&self, cell: Cell) -> u64 {
        let key = (cell.direction, cell.kind as u8, cell.fault);
        self.hits.get(&key).copied().unwrap_or_default()
    }
}

/// How many of 1,000 frames of a kind have something done to them: more of those that are rare.
const fn permille(kind: Kind) -> u64 {
    match kind {
        Kind::Hello | Kind::Welcome => 400,
        Kind::Goodbye | Kind::Rejected => 1000,
        Kind::Ping | Kind::Pong | Kind::Signal | Kind::Request | Kind::Response => 500,
        Kind::Notice => 100,
        Kind::Send | Kind::Accepted | Kind::Deliver | Kind::Ack => 60,
    }
}

impl fmt::Display for Matrix {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:<20}", "")?;
        for fault in Fault::ALL {
            write!(out, "{:>9}", format!("{fault:?}"))?;
        }
        let mut row = None;
        for cell in Cell::all() {
            if row != Some((cell.direction, cell.kind)) {
                row = Some((cell.direction, cell.kind));
                write!(out, "\n{:<20}", format!("{:?} {:?}", cell.direction, cell.kind))?;
            }
            match cell.senseless() {
                Some(_) => write!(out, "{:>9}", "-")?,
                None => write!(out, "{:>9}", self.hits(cell))?,
            }
        }
        for cell in Cell::all() {
            if let Some(why) = cell.senseless() {
                write!(out, "\n- {:?} {:?} {:?}: {why}", cell.direction, cell.kind, cell.fault)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cell_that_makes_sense_is_drawn_as_often_as_wanted() {
        let mut matrix = Matrix::new(2, Dice::new(1));
        assert_eq!(Cell::all().count(), 18 * Fault::ALL.len());
        for _ in 0..10_000 {
            for cell in Cell::all() {
                matrix.draw(cell.direction, cell.kind, true);
            }
        }
        assert_eq!(matrix.left(), 0);
        for cell in Cell::all() {
            assert_eq!(matrix.hits(cell), if cell.senseless().is_some() { 0 } else { 2 });
        }
    }

    #[test]
    fn a_replay_waits_for_something_to_replay() {
        let mut matrix = Matrix::new(1, Dice::new(1));
        for _ in 0..10_000 {
            matrix.draw(Direction::ToServer, Kind::Send, false);
        }
        let cell = Cell { direction: Direction::ToServer, kind: Kind::Send, fault: Fault::Replay };
        assert_eq!(matrix.hits(cell), 0);
        assert!(matrix.take(cell.direction, cell.kind, cell.fault));
        assert!(!matrix.take(cell.direction, cell.kind, cell.fault));
        assert_eq!(matrix.hits(cell), 1);
    }
}
