//! Search, over kills: the server's own process, ended with kill -9 while it feeds its index, at
//! work and as it catches up. In the end all is found that may be seen, and nothing that was
//! recalled or is said differently. Must never take an index that has everything for one that was
//! cut short.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use packetboat_proof::ship::{Berth, Ship};
use packetboat_proto::content::{Alteration, Body, Content};
use packetboat_proto::entry::Entry;
use packetboat_proto::packet::{Answer, Operation, Search, SearchPlace};
use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use crate::peer::{PATIENCE, Peer};

const DM: &str = "dm:ada:bob";
/// How often the server is killed.
const KILLS: u64 = 8;
/// How often at most, until one came while there was something to index.
const KILLS_MAX: u64 = 100;
/// Messages between two kills; every fifth recalls one of before, every seventh edits one.
const MESSAGES: u64 = 40;

/// What is to be found in the end.
#[derive(Default)]
struct Said {
    /// By seq, as it was sent.
    tides: BTreeSet<u64>,
    /// Where an edit stands in the place of what was sent.
    ebbs: BTreeSet<u64>,
    sent: u64,
}

impl Said {
    async fn send(&mut self, peer: &mut Peer, content: Content) -> u64 {
        self.sent += 1;
        peer.send(DM, self.sent, content.encode()).await;
        peer.answer().await.unwrap().seq
    }

    /// Something more is said, or said differently, or taken back.
    async fn go_on(&mut self, peer: &mut Peer) {
        let turn = self.sent % 35;
        let old = self.tides.iter().copied().nth(self.tides.len() / 2);
        match old {
            Some(seq) if turn % 5 == 4 => {
                self.tides.remove(&seq);
                self.send(peer, Content::Entry(Alteration::Recalled { seq })).await;
            }
            Some(seq) if turn % 7 == 6 => {
                self.tides.remove(&seq);
                let new = Body::Text("ebb".to_owned());
                let edit = self.send(peer, Content::Entry(Alteration::Edited { seq, new })).await;
                self.ebbs.insert(edit);
            }
            _ => {
                let seq = self.send(peer, Content::text(format!("tide {}", self.sent))).await;
                self.tides.insert(seq);
            }
        }
    }
}

/// The seqs of all that has a word.
async fn found(peer: &mut Peer, word: &str) -> BTreeSet<u64> {
    let (mut all, mut before): (_, Option<SearchPlace>) = (BTreeSet::new(), None);
    loop {
        let words = word.to_owned();
        let asked = Search { words, chat: None, before: before.take(), limit: 200 };
        let Ok(Answer::Search(page)) = peer.ask(Operation::Search(asked)).await else {
            // It is about to open its index.
            return BTreeSet::new();
        };
        all.extend(page.entries.into_iter().map(|entry| Entry::decode(entry).unwrap().seq));
        before = page.next;
        if before.is_none() {
            return all;
        }
    }
}

/// Waits until just this is found.
async fn until_found(peer: &mut Peer, word: &str, expected: &BTreeSet<u64>) {
    let until = Instant::now() + PATIENCE;
    loop {
        let there = found(peer, word).await;
        if there == *expected {
            return;
        }
        assert!(Instant::now() < until, "{word}: {there:?} are found, not {expected:?}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// Entries that a server has read for its index in this life: those that the life before had not.
async fn read_anew(data: &Path) -> u64 {
    let mut command = Command::new(env!("CARGO_BIN_EXE_packetboat"));
    let output = command.args(["stats", "--json", "--data"]).arg(data).output().await.unwrap();
    let stats: BTreeMap<String, u64> = serde_json::from_slice(&output.stdout).unwrap();
    stats["search_entries_read"]
}

async fn launch(folder: &TempDir) -> Ship {
    let mut berth = Berth::new(env!("CARGO_BIN_EXE_packetboat"), folder.path().join("data"));
    berth.args = ["--set", "search.on=true"].map(Into::into).to_vec();
    berth.launch().await.unwrap()
}

#[tokio::test]
async fn a_server_that_is_killed_while_it_feeds_its_index_finds_what_there_is_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let (mut said, mut cut_short) = (Said::default(), 0);
    for kill in 0.. {
        let mut ship = launch(&folder).await;
        let mut ada = Peer::login(ship.address(), "ada", "x").await;
        if kill % 3 == 1 {
            // From here on the index has a part that was written before.
            until_found(&mut ada, "tide", &said.tides).await;
        }
        for _ in 0..MESSAGES {
            said.go_on(&mut ada).await;
        }
        ship.kill().await.unwrap();
        // Once more, as it catches up, or has.
        let mut ship = launch(&folder).await;
        if kill % 2 == 0 {
            let mut ada = Peer::login(ship.address(), "ada", "x").await;
            found(&mut ada, "tide").await;
        } else if kill % 4 == 1 {
            let mut ada = Peer::login(ship.address(), "ada", "x").await;
            until_found(&mut ada, "tide", &said.tides).await;
            cut_short += u64::from(read_anew(&folder.path().join("data")).await > 0);
        }
        ship.kill().await.unwrap();
        if kill + 1 >= KILLS && cut_short > 0 {
            break;
        }
        assert!(kill < KILLS_MAX, "no kill came while there was something to index");
    }
    let ship = launch(&folder).await;
    for name in ["ada", "bob"] {
        let mut peer = Peer::login(ship.address(), name, "y").await;
        until_found(&mut peer, "tide", &said.tides).await;
        until_found(&mut peer, "ebb", &said.ebbs).await;
    }
    assert!(said.tides.len() > 100 && said.ebbs.len() > 10);
}
