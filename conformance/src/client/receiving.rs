//! Entries (SPEC.md sections 5.3, 6 and 11): each handed over once, and acknowledged then. Must
//! never deliver what a server could not: the log of a check has one entry for each seq.

use std::time::Duration;

use bytes::Bytes;
use packetboat_proto::entry::Entry;
use packetboat_proto::id::ChatId;
use packetboat_proto::packet::{CursorMoved, Notice, Packet, Response, Signal, SignalKind};
use tokio::time::Instant;

use crate::check::checks;
use crate::outcome::{Checked, ensure, fail};
use crate::wire;

use super::guest::{Guest, entry_of};
use super::harbor::Harbor;
use super::stage::Stage;

/// An ack comes within a second; a busy machine may take longer.
const ACK: Duration = Duration::from_secs(3);
/// What is printed for an entry that cannot be read.
const UNREADABLE: &str = "?";

checks! {
    "receiving", Harbor;
    Must handed_over ["X-7", "D-11", "D-7"]
        "each entry is handed over once and in order, and acknowledged, none before it came";
    Must had_before ["X-6", "X-19", "D-12"]
        "what comes again is not handed over again, and is acknowledged again";
    Must again_after_a_cut ["X-6", "D-4", "O-4"]
        "nor is it after a reconnect, whether its ack arrived or not";
    Must gaps ["D-3"] "a seq that is skipped is not waited for";
    Must own_seq_ahead ["X-8"] "an own seq is not taken for the cursor while others are due";
    Must own_seqs_in_a_row ["X-8", "X-18"] "own seqs right behind the cursor are acknowledged";
    Must own_entry_again ["X-6"] "an own entry that was accepted is not handed over";
    Must own_other_device ["X-7"] "an entry of another device of the user is handed over";
    Must unreadable ["E-13", "V-5"] "a content that cannot be read is acknowledged all the same";
    Should unreadable_is_shown ["E-13"] "that there is something that cannot be read is shown";
    Should acked_in_time ["T-5"] "an ack comes within a second, or at a quarter of the window";
    Should acks_are_joined ["T-5"] "many entries are acknowledged in one Ack";
    Should acks_again ["X-11"] "acks that may be lost are said again on the next connection";
    Must hints_are_not_needed ["N-1", "N-6", "Q-9"]
        "hints, unknown notices and answers to nothing change nothing";
    Must window ["D-5"] "it takes a whole window without a word of its own in between";
}

async fn begin(harbor: &Harbor) -> Checked<(Stage, Guest)> {
    let mut stage = harbor.stage().await?;
    let guest = stage.session().await?;
    Ok((stage, guest))
}

/// Delivers entries of the peer's, each with its seq as its text.
async fn deliver(stage: &Stage, guest: &mut Guest, seqs: &[u64]) -> Checked {
    for seq in seqs {
        let entry = entry_of(&stage.chat(), *seq, &stage.peer, &seq.to_string());
        guest.deliver(entry).await?;
    }
    Ok(())
}

/// They are handed over; it cannot be checked of a client that was not started here.
async fn said(stage: &mut Stage, seqs: &[u64]) -> Checked {
    for seq in seqs {
        stage.said(&seq.to_string()).await?;
    }
    Ok(())
}

/// They are handed over, where that is seen; what is checked shows otherwise.
async fn heard(stage: &mut Stage, seqs: &[u64]) -> Checked {
    for seq in seqs {
        stage.heard(&seq.to_string()).await?;
    }
    Ok(())
}

async fn handed_over(harbor: &Harbor) -> Checked {
    let (mut stage, mut guest) = begin(harbor).await?;
    // An ack of what was not delivered yet fails where it is read.
    for seq in 1..=3 {
        deliver(&stage, &mut guest, &[seq]).await?;
        guest.acked(&stage.chat(), seq).await?;
        heard(&mut stage, &[seq]).await?;
    }
    harbor.sees()
}

async fn had_before(harbor: &Harbor) -> Checked {
    let (mut stage, mut guest) = begin(harbor).await?;
    deliver(&stage, &mut guest, &[1, 2]).await?;
    heard(&mut stage, &[1, 2]).await?;
    guest.acked(&stage.chat(), 2).await?;
    guest.sync().await?;
    guest.acks.clear();
    deliver(&stage, &mut guest, &[1, 2]).await?;
    guest.acked(&stage.chat(), 2).await?;
    deliver(&stage, &mut guest, &[3]).await?;
    guest.acked(&stage.chat(), 3).await?;
    said(&mut stage, &[3]).await
}

async fn again_after_a_cut(harbor: &Harbor) -> Checked {
    for is_acked in [false, true] {
        let (mut stage, mut guest) = begin(harbor).await?;
        deliver(&stage, &mut guest, &[1, 2]).await?;
        heard(&mut stage, &[1, 2]).await?;
        if is_acked {
            guest.acked(&stage.chat(), 2).await?;
        }
        drop(guest);
        let mut guest = stage.session().await?;
        deliver(&stage, &mut guest, &[1, 2, 3]).await?;
        heard(&mut stage, &[3]).await?;
        guest.acked(&stage.chat(), 3).await?;
    }
    harbor.sees()
}

async fn gaps(harbor: &Harbor) -> Checked {
    let (mut stage, mut guest) = begin(harbor).await?;
    let seqs = [2, 5, 900];
    deliver(&stage, &mut guest, &seqs).await?;
    heard(&mut stage, &seqs).await?;
    guest.acked(&stage.chat(), 900).await
}

async fn own_seq_ahead(harbor: &Harbor) -> Checked {
    harbor.driven()?;
    let (mut stage, mut guest) = begin(harbor).await?;
    stage.tell("own").await?;
    let send = guest.sent().await?;
    // The server has taken one of the peer's before it, which is on its way.
    guest.accept(&send, 2).await?;
    guest.within(Duration::from_millis(1_200)).await?;
    let early = guest.acks.iter().find(|cursor| cursor.delivered > 0);
    if let Some(cursor) = early {
        return fail("no Ack before entry 1", format_args!("one up to {}", cursor.delivered));
    }
    deliver(&stage, &mut guest, &[1]).await?;
    said(&mut stage, &[1]).await?;
    guest.acked(&stage.chat(), 2).await
}

async fn own_seqs_in_a_row(harbor: &Harbor) -> Checked {
    harbor.driven()?;
    let (mut stage, mut guest) = begin(harbor).await?;
    deliver(&stage, &mut guest, &[1]).await?;
    said(&mut stage, &[1]).await?;
    guest.acked(&stage.chat(), 1).await?;
    for seq in 2..=3 {
        stage.tell("own").await?;
        let send = guest.sent().await?;
        guest.accept(&send, seq).await?;
    }
    guest.acked(&stage.chat(), 3).await
}

async fn own_entry_again(harbor: &Harbor) -> Checked {
    harbor.driven()?;
    let (mut stage, mut guest) = begin(harbor).await?;
    stage.tell("own").await?;
    let send = guest.sent().await?;
    guest.accept(&send, 2).await?;
    guest.sync().await?;
    drop(guest);
    let mut guest = stage.session().await?;
    deliver(&stage, &mut guest, &[1]).await?;
    let (chat, sender) = (send.chat, stage.user.clone());
    let own = Entry { chat, seq: 2, sender, id: send.id, at_ms: 1, content: send.content };
    guest.deliver(own).await?;
    deliver(&stage, &mut guest, &[3]).await?;
    said(&mut stage, &[1, 3]).await?;
    guest.acked(&stage.chat(), 3).await
}

async fn own_other_device(harbor: &Harbor) -> Checked {
    let (mut stage, mut guest) = begin(harbor).await?;
    let entry = entry_of(&stage.chat(), 1, &stage.user, "from my other phone");
    guest.deliver(entry).await?;
    guest.acked(&stage.chat(), 1).await?;
    stage.said("from my other phone").await
}

/// Contents that a client of version 1 cannot read.
fn unreadable_contents() -> [Bytes; 4] {
    let later = wire::bytes(15, b"of a later version");
    let empty = wire::bytes(1, &[]);
    [later.into(), vec![0xff; 3].into(), Bytes::new(), empty.into()]
}

async fn deliver_unreadable(stage: &Stage, guest: &mut Guest) -> Checked<u64> {
    let contents = unreadable_contents();
    for (seq, content) in (1..).zip(contents) {
        let entry = Entry { content, ..entry_of(&stage.chat(), seq, &stage.peer, "") };
        guest.deliver(entry).await?;
    }
    Ok(unreadable_contents().len() as u64)
}

async fn unreadable(harbor: &Harbor) -> Checked {
    let (stage, mut guest) = begin(harbor).await?;
    let last = deliver_unreadable(&stage, &mut guest).await?;
    guest.acked(&stage.chat(), last).await?;
    guest.sync().await.map(drop)
}

async fn unreadable_is_shown(harbor: &Harbor) -> Checked {
    harbor.driven()?;
    let (mut stage, mut guest) = begin(harbor).await?;
    let last = deliver_unreadable(&stage, &mut guest).await?;
    for _ in 0..last {
        stage.said(UNREADABLE).await?;
    }
    Ok(())
}

async fn acked_in_time(harbor: &Harbor) -> Checked {
    let mut stage = harbor.stage().await?;
    let mut guest = stage.session_with(|welcome| welcome.limits.window = 8).await?;
    let begun = Instant::now();
    deliver(&stage, &mut guest, &[1, 2]).await?;
    guest.acked(&stage.chat(), 2).await?;
    let waited = begun.elapsed();
    ensure(waited < ACK, "an Ack within a second", format_args!("{waited:?}"))
}

async fn acks_are_joined(harbor: &Harbor) -> Checked {
    let (stage, mut guest) = begin(harbor).await?;
    let seqs: Vec<u64> = (1..=60).collect();
    deliver(&stage, &mut guest, &seqs).await?;
    guest.acked(&stage.chat(), 60).await?;
    let acks = guest.acks.len();
    ensure(acks <= 30, "far less than an Ack for each of 60 entries", format_args!("{acks}"))
}

async fn acks_again(harbor: &Harbor) -> Checked {
    let (mut stage, mut guest) = begin(harbor).await?;
    deliver(&stage, &mut guest, &[1, 2]).await?;
    heard(&mut stage, &[1, 2]).await?;
    // Its ack may be on its way, or be written; nothing shows that it was read.
    drop(guest);
    let mut guest = stage.session().await?;
    guest.acked(&stage.chat(), 2).await
}

async fn hints_are_not_needed(harbor: &Harbor) -> Checked {
    let (mut stage, mut guest) = begin(harbor).await?;
    let (chat, user) = (stage.chat(), stage.peer.clone());
    let data = Bytes::from_static(b"x");
    let sender = Some(user.clone());
    let other = ChatId::direct(&stage.peer, &stage.peer);
    let moved = |chat: &ChatId| {
        let (chat, user) = (chat.clone(), user.clone());
        Packet::Notice(Notice::Cursor(CursorMoved { chat, user, delivered: 900, read: 900 }))
    };
    guest.say(moved(&chat)).await?;
    guest.say(moved(&other)).await?;
    guest.say(Packet::Notice(Notice::Missed)).await?;
    let kind = SignalKind::Custom;
    guest.say(Packet::Signal(Signal { chat, kind, data, sender })).await?;
    guest.raw(&wire::frame(0x16, &wire::bytes(999, b"later"))).await?;
    let answer = Err(packetboat_proto::packet::Verdict::reject(
        packetboat_proto::code::RejectCode::NoSuchChat,
        "",
        0,
    ));
    guest.say(Packet::Response(Response { id: u64::MAX, answer })).await?;
    deliver(&stage, &mut guest, &[1]).await?;
    heard(&mut stage, &[1]).await?;
    guest.acked(&stage.chat(), 1).await
}

async fn window(harbor: &Harbor) -> Checked {
    let (mut stage, mut guest) = begin(harbor).await?;
    let wanted = guest.hello.wanted.window;
    let most = if wanted == 0 { 256 } else { wanted.min(256) };
    let seqs: Vec<u64> = (1..=u64::from(most)).collect();
    deliver(&stage, &mut guest, &seqs).await?;
    heard(&mut stage, &seqs).await?;
    guest.acked(&stage.chat(), u64::from(most)).await
}
