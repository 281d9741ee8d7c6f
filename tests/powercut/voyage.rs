//! A recorded run over several lives of a server, from an empty folder on: a first open, ends in
//! order, kills with -9 under load and within an open, and enough data that the engine rewrites
//! its segments. Must never go on from a recording that is not complete.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use packetboat_proof::calls::{self, Call};
use packetboat_proof::dice::Dice;
use packetboat_proof::disk::{Disk, Image};
use packetboat_proof::promises::{self, Fact};

use crate::engine::Engine;
use crate::options::Options;
use crate::talk::{Company, Measure};
use crate::vessel::{Orders, Record, Vessel};

/// Microseconds that a recorded sync takes: meanwhile the next batches gather.
const SYNC_US: u32 = 4_000;

/// A recorded run.
pub struct Voyage {
    /// The backend of the store.
    pub engine: Engine,
    /// All that was asked of the disk and the sockets.
    pub calls: Vec<Call>,
    /// What the server had and promised, each with the number of its call.
    pub facts: Vec<(usize, Fact)>,
    /// The calls of each life of the server.
    pub lives: Vec<Range<usize>>,
    /// The operations of each commit.
    pub commits: Vec<usize>,
    /// How often the engine wrote anew what it had.
    pub reworked: usize,
    /// The calls while that is on its way.
    pub risky: Vec<usize>,
}

/// How a life of the server ends.
enum End {
    /// In order.
    Stop,
    /// Killed as it begins that call.
    Kill(&'static str),
}

struct Life {
    talk: Option<Measure>,
    end: End,
}

const fn small(messages: usize) -> Measure {
    Measure { messages, pipeline: 64, large: 0, bytes_max: 0 }
}

/// The one life of a bulk voyage, which fills more than a journal of 64 MB; and what its server is
/// told: with the least cache it would merge tables for minutes.
const BULK: Life = Life {
    talk: Some(Measure { messages: 800, pipeline: 200, large: 1_000, bytes_max: 60_000 }),
    end: End::Stop,
};
const BULK_SETTINGS: &[&str] = &["--set", "store.cache_bytes=16777216"];

/// Within a start on a store that was killed before, as the second thing is synced: of sled its new
/// snapshot if it has one, of fjall what it has made. Each start syncs as often, whatever the
/// earlier lives came to; whether sled writes a snapshot depends on what was packed by then.
const KILL_IN_OPEN: &str = "F:2";

/// The lives of a whole voyage.
fn lives() -> Vec<Life> {
    let crowd = Measure { messages: 250, pipeline: 250, large: 4, bytes_max: 20_000 };
    let heavy = Measure { messages: 450, pipeline: 200, large: 60, bytes_max: 60_000 };
    vec![
        Life { talk: Some(small(6)), end: End::Stop },
        Life { talk: Some(crowd), end: End::Kill("A:300000") },
        Life { talk: None, end: End::Kill(KILL_IN_OPEN) },
        Life { talk: Some(crowd), end: End::Kill("A:250000") },
        Life { talk: Some(heavy), end: End::Stop },
        Life { talk: Some(small(20)), end: End::Stop },
    ]
}

impl Voyage {
    /// Records one of the store in `root`, in a file beside it; with a bug planted if one is named.
    pub async fn record(options: &Options, root: &Path, shim: &Path, plant: Option<&str>) -> Self {
        let (engine, seed) = (options.engine(), options.seed);
        let (lives, more) =
            if options.bulk { (vec![BULK], BULK_SETTINGS) } else { (lives(), &[][..]) };
        let log = root.with_extension("log");
        let mut company = Company::new(&mut Dice::new(seed));
        for life in lives {
            let record = Record { shim: shim.to_owned(), log: log.clone(), sync_us: SYNC_US };
            let mut orders = Orders { engine, more, record: Some(record), ..Orders::default() };
            orders.plant = plant.map(ToOwned::to_owned);
            if let End::Kill(call) = life.end {
                orders.kill = Some(call.to_owned());
            }
            let vessel = Vessel::launch(root, &orders).await;
            let mut vessel = vessel.unwrap_or_else(|error| panic!("{error}; seed {seed}"));
            if let (Some(measure), Some(address)) = (life.talk, vessel.address) {
                let wrong = company.talk(address, measure).await;
                assert!(wrong.is_empty(), "{wrong:?}; seed {seed}");
            }
            let status = vessel.stop().await.expect("a recorded server ends");
            let in_order = status.code() == Some(0);
            let said = vessel.said();
            match life.end {
                End::Stop => assert!(in_order, "{status}: {said}"),
                End::Kill(call) => assert!(!in_order, "the kill at {call} came: {said}"),
            }
        }
        let voyage = Self::read(engine, &log);
        voyage.check_complete(root);
        voyage
    }

    /// Reads one that was recorded.
    pub fn read(engine: Engine, log: &Path) -> Self {
        let bytes = std::fs::read(log).expect("there is a recording").into();
        Self::of(engine, calls::read(bytes).expect("the log is whole"))
    }

    /// Of calls.
    fn of(engine: Engine, calls: Vec<Call>) -> Self {
        let facts = promises::facts(&calls).expect("the connections can be read");
        let mut begins: Vec<usize> =
            (0..calls.len()).filter(|at| calls[*at] == Call::Began).collect();
        begins.push(calls.len());
        let lives = begins.windows(2).map(|pair| pair[0]..pair[1]).collect();
        let commits = commits(&calls);
        let (reworked, risky) = engine.reworked(&calls);
        Self { engine, calls, facts, lives, commits, reworked, risky }
    }

    /// The facts up to a call, that one not included.
    pub fn facts_before(&self, cut: usize) -> &[(usize, Fact)] {
        &self.facts[..self.facts.partition_point(|(at, _)| *at < cut)]
    }

    /// Checks that nothing escaped the recording: all the recorded calls together make the very
    /// files that are in the folder.
    fn check_complete(&self, root: &Path) {
        let played = Disk::after(&self.calls).whole();
        let mut found = Image::default();
        collect(root, root, &mut found);
        let foreign = ["stderr", "data/control.sock"];
        found.files.retain(|name, _| !foreign.contains(&name.as_ref()));
        let names = |image: &Image| image.files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&played), names(&found), "the recorded files are those of the folder");
        for (name, bytes) in &found.files {
            let played = &played.files[name];
            let mut pairs = played.bytes().iter().zip(bytes.bytes());
            let first = pairs.position(|(one, other)| one != other);
            let lengths = (played.length(), bytes.length());
            let what = "is as the recorded calls made it";
            assert!(played == bytes, "{name} {what}: {lengths:?} bytes, from {first:?} on");
        }
        assert!(played.folders.is_superset(&found.folders), "{:?}", found.folders);
    }
}

impl fmt::Display for Voyage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count =
            |which: fn(&Fact) -> bool| self.facts.iter().filter(|(_, fact)| which(fact)).count();
        let whole = Disk::after(&self.calls).whole();
        let bytes: usize = whole.files.values().map(|file| file.bytes().len()).sum();
        write!(
            out,
            "{} calls in {} lives; {} accepted, {} shown, {} cursors told; {} KiB in the end; \
             {} commits of up to {} operations; {} times something written anew",
            self.calls.len(),
            self.lives.len(),
            count(|fact| matches!(fact, Fact::Accepted { .. })),
            count(|fact| matches!(fact, Fact::Shown(_))),
            count(|fact| matches!(fact, Fact::Cursor { .. })),
            bytes / 1024,
            self.commits.len(),
            self.commits.iter().max().unwrap_or(&0),
            self.reworked,
        )
    }
}

/// The operations of each commit, as the server says them.
fn commits(calls: &[Call]) -> Vec<usize> {
    let said = calls.iter().filter_map(|call| match call {
        Call::Said { data } => Some(String::from_utf8_lossy(data)),
        _ => None,
    });
    let number = |text: &str| {
        let (_, rest) = text.split_once("committed operations=")?;
        rest.split_whitespace().next()?.parse().ok()
    };
    said.filter_map(|text| number(&text)).collect()
}

fn collect(root: &Path, folder: &Path, found: &mut Image) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root).unwrap().to_str().unwrap();
        if path.is_dir() {
            found.folders.insert(name.into());
            collect(root, &path, found);
        } else if path.is_file() {
            found.files.insert(name.into(), std::fs::read(&path).unwrap().into());
        }
    }
}

/// Writes an image into a folder.
pub fn write_image(image: &Image, root: &Path) {
    for folder in &image.folders {
        std::fs::create_dir_all(root.join(&**folder)).unwrap();
    }
    for (name, bytes) in &image.files {
        let path: PathBuf = root.join(&**name);
        std::fs::create_dir_all(path.parent().expect("it is in the folder")).unwrap();
        bytes.write(&path).unwrap();
    }
}
