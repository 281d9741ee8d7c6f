//! Files in a bucket, with the real server and the client library against a bucket of this
//! machine: kept, read, removed, and what becomes of all that while the bucket refuses. Must never
//! speak to a bucket of anybody.

#![allow(clippy::unwrap_used, reason = "a test crate has no outside")]

mod fake;

use std::path::{Path, PathBuf};
use std::time::Duration;

use packetboat_client::{
    ChatId, Client, Config, Content, Credential, Event, Events, FileSent, Upload, UserId,
};
use packetboat_proof::ship::{Berth, Ship};
use tempfile::TempDir;
use tokio::time::timeout;

use self::fake::{Bucket, Refuses};

const PATIENCE: Duration = Duration::from_mins(2);
/// One part of an upload to a bucket is 8 MiB: this is three, the last of them short.
const LONG: usize = 20_000_000;
const SHORT: usize = 5_000;

/// A server whose files are in a bucket, and a folder for everything else.
struct House {
    bucket: Bucket,
    berth: Berth,
    ship: Ship,
    folder: TempDir,
}

impl House {
    async fn open(settings: &[&str]) -> Self {
        let (bucket, folder) = (Bucket::open().await, tempfile::tempdir().unwrap());
        let mut berth = Berth::new(env!("CARGO_BIN_EXE_packetboat"), folder.path().join("data"));
        let endpoint = bucket.endpoint();
        for (name, value) in [
            ("AWS_ACCESS_KEY_ID", "a"),
            ("AWS_SECRET_ACCESS_KEY", "b"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_ENDPOINT", &endpoint),
        ] {
            berth.env.push((name.into(), value.into()));
        }
        for setting in ["files.store=s3://boats/kept"].iter().chain(settings) {
            berth.args.extend(["--set".into(), setting.into()]);
        }
        let ship = berth.launch().await.unwrap();
        Self { bucket, berth, ship, folder }
    }

    async fn client(&self, name: &str) -> (Client, Events) {
        let (server, user) = (self.ship.address().to_string(), name.parse::<UserId>().unwrap());
        let config = Config::new(&server, user, "test".parse().unwrap(), Credential::Open);
        let (client, events) = Client::start(config).unwrap();
        client.connected().await.unwrap();
        (client, events)
    }

    fn write(&self, name: &str, length: usize) -> (PathBuf, Vec<u8>) {
        let bytes: Vec<u8> =
            (0..length).map(|at| u8::try_from((at / 253 + at) % 256).unwrap()).collect();
        let path = self.folder.path().join(name);
        std::fs::write(&path, &bytes).unwrap();
        (path, bytes)
    }
}

fn chat() -> ChatId {
    "dm:ada:bob".parse().unwrap()
}

async fn upload(ada: &Client, path: &Path) -> Upload {
    let upload = Upload::of_path(path, "audio/ogg").await.unwrap();
    timeout(PATIENCE, ada.upload_path(&upload, path, |_| {})).await.unwrap().unwrap();
    upload
}

async fn sent(events: &mut Events) -> FileSent {
    loop {
        let event = timeout(PATIENCE, events.next()).await.unwrap().unwrap();
        if let Event::Entry(entry) = event
            && let Ok(Content::File(sent)) = Content::decode(&entry.content, 99_999)
        {
            return sent;
        }
    }
}

#[tokio::test]
async fn files_are_kept_in_the_bucket_and_come_back_the_same_after_a_kill() {
    let mut house = House::open(&[]).await;
    let (ada, _own) = house.client("ada").await;
    for (name, length) in [("short", SHORT), ("long", LONG)] {
        let (path, bytes) = house.write(name, length);
        let upload = upload(&ada, &path).await;
        let key = format!("/boats/kept/{}", upload.file);
        assert!(house.bucket.object(&key).is_some_and(|kept| kept == bytes), "{name} is at {key}");
        ada.send_file(&chat(), upload.sent("")).await.unwrap().await.unwrap();
    }
    let count = house.bucket.until(|_| true).await;
    assert_eq!((count.objects, count.joined, house.bucket.uploads_open()), (2, 1, 0));
    house.ship.kill().await.unwrap();
    house.ship = house.berth.launch().await.unwrap();
    let (bob, mut events) = house.client("bob").await;
    for (name, length) in [("short", SHORT), ("long", LONG)] {
        let sent = sent(&mut events).await;
        assert_eq!((&*sent.name, sent.size), (name, length as u64));
        let to = house.folder.path().join(format!("{name}.saved"));
        let chat = chat();
        let saved = bob.save_file(&sent, Some(&chat), &to, |_| {});
        timeout(PATIENCE, saved).await.unwrap().unwrap();
        let read = |path| std::fs::read(path).unwrap();
        assert!(read(to) == read(house.folder.path().join(name)), "{name} is the same");
    }
}

#[tokio::test]
async fn a_bucket_that_refuses_holds_up_its_files_and_nothing_else() {
    let house = House::open(&[]).await;
    let ((ada, _own), (bob, mut events)) = (house.client("ada").await, house.client("bob").await);
    let (path, bytes) = house.write("song", SHORT);
    house.bucket.refuse(Refuses::Everything);
    let uploading = async { upload(&ada, &path).await };
    let meanwhile = async {
        house.bucket.until(|count| count.refused > 0).await;
        let text = Content::text("still here");
        ada.send(&chat(), &text).await.unwrap().await.unwrap();
        house.bucket.refuse(Refuses::Nothing);
    };
    let both = async { tokio::join!(uploading, meanwhile) };
    let (upload, ()) = timeout(PATIENCE, both).await.unwrap();
    ada.send_file(&chat(), upload.sent("")).await.unwrap().await.unwrap();
    let sent = sent(&mut events).await;

    house.bucket.refuse(Refuses::Everything);
    let to = house.folder.path().join("saved");
    let chat = chat();
    let saving = bob.save_file(&sent, Some(&chat), &to, |_| {});
    let before = house.bucket.until(|_| true).await.refused;
    let healing = async {
        house.bucket.until(|count| count.refused > before).await;
        house.bucket.refuse(Refuses::Nothing);
    };
    let (saved, ()) = timeout(PATIENCE, async { tokio::join!(saving, healing) }).await.unwrap();
    saved.unwrap();
    assert_eq!(std::fs::read(to).unwrap(), bytes);
}

#[tokio::test]
async fn what_stands_in_no_chat_leaves_the_bucket_once_that_lets_it_go() {
    let house = House::open(&["files.unreferenced_ms=5000"]).await;
    let (ada, _own) = house.client("ada").await;
    let (path, _) = house.write("song", SHORT);
    house.bucket.refuse(Refuses::Removals);
    let upload = upload(&ada, &path).await;
    timeout(PATIENCE, house.bucket.until(|count| count.refused > 0)).await.unwrap();
    assert_eq!(house.bucket.keys(), [format!("/boats/kept/{}", upload.file)]);
    house.bucket.refuse(Refuses::Nothing);
    timeout(PATIENCE, house.bucket.until(|count| count.objects == 0)).await.unwrap();
}
