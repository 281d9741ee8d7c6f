//! What a server says of contents (SPEC.md section 6, E-1 to E-5 and E-15). Must never send what
//! would change a group.

use bytes::Bytes;
use packetboat_proto::code::RejectCode;
use packetboat_proto::content::{Content, GroupChange};
use packetboat_proto::id::ChatId;

use crate::check::checks;
use crate::outcome::{Checked, Stop, ensure, fail};
use crate::{vectors, wire};

use super::bed::Bed;
use super::peer::{Peer, text};

checks! {
    "contents", Bed;
    Must empty ["E-1"] "no bytes at all are EMPTY";
    Must no_content ["E-2"] "what is no Content is INVALID, and so is a list of 101 users";
    Must unknown_kind ["E-3", "V-5"] "a kind that the server does not know is UNSUPPORTED";
    Must fields ["E-4"] "a field outside its bounds has the code of its table";
    Must vectors_are_refused ["E-2", "E-3", "E-4"] "each content of the vectors has its code";
    Must vectors_are_taken ["E-4", "M-4"] "what the vectors call valid is not refused for itself";
    Must change_in_a_direct_chat ["E-5"] "a change in a chat that is no group is INVALID";
    Must long_change ["E-15"] "a change of more than 13,456 bytes is TOO_LARGE, or judged";
    Must text_in_bytes ["L-1"] "lengths count bytes of UTF-8";
}

/// What becomes of a content in a direct chat.
async fn refused(bed: &Bed, content: impl Into<Bytes>, code: RejectCode) -> Checked {
    let [ada, bob] = bed.users()?;
    let mut peer = Peer::login(bed, &ada).await?;
    peer.rejected(bed, &ChatId::direct(&ada, &bob), content.into(), code).await
}

async fn empty(bed: &Bed) -> Checked {
    refused(bed, Bytes::new(), RejectCode::Empty).await
}

async fn no_content(bed: &Bed) -> Checked {
    refused(bed, vec![0x0a, 5, 1], RejectCode::Invalid).await?;
    refused(bed, vec![0xff], RejectCode::Invalid).await?;
    let users: Vec<u8> =
        (0..101).flat_map(|n| wire::bytes(1, format!("u{n}").as_bytes())).collect();
    refused(bed, wire::bytes(17, &users), RejectCode::Invalid).await
}

async fn unknown_kind(bed: &Bed) -> Checked {
    refused(bed, wire::bytes(15, b"later"), RejectCode::Unsupported).await?;
    refused(bed, wire::unknown_fields(), RejectCode::Unsupported).await
}

async fn fields(bed: &Bed) -> Checked {
    let data = |media: &[u8], body: &[u8]| {
        wire::bytes(2, &[wire::bytes(1, media), wire::bytes(2, body)].concat())
    };
    refused(bed, text(""), RejectCode::Empty).await?;
    refused(bed, data(b"image/png", b""), RejectCode::Empty).await?;
    // The body is judged before the media type.
    refused(bed, data(b"", b""), RejectCode::Empty).await?;
    for media in [&b""[..], b"a\x1fb", b"a\x7fb", &[b'x'; 129]] {
        refused(bed, data(media, b"x"), RejectCode::Invalid).await?;
    }
    let [ada, bob] = bed.users()?;
    let mut peer = Peer::login(bed, &ada).await?;
    for media in [&b"a"[..], b" ~", &[b'x'; 128]] {
        let content = data(media, b"x").into();
        peer.post(&ChatId::direct(&ada, &bob), bed.message(), content).await?;
    }
    for name in ["", "a\u{1f}", "a\u{7f}", "a\u{9f}"] {
        refused(bed, wire::bytes(20, &wire::bytes(1, name.as_bytes())), RejectCode::Invalid)
            .await?;
    }
    refused(bed, wire::bytes(17, &[]), RejectCode::Empty).await?;
    refused(bed, wire::bytes(18, &[]), RejectCode::Empty).await?;
    let twice = [wire::bytes(1, b"bob"), wire::bytes(1, b"bob")].concat();
    refused(bed, wire::bytes(17, &twice), RejectCode::Invalid).await?;
    refused(bed, wire::bytes(19, &wire::bytes(1, b"no id")), RejectCode::Invalid).await
}

async fn vectors_are_refused(bed: &Bed) -> Checked {
    let [ada] = bed.users()?;
    let mut peer = Peer::login(bed, &ada).await?;
    let mut count = 0;
    // To a group that is not there: what is refused for itself is refused before that.
    let group = bed.group();
    for vector in vectors::all().filter(|vector| vector.reads == "content") {
        let Some(name) = vector.verdict.strip_prefix("reject ") else { continue };
        let code = RejectCode::ALL.iter().copied().find(|code| code.name() == name);
        let Some(code) = code else { return fail("a known code", name) };
        if code == RejectCode::TooLarge || vector.bytes.len() > peer.limits.max_content as usize {
            // It hangs on the limit that is in force here: see `messages.largest`.
            continue;
        }
        count += 1;
        match peer.rejected(bed, &group, vector.bytes.into(), code).await {
            Err(Stop::Fail { expected, got }) => {
                return fail(expected, format_args!("{got}, for the vector {}", vector.name));
            }
            other => other?,
        }
    }
    ensure(count > 0, "vectors to try", "none")
}

async fn vectors_are_taken(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let chat = ChatId::direct(&ada, &bob);
    let mut peer = Peer::login(bed, &ada).await?;
    let judged = [RejectCode::Invalid, RejectCode::NotAllowed].map(Some);
    for vector in vectors::all().filter(|vector| vector.reads == "content") {
        let valid = matches!(vector.verdict, "canonical" | "ok");
        if !valid || vector.bytes.len() > peer.limits.max_content as usize {
            continue;
        }
        let id = bed.message();
        // Text and data are accepted; a change is judged by E-5, and a file by E-23, after E-1 to
        // E-4.
        peer.send(&chat, id, vector.bytes.into()).await?;
        match peer.answer(id).await? {
            Ok(_) => {}
            Err(rejected) if judged.contains(&rejected.verdict.reject_code()) => {}
            Err(rejected) => {
                let reason = rejected.verdict.reason;
                return fail("Accepted", format_args!("{reason}, for the vector {}", vector.name));
            }
        }
    }
    Ok(())
}

async fn change_in_a_direct_chat(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    for change in [
        GroupChange::Created { name: "x".into(), members: Vec::new() },
        GroupChange::Added(vec![bob]),
        GroupChange::Removed(vec![ada]),
        GroupChange::Left { new_owner: None },
        GroupChange::Renamed("x".into()),
    ] {
        refused(bed, Content::Group(change).encode(), RejectCode::Invalid).await?;
    }
    Ok(())
}

async fn long_change(bed: &Bed) -> Checked {
    let [ada] = bed.users()?;
    let mut peer = Peer::login(bed, &ada).await?;
    let group = bed.group();
    let made = wire::bytes(16, &wire::bytes(1, b"crew"));
    // Made longer by a field that nobody knows.
    let content = [made, wire::bytes(99, &vec![b'x'; 13_500])].concat();
    let id = bed.message();
    peer.send(&group, id, content.into()).await?;
    match peer.answer(id).await? {
        Ok(_) => Ok(()),
        Err(rejected) => {
            let code = rejected.verdict.reject_code();
            crate::outcome::same("the code", Some(RejectCode::TooLarge), code)
        }
    }
}

async fn text_in_bytes(bed: &Bed) -> Checked {
    let [ada] = bed.users()?;
    let mut peer = Peer::login(bed, &ada).await?;
    let group = bed.group();
    let made = |name: String| GroupChange::Created { name, members: Vec::new() };
    peer.unchanged(bed, &group, made("é".repeat(65)), RejectCode::Invalid).await?;
    peer.change(bed, &group, made("é".repeat(64))).await.map(drop)
}
