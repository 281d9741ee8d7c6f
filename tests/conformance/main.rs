//! The server under the conformance runner, clause by clause; and servers that are wrong on
//! purpose, each of which fails the checks of what it breaks and no others. Must never leave a
//! check out that the server could be asked.

#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod clock;
#[path = "../../conformance/tests/shared/tampering.rs"]
mod tampering;
mod wrong;

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use packetboat_conformance::check::{self, Check, Finding};
use packetboat_conformance::outcome::Stop;
use packetboat_conformance::report::{Form, line};
use packetboat_conformance::server::bed::{Accounts, Bed, Operator};
use packetboat_conformance::{server, trust};
use packetboat_proof::ship::{Berth, Ship};
use packetboat_proto::packet::Credential;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;

/// The longest that one check may take.
const CHECK_TIME_MAX: Duration = Duration::from_mins(1);
const PATIENCE: Duration = Duration::from_secs(20);
/// For a server that is wrong: some of what it breaks shows only when nothing comes.
const WRONG_PATIENCE: Duration = Duration::from_secs(5);
const JOBS: usize = 6;
/// What the operator has set, so late that a busy machine does not meet it.
const OPERATOR: Operator = Operator {
    handshake: Duration::from_mins(1),
    retry: Duration::from_secs(20),
    retries: 2,
    devices: Some(12),
};
/// For the checks of nothing but that.
const HASTY: Operator = Operator {
    handshake: Duration::from_millis(1_500),
    retry: Duration::from_millis(400),
    ..OPERATOR
};
const OF_HASTE: [&str; 2] = ["timers.handshake", "delivery.again_and_given_up"];

/// A server's process, and its folder.
struct Dock {
    ship: Ship,
    _folder: TempDir,
}

fn berth(folder: &Path, settings: &[String]) -> Berth {
    let mut berth = Berth::new(env!("CARGO_BIN_EXE_packetboat"), folder.join("data"));
    let own = [
        format!("limits.handshake_ms={}", OPERATOR.handshake.as_millis()),
        format!("limits.retry_ms={}", OPERATOR.retry.as_millis()),
        format!("limits.retries_max={}", OPERATOR.retries),
    ];
    for setting in own.iter().chain(settings) {
        berth.args.extend(["--set".into(), setting.into()]);
    }
    berth
}

async fn dock(settings: &[&str]) -> Dock {
    let folder = tempfile::tempdir().unwrap();
    let settings: Vec<String> = settings.iter().map(ToString::to_string).collect();
    let ship = berth(folder.path(), &settings).launch().await.unwrap();
    Dock { ship, _folder: folder }
}

fn bed(address: SocketAddr) -> Bed {
    Bed {
        address,
        tls: None,
        accounts: Accounts::Open,
        prefix: "conform-".to_owned(),
        seed: getrandom::u64().unwrap(),
        patience: PATIENCE,
        slow: false,
        operator: OPERATOR,
        names: AtomicU64::new(0),
    }
}

fn chosen(words: &[&str]) -> Vec<Check<Bed>> {
    let words: Vec<String> = words.iter().map(ToString::to_string).collect();
    let mut all = server::checks();
    all.retain(|check| words.is_empty() || check.is_named(&words));
    all
}

async fn run(bed: &Bed, words: &[&str], jobs: usize) -> Vec<Finding> {
    check::run(&chosen(words), bed, jobs, CHECK_TIME_MAX, |_| {}).await
}

fn failed(found: &[Finding]) -> Vec<String> {
    let failed = found.iter().filter(|finding| finding.fails(true));
    failed.map(|finding| line(finding, true, Form::Text)).collect()
}

fn skipped(found: &[Finding]) -> Vec<&str> {
    let is_skipped = |finding: &&Finding| matches!(finding.result, Err(Stop::Skip { .. }));
    found.iter().filter(is_skipped).map(|finding| finding.name).collect()
}

#[tokio::test]
async fn the_server_keeps_every_clause() {
    let dock = dock(&["store.devices_per_user_max=12", "search.on=true"]).await;
    let bed = bed(dock.ship.address());
    let found = run(&bed, &[], JOBS).await;
    assert!(found.len() > 100);
    assert_eq!(failed(&found), [""; 0], "seed {}", bed.seed);
    // They are run where accounts say who there is, and where the operator is hasty, below; and
    // those of search by a build that has it.
    let mut elsewhere = vec!["handshake.wrong_credential", OF_HASTE[1]];
    if !cfg!(feature = "search") {
        elsewhere.extend(["search.found", "search.rights", "search.changed"]);
    }
    elsewhere.push(OF_HASTE[0]);
    assert_eq!(skipped(&found), elsewhere);
}

#[tokio::test]
async fn the_times_of_a_hasty_operator_are_kept() {
    let retry = format!("limits.retry_ms={}", HASTY.retry.as_millis());
    let handshake = format!("limits.handshake_ms={}", HASTY.handshake.as_millis());
    let dock = dock(&[&retry, &handshake]).await;
    let bed = Bed { operator: HASTY, ..bed(dock.ship.address()) };
    let found = run(&bed, &OF_HASTE, JOBS).await;
    assert_eq!(failed(&found), [""; 0], "seed {}", bed.seed);
    assert_eq!(skipped(&found), [""; 0]);
}

#[tokio::test]
async fn a_server_with_passwords_keeps_the_clauses_about_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut accounts = Vec::new();
    for name in ["ada", "bob", "cyd", "eve"] {
        let mut adding = Command::new(env!("CARGO_BIN_EXE_packetboat"))
            .args(["user", "add", name, "--password-file", "-", "--data"])
            .arg(folder.path().join("data"))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        adding.stdin.take().unwrap().write_all(b"open sesame\n").await.unwrap();
        assert!(adding.wait().await.unwrap().success());
        let password = Credential::Password("open sesame".to_owned());
        accounts.push((name.parse().unwrap(), password));
    }
    let settings = ["auth.kind=password".to_owned(), "store.devices_per_user_max=1000".to_owned()];
    let ship = berth(folder.path(), &settings).launch().await.unwrap();
    let bed = Bed { accounts: Accounts::Given(accounts), ..bed(ship.address()) };
    let chapters = ["H-2", "H-3", "H-8", "H-9", "H-10", "promises", "acks", "N-4", "P-1"];
    let found = run(&bed, &chapters, 1).await;
    assert_eq!(failed(&found), [""; 0], "seed {}", bed.seed);
    assert_eq!(skipped(&found), [""; 0]);
}

#[tokio::test]
async fn inside_tls_the_protocol_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let settings = ["tls.dev=true".to_owned(), "listen.tls=127.0.0.1:0".to_owned()];
    let mut command = berth(folder.path(), &settings).command();
    let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let address: SocketAddr = loop {
        let line = lines.next_line().await.unwrap().expect("the server says where it listens");
        if line.contains("with TLS") {
            break line.split(' ').find_map(|word| word.parse().ok()).unwrap();
        }
    };
    let certificate = folder.path().join("data/tls-dev-cert.pem");
    let tls = trust::tls(&address.to_string(), Some(&certificate)).unwrap();
    let bed = Bed { tls: Some(tls), ..bed(address) };
    let found = run(&bed, &["promises", "frames", "connection", "messages"], JOBS).await;
    assert_eq!(failed(&found), [""; 0], "seed {}", bed.seed);
    assert_eq!(skipped(&found), [""; 0]);
    process.kill().await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_wrong_fails_the_checks_of_what_it_breaks() {
    let dock = dock(&[]).await;
    let running = wrong::KINDS.iter().map(|kind| async {
        let address = tampering::before(dock.ship.address(), (kind.make)()).await;
        let bed = Bed { patience: WRONG_PATIENCE, ..bed(address) };
        let found = run(&bed, kind.chapters, JOBS).await;
        let fails = found.iter().filter(|finding| finding.fails(true));
        let fails: Vec<&str> = fails.map(|finding| finding.name).collect();
        assert_eq!(fails, kind.fails, "{}, seed {}: {:#?}", kind.name, bed.seed, failed(&found));
    });
    futures_util::future::join_all(running).await;
}

#[test]
fn nothing_but_the_servers_clock_reads_the_wall() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pending: Vec<_> = ["src", "client/src", "proto/src"].map(|name| root.join(name)).into();
    let mut readers = Vec::new();
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            pending.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        // The wall's clock is for people; what reads it cannot measure an interval with it.
        if text.contains("SystemTime") && !path.ends_with("tests.rs") {
            readers.push(path.strip_prefix(root).unwrap().to_owned());
        }
    }
    assert_eq!(readers, [Path::new("src/clock.rs")]);
    let clock = fs::read_to_string(root.join("src/clock.rs")).unwrap();
    assert!(clock.contains("use tokio::time::Instant;"));
}
