//! Bodies as protobuf lets them be written, and as it does not (SPEC.md section 5), as a client
//! reads them. Must never hold a client to what only a server has to refuse (P-6).

use packetboat_proto::code::CloseCode;
use packetboat_proto::packet::{Packet, Verdict};

use crate::check::checks;
use crate::outcome::{Checked, Stop, ensure, fail};
use crate::vectors;
use crate::wire::{bytes, fixed64, frame, number, unknown_fields};

use super::guest::{Guest, bytes_of, entry_of};
use super::harbor::Harbor;
use super::stage::Stage;

checks! {
    "bodies", Harbor;
    Must defaults ["P-1"] "a Welcome of what is needed, and nothing else, opens the session";
    Must any_order ["P-3", "P-4"]
        "fields come in any order, and of one that comes twice the last counts";
    Must unknown_fields_are_ignored ["P-5", "V-3"]
        "unknown fields in all that the server says change nothing";
    Must broken ["P-6", "I-3", "P-11"] "what is no message of its kind is refused with BAD_BODY";
    Should other_wire_types ["P-6"] "a known field of another wire type is refused with BAD_BODY";
    Must large_varints ["P-8"] "a bool other than 0 is true, a uint32 has its low 32 bits";
    Must unknown_enums ["P-9", "R-2"] "unknown values of enums are no fault";
}

/// Welcome limits as a server writes them, but for a heartbeat that is long.
fn limits() -> Vec<u8> {
    let fields = [number(1, 65_536), number(2, 64), number(3, 60_000)];
    [fields.concat(), number(4, 64_512), number(5, 64)].concat()
}

/// An entry is delivered by a body of that frame, and the client has it.
async fn taken(stage: &mut Stage, guest: &mut Guest, body: &[u8], text: &str) -> Checked {
    guest.told_of(&stage.chat(), 1);
    guest.raw(&frame(0x13, body)).await?;
    stage.heard(text).await?;
    guest.acked(&stage.chat(), 1).await
}

async fn defaults(harbor: &Harbor) -> Checked {
    let mut stage = harbor.stage().await?;
    let mut guest = stage.hello().await?;
    let needed = [bytes(1, &[7; 16]), bytes(2, &limits())].concat();
    guest.stream.set_body_max(65_536);
    guest.raw(&frame(0x02, &needed)).await?;
    guest.sync().await.map(drop)
}

async fn any_order(harbor: &Harbor) -> Checked {
    let mut stage = harbor.stage().await?;
    let mut guest = stage.session().await?;
    let entry = entry_of(&stage.chat(), 1, &stage.peer, "backwards");
    let body = [
        bytes(6, &entry.content),
        number(5, 5),
        bytes(4, entry.id.as_bytes()),
        bytes(3, entry.sender.as_str().as_bytes()),
        number(2, 99),
        bytes(1, b"dm:nobody:nobody"),
        number(2, 1),
        bytes(1, entry.chat.as_str().as_bytes()),
    ];
    taken(&mut stage, &mut guest, &body.concat(), "backwards").await
}

async fn unknown_fields_are_ignored(harbor: &Harbor) -> Checked {
    let mut stage = harbor.stage().await?;
    let mut guest = stage.hello().await?;
    let limits = [limits(), unknown_fields()].concat();
    let welcome = [unknown_fields(), bytes(1, &[7; 16]), bytes(2, &limits)].concat();
    guest.stream.set_body_max(65_536);
    guest.raw(&frame(0x02, &welcome)).await?;
    let entry = entry_of(&stage.chat(), 1, &stage.peer, "and more");
    let body = [&entry.encode()[..], &unknown_fields()].concat();
    taken(&mut stage, &mut guest, &body, "and more").await?;
    if harbor.driven().is_err() {
        return Ok(());
    }
    stage.tell("yes").await?;
    let send = guest.sent().await?;
    let answer = [
        bytes(1, send.chat.as_str().as_bytes()),
        bytes(2, send.id.as_bytes()),
        number(3, 2),
        number(4, 9),
        unknown_fields(),
    ];
    guest.told_of(&send.chat, 2);
    guest.raw(&frame(0x11, &answer.concat())).await?;
    guest.acked(&send.chat, 2).await?;
    drop(guest);
    // It was accepted, so it is not sent again: what comes first is what is told now.
    let mut guest = stage.session().await?;
    guest.sync().await?;
    stage.tell("next").await?;
    let next = guest.sent().await?;
    ensure(next.id != send.id, "a new message", "the one that was accepted")
}

async fn refused(harbor: &Harbor, names: &[&str]) -> Checked {
    let mut count = 0;
    for vector in vectors::all().filter(|vector| vector.reads == "frame") {
        let is_named = names.iter().any(|name| vector.name.starts_with(name));
        let kind = vector.bytes.get(4).copied().unwrap_or_default();
        // What a server may say in an open session.
        let fits = matches!(kind, 0x03..=0x05 | 0x11..=0x13 | 0x15 | 0x16 | 0x21);
        if !is_named || !fits || vector.close_code() != Some(CloseCode::BadBody) {
            continue;
        }
        count += 1;
        let mut stage = harbor.stage().await?;
        let mut guest = stage.session().await?;
        guest.be_of_use(&stage.chat(), &stage.peer).await?;
        match guest.closes_for(&vector.bytes, CloseCode::BadBody).await {
            Err(Stop::Fail { expected, got }) => {
                return fail(expected, format_args!("{got}, for the vector {}", vector.name));
            }
            other => other?,
        }
    }
    ensure(count > 0, "vectors to try", "none")
}

async fn broken(harbor: &Harbor) -> Checked {
    refused(harbor, &["broken.", "missing.", "bad_id.", "limit."]).await
}

async fn other_wire_types(harbor: &Harbor) -> Checked {
    refused(harbor, &["wire_type."]).await?;
    let mut stage = harbor.stage().await?;
    let mut guest = stage.session().await?;
    guest.closes_for(&frame(0x04, &fixed64(1, 7)), CloseCode::BadBody).await
}

async fn large_varints(harbor: &Harbor) -> Checked {
    let mut stage = harbor.stage().await?;
    let mut guest = stage.hello().await?;
    // max_body with a bit beyond the 32nd: a body of 16,384 is taken, one more byte is not.
    let limits = [limits(), number(1, (1 << 32) + 16_384)].concat();
    let welcome = [bytes(1, &[7; 16]), bytes(2, &limits), number(7, 1 << 40)].concat();
    guest.stream.set_body_max(65_536);
    guest.raw(&frame(0x02, &welcome)).await?;
    guest.raw(&frame(0x80, &vec![0; 16_384])).await?;
    guest.sync().await?;
    guest.closes_for(&frame(0x80, &vec![0; 16_385]), CloseCode::FrameTooLarge).await
}

async fn unknown_enums(harbor: &Harbor) -> Checked {
    let mut stage = harbor.stage().await?;
    let mut guest = stage.session().await?;
    guest.sync().await?;
    let known = bytes_of(&Packet::Goodbye(Verdict::close(CloseCode::Internal, "", 0)));
    // Fault 99, and retry 99: UNSPECIFIED, which is LATER.
    let body = [&known[10..], &number(3, 99), &number(4, 99)].concat();
    guest.raw(&frame(0x03, &body)).await?;
    guest.stream.end().await?;
    drop(guest);
    stage.session().await.map(drop)
}
