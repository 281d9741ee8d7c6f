//! A server with fewer descriptors than it may have connections.

use std::net::SocketAddr;
use std::process::Stdio;

use packetboat_proto::code::CloseCode;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Command;

use crate::peer::Peer;

#[tokio::test]
async fn it_warns_once_and_takes_as_many_connections_as_fit() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Command::new("sh")
        .args(["-c", "ulimit -n 260; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_packetboat")])
        .args(["serve", "--listen", "127.0.0.1:0", "--set", "drain.drain_ms=0", "--data"])
        .arg(folder.path().join("data"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut greeting = String::new();
    let mut out = BufReader::new(server.stdout.take().unwrap());
    out.read_line(&mut greeting).await.unwrap();
    let address: SocketAddr = greeting.split(' ').nth(3).unwrap().parse().unwrap();

    let mut seated = Vec::new();
    for number in 0..4 {
        seated.push(Peer::login(address, &format!("u{number}"), "x").await);
    }
    let mut fifth = Peer::connect(address).await;
    assert_eq!(fifth.goodbye_code().await, Some(CloseCode::ServerFull));
    seated.pop().unwrap().sync().await;

    server.kill().await.unwrap();
    let mut log = String::new();
    server.stderr.take().unwrap().read_to_string(&mut log).await.unwrap();
    let warnings: Vec<_> = log.lines().filter(|line| line.contains("fewer connections")).collect();
    assert_eq!(warnings.len(), 1, "{log}");
    for word in ["100000", "260", "LimitNOFILE", "100256", "lower listen.connections_max"] {
        assert!(warnings[0].contains(word), "{word}: {log}");
    }
}
