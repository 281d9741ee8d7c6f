//! Ids (SPEC.md section 3). Must never send a bad id where none is tested.

use packetboat_proto::code::CloseCode;
use packetboat_proto::content::GroupChange;
use packetboat_proto::id::ChatId;

use crate::check::checks;
use crate::outcome::{Checked, same};
use crate::{vectors, wire};

use super::bed::Bed;
use super::peer::{Peer, text};

checks! {
    "ids", Bed;
    Must case_matters ["I-1"] "ids that differ in case are two ids";
    Must note_to_oneself ["I-2"] "dm:a:a is a note to oneself, and reaches the other devices";
    Must wrong_way_round ["I-2", "I-3"] "dm:b:a with b > a is no id";
    Must bad_chats ["I-3"] "what is no chat id closes with BAD_BODY";
    Must bad_users ["I-3"] "what is no user id or device id closes with BAD_BODY";
    Must bad_message_ids ["I-3"] "a message id of other than 16 bytes closes with BAD_BODY";
}

async fn case_matters(bed: &Bed) -> Checked {
    let [ada] = bed.users()?;
    let mut ada = Peer::login(bed, &ada).await?;
    let name = bed.name();
    for ending in ["x", "X"] {
        let group = ChatId::group(&format!("{name}{ending}")).expect("a letter may be in an id");
        let made = GroupChange::Created { name: ending.to_owned(), members: Vec::new() };
        same("the seq of a group's first entry", 1, ada.change(bed, &group, made).await?.seq)?;
    }
    Ok(())
}

async fn note_to_oneself(bed: &Bed) -> Checked {
    let [ada] = bed.users()?;
    let chat = ChatId::direct(&ada, &ada);
    let (mut phone, mut laptop) = (Peer::login(bed, &ada).await?, Peer::login(bed, &ada).await?);
    let seq = phone.text(bed, &chat, "buy milk").await?.seq;
    same("the note on the other device", seq, laptop.take(&chat).await?.seq)
}

/// What an open session gets for a Send to that chat, under that message id.
async fn said(bed: &Bed, chat: &[u8], id: &[u8]) -> Checked {
    let [ada] = bed.users()?;
    let mut peer = Peer::login(bed, &ada).await?;
    let body = [wire::bytes(1, chat), wire::bytes(2, id), wire::bytes(3, &text("x"))].concat();
    peer.closes_for(&wire::frame(0x10, &body), CloseCode::BadBody).await
}

async fn wrong_way_round(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let (low, high) = if ada.as_str() < bob.as_str() { (&ada, &bob) } else { (&bob, &ada) };
    said(bed, format!("dm:{high}:{low}").as_bytes(), bed.message().as_bytes()).await
}

async fn bad_chats(bed: &Bed) -> Checked {
    for vector in vectors::all().filter(|v| v.reads == "chat" && v.verdict == "bad") {
        said(bed, &vector.bytes, bed.message().as_bytes()).await?;
    }
    Ok(())
}

async fn bad_users(bed: &Bed) -> Checked {
    let [ada] = bed.users()?;
    let bad = |reads| vectors::all().filter(move |v| v.reads == reads && v.verdict == "bad");
    let users = bad("user").map(|vector| (vector.bytes, b"d".to_vec()));
    let devices = bad("device").map(|vector| (ada.as_str().as_bytes().to_vec(), vector.bytes));
    for (user, device) in users.chain(devices) {
        let credential = wire::bytes(3, &wire::bytes(1, &[]));
        let body = [wire::bytes(1, &user), wire::bytes(2, &device), credential].concat();
        let mut peer = Peer::open(bed).await?;
        peer.closes_for(&wire::frame(0x01, &body), CloseCode::BadBody).await?;
    }
    Ok(())
}

async fn bad_message_ids(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let chat = ChatId::direct(&ada, &bob);
    for length in [0, 1, 15, 17, 32] {
        said(bed, chat.as_str().as_bytes(), &vec![7; length]).await?;
    }
    Ok(())
}
