//! The real binary, killed with -9 and restarted in the middle, and clients whose connections are
//! cut: nothing lost, nothing twice, nothing out of order.
//!
//! `cargo test --release --test crash` runs it; nothing sleeps to wait for something.

#![allow(unreachable_pub, clippy::unwrap_used, reason = "a test crate has no outside")]
#![allow(clippy::print_stdout, reason = "the figures are to be seen")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use packetboat_client::{
    AckMode, ChatId, Client, Config, Content, Credential, Edge, Entry, Event, Events, UserId,
};
use packetboat_proof::route::{Lane, Route, Way};
use packetboat_proof::ship::{Berth, Ship};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::sync::watch;
use tokio::time::timeout;

/// Messages that each of the two sends.
const MESSAGES: u64 = 1_000;
/// Kills of the server, and cuts of each client.
const FAULTS: u64 = 20;
/// How long all of it may take.
const PATIENCE: Duration = Duration::from_mins(4);

/// The server on a folder of its own.
fn berth(folder: &Path) -> Berth {
    Berth::new(env!("CARGO_BIN_EXE_packetboat"), folder.join("data"))
}

struct Person {
    client: Client,
    events: Events,
    lane: Lane,
}

impl Person {
    fn new(name: &str, route: &Route) -> Self {
        let (user, lane) = (UserId::new(name).unwrap(), route.lane());
        let mut config = Config::new("the route", user, "x".parse().unwrap(), Credential::Open);
        config.acks = AckMode::Auto;
        config.backoff.base = Duration::from_millis(10);
        config.backoff.cap = Duration::from_millis(100);
        let (client, events) = Client::start_over(config, lane.dial()).unwrap();
        Self { client, events, lane }
    }
}

/// Launches the server, and leads everybody there.
async fn launch(berth: &Berth, route: &Route) -> Ship {
    let ship = berth.launch().await.unwrap();
    route.open(ship.address());
    ship
}

fn text_of(entry: &Entry) -> String {
    match Content::decode(&entry.content, usize::MAX) {
        Ok(Content::Text(text)) => text,
        other => panic!("no text but {other:?}"),
    }
}

/// Sends all messages, counts the accepted, and gives their seqs in the order of sending.
async fn send_all(client: Client, chat: ChatId, accepted: Arc<watch::Sender<u64>>) -> Vec<u64> {
    let mut answers = Vec::new();
    for number in 0..MESSAGES {
        let text = Content::text(format!("{} {number}", client.user()));
        let sending = client.send(&chat, &text).await.unwrap();
        let accepted = Arc::clone(&accepted);
        answers.push(tokio::spawn(async move {
            let seq = sending.await.expect("every send ends with accepted").seq;
            accepted.send_modify(|count| *count += 1);
            seq
        }));
    }
    let mut seqs = Vec::new();
    for answer in answers {
        seqs.push(answer.await.unwrap());
    }
    seqs
}

/// Takes entries until all of the peer's are there: each once, and in order.
async fn take_all(mut events: Events, from: &str) -> Vec<u64> {
    let mut seqs: Vec<u64> = Vec::new();
    while (seqs.len() as u64) < MESSAGES {
        let Some(event) = events.next().await else { panic!("the client ended early") };
        let Event::Entry(entry) = event else { continue };
        assert_eq!(text_of(&entry), format!("{from} {}", seqs.len()), "in order, none missing");
        assert!(seqs.last().is_none_or(|last| *last < entry.seq));
        seqs.push(entry.seq);
    }
    seqs
}

/// Waits until so many were accepted.
async fn until(accepted: &mut watch::Receiver<u64>, count: u64) {
    accepted.wait_for(|now| *now >= count).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_twice_or_out_of_order_over_kills_and_cuts() {
    let started = Instant::now();
    let (folder, route) = (tempfile::tempdir().unwrap(), Route::default());
    let berth = berth(folder.path());
    let mut ship = launch(&berth, &route).await;
    let (ada, bob) = (Person::new("ada", &route), Person::new("bob", &route));
    let chat = ChatId::direct(ada.client.user(), bob.client.user());
    let accepted = Arc::new(watch::Sender::new(0));

    let sends = [&ada, &bob].map(|person| {
        let (client, chat) = (person.client.clone(), chat.clone());
        tokio::spawn(send_all(client, chat, Arc::clone(&accepted)))
    });
    let lanes = [ada.lane, bob.lane];
    let clients = [ada.client, bob.client];
    let takes =
        [tokio::spawn(take_all(ada.events, "bob")), tokio::spawn(take_all(bob.events, "ada"))];

    let mut progress = accepted.subscribe();
    let step = 2 * MESSAGES / (FAULTS + 1);
    let faults = async {
        for fault in 0..FAULTS {
            until(&mut progress, fault * step + step / 3).await;
            lanes[0].cut();
            until(&mut progress, fault * step + step / 2).await;
            lanes[1].cut();
            until(&mut progress, (fault + 1) * step).await;
            route.close();
            ship.kill().await.unwrap();
            ship = launch(&berth, &route).await;
        }
    };
    timeout(PATIENCE, faults).await.expect("messages go on being accepted");
    let mut all = Vec::new();
    for send in sends {
        let seqs = timeout(PATIENCE, send).await.expect("every send ends").unwrap();
        assert!(seqs.is_sorted(), "sends of one client keep their order");
        all.extend(seqs);
    }
    for take in takes {
        timeout(PATIENCE, take).await.expect("every entry arrives").unwrap();
    }
    all.sort_unstable();
    assert_eq!(all, (1..=2 * MESSAGES).collect::<Vec<_>>(), "each seq once, without a gap");
    assert_log(&clients[0], &chat).await;
    for client in clients {
        client.close().await;
    }
    println!(
        "{} messages each way, {FAULTS} kills, {FAULTS} cuts of each client: 0 lost, 0 twice, \
         0 out of order, in {:.1} s",
        MESSAGES,
        started.elapsed().as_secs_f64()
    );
}

/// The log itself holds every message once.
async fn assert_log(client: &Client, chat: &ChatId) {
    let mut texts = Vec::new();
    let mut after = 0;
    loop {
        let page = client.history(chat, Edge::After(after), 200).await.unwrap();
        after = page.items.last().map_or(after, |entry| entry.seq);
        texts.extend(page.items.iter().map(text_of));
        if !page.more {
            break;
        }
    }
    assert_eq!(texts.len() as u64, 2 * MESSAGES);
    for name in ["ada", "bob"] {
        let of_one = texts.iter().filter(|text| text.starts_with(name));
        let expected = (0..MESSAGES).map(|number| format!("{name} {number}"));
        assert!(of_one.cloned().eq(expected), "{name}'s messages, each once and in order");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminated_server_drains_and_ends_with_0() {
    let (folder, route) = (tempfile::tempdir().unwrap(), Route::default());
    let berth = berth(folder.path());
    let mut ship = launch(&berth, &route).await;
    let ada = Person::new("ada", &route);
    timeout(PATIENCE, ada.client.connected()).await.unwrap().unwrap();
    ship.ask_to_stop().unwrap();
    let (status, stderr) = timeout(PATIENCE, ship.wait()).await.unwrap().unwrap();
    assert_eq!(status.code(), Some(0), "{status}: {stderr}");
    let _ship = launch(&berth, &route).await;
    let chat = ChatId::direct(ada.client.user(), ada.client.user());
    let sending = ada.client.send(&chat, &Content::text("back")).await.unwrap();
    assert_eq!(timeout(PATIENCE, sending).await.unwrap().unwrap().seq, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_the_same_store_fails_with_a_clear_message() {
    let folder = tempfile::tempdir().unwrap();
    let berth = berth(folder.path());
    let _ship = berth.launch().await.unwrap();
    let output = berth.command().output().await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("another"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_take_every_descriptor_do_not_stop_the_store() {
    let (folder, route) = (tempfile::tempdir().unwrap(), Route::default());
    let bare = berth(folder.path()).command();
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -n 64 && exec \"$0\" \"$@\""]);
    limited.kill_on_drop(true).arg(bare.as_std().get_program()).args(bare.as_std().get_args());
    let ship = Ship::of(limited).await.unwrap();
    route.open(ship.address());
    let ada = Person::new("ada", &route);
    timeout(PATIENCE, ada.client.connected()).await.unwrap().unwrap();
    let mut crowd = Vec::new();
    for _ in 0..100 {
        crowd.push(TcpStream::connect(ship.address()).await.unwrap());
    }
    let chat = ChatId::direct(ada.client.user(), ada.client.user());
    for number in 1..=200 {
        let sending = ada.client.send(&chat, &Content::text("hi")).await.unwrap();
        let accepted = timeout(PATIENCE / 12, sending).await.expect("the server is still there");
        assert_eq!(accepted.unwrap().seq, number);
    }
}
