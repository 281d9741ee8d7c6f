//! Hello, Welcome, tickets, pings (SPEC.md section 5.1). Must never try a wrong password more than
//! once: a server may slow such a user down.

use bytes::{Bytes, BytesMut};
use packetboat_proto::code::CloseCode;
use packetboat_proto::frame::PREFACE;
use packetboat_proto::id::ChatId;
use packetboat_proto::limits::{
    BODY_BYTES_HIGHEST, BODY_BYTES_LOWEST, HEARTBEAT_MS_HIGHEST, HEARTBEAT_MS_LOWEST,
    SENDS_HIGHEST, WINDOW_HIGHEST,
};
use packetboat_proto::packet::{
    Credential, Cursor, Edge, Hello, Limits, Operation, Packet, Request, Send, Start, Welcome,
};

use crate::check::checks;
use crate::outcome::{Checked, ensure, fail, same, skip};
use crate::wire;

use super::bed::{Accounts, Bed};
use super::peer::{Peer, text};

checks! {
    "handshake", Bed;
    Must hello_first ["H-1", "S-1"] "anything but a Hello first is refused with WRONG_STATE";
    Must hello_once ["H-1"] "a second Hello is refused with WRONG_STATE";
    Must pipelined ["H-2", "C-5"]
        "what is pipelined behind the Hello is handled once the session is open";
    Must not_read_while_checking ["S-3"]
        "what stands behind a Hello is looked at only once the Hello is checked";
    Must pipelined_and_refused ["H-2"] "behind a Hello that is refused nothing is handled";
    Must answered ["H-3"] "a Hello is answered with Welcome, or with Goodbye and a close";
    Must max_body ["H-4"] "a wanted max_body below the server's is refused, others leave it";
    Must window ["H-5"] "the window is the lower of both, and 0 is the server's";
    Must heartbeat ["H-6"] "the heartbeat is the wanted one within bounds, and 0 is the server's";
    Must own_limits ["H-7"] "max_content and sends are the server's, whatever is wanted";
    Must wrong_kind ["H-8"] "a kind of credential that is not taken is WRONG_CREDENTIAL_KIND";
    Must wrong_credential ["H-8"] "a wrong password and an unknown user are refused alike";
    Must ticket ["H-9"] "a ticket opens the next session of its user and device";
    Must bad_ticket ["H-10"] "a ticket that is none, or another's, is refused with BAD_TICKET";
    Must replaced ["H-11"] "a newer session of the device replaces the older one";
    Must start ["H-12"] "a new device starts where it says, and a known one where it was";
    Must known_device ["X-17"] "new_device tells whether the server knew the device";
    Must ping ["H-13"] "a Ping is answered by a Pong in its turn, and a Pong is ignored";
    Must no_zero ["H-14"] "no limit of a Welcome is 0, and they go together";
    Must within_bounds ["V-7"] "the limits of a Welcome are within those of section 9";
    Must too_many_devices ["H-15"] "a device too many is refused, and a known one never";
}

async fn hello_first(bed: &Bed) -> Checked {
    for packet in [Packet::Ping(1), Packet::Pong(1), Packet::Ack(Vec::new())] {
        let mut peer = Peer::open(bed).await?;
        peer.say(packet).await?;
        peer.closed_with(CloseCode::WrongState).await?;
    }
    Ok(())
}

async fn hello_once(bed: &Bed) -> Checked {
    let [ada] = bed.users()?;
    let hello = bed.hello(&ada);
    let (mut peer, _) = Peer::greet(bed, hello.clone()).await?;
    peer.say(Packet::Hello(hello)).await?;
    peer.closed_with(CloseCode::WrongState).await.map(drop)
}

async fn pipelined(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let (chat, id) = (ChatId::direct(&ada, &bob), bed.message());
    let mut bytes = BytesMut::from(&PREFACE[..]);
    let operation = Some(Operation::Chat { chat: chat.clone() });
    for packet in [
        Packet::Hello(bed.hello(&ada)),
        Packet::Ack(vec![Cursor { chat: chat.clone(), delivered: 0, read: 0 }]),
        Packet::Send(Send { chat, id, content: text("early") }),
        Packet::Request(Request { id: 5, operation }),
        Packet::Ping(9),
    ] {
        packet.put(&mut bytes);
    }
    let mut peer = Peer::connect(bed).await?;
    peer.raw(&bytes).await?;
    peer.welcome().await?;
    let (mut sent, mut asked, mut pinged) = (false, false, false);
    while !(sent && asked && pinged) {
        match peer.next("Accepted, a Response and a Pong").await? {
            Packet::Accepted(accepted) => sent = accepted.id == id,
            Packet::Response(response) => asked = response.id == 5,
            Packet::Pong(token) => pinged = token == 9,
            Packet::Rejected(_) | Packet::Goodbye(_) => return fail("Accepted", "a refusal"),
            _ => {}
        }
    }
    Ok(())
}

async fn pipelined_and_refused(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let (chat, id) = (ChatId::direct(&ada, &bob), bed.message());
    let ticket = Credential::Ticket(Bytes::from_static(b"no ticket at all"));
    let mut bytes = BytesMut::from(&PREFACE[..]);
    Packet::Hello(Hello { credential: ticket, ..bed.hello(&ada) }).put(&mut bytes);
    Packet::Send(Send { chat: chat.clone(), id, content: text("never") }).put(&mut bytes);
    let mut refused = Peer::connect(bed).await?;
    refused.closes_for(&bytes, CloseCode::BadTicket).await?;
    let accepted = Peer::login(bed, &ada).await?.post(&chat, id, text("now")).await?;
    ensure(!accepted.duplicate, "a message that is new", "one that was stored before")
}

/// A frame whose checksum is wrong would be refused as soon as it is read (F-2).
async fn not_read_while_checking(bed: &Bed) -> Checked {
    let [ada] = bed.users()?;
    let mut broken = wire::frame(0x04, &wire::number(1, 1));
    broken[6] ^= 1;
    let behind = |hello: Hello| {
        let mut bytes = BytesMut::from(&PREFACE[..]);
        Packet::Hello(hello).put(&mut bytes);
        bytes.extend_from_slice(&broken);
        bytes
    };
    let ticket = Credential::Ticket(Bytes::from_static(b"no ticket at all"));
    let mut refused = Peer::connect(bed).await?;
    let hello = Hello { credential: ticket, ..bed.hello(&ada) };
    refused.closes_for(&behind(hello), CloseCode::BadTicket).await?;
    let mut peer = Peer::connect(bed).await?;
    peer.raw(&behind(bed.hello(&ada))).await?;
    peer.welcome().await?;
    peer.closed_with(CloseCode::BadChecksum).await.map(drop)
}

async fn answered(bed: &Bed) -> Checked {
    let [ada] = bed.users()?;
    Peer::login(bed, &ada).await?.sync().await?;
    let ticket = Credential::Ticket(Bytes::from_static(b"x"));
    let hello = Hello { credential: ticket, ..bed.hello(&ada) };
    Peer::refused(bed, hello, CloseCode::BadTicket).await.map(drop)
}

/// The limits in force when those are wanted.
async fn limits(bed: &Bed, wanted: Limits) -> Checked<Limits> {
    let [ada] = bed.users()?;
    let (_, welcome) = Peer::greet(bed, Hello { wanted, ..bed.hello(&ada) }).await?;
    Ok(welcome.limits)
}

async fn max_body(bed: &Bed) -> Checked {
    let own = limits(bed, Limits::default()).await?.max_body;
    for max_body in [own, own + 1, u32::MAX] {
        let found = limits(bed, Limits { max_body, ..Limits::default() }).await?.max_body;
        same("max_body", own, found)?;
    }
    let [ada] = bed.users()?;
    for max_body in [1, own - 1] {
        let wanted = Limits { max_body, ..Limits::default() };
        let hello = Hello { wanted, ..bed.hello(&ada) };
        Peer::refused(bed, hello, CloseCode::LimitsTooLow).await?;
    }
    Ok(())
}

async fn window(bed: &Bed) -> Checked {
    let own = limits(bed, Limits::default()).await?.window;
    for wanted in [1, own - 1, own, own + 1, u32::MAX] {
        let found = limits(bed, Limits { window: wanted, ..Limits::default() }).await?.window;
        same("the window", own.min(wanted), found)?;
    }
    Ok(())
}

async fn heartbeat(bed: &Bed) -> Checked {
    let own = limits(bed, Limits::default()).await?.heartbeat_ms;
    let bounds = HEARTBEAT_MS_LOWEST..=HEARTBEAT_MS_HIGHEST;
    ensure(bounds.contains(&own), "a heartbeat within the bounds of section 9", own)?;
    for wanted in [1, HEARTBEAT_MS_LOWEST, 12_345, HEARTBEAT_MS_HIGHEST, u32::MAX] {
        let found = limits(bed, Limits { heartbeat_ms: wanted, ..Limits::default() }).await?;
        let expected = wanted.clamp(HEARTBEAT_MS_LOWEST, HEARTBEAT_MS_HIGHEST);
        same("heartbeat_ms", expected, found.heartbeat_ms)?;
    }
    Ok(())
}

async fn own_limits(bed: &Bed) -> Checked {
    let own = limits(bed, Limits::default()).await?;
    let wanted = Limits { max_content: 1, sends: 1, ..Limits::default() };
    let found = limits(bed, wanted).await?;
    same("max_content and sends", (own.max_content, own.sends), (found.max_content, found.sends))
}

async fn wrong_kind(bed: &Bed) -> Checked {
    let [ada] = bed.users()?;
    let (password, token) = ("wrong kind".to_owned(), "wrong kind".to_owned());
    let all = [Credential::Open, Credential::Password(password), Credential::Token(token)];
    let of_server = std::mem::discriminant(&bed.credential(&ada));
    for credential in all {
        if std::mem::discriminant(&credential) != of_server {
            let hello = Hello { credential, ..bed.hello(&ada) };
            Peer::refused(bed, hello, CloseCode::WrongCredentialKind).await?;
        }
    }
    Ok(())
}

async fn wrong_credential(bed: &Bed) -> Checked {
    let Accounts::Given(accounts) = &bed.accounts else {
        return skip("anybody may come in");
    };
    let (known, right) = &accounts[0];
    let wrong = match right {
        Credential::Password(_) => Credential::Password("not the password".to_owned()),
        _ => Credential::Token("not.a.token".to_owned()),
    };
    let unknown = super::bed::user(&bed.name());
    let mut reasons = Vec::new();
    for name in [known, &unknown] {
        let hello = Hello { credential: wrong.clone(), ..bed.hello(name) };
        reasons.push(Peer::refused(bed, hello, CloseCode::BadCredential).await?.reason);
    }
    same("the same reason", reasons[0].clone(), reasons[1].clone())
}

/// A welcome with a ticket, and the hello that it answered.
async fn ticketed(bed: &Bed) -> Checked<(Hello, Welcome)> {
    let [ada] = bed.users()?;
    let hello = bed.hello(&ada);
    let (_, welcome) = Peer::greet(bed, hello.clone()).await?;
    if welcome.ticket.is_empty() {
        return skip("the server gives no tickets");
    }
    Ok((hello, welcome))
}

async fn ticket(bed: &Bed) -> Checked {
    let (hello, welcome) = ticketed(bed).await?;
    let credential = Credential::Ticket(welcome.ticket);
    Peer::greet(bed, Hello { credential, ..hello }).await.map(drop)
}

async fn bad_ticket(bed: &Bed) -> Checked {
    let (hello, welcome) = ticketed(bed).await?;
    let mut forged = welcome.ticket.to_vec();
    let last = forged.len() - 1;
    forged[last] ^= 1;
    for bytes in [forged, Vec::new(), vec![7; 512]] {
        let credential = Credential::Ticket(bytes.into());
        Peer::refused(bed, Hello { credential, ..hello.clone() }, CloseCode::BadTicket).await?;
    }
    let [_, bob] = bed.users()?;
    let credential = Credential::Ticket(welcome.ticket);
    let others = Hello { credential: credential.clone(), ..bed.hello(&bob) };
    Peer::refused(bed, others, CloseCode::BadTicket).await?;
    let device = Hello { credential, ..bed.hello(&hello.user) };
    Peer::refused(bed, device, CloseCode::BadTicket).await.map(drop)
}

async fn replaced(bed: &Bed) -> Checked {
    let [ada] = bed.users()?;
    let hello = bed.hello(&ada);
    let (mut older, _) = Peer::greet(bed, hello.clone()).await?;
    let mut other = Peer::login(bed, &ada).await?;
    let (mut newer, _) = Peer::greet(bed, hello).await?;
    older.closed_with(CloseCode::Replaced).await?;
    newer.sync().await?;
    other.sync().await.map(drop)
}

async fn start(bed: &Bed) -> Checked {
    let [ada, bob] = bed.strangers()?;
    let chat = ChatId::direct(&ada, &bob);
    let mut writer = Peer::login(bed, &ada).await?;
    for _ in 0..4 {
        writer.text(bed, &chat, "before").await?;
    }
    let everything = Hello { start: Some(Start::Everything), ..bed.hello(&bob) };
    let last = Hello { start: Some(Start::Last(2)), ..bed.hello(&bob) };
    let newest = Hello { start: Some(Start::Newest), ..bed.hello(&bob) };
    let absent = Hello { start: None, ..bed.hello(&bob) };
    let (mut from_newest, _) = Peer::greet(bed, newest).await?;
    let (mut from_last, _) = Peer::greet(bed, last).await?;
    let (mut from_all, _) = Peer::greet(bed, everything.clone()).await?;
    // Nothing is acknowledged by any device: what none has had is everything.
    let (mut from_absent, _) = Peer::greet(bed, absent.clone()).await?;
    same("of everything the first", 1, from_all.entry(&chat).await?.seq)?;
    same("of the last two the first", 3, from_last.entry(&chat).await?.seq)?;
    same("of what no device has had", 1, from_absent.entry(&chat).await?.seq)?;
    from_all.ack(&chat, 3, 0).await?;
    from_all.sync().await?;
    let operation = Operation::History { chat: chat.clone(), edge: Edge::Before(0), limit: 1 };
    ensure(from_all.ask(operation).await?.is_ok(), "an answer", "a refusal")?;
    // A start counts for a new device only.
    let again = Hello { start: Some(Start::Everything), ..everything };
    drop(from_all);
    let (mut known, _) = Peer::greet(bed, again).await?;
    same("of a known device what is next", 4, known.entry(&chat).await?.seq)?;
    unknown_start(bed, &chat, &bob).await?;
    writer.text(bed, &chat, "after").await?;
    same("of what comes from now on", 5, from_newest.entry(&chat).await?.seq)
}

/// A start of a later version counts as absent: at what no device of the user has had.
async fn unknown_start(bed: &Bed, chat: &ChatId, user: &packetboat_proto::id::UserId) -> Checked {
    let mut bytes = BytesMut::new();
    Packet::Hello(Hello { start: None, ..bed.hello(user) }).put(&mut bytes);
    let later = wire::bytes(6, &wire::bytes(9, &[]));
    let mut peer = Peer::open(bed).await?;
    peer.raw(&wire::frame(0x01, &[&bytes[10..], &later].concat())).await?;
    peer.welcome().await?;
    same("of what no device has had", 4, peer.entry(chat).await?.seq)
}

async fn known_device(bed: &Bed) -> Checked {
    let [ada] = bed.users()?;
    let hello = bed.hello(&ada);
    let (_, first) = Peer::greet(bed, hello.clone()).await?;
    let (_, second) = Peer::greet(bed, hello).await?;
    same("new_device", (true, false), (first.new_device, second.new_device))
}

async fn ping(bed: &Bed) -> Checked {
    let [ada] = bed.users()?;
    let mut peer = Peer::login(bed, &ada).await?;
    peer.say(Packet::Pong(77)).await?;
    let tokens = [0, 1, u64::MAX];
    for token in tokens {
        peer.say(Packet::Ping(token)).await?;
    }
    for token in tokens {
        let found = peer.find("a Pong", |packet| match packet {
            Packet::Pong(found) => Some(*found),
            _ => None,
        });
        same("the token", token, found.await?)?;
    }
    Ok(())
}

async fn no_zero(bed: &Bed) -> Checked {
    let found = limits(bed, Limits::default()).await?;
    let Limits { max_body, window, heartbeat_ms, max_content, sends } = found;
    let least = [max_body, window, heartbeat_ms, max_content, sends].into_iter().min();
    ensure(least > Some(0), "limits above 0", format_args!("{found:?}"))?;
    let overhead = packetboat_proto::limits::BODY_OVERHEAD_BYTES;
    let fits = max_content <= max_body.saturating_sub(overhead);
    ensure(fits, "max_content at least 1,024 below max_body", format_args!("{found:?}"))
}

async fn within_bounds(bed: &Bed) -> Checked {
    let found = limits(bed, Limits::default()).await?;
    let bodies = BODY_BYTES_LOWEST..=BODY_BYTES_HIGHEST;
    let right = bodies.contains(&found.max_body)
        && found.window <= WINDOW_HIGHEST
        && found.sends <= SENDS_HIGHEST
        && (HEARTBEAT_MS_LOWEST..=HEARTBEAT_MS_HIGHEST).contains(&found.heartbeat_ms);
    ensure(right, "limits within those of section 9", format_args!("{found:?}"))
}

async fn too_many_devices(bed: &Bed) -> Checked {
    let Some(most) = bed.operator.devices else {
        return skip("--devices-max says how many a user may have");
    };
    let [ada] = bed.strangers()?;
    let first = bed.hello(&ada);
    Peer::greet(bed, first.clone()).await?;
    for _ in 1..most {
        Peer::login(bed, &ada).await?;
    }
    Peer::refused(bed, bed.hello(&ada), CloseCode::TooManyDevices).await?;
    // The credential is looked at before that.
    let ticket = Credential::Ticket(Bytes::from_static(b"no ticket at all"));
    let unproven = Hello { credential: ticket, ..bed.hello(&ada) };
    Peer::refused(bed, unproven, CloseCode::BadTicket).await?;
    Peer::greet(bed, first).await.map(drop)
}
