//! Files by way of the client library: uploaded, sent and saved over connections that break.

use std::path::Path;

use packetboat_client::{
    ChatId, Client, Config, Content, Credential, Event, FileError, Upload, UserId,
};
use tokio::time::timeout;

use crate::house::House;
use crate::peer::PATIENCE;

async fn client(house: &House, name: &str) -> (Client, packetboat_client::Events) {
    let server = house.address.to_string();
    let user: UserId = name.parse().unwrap();
    let config = Config::new(&server, user, "test".parse().unwrap(), Credential::Open);
    let (client, events) = Client::start(config).unwrap();
    client.connected().await.unwrap();
    (client, events)
}

fn write(path: &Path, length: usize) -> Vec<u8> {
    let bytes: Vec<u8> =
        (0..length).map(|at| u8::try_from((at / 253 + at) % 256).unwrap()).collect();
    std::fs::write(path, &bytes).unwrap();
    bytes
}

#[tokio::test]
async fn a_file_goes_from_a_path_to_a_path_over_connections_that_break() {
    let house = House::open().await;
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("song.ogg"), folder.path().join("saved.ogg"));
    let bytes = write(&from, 1_500_000);
    let (ada, _events) = client(&house, "ada").await;
    let (bob, mut arrived) = client(&house, "bob").await;
    let chat: ChatId = "dm:ada:bob".parse().unwrap();

    let upload = Upload::of_path(&from, "audio/ogg").await.unwrap();
    let (mut told, mut breaks) = (Vec::new(), 3);
    let progress = |have| {
        told.push(have);
        if breaks > 0 && have > 300_000 * (4 - breaks) {
            breaks -= 1;
            ada.reconnect_now();
        }
    };
    timeout(PATIENCE, ada.upload_path(&upload, &from, progress)).await.unwrap().unwrap();
    assert_eq!((told.last(), breaks), (Some(&1_500_000), 0));
    assert!(ada.file_state(upload.file, None).await.unwrap().complete);
    assert_eq!(ada.files(None, 0).await.unwrap().used, 1_500_000);
    ada.send_file(&chat, upload.sent("listen")).await.unwrap().await.unwrap();

    let sent = loop {
        if let Some(Event::Entry(entry)) = arrived.next().await {
            let Ok(Content::File(sent)) = Content::decode(&entry.content, 99_999) else { panic!() };
            break sent;
        }
    };
    assert_eq!((&*sent.name, &*sent.caption), ("song.ogg", "listen"));
    // Given up half-way, and called again.
    let (half, mut reached) = tokio::sync::oneshot::channel();
    let mut half = Some(half);
    let first = bob.save_file(&sent, Some(&chat), &to, |have| {
        if have > 700_000
            && let Some(half) = half.take()
        {
            half.send(()).unwrap();
        }
    });
    tokio::select! {
        biased;
        _ = &mut reached => {}
        saved = first => panic!("saved before it was given up: {saved:?}"),
    }
    assert!(!to.exists(), "what is not whole has another name");
    let mut told = Vec::new();
    let saved = bob.save_file(&sent, Some(&chat), &to, |have| {
        if told.len() == 5 {
            bob.reconnect_now();
        }
        told.push(have);
    });
    timeout(PATIENCE, saved).await.unwrap().unwrap();
    assert!(told[0] > 500_000, "it went on at {}", told[0]);
    assert_eq!(std::fs::read(&to).unwrap(), bytes);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "nothing stays behind");
    let again = bob.save_file(&sent, Some(&chat), &to, drop).await;
    assert!(matches!(again, Err(FileError::Exists(_))), "what is there is not touched");
}

#[tokio::test]
async fn what_cannot_be_uploaded_is_told() {
    let house = House::with(|config| config.files.quota = 10_000).await;
    let folder = tempfile::tempdir().unwrap();
    let (ada, _events) = client(&house, "ada").await;
    let path = folder.path().join("a");
    write(&path, 10_001);
    let upload = Upload::of_path(&path, "a/b").await.unwrap();
    let refused = ada.upload_path(&upload, &path, drop).await.unwrap_err();
    assert!(refused.to_string().contains("10000"), "{refused}");
    write(&path, 9_000);
    let upload = Upload::of_path(&path, "a/b").await.unwrap();
    std::fs::write(&path, [0; 9_000]).unwrap();
    let changed = ada.upload_path(&upload, &path, drop).await.unwrap_err();
    assert!(changed.to_string().contains("announced"), "{changed}");
    write(&path, 0);
    let empty = Upload::of_path(&path, "a/b").await;
    assert!(matches!(empty, Err(FileError::Empty(_))));
    assert!(matches!(Upload::of_path(Path::new("/"), "a/b").await, Err(FileError::Name(_))));
}
