//! What differs between the backends in how they are cut off and made to fail. Must never make one
//! of them promise less than another.

use std::fmt;
use std::path::Path;

use clap::ValueEnum;
use packetboat_proof::calls::{Call, Name};

use crate::case::KINDS;

/// sled's file, and the bytes of its segments.
const SLED_FILE: &str = "data/db";
const SLED_SEGMENT_BYTES: u64 = 512 * 1024;
/// What stands over sled: the large values, and the journal.
const SLED_VALUES: &str = "data/values/";
const SLED_JOURNAL: &str = "data/journal/";
/// Where fjall has its tables, and what says which of them count.
const FJALL_KEYSPACES: &str = "data/fjall/keyspaces/";
const FJALL_FOLDER: &str = "data/fjall";
const FJALL_LIST: &str = "data/fjall/keyspaces/0/";
/// Its first journal; and how many calls before and after one is begun or removed are of interest.
const FJALL_FIRST_JOURNAL: &str = "data/fjall/0.jnl";
const FJALL_TURN_CALLS: usize = 40;

/// A backend, as the server is told of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    /// The default of the server
    #[default]
    Sled,
    /// The other one
    Fjall,
}

/// Which calls fail in the short version, of each kind.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// So many, one after the other.
    pub first: u64,
    /// So many later ones.
    pub later: u64,
    /// With each of the errors, and not with one that is drawn.
    pub every_error: bool,
}

impl fmt::Display for Engine {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Sled => "sled",
            Self::Fjall => "fjall",
        })
    }
}

impl Engine {
    /// What the server is told beside its address and folder.
    pub fn settings(self) -> &'static [&'static str] {
        match self {
            // So few that rows are packed, and files used again and erased, all the time.
            Self::Sled => &["--set", "store.fresh_bytes=65536", "--set", "store.erase_ms=0"],
            // With the least cache new rows go to tables, and tables are merged, all the time.
            Self::Fjall => &["--set", "store.backend=fjall", "--set", "store.cache_bytes=1048576"],
        }
    }

    /// Whether what is taken back leaves its files, in no time as it is set here.
    pub const fn erases(self) -> bool {
        matches!(self, Self::Sled)
    }

    /// Images in the short version.
    pub const fn images(self) -> u64 {
        match self {
            Self::Sled => 300,
            Self::Fjall => 60,
        }
    }

    /// What fails in the short version.
    pub const fn sample(self) -> Sample {
        match self {
            Self::Sled => Sample { first: 3, later: 2, every_error: true },
            Self::Fjall => Sample { first: 2, later: 1, every_error: false },
        }
    }

    /// The kinds of calls that it makes.
    pub fn kinds(self) -> impl Iterator<Item = char> {
        KINDS.into_iter().filter(move |kind| self == Self::Sled || !['P', 'S'].contains(kind))
    }

    /// Those that have to end a server at least once.
    pub const fn ending(self) -> &'static [char] {
        match self {
            // It cuts no file.
            Self::Sled => &['P', 'W', 'F', 'S', 'O', 'R', 'U', 'M'],
            // What it removes is left over.
            Self::Fjall => &['W', 'F', 'O', 'T', 'R', 'M'],
        }
    }

    /// How often the engine has written anew what it had (segments, tables), and all the calls
    /// where that is on its way: what it was before may be needed.
    pub fn reworked(self, calls: &[Call]) -> (usize, Vec<usize>) {
        match self {
            Self::Sled => segments(calls),
            Self::Fjall => tables(calls),
        }
    }

    /// Whether the engine has removed a journal that was full; sled has none.
    pub fn has_turned(self, calls: &[Call]) -> bool {
        let is_first = |name: &Name| **name == *FJALL_FIRST_JOURNAL;
        let removed = |call: &Call| matches!(call, Call::Removed { name } if is_first(name));
        self == Self::Sled || calls.iter().any(removed)
    }

    /// Calls whose failure takes nothing from the store.
    pub fn is_harmless(self, kind: char, name: &str) -> bool {
        match self {
            // An old socket that is removed, and the server's own at its end.
            _ if kind == 'U' && name.ends_with("control.sock") => true,
            Self::Sled => false,
            // What is left over, which is removed at the next start; and what it tidies up in its
            // list of keyspaces, once it has one.
            Self::Fjall => (kind == 'U' && self.is_behind(name)) || name.starts_with(FJALL_LIST),
        }
    }

    /// Files that no commit waits for: a server has to end when they fail, but what is accepted
    /// before it knows is as durable as ever.
    pub fn is_behind(self, name: &str) -> bool {
        match self {
            // What rows are packed into.
            Self::Sled => name == SLED_FILE || name.starts_with(SLED_VALUES),
            Self::Fjall => name.starts_with(FJALL_KEYSPACES),
        }
    }

    /// Files of which the backend tells nobody how their close went: all that was accepted is
    /// durable before.
    pub fn is_closed_quietly(self, name: &str) -> bool {
        self == Self::Fjall && name.starts_with(FJALL_FOLDER)
    }

    /// A name without what differs from run to run.
    pub fn plain(self, name: &str) -> String {
        let path = Path::new(name);
        let file = path.file_name().map_or(name, |file| file.to_str().unwrap_or(name));
        let is_number = file.parse::<u64>().is_ok();
        match file {
            _ if file.starts_with("snap.") => "snap".to_owned(),
            _ if file.starts_with(".tmp") => "tmp".to_owned(),
            _ if is_number && self.is_behind(name) => "a table".to_owned(),
            _ if file.starts_with('v') && self.is_behind(name) => "v".to_owned(),
            _ => file.to_owned(),
        }
    }
}

/// Segments that sled writes anew; and the calls from the beginning of any segment to the next
/// sync: its head says how far the log is stable. The same of the journal's files, which are used
/// again and again.
fn segments(calls: &[Call]) -> (usize, Vec<usize>) {
    let (mut length, mut anew, mut cuts) = (0, 0, Vec::new());
    let mut unsynced = false;
    for (at, call) in calls.iter().enumerate() {
        if unsynced && !matches!(call, Call::Received { .. } | Call::Said { .. }) {
            cuts.push(at);
        }
        match call {
            Call::Written { name, at, data } if **name == *SLED_FILE => {
                let begins = at % SLED_SEGMENT_BYTES == 0;
                anew += usize::from(begins && *at < length);
                unsynced |= begins;
                length = length.max(at + data.len() as u64);
            }
            Call::Written { name, at: 0, .. } => unsynced |= name.starts_with(SLED_JOURNAL),
            Call::SyncEnded { .. } => unsynced = false,
            _ => {}
        }
    }
    (anew, cuts)
}

/// Tables that fjall has removed, since others hold what was in them; and the calls about tables,
/// and about what says which of them count; or where it begins a journal anew, or removes an old
/// one, only those before and after.
fn tables(calls: &[Call]) -> (usize, Vec<usize>) {
    let is_kept = |name: &Name| name.starts_with(FJALL_KEYSPACES);
    let is_journal = |name: &Name| name.ends_with(".jnl");
    let is_about = |call: &Call| match call {
        Call::Opened { name, .. }
        | Call::Written { name, .. }
        | Call::SyncBegan { name, .. }
        | Call::Cut { name, .. }
        | Call::Renamed { to: name, .. }
        | Call::Removed { name } => is_kept(name),
        _ => false,
    };
    let is_table = |name: &Name| is_kept(name) && name.contains("/tables/");
    let is_merged = |call: &&Call| matches!(call, Call::Removed { name } if is_table(name));
    let merged = calls.iter().filter(is_merged).count();
    let is_turn = |call: &Call| match call {
        Call::Opened { name, .. } => is_journal(name) && **name != *FJALL_FIRST_JOURNAL,
        Call::Removed { name } => is_journal(name),
        _ => false,
    };
    let turns: Vec<usize> = (0..calls.len()).filter(|at| is_turn(&calls[*at])).collect();
    let is_near = |at: usize| turns.iter().any(|turn| at.abs_diff(*turn) < FJALL_TURN_CALLS);
    let is_risky = |at: &usize| if turns.is_empty() { is_about(&calls[*at]) } else { is_near(*at) };
    (merged, (0..calls.len()).filter(is_risky).collect())
}
