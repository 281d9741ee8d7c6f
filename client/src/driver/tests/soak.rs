//! A server with a log, a cursor and no patience: connections are cut anywhere, even within a
//! frame, and answers get lost. Each seed is a run in virtual time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::BytesMut;
use packetboat_proto::content::Content;
use packetboat_proto::entry::Entry;
use packetboat_proto::packet::{Accepted, Answer, Packet, Request, Response, Send};

use super::fake::{LIMITS, Peer, Server, chat, config, entry, start, state, welcome};
use crate::config::AckMode;
use crate::event::Event;
use crate::random::Random;

/// Messages that the client sends, and entries of others that come between.
const MESSAGES: u64 = 120;

#[derive(Default)]
struct Boat {
    log: Vec<Entry>,
    /// What the device has acknowledged.
    cursor: u64,
}

impl Boat {
    fn store(&mut self, send: &Send) -> Accepted {
        let found = self.log.iter().find(|entry| entry.id == send.id);
        let duplicate = found.is_some();
        let seq = found.map_or(self.log.len() as u64 + 1, |entry| entry.seq);
        if !duplicate {
            self.log.push(Entry {
                id: send.id,
                content: send.content.clone(),
                ..entry(seq, "alice")
            });
        }
        Accepted { chat: send.chat.clone(), id: send.id, seq, at_ms: seq, duplicate }
    }

    fn chatter(&mut self, total: u64) {
        let others = self.log.iter().filter(|entry| entry.sender.as_str() == "bob");
        if (others.count() as u64) < total {
            let seq = self.log.len() as u64 + 1;
            self.log.push(entry(seq, "bob"));
        }
    }
}

/// One connection, until its patience is over.
async fn serve(mut peer: Peer, boat: &Mutex<Boat>, random: &mut Random, calm: bool) {
    let mut patience = 3 + random.number() % 60;
    let mut told_here = vec![];
    let mut sent_to = boat.lock().unwrap().cursor;
    peer.hello().await;
    peer.write(&welcome(LIMITS)).await;
    loop {
        let mut out = BytesMut::new();
        let came = tokio::time::timeout(Duration::from_millis(5), peer.try_read()).await;
        match came {
            Ok(None) => return,
            Ok(Some(Packet::Send(send))) => {
                let stored = boat.lock().unwrap().store(&send);
                if !stored.duplicate {
                    told_here.push(stored.seq);
                }
                Packet::Accepted(stored).put(&mut out);
            }
            Ok(Some(Packet::Ack(cursors))) => {
                let mut boat = boat.lock().unwrap();
                boat.cursor = boat.cursor.max(cursors[0].delivered);
            }
            Ok(Some(Packet::Request(Request { id, .. }))) => {
                let boat = boat.lock().unwrap();
                let answer = Ok(Answer::Chat(state(boat.log.len() as u64, boat.cursor).into()));
                Packet::Response(Response { id, answer }).put(&mut out);
            }
            Ok(Some(Packet::Ping(token))) => Packet::Pong(token).put(&mut out),
            Ok(Some(_)) | Err(_) => {}
        }
        {
            let mut boat = boat.lock().unwrap();
            if random.number().is_multiple_of(3) {
                boat.chatter(MESSAGES);
            }
            // A retry starts again after the cursor.
            if random.number().is_multiple_of(40) {
                sent_to = boat.cursor;
            }
            let from = sent_to;
            let waiting = boat.log.iter().filter(|entry| entry.seq > from);
            for entry in waiting.take(usize::try_from(random.number() % 4).unwrap()) {
                sent_to = entry.seq;
                if !told_here.contains(&entry.seq) {
                    Packet::Deliver(entry.clone()).put(&mut out);
                }
            }
        }
        patience -= 1;
        if patience == 0 && !calm {
            let cut = usize::try_from(random.number()).unwrap_or(0) % (out.len() + 1);
            peer.write_bytes(&out[..cut]).await;
            return;
        }
        patience = patience.max(1);
        peer.write_bytes(&out).await;
    }
}

async fn run(seed: u64, mode: AckMode) {
    let mut settings = config();
    settings.acks = mode;
    let (client, mut events, mut server): (_, _, Server) = start(settings);
    let boat = Arc::new(Mutex::new(Boat::default()));
    let shared = boat.clone();
    let serving = tokio::spawn(async move {
        let mut random = Random::new(seed);
        for connection in 0.. {
            let peer = server.meet().await;
            serve(peer, &shared, &mut random, connection > 30).await;
        }
    });
    let sender = client.clone();
    let sent = tokio::spawn(async move {
        let mut sendings = vec![];
        for number in 0..MESSAGES {
            let content = Content::text(format!("message {number}"));
            sendings.push(sender.send(&chat(), &content).await.unwrap());
            tokio::time::sleep(Duration::from_millis(number % 9)).await;
        }
        let mut stored = vec![];
        for sending in sendings {
            stored.push(sending.await.unwrap());
        }
        stored
    });
    let mut had = vec![];
    while (had.len() as u64) < MESSAGES {
        let event = events.next().await;
        assert!(!matches!(event, Some(Event::LogReset { .. })), "seed {seed}: the log is the same");
        if let Some(Event::Entry(entry)) = event {
            client.ack(&entry.chat, entry.seq);
            had.push(entry);
        }
    }
    let stored = sent.await.unwrap();
    // Nothing more comes, however long the app waits, and the server learns of everything.
    let surplus = async {
        loop {
            if let Some(Event::Entry(entry)) = events.next().await {
                return entry;
            }
        }
    };
    let surplus = tokio::time::timeout(Duration::from_secs(100), surplus).await;
    assert!(surplus.is_err(), "seed {seed}: {surplus:?} came again");
    serving.abort();

    let boat = boat.lock().unwrap();
    let (own, others): (Vec<_>, Vec<_>) =
        boat.log.iter().cloned().partition(|entry| entry.sender.as_str() == "alice");
    assert_eq!(had, others, "seed {seed}");
    let own: Vec<_> = own.into_iter().map(|entry| (entry.id, entry.seq)).collect();
    let stored: Vec<_> = stored.into_iter().map(|at| (at.id, at.seq)).collect();
    assert_eq!(stored, own, "seed {seed}");
    assert_eq!(boat.cursor, 2 * MESSAGES, "seed {seed}");
}

#[tokio::test(start_paused = true)]
async fn every_message_is_stored_once_and_every_entry_handed_over_once_over_bad_connections() {
    for seed in 0..40 {
        run(seed, AckMode::Auto).await;
    }
}

#[tokio::test(start_paused = true)]
async fn so_it_is_when_the_app_says_what_it_is_done_with() {
    for seed in 100..120 {
        run(seed, AckMode::Manual).await;
    }
}
