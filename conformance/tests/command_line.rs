//! The program itself: what it prints, and how it ends. Must never need a server: what it finds of
//! one is tested where there is one.

#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::process::Output;

use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::process::Command;

async fn ran(args: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_packetboat-conformance");
    Command::new(program).args(args).kill_on_drop(true).output().await.unwrap()
}

fn lines(output: &Output) -> Vec<String> {
    String::from_utf8(output.stdout.clone()).unwrap().lines().map(ToOwned::to_owned).collect()
}

/// Takes connections, reads what comes, and closes without a word.
async fn dumb_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut bytes = [0; 64];
                drop(stream.read(&mut bytes).await);
            });
        }
    });
    address
}

#[tokio::test]
async fn every_check_is_listed_with_its_clauses() {
    for (side, name) in [("server", "frames.flags"), ("client", "sending.new_ids")] {
        let args: &[&str] =
            if side == "server" { &[side, "nowhere:1", "--list"] } else { &[side, "--list"] };
        let output = ran(args).await;
        assert_eq!(output.status.code(), Some(0));
        assert!(lines(&output).iter().any(|line| line.contains(name)), "{output:?}");
    }
}

#[tokio::test]
async fn a_clause_that_is_broken_ends_it_with_1() {
    let server = dumb_server().await;
    let output = ran(&["server", &server, "--only", "F-3,E-1", "--seed", "7"]).await;
    assert_eq!(output.status.code(), Some(1));
    let lines = lines(&output);
    assert_eq!(lines[0], "seed 7");
    let told = "FAIL F-3 frames.flags: flags other than 0 are refused with BAD_FRAME: expected ";
    assert!(lines.iter().any(|line| line.starts_with(told)), "{lines:?}");
    assert!(lines.last().unwrap().starts_with("0 ok, "), "{lines:?}");
    let again = String::from_utf8(output.stderr).unwrap();
    assert!(again.contains("--seed 7 --only ") && again.contains("frames.flags"), "{again}");
}

#[tokio::test]
async fn machines_get_objects_alone() {
    let server = dumb_server().await;
    let output = ran(&["server", &server, "--only", "frames.flags", "--json"]).await;
    let objects: Vec<serde_json::Value> =
        lines(&output).iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(objects.len(), 2);
    assert_eq!(objects[0]["outcome"], "fail");
    assert_eq!(objects[0]["clauses"][0], "F-3");
    assert_eq!(objects[1]["failed"], 1);
}

#[tokio::test]
async fn where_nothing_can_be_checked_it_ends_with_2() {
    // A port that was free a moment ago, with nobody behind it.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = listener.local_addr().unwrap().to_string();
    drop(listener);
    for args in [
        &["server", &nobody][..],
        &["server", "no port"],
        &["server", "127.0.0.1:1", "--only", "Z-9"],
        &["server", "127.0.0.1:1", "--users", "a,b", "--password", "x"],
        &["server", "127.0.0.1:1", "--user-prefix", "not an id "],
        &["client", "--only", "nothing.like.that"],
        &["neither"],
    ] {
        let output = ran(args).await;
        assert_eq!(output.status.code(), Some(2), "{args:?}: {output:?}");
        assert!(!output.stderr.is_empty(), "{args:?}");
        assert!(output.stdout.is_empty(), "{args:?}");
    }
}
