//! Connection, preface, the ends of a connection (SPEC.md section 2). Must never take what a
//! client does after a check's end for a fault.

use std::time::Duration;

use packetboat_proto::code::CloseCode;
use packetboat_proto::limits::HANDSHAKE_BODY_BYTES_MAX;
use packetboat_proto::packet::{Packet, Verdict};

use crate::check::checks;
use crate::outcome::{Checked, ensure, same};
use crate::wire::has_group;

use super::guest::bytes_of;
use super::harbor::Harbor;

/// How long a client is listened to before its session is open.
const EARLY: Duration = Duration::from_millis(400);

checks! {
    "connection", Harbor;
    Must preface_and_hello ["C-2", "C-5", "H-1"]
        "it opens with the preface and a Hello of its user, and waits for nothing";
    Should canonical ["P-2", "P-7", "G-1"]
        "its Hello has its fields in order, none with its default, and no groups";
    Must small_before_the_welcome ["H-2", "F-7"]
        "what is pipelined behind the Hello has bodies of 4,096 bytes at most";
    Must nothing_after_goodbye ["C-7"] "after a Goodbye it says nothing more, and closes";
    Must done ["C-7", "S-2"] "when its app is done it says Goodbye DONE, and nothing more";
    Should goodbye_is_read ["C-8"] "a Goodbye is read although writing fails";
    Must cut ["C-9", "X-2", "I-5"]
        "what was unanswered when the connection was cut is sent again, with its id and bytes";
}

async fn preface_and_hello(harbor: &Harbor) -> Checked {
    // Nothing is said to it until both are read.
    harbor.stage().await?.hello().await.map(drop)
}

async fn canonical(harbor: &Harbor) -> Checked {
    let guest = harbor.stage().await?.hello().await?;
    let body = &guest.hello_frame.body;
    ensure(!has_group(body), "no groups", format_args!("{body:02x?}"))?;
    let canonical = bytes_of(&Packet::Hello(guest.hello.clone()));
    same("the body", &canonical[10..], &body[..])
}

async fn small_before_the_welcome(harbor: &Harbor) -> Checked {
    harbor.driven()?;
    let mut stage = harbor.stage().await?;
    let (short, long) = ("s".repeat(1_000), "l".repeat(2 * HANDSHAKE_BODY_BYTES_MAX as usize));
    for text in [&short, &long] {
        stage.tell(text).await?;
    }
    let mut guest = stage.hello().await?;
    // Larger bodies are refused where frames are read.
    let mut early = guest.within(EARLY).await?;
    guest.welcome(|_| {}).await?;
    while early.iter().flatten().filter(|packet| matches!(packet, Packet::Send(_))).count() < 2 {
        let send = guest.sent().await?;
        early.push(Some(Packet::Send(send)));
    }
    Ok(())
}

async fn nothing_after_goodbye(harbor: &Harbor) -> Checked {
    let mut stage = harbor.stage().await?;
    let mut guest = stage.session().await?;
    guest.sync().await?;
    guest.leave(Verdict::close(CloseCode::ShuttingDown, "", 0)).await
}

async fn done(harbor: &Harbor) -> Checked {
    harbor.driven()?;
    let mut stage = harbor.stage().await?;
    let mut guest = stage.session().await?;
    guest.sync().await?;
    stage.no_more();
    guest.closed_with(CloseCode::Done).await?;
    drop(guest);
    stage.ended().await
}

async fn goodbye_is_read(harbor: &Harbor) -> Checked {
    harbor.driven()?;
    let mut stage = harbor.stage().await?;
    let mut guest = stage.session().await?;
    guest.sync().await?;
    for _ in 0..4 {
        stage.tell(&"x".repeat(10_000)).await?;
    }
    guest.sent().await?;
    guest.say(Packet::Goodbye(Verdict::close(CloseCode::Replaced, "", 0))).await?;
    // With bytes unread: the system resets the connection, and what is written fails.
    drop(guest);
    stage.nobody(Duration::from_millis(2_500)).await
}

async fn cut(harbor: &Harbor) -> Checked {
    harbor.driven()?;
    let mut stage = harbor.stage().await?;
    stage.tell("once").await?;
    let mut guest = stage.session().await?;
    let first = guest.sent().await?;
    same("its chat", stage.chat(), first.chat.clone())?;
    drop(guest);
    let mut guest = stage.session().await?;
    same("the message again", first, guest.sent().await?)
}
