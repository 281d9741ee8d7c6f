//! Whether what was taken back has left the files: a server goes on from all that was recorded, and
//! once it has had the time to erase, every byte of its folder is looked at. Must never take for
//! gone what it would not have found: what was not taken back has to be there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use packetboat_proof::disk::Disk;
use packetboat_proof::promises::{Fact, is_recalled};
use packetboat_proto::content::Content;
use packetboat_proto::entry::Entry;
use packetboat_proto::id::{MessageId, UserId};
use tokio::time::sleep;

use crate::survey;
use crate::vessel::{Orders, Vessel};
use crate::voyage::{Voyage, write_image};

/// How long a server may take to erase what was taken back in the lives before.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long a server with a planted bug is given, which never comes there.
const PATIENCE_PLANTED: Duration = Duration::from_secs(5);
/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Messages that are taken back in a voyage, at least.
const TAKEN_BACK_MIN: usize = 20;
/// Bytes of a file that are passed over if they are zeros.
const PAGE_BYTES: usize = 4096;

/// Bytes of a mark.
pub const MARK_BYTES: usize = 12;
/// By what a message is known in a file: its text says it again and again, with a space between.
type Mark = [u8; MARK_BYTES];

/// The mark of a number.
pub fn mark_of(number: u64) -> String {
    format!("{number:012x}")
}

fn is_of_marks(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

/// The mark of a message, if it has one.
fn mark_in(content: &Content) -> Option<Mark> {
    let Content::Text(text) = content else { return None };
    let mark = text.as_bytes().first_chunk::<MARK_BYTES>()?;
    mark.iter().all(|byte| is_of_marks(*byte)).then_some(*mark)
}

/// The marks of what was taken back, and of what was not.
fn marks(voyage: &Voyage, logs: &[Vec<Entry>]) -> (BTreeSet<Mark>, BTreeSet<Mark>) {
    let mut said: BTreeMap<(&UserId, MessageId), Mark> = BTreeMap::new();
    for (_, fact) in &voyage.facts {
        if let Fact::Had { sender, send } = fact
            && let Ok(content) = Content::decode(&send.content, usize::MAX)
            && let Some(mark) = mark_in(&content)
        {
            said.insert((sender, send.id), mark);
        }
    }
    let (mut gone, mut kept) = (BTreeSet::new(), BTreeSet::new());
    for entry in logs.iter().flatten() {
        if let Some(mark) = said.get(&(&entry.sender, entry.id)) {
            if is_recalled(entry) {
                gone.insert(*mark)
            } else {
                kept.insert(*mark)
            };
        }
    }
    (gone, kept)
}

/// What of these marks stands in the files of a folder.
fn find(folder: &Path, marks: &BTreeSet<Mark>, found: &mut BTreeSet<Mark>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            find(&path, marks, found);
        } else if path.is_file() {
            // It may be removed at the same moment.
            find_in(&std::fs::read(&path).unwrap_or_default(), marks, found);
        }
    }
}

fn find_in(bytes: &[u8], marks: &BTreeSet<Mark>, found: &mut BTreeSet<Mark>) {
    let zeros = [0; PAGE_BYTES];
    let mut run = Vec::new();
    for page in bytes.chunks(PAGE_BYTES) {
        if *page == zeros[..page.len()] {
            run.clear();
            continue;
        }
        for byte in page {
            if !is_of_marks(*byte) {
                run.clear();
                continue;
            }
            run.push(*byte);
            if let Some(mark) = run.last_chunk::<MARK_BYTES>().filter(|mark| marks.contains(*mark))
            {
                found.insert(*mark);
            }
        }
    }
}

/// What is wrong with the files of a server that goes on from the end of a voyage.
pub struct Found {
    /// Messages that were taken back, and stand in them.
    pub left: usize,
    /// Messages that are there, and do not.
    pub lost: usize,
}

impl Found {
    /// In sentences.
    pub fn wrong(&self) -> Vec<String> {
        let Self { left, lost } = self;
        let mut wrong = Vec::new();
        if *left > 0 {
            wrong.push(format!("{left} messages that were taken back stand in the files"));
        }
        if *lost > 0 {
            wrong
                .push(format!("{lost} messages are not found in the files, though they are there"));
        }
        wrong
    }
}

/// Looks into all files of a server that goes on from the end of a voyage.
pub async fn check(voyage: &Voyage, root: &Path, plant: Option<&str>) -> Found {
    let patience = if plant.is_some() { PATIENCE_PLANTED } else { PATIENCE };
    std::fs::create_dir(root).unwrap();
    write_image(&Disk::after(&voyage.calls).whole(), root);
    let plant = plant.map(ToOwned::to_owned);
    let orders = Orders { engine: voyage.engine, plant, ..Orders::default() };
    let mut vessel = Vessel::launch(root, &orders).await.expect("it starts where it ended");
    let address = vessel.address.expect("it starts where it ended");
    let logs = survey::logs(address, &voyage.facts).await.expect("its logs can be read");
    let (gone, kept) = marks(voyage, &logs);
    assert!(gone.len() >= TAKEN_BACK_MIN, "{} messages are taken back", gone.len());
    let all = &gone | &kept;
    let until = Instant::now() + patience;
    let found = loop {
        let mut found = BTreeSet::new();
        find(&root.join("data"), &all, &mut found);
        // What is just on its way from one file to another is in neither that is read.
        if found == kept || Instant::now() > until {
            break found;
        }
        sleep(LOOK_EVERY).await;
    };
    vessel.kill().await;
    let (left, lost) = (gone.intersection(&found).count(), kept.difference(&found).count());
    println!("{} messages were taken back; {left} of them stand in the files", gone.len());
    Found { left, lost }
}
