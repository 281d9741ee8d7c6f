//! Rooms and watches over connections that are lost.

use std::collections::BTreeSet;
use std::time::Duration;

use packetboat_proto::code::RejectCode;
use packetboat_proto::content::Content;
use packetboat_proto::entry::Entry;
use packetboat_proto::id::{ChatId, MessageId, UserId};
use packetboat_proto::packet::{
    Answer, AskReceipts, Notice, Operation, Packet, Presence, Receipts, Request, Response,
    RoomState, Verdict,
};

use tokio::time::{Instant, sleep, timeout};

use super::fake::{Peer, Server, accepted, config, next, start};
use crate::client::Client;
use crate::error::RequestError;
use crate::event::Event;
use crate::room_event::RoomEvent;

fn lobby() -> ChatId {
    ChatId::room("lobby").unwrap()
}

fn state(head: u64) -> RoomState {
    RoomState {
        room: lobby(),
        name: "Lobby".into(),
        topic: String::new(),
        listeners: 2,
        head,
        first: 1,
        keep: 100,
        slow_ms: 0,
        role: None,
        muted_until_ms: 0,
    }
}

fn said(seq: u64) -> Packet {
    Packet::Deliver(Entry {
        chat: lobby(),
        seq,
        sender: "bob".parse().unwrap(),
        id: MessageId::from([u8::try_from(seq).unwrap(); 16]),
        at_ms: seq,
        content: Content::text(seq.to_string()).encode(),
    })
}

/// The next request, past pings, within a time that no test takes.
async fn request(peer: &mut Peer) -> Request {
    let asked = async {
        loop {
            match peer.read().await {
                Packet::Request(request) => return request,
                Packet::Ping(token) => peer.write(&Packet::Pong(token)).await,
                other => panic!("{other:?} instead of a request"),
            }
        }
    };
    timeout(Duration::from_secs(100), asked).await.expect("something is asked")
}

async fn answer_join(peer: &mut Peer, head: u64) {
    let asked = request(peer).await;
    assert_eq!(asked.operation, Some(Operation::RoomJoin { room: lobby() }));
    let answer = Ok(Answer::RoomJoin(state(head)));
    peer.write(&Packet::Response(Response { id: asked.id, answer })).await;
}

#[tokio::test(start_paused = true)]
async fn who_comes_back_joins_before_it_sends_and_is_told_what_was_missed() {
    let (client, mut events, mut server) = start(config());
    let mut peer = server.welcome().await;
    let room = lobby();
    let (joined, ()) = tokio::join!(client.join(&room), answer_join(&mut peer, 4));
    assert_eq!(joined.unwrap().head, 4);
    peer.write(&said(5)).await;
    let sending = client.send(&lobby(), &Content::text("mine")).await.unwrap();
    peer.send().await;
    drop(peer);
    let mut peer = server.meet().await;
    peer.hello().await;
    peer.write(&super::fake::welcome(super::LIMITS)).await;
    answer_join(&mut peer, 9).await;
    let again = peer.send().await;
    assert_eq!(again.chat, lobby());
    peer.write(&said(11)).await;
    peer.write(&accepted(&again, 10)).await;
    assert_eq!(sending.await.unwrap().seq, 10);
    peer.write(&said(12)).await;
    let mut told = Vec::new();
    let mut seqs = Vec::new();
    while seqs.len() < 3 {
        match next(&mut events).await {
            Event::Entry(entry) => seqs.push(entry.seq),
            Event::Room(event) => told.push(event),
            _ => {}
        }
    }
    assert_eq!(seqs, [5, 11, 12]);
    let missed = |first, last| RoomEvent::Missed { room: lobby(), first, last };
    assert_eq!(told, [RoomEvent::Joined(state(9)), missed(6, 9), missed(10, 10)]);
}

#[tokio::test(start_paused = true)]
async fn users_are_watched_again_on_the_next_connection() {
    let (client, mut events, mut server) = start(config());
    let mut peer = server.welcome().await;
    let bob = || vec!["bob".parse().unwrap()];
    let serve = |mut peer: Peer| async move {
        let asked = request(&mut peer).await;
        let watch = Operation::Watch { add: bob(), remove: Vec::new() };
        assert_eq!(asked.operation, Some(watch));
        let answer = Ok(Answer::Watch(vec![Presence::hidden("bob".parse().unwrap())]));
        peer.write(&Packet::Response(Response { id: asked.id, answer })).await;
        peer
    };
    let (watched, first) = tokio::join!(client.watch(bob(), Vec::new()), serve(peer));
    assert_eq!(watched.unwrap().len(), 1);
    drop(first);
    peer = server.welcome().await;
    let _open = serve(peer).await;
    loop {
        if let Event::Notice(Notice::Presence(presence)) = next(&mut events).await {
            assert_eq!(presence.user.as_str(), "bob");
            break;
        }
    }
}

/// What a server has of a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Held {
    is_away: bool,
    watched: BTreeSet<UserId>,
    receipts: BTreeSet<ChatId>,
    rooms: BTreeSet<ChatId>,
}

impl Held {
    fn take(&mut self, operation: Operation) -> Answer {
        match operation {
            Operation::SetPresence { away } => {
                self.is_away = away;
                Answer::SetPresence
            }
            Operation::Watch { add, remove } => {
                self.watched.retain(|user| !remove.contains(user));
                self.watched.extend(add.clone());
                Answer::Watch(add.into_iter().map(Presence::hidden).collect())
            }
            Operation::Receipts(AskReceipts::Watch { add, remove }) => {
                self.receipts.retain(|group| !remove.contains(group));
                self.receipts.extend(add);
                Answer::Receipts(Receipts::Watched)
            }
            Operation::RoomJoin { room } => {
                self.rooms.insert(room);
                Answer::RoomJoin(state(4))
            }
            Operation::RoomLeave { room } => {
                self.rooms.remove(&room);
                Answer::RoomLeave
            }
            Operation::Room { .. } => Answer::Room(state(4)),
            other => panic!("{other:?} is not asked here"),
        }
    }
}

/// The next connection: what is held of it once all that `asked` asks is answered.
async fn held_after(
    server: &mut Server,
    client: &Client,
    asked: impl Future<Output = Result<(), RequestError>>,
) -> (Held, Peer) {
    let mut held = Held::default();
    let serve = async {
        let mut peer = server.welcome().await;
        loop {
            let Request { id, operation } = request(&mut peer).await;
            let operation = operation.unwrap();
            let is_last = matches!(operation, Operation::Room { .. });
            let answer = Ok(held.take(operation));
            peer.write(&Packet::Response(Response { id, answer })).await;
            if is_last {
                return peer;
            }
        }
    };
    let app = async {
        asked.await.unwrap();
        client.connected().await.unwrap();
        client.room(&lobby()).await.unwrap();
    };
    let ((), peer) = tokio::join!(app, serve);
    (held, peer)
}

#[tokio::test(start_paused = true)]
async fn what_the_app_wants_no_more_does_not_come_back_with_the_next_connection() {
    let (client, mut events, mut server) = start(config());
    let (user, group) = (UserId::new("bob").unwrap(), ChatId::group("deck").unwrap());
    let (users, groups, room) = (vec![user], vec![group], lobby());
    let all = async {
        client.set_away(true).await?;
        client.watch(users.clone(), Vec::new()).await?;
        client.watch_receipts(groups.clone(), Vec::new()).await?;
        client.join(&room).await.map(drop)
    };
    let (had, peer) = held_after(&mut server, &client, all).await;
    assert!(had.is_away);
    assert_eq!((had.watched.len(), had.receipts.len(), had.rooms.len()), (1, 1, 1));
    drop(peer);
    while !matches!(next(&mut events).await, Event::Disconnected { .. }) {}
    let (kept, peer) = held_after(&mut server, &client, async { Ok(()) }).await;
    assert_eq!(kept, had, "the next connection has what the last one had");
    drop(peer);
    while !matches!(next(&mut events).await, Event::Disconnected { .. }) {}
    let none = async {
        let asked = tokio::join!(
            client.set_away(false),
            client.watch(Vec::new(), users.clone()),
            client.watch_receipts(Vec::new(), groups.clone()),
            client.leave_room(&room),
        );
        asked.0.and(asked.1.map(drop)).and(asked.2).and(asked.3)
    };
    let (kept, peer) = held_after(&mut server, &client, none).await;
    assert_eq!(kept, Held::default());
    drop(peer);
    let (kept, _open) = held_after(&mut server, &client, async { Ok(()) }).await;
    assert_eq!(kept, Held::default());
}

#[tokio::test(start_paused = true)]
async fn of_two_questions_about_a_room_the_first_answer_is_of_the_first() {
    let (client, mut events, mut server) = start(config());
    let mut peer = server.welcome().await;
    let room = lobby();
    let (joined, ()) = tokio::join!(client.join(&room), answer_join(&mut peer, 4));
    assert_eq!(joined.unwrap().head, 4);
    peer.write(&Packet::Notice(Notice::Missed)).await;
    let first = request(&mut peer).await;
    peer.write(&said(5)).await;
    peer.write(&Packet::Notice(Notice::Missed)).await;
    let second = request(&mut peer).await;
    for (asked, head) in [(first, 4), (second, 5)] {
        assert_eq!(asked.operation, Some(Operation::Room { room: lobby() }));
        let answer = Ok(Answer::Room(state(head)));
        peer.write(&Packet::Response(Response { id: asked.id, answer })).await;
    }
    peer.write(&said(6)).await;
    let mut seqs = Vec::new();
    while seqs.len() < 2 {
        match next(&mut events).await {
            Event::Entry(entry) => seqs.push(entry.seq),
            Event::Connected(_) | Event::Notice(_) => {}
            other => panic!("nothing was missed, and the log is the same: {other:?}"),
        }
    }
    assert_eq!(seqs, [5, 6]);
    drop(peer);
    let mut peer = server.welcome().await;
    answer_join(&mut peer, 3).await;
    loop {
        if let Event::LogReset { head, cursor, .. } = next(&mut events).await {
            return assert_eq!((head, cursor), (3, 6));
        }
    }
}

/// What a client asks on the next connection that has all that may be had, refused with such a
/// code.
async fn refused(server: &mut Server, code: RejectCode) -> (Vec<Operation>, Peer) {
    let (mut peer, mut asked) = (server.welcome().await, Vec::new());
    while asked.len() < 3 {
        let Request { id, operation } = request(&mut peer).await;
        asked.extend(operation);
        let answer = Err(Verdict::reject(code, "as the test says", 700));
        peer.write(&Packet::Response(Response { id, answer })).await;
    }
    (asked, peer)
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_for_now_on_the_next_connection_is_asked_again_until_it_is_given_up() {
    let (client, mut events, mut server) = start(config());
    let (users, groups) = (vec![UserId::new("bob").unwrap()], vec![ChatId::group("deck").unwrap()]);
    let all = async {
        client.watch(users.clone(), Vec::new()).await?;
        client.watch_receipts(groups.clone(), Vec::new()).await?;
        client.set_away(true).await
    };
    let (_, peer) = held_after(&mut server, &client, all).await;
    drop(peer);
    let (asked, mut peer) = refused(&mut server, RejectCode::Unavailable).await;
    for round in 0..3 {
        let began = Instant::now();
        let mut again = Vec::new();
        while again.len() < 3 {
            let Request { id, operation } = request(&mut peer).await;
            assert!(
                began.elapsed() >= Duration::from_millis(if again.is_empty() { 700 } else { 0 })
            );
            let operation = operation.unwrap();
            again.push(operation.clone());
            let answer = match round {
                2 => Ok(Held::default().take(operation)),
                _ => Err(Verdict::reject(RejectCode::Unavailable, "as the test says", 700)),
            };
            peer.write(&Packet::Response(Response { id, answer })).await;
        }
        assert_eq!(again, asked);
    }
    let mut told = Vec::new();
    while told.len() < 2 {
        if let Event::Notice(notice) = next(&mut events).await {
            told.push(notice);
        }
    }
    let presence = Notice::Presence(Presence::hidden(users[0].clone()));
    assert_eq!(told, [presence, Notice::Receipts(groups[0].clone())]);
    drop(peer);
    // What the app gives up meanwhile is not asked again.
    let (_, mut peer) = refused(&mut server, RejectCode::Unavailable).await;
    let serve = async {
        let Request { id, operation } = request(&mut peer).await;
        let answer = Ok(Held::default().take(operation.unwrap()));
        // Only when the others are due.
        sleep(Duration::from_secs(5)).await;
        peer.write(&Packet::Response(Response { id, answer })).await;
        [request(&mut peer).await, request(&mut peer).await]
    };
    let (given_up, again) = tokio::join!(client.watch_receipts(Vec::new(), groups.clone()), serve);
    given_up.unwrap();
    let again = again.map(|asked| asked.operation.unwrap());
    assert!(matches!(again, [Operation::Watch { .. }, Operation::SetPresence { away: true }]));
}

#[tokio::test(start_paused = true)]
async fn receipts_that_are_refused_for_good_are_not_asked_for_again() {
    let (client, _events, mut server) = start(config());
    let groups = vec![ChatId::group("deck").unwrap()];
    let all = async {
        client.watch_receipts(groups.clone(), Vec::new()).await?;
        client.set_away(true).await
    };
    let (_, peer) = held_after(&mut server, &client, all).await;
    drop(peer);
    let mut peer = server.welcome().await;
    let Request { id, operation } = request(&mut peer).await;
    assert!(matches!(operation, Some(Operation::Receipts(_))));
    let answer = Err(Verdict::reject(RejectCode::NoSuchChat, "as the test says", 0));
    peer.write(&Packet::Response(Response { id, answer })).await;
    let asked = request(&mut peer).await.operation;
    assert_eq!(asked, Some(Operation::SetPresence { away: true }));
    drop(peer);
    let (kept, _peer) = held_after(&mut server, &client, async { Ok(()) }).await;
    assert_eq!(kept, Held { is_away: true, ..Held::default() });
}
