//! Measures how many messages a second the embedded store makes durable on this disk:
//! `cargo run --release --example store_throughput -- FOLDER [senders] [drafts] [seconds] [bytes]`.
//! FOLDER is made, and removed at the end. Must never be pointed at a folder with messages: it
//! refuses one that is there.

#![allow(clippy::print_stdout, reason = "its output is what it is for")]
#![allow(clippy::cast_precision_loss, reason = "a rate needs no more than 52 bits")]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use packetboat::config::settings::StoreSettings;
use packetboat::store::embedded::{EmbeddedStore, Settings};
use packetboat::store::sled::SledBackend;
use packetboat::store::{Author, Draft, Effect, Outcome, Outlet, Store};
use packetboat_proto::content::Content;
use packetboat_proto::id::{ChatId, MessageId, SessionId, UserId};

struct Nobody;

impl Outlet for Nobody {
    fn release(&mut self, effects: Vec<Effect>) {
        drop(effects);
    }
}

struct Load {
    folder: PathBuf,
    senders: usize,
    drafts: usize,
    seconds: u64,
    bytes: usize,
}

fn load() -> Option<Load> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next()?);
    let mut number = |default: usize| match arguments.next() {
        Some(text) => text.parse().ok(),
        None => Some(default),
    };
    let (senders, drafts) = (number(64)?, number(32)?);
    let (seconds, bytes) = (number(10)? as u64, number(100)?);
    Some(Load { folder, senders, drafts, seconds, bytes })
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let load =
        load().ok_or("usage: store_throughput FOLDER [senders] [drafts] [seconds] [bytes]")?;
    if load.folder.exists() {
        return Err(format!("{} is there already", load.folder.display()).into());
    }
    let backend = SledBackend::open(&load.folder, StoreSettings::default().cache_bytes)?;
    let clock = Arc::new(|| 1_700_000_000_000);
    let store = EmbeddedStore::open(backend, Settings::default(), clock, Nobody)?;
    let (began, stored) = (Instant::now(), Arc::new(AtomicU64::new(0)));
    let end = began + Duration::from_secs(load.seconds);
    let senders: Vec<_> = (0..load.senders)
        .map(|number| {
            let sender = Sender::new(number, &load);
            tokio::spawn(sender.run(store.clone(), Arc::clone(&stored), end))
        })
        .collect();
    let mut waits = Vec::new();
    for sender in senders {
        waits.extend(sender.await?);
    }
    let (seconds, count) = (began.elapsed().as_secs_f64(), stored.load(Ordering::Relaxed));
    waits.sort_unstable();
    let at = |part: usize| waits[(waits.len() - 1) * part / 1_000].as_secs_f64() * 1e3;
    println!(
        "{count} messages in {seconds:.1} s: {:.0}/s; an append took {:.1} ms (median), {:.1} ms \
         (99 %), {:.1} ms (longest)",
        count as f64 / seconds,
        at(500),
        at(990),
        at(1_000),
    );
    store.close().await;
    std::fs::remove_dir_all(&load.folder)?;
    Ok(())
}

struct Sender {
    author: Author,
    chat: ChatId,
    content: bytes::Bytes,
    drafts: usize,
    number: u64,
}

impl Sender {
    fn new(number: usize, load: &Load) -> Self {
        const VALID: &str = "a letter and digits are a user id";
        let name = |part: &str| UserId::new(&format!("{part}{number:05}"));
        let (user, peer) = (name("a").expect(VALID), name("b").expect(VALID));
        let chat = ChatId::direct(&user, &peer);
        let author = Author { user, session: SessionId::from([1; 16]) };
        let content = Content::text("x".repeat(load.bytes)).encode();
        Self { author, chat, content, drafts: load.drafts, number: 0 }
    }

    fn draft(&mut self) -> Draft {
        self.number += 1;
        let mut id = [0x70; 16];
        id[..8].copy_from_slice(&self.number.to_be_bytes());
        Draft {
            chat: self.chat.clone(),
            id: MessageId::from(id),
            content: self.content.clone(),
            change: None,
            refers: None,
            file: None,
        }
    }

    async fn run(
        mut self,
        store: EmbeddedStore,
        stored: Arc<AtomicU64>,
        end: Instant,
    ) -> Vec<Duration> {
        let mut waits = Vec::new();
        while Instant::now() < end {
            let drafts = (0..self.drafts).map(|_| self.draft()).collect();
            let began = Instant::now();
            let outcomes = store.append(self.author.clone(), drafts).await;
            let outcomes = outcomes.expect("a store on a disk with room stores");
            waits.push(began.elapsed());
            let new = outcomes.iter().filter(|it| matches!(it, Outcome::Stored { .. })).count();
            stored.fetch_add(new as u64, Ordering::Relaxed);
        }
        waits
    }
}
