//! Rooms and watches over connections that are lost.

use packetboat_proto::content::Content;
use packetboat_proto::entry::Entry;
use packetboat_proto::id::{ChatId, MessageId};
use packetboat_proto::packet::{
    Answer, Notice, Operation, Packet, Presence, Request, Response, RoomState,
};

use super::fake::{Peer, accepted, config, next, start};
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

/// The next request, past pings.
async fn request(peer: &mut Peer) -> Request {
    loop {
        match peer.read().await {
            Packet::Request(request) => return request,
            Packet::Ping(token) => peer.write(&Packet::Pong(token)).await,
            other => panic!("{other:?} instead of a request"),
        }
    }
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
