//! Whatever comes gets a clear, coded answer, and every other session goes on.

use bytes::{Bytes, BytesMut};
use packetboat_proto::code::{CloseCode, RejectCode};
use packetboat_proto::content::Content;
use packetboat_proto::frame::{Frame, PREFACE};
use packetboat_proto::packet::{Kind, Packet};
use packetboat_proto::schema;
use prost::Message;

use crate::house::House;
use crate::peer::{Peer, hello};

/// What a connection gets that opens with `bytes`, while another one goes on undisturbed.
async fn opened_with(bytes: &[u8]) -> Option<CloseCode> {
    let house = House::open().await;
    let mut bystander = Peer::login(house.address, "by", "x").await;
    let mut peer = Peer::connect(house.address).await;
    peer.raw(bytes).await;
    let code = peer.goodbye_code().await;
    bystander.sync().await;
    code
}

/// What an open session gets for `bytes`, while another one goes on undisturbed.
async fn said_in_session(bytes: &[u8]) -> Option<CloseCode> {
    let house = House::open().await;
    let mut bystander = Peer::login(house.address, "by", "x").await;
    let mut peer = Peer::login(house.address, "a", "x").await;
    peer.raw(bytes).await;
    let code = peer.goodbye_code().await;
    bystander.sync().await;
    code
}

fn frame(kind: Kind, body: impl Message) -> Bytes {
    Frame { kind: kind as u8, body: body.encode_to_vec().into() }.to_bytes()
}

fn send(message_id: &[u8]) -> schema::Send {
    schema::Send {
        chat: "dm:a:b".into(),
        message_id: Bytes::copy_from_slice(message_id),
        content: Content::text("hi").encode(),
    }
}

#[tokio::test]
async fn http_on_the_plain_port_is_turned_away() {
    let http = b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n";
    assert_eq!(opened_with(http).await, Some(CloseCode::BadPreface));
}

#[tokio::test]
async fn tls_on_the_plain_port_is_turned_away() {
    let client_hello = [&[0x16, 0x03, 0x01, 0x02, 0x00, 0x01][..], &[0; 512]].concat();
    assert_eq!(opened_with(&client_hello).await, Some(CloseCode::BadPreface));
}

#[tokio::test]
async fn another_version_is_turned_away() {
    assert_eq!(opened_with(b"PKTBOAT\x02").await, Some(CloseCode::BadPreface));
}

#[tokio::test]
async fn half_a_preface_is_waited_for_and_then_ended() {
    let house = House::with(|config| config.limits.handshake_ms = 200).await;
    let mut peer = Peer::connect(house.address).await;
    peer.raw(&PREFACE[..4]).await;
    assert_eq!(peer.goodbye_code().await, Some(CloseCode::HandshakeTimeout));
}

#[tokio::test]
async fn half_a_preface_and_no_more_leaves_nothing_behind() {
    let house = House::open().await;
    let mut peer = Peer::connect(house.address).await;
    peer.raw(&PREFACE[..4]).await;
    drop(peer);
    Peer::login(house.address, "a", "x").await.sync().await;
}

#[tokio::test]
async fn a_length_of_4_gib_is_refused_by_its_first_four_bytes() {
    let bytes = [&PREFACE[..], &[0xff; 4]].concat();
    assert_eq!(opened_with(&bytes).await, Some(CloseCode::FrameTooLarge));
    assert_eq!(said_in_session(&[0xff; 4]).await, Some(CloseCode::FrameTooLarge));
}

#[tokio::test]
async fn before_the_session_is_open_bodies_are_small() {
    let bytes = [&PREFACE[..], &4_097_u32.to_be_bytes()].concat();
    assert_eq!(opened_with(&bytes).await, Some(CloseCode::FrameTooLarge));
}

#[tokio::test]
async fn a_wrong_checksum_is_refused() {
    let mut bytes = BytesMut::from(&frame(Kind::Ping, schema::Ping { token: 1 })[..]);
    bytes[11] ^= 1;
    assert_eq!(said_in_session(&bytes).await, Some(CloseCode::BadChecksum));
}

#[tokio::test]
async fn flags_are_refused() {
    let mut bytes = BytesMut::from(&frame(Kind::Ping, schema::Ping::default())[..]);
    bytes[5] = 1;
    let checksum = crc32fast::hash(&bytes[..6]).to_be_bytes();
    bytes[6..10].copy_from_slice(&checksum);
    assert_eq!(said_in_session(&bytes).await, Some(CloseCode::BadFrame));
}

#[tokio::test]
async fn an_unknown_kind_is_refused_below_0x80_and_skipped_above() {
    let of_kind = |kind| Frame { kind, body: Bytes::from_static(b"?") }.to_bytes();
    assert_eq!(said_in_session(&of_kind(0x7f)).await, Some(CloseCode::UnknownKind));
    let house = House::open().await;
    let mut peer = Peer::login(house.address, "a", "x").await;
    peer.raw(&of_kind(0x80)).await;
    peer.sync().await;
}

#[tokio::test]
async fn a_body_of_another_kind_is_refused() {
    let as_hello = frame(Kind::Hello, send(&[1; 16]));
    let bytes = [&PREFACE[..], &as_hello].concat();
    assert_eq!(opened_with(&bytes).await, Some(CloseCode::BadBody));
    let as_ack = frame(Kind::Ack, send(&[1; 16]));
    assert_eq!(said_in_session(&as_ack).await, Some(CloseCode::BadBody));
}

#[tokio::test]
async fn a_packet_out_of_turn_is_refused() {
    let early = [&PREFACE[..], &frame(Kind::Send, send(&[1; 16]))].concat();
    assert_eq!(opened_with(&early).await, Some(CloseCode::WrongState));
    let mut again = BytesMut::new();
    Packet::Hello(hello("a", "x")).put(&mut again);
    assert_eq!(said_in_session(&again).await, Some(CloseCode::WrongState));
}

#[tokio::test]
async fn a_message_id_of_the_wrong_length_is_refused() {
    for bytes in [&[][..], &[1; 15], &[1; 17]] {
        let code = said_in_session(&frame(Kind::Send, send(bytes))).await;
        assert_eq!(code, Some(CloseCode::BadBody));
    }
}

#[tokio::test]
async fn an_ack_that_would_unfold_is_refused() {
    let cursors = vec![schema::Cursor::default(); 20_000];
    let code = said_in_session(&frame(Kind::Ack, schema::Ack { cursors })).await;
    assert_eq!(code, Some(CloseCode::BadBody));
}

#[tokio::test]
async fn an_empty_content_is_rejected_and_the_session_goes_on() {
    let house = House::open().await;
    let mut peer = Peer::login(house.address, "a", "x").await;
    for content in [Bytes::new(), Content::text("").encode()] {
        peer.send("dm:a:b", 1, content).await;
        let rejected = peer.answer().await.unwrap_err();
        assert_eq!(rejected.verdict.reject_code(), Some(RejectCode::Empty));
    }
    assert_eq!(peer.post("dm:a:b", 1, "hi").await, 1);
}

#[tokio::test]
async fn a_content_of_the_largest_size_is_taken_and_one_byte_more_is_not() {
    let house = House::open().await;
    let (mut peer, welcome) = Peer::greet(house.address, hello("a", "x")).await;
    let mut other = Peer::from_the_start(house.address, "b", "x").await;
    let max = welcome.limits.max_content as usize;
    let overhead = Content::text("x".repeat(max - 20)).encode().len() - (max - 20);
    let largest = "x".repeat(max - overhead);
    peer.send_text("dm:a:b", 1, &format!("{largest}x")).await;
    let rejected = peer.answer().await.unwrap_err();
    assert_eq!(rejected.verdict.reject_code(), Some(RejectCode::TooLarge));
    assert_eq!(peer.post("dm:a:b", 1, &largest).await, 1);
    assert_eq!(crate::peer::text_of(&other.take().await), largest);
    let (_, welcome) = Peer::greet(house.address, hello("c", "x")).await;
    assert_eq!(welcome.limits.max_body as usize, max + 1_024);
}

#[tokio::test]
async fn a_frame_over_the_negotiated_limit_is_refused() {
    let house = House::open().await;
    let (mut peer, welcome) = Peer::greet(house.address, hello("a", "x")).await;
    let body = vec![0; welcome.limits.max_body as usize + 1];
    peer.raw_unless_closed(&Frame { kind: 0x90, body: body.into() }.to_bytes()).await;
    assert_eq!(peer.goodbye_code().await, Some(CloseCode::FrameTooLarge));
}

#[tokio::test]
async fn an_unknown_user_is_rejected_where_the_server_is_set_so() {
    use packetboat::config::settings::UnknownUsers;
    let house = House::with(|config| config.store.unknown_users = UnknownUsers::Reject).await;
    let mut peer = Peer::login(house.address, "a", "x").await;
    peer.send_text("dm:a:nobody", 1, "hi").await;
    let rejected = peer.answer().await.unwrap_err();
    assert_eq!(rejected.verdict.reject_code(), Some(RejectCode::UnknownUser));
    Peer::login(house.address, "nobody", "x").await;
    assert_eq!(peer.post("dm:a:nobody", 1, "hi").await, 1);
}

#[tokio::test]
async fn a_chat_of_others_is_rejected_like_one_that_is_not_there() {
    let house = House::open().await;
    let mut peer = Peer::login(house.address, "eve", "x").await;
    for chat in ["dm:a:b", "group:none", "room:none"] {
        peer.send_text(chat, 1, "hi").await;
        let rejected = peer.answer().await.unwrap_err();
        assert_eq!(rejected.verdict.reject_code(), Some(RejectCode::NoSuchChat));
    }
}

#[tokio::test]
async fn a_hundred_thousand_pings_cost_only_who_sends_them() {
    let house = House::open().await;
    let mut bystander = Peer::login(house.address, "by", "x").await;
    let mut flooder = Peer::login(house.address, "a", "x").await;
    let mut pings = BytesMut::new();
    for token in 0..100_000 {
        Packet::Ping(token).put(&mut pings);
    }
    flooder.raw_unless_closed(&pings).await;
    assert_eq!(flooder.goodbye_code().await, Some(CloseCode::RateLimited));
    bystander.sync().await;
    assert_eq!(house.metrics.rate_closes.get(), 1);
}

#[tokio::test]
async fn garbage_of_every_length_ends_only_its_own_connection() {
    let house = House::open().await;
    let mut bystander = Peer::login(house.address, "by", "x").await;
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    for length in 1..200 {
        let garbage: Vec<u8> = std::iter::repeat_with(|| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed.to_le_bytes()[0]
        })
        .take(length)
        .collect();
        let mut peer = Peer::login(house.address, "a", "x").await;
        peer.raw(&garbage).await;
        drop(peer);
    }
    bystander.sync().await;
}
