//! The numbers of a running server, as an operator asks for them.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Output;

use tokio::process::Command;

use crate::house::House;
use crate::peer::Peer;

async fn asked(data: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_packetboat"));
    command.arg("stats").arg("--data").arg(data).args(more).output().await.unwrap()
}

#[tokio::test]
async fn a_running_server_tells_what_it_has_and_has_counted() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let _bob = Peer::login(house.address, "bob", "x").await;
    ada.post("dm:ada:bob", 1, "hi").await;
    let data = &house.config.store.data;

    let lines = asked(data, &[]).await;
    assert!(lines.status.success(), "{lines:?}");
    let lines = String::from_utf8(lines.stdout).unwrap();
    let has = |line: &str| assert!(lines.lines().any(|other| other == line), "{line}: {lines}");
    has("connections_now 2");
    has("sessions_now 2");
    has("connections_accepted 2");
    has("accepted 1");

    let object = asked(data, &["--json"]).await;
    assert!(object.status.success(), "{object:?}");
    let object: BTreeMap<String, u64> = serde_json::from_slice(&object.stdout).unwrap();
    assert_eq!(object.len(), lines.lines().count());
    assert!(house.metrics.all().iter().all(|(name, _)| object.contains_key(*name)));
    assert!(object.contains_key("store_queue_bytes_now"));
    assert!(object.contains_key("store_writes_waited"));
}

#[tokio::test]
async fn where_no_server_runs_the_exit_code_is_1_and_the_folder_is_named() {
    let house = House::open().await;
    let (folder, config) = house.close().await;
    let output = asked(&config.store.data, &["--json"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(output.stdout, b"");
    let reason = String::from_utf8(output.stderr).unwrap();
    assert!(reason.contains("no server runs"), "{reason}");
    assert!(reason.contains(folder.path().to_str().unwrap()), "{reason}");
}
