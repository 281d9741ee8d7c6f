//! Tickets, pings, limits (SPEC.md section 5.1), as a client does with them. Must never expect a
//! client to have a credential that it was not given.

use std::time::Duration;

use packetboat_proto::code::CloseCode;
use packetboat_proto::id::DeviceId;
use packetboat_proto::packet::{Credential, Packet, Verdict};
use tokio::time::Instant;

use crate::check::checks;
use crate::outcome::{Checked, ensure, fail, same};

use super::guest::Guest;
use super::harbor::Harbor;
use super::stage::Stage;

/// "At once", on a machine that is busy.
const AT_ONCE: Duration = Duration::from_secs(2);
/// How long nobody may come back who may not come back.
const AWAY: Duration = Duration::from_secs(3);
/// How long a ticket of a check is good.
const TICKET_MS: u64 = 3_600_000;

checks! {
    "handshake", Harbor;
    Must same_device ["X-17", "I-5"] "it comes back as the same device";
    Should ticket ["H-9"] "it shows the newest ticket on its next connection";
    Should ticket_that_ended ["H-9"] "it does not show a ticket that has ended";
    Must bad_ticket ["H-10", "X-13"]
        "a ticket that is refused is forgotten, and the full credential shown at once";
    Must ticket_refused_for_good ["H-10", "X-12"]
        "so it is when the ticket is refused with another code from 16 to 18, and NEVER";
    Must replaced ["H-11", "X-12"] "a client that was replaced does not come back";
    Must ping ["H-13", "T-3"] "a Ping is answered in its turn, and a Pong is ignored";
    Should zero_limits ["H-14"] "a heartbeat of 0 is 30 s, and sends of 0 is 1";
    Must no_welcome ["S-1"] "without a Welcome it leaves, with HANDSHAKE_TIMEOUT";
}

async fn same_device(harbor: &Harbor) -> Checked {
    let mut stage = harbor.stage().await?;
    let first: DeviceId = stage.session().await?.hello.device.clone();
    same("the device", first, stage.session().await?.hello.device.clone())
}

/// A session whose Welcome has a ticket that is good for so long.
async fn ticketed(stage: &mut Stage, ticket: &'static [u8], life_ms: u64) -> Checked<Guest> {
    let mut guest = stage
        .session_with(|welcome| {
            welcome.ticket = bytes::Bytes::from_static(ticket);
            welcome.ticket_expires_ms = welcome.now_ms + life_ms;
        })
        .await?;
    guest.sync().await?;
    Ok(guest)
}

fn shown(guest: &Guest) -> Option<&[u8]> {
    match &guest.hello.credential {
        Credential::Ticket(ticket) => Some(&ticket[..]),
        _ => None,
    }
}

async fn ticket(harbor: &Harbor) -> Checked {
    let mut stage = harbor.stage().await?;
    let guest = ticketed(&mut stage, b"first", TICKET_MS).await?;
    same("no ticket at first", None, shown(&guest))?;
    drop(guest);
    let guest = ticketed(&mut stage, b"second", TICKET_MS).await?;
    same("the ticket", Some(&b"first"[..]), shown(&guest))?;
    drop(guest);
    same("the ticket", Some(&b"second"[..]), shown(&stage.hello().await?))
}

async fn ticket_that_ended(harbor: &Harbor) -> Checked {
    let mut stage = harbor.stage().await?;
    let guest = ticketed(&mut stage, b"short", 100).await?;
    tokio::time::sleep(Duration::from_millis(200)).await;
    drop(guest);
    same("no ticket", None, shown(&stage.hello().await?))
}

/// Refuses the ticket; then the full credential comes at once, also on the connection after.
async fn refused(harbor: &Harbor, verdict: Verdict) -> Checked {
    let mut stage = harbor.stage().await?;
    drop(ticketed(&mut stage, b"ticket", TICKET_MS).await?);
    let mut guest = stage.hello().await?;
    if shown(&guest).is_none() {
        return crate::outcome::skip("it shows no ticket");
    }
    guest.leave(verdict).await?;
    drop(guest);
    let begun = Instant::now();
    let guest = stage.session().await?;
    same("no ticket", None, shown(&guest))?;
    let waited = begun.elapsed();
    ensure(waited < AT_ONCE, "the full credential at once", format_args!("{waited:?}"))?;
    drop(guest);
    same("no ticket any more", None, shown(&stage.hello().await?))
}

async fn bad_ticket(harbor: &Harbor) -> Checked {
    refused(harbor, Verdict::close(CloseCode::BadTicket, "", 0)).await
}

async fn ticket_refused_for_good(harbor: &Harbor) -> Checked {
    for code in [CloseCode::BadCredential, CloseCode::WrongCredentialKind] {
        refused(harbor, Verdict::close(code, "", 0)).await?;
    }
    Ok(())
}

async fn replaced(harbor: &Harbor) -> Checked {
    harbor.driven()?;
    let mut stage = harbor.stage().await?;
    let mut guest = stage.session().await?;
    guest.sync().await?;
    guest.leave(Verdict::close(CloseCode::Replaced, "", 0)).await?;
    stage.nobody(AWAY).await
}

async fn ping(harbor: &Harbor) -> Checked {
    let mut stage = harbor.stage().await?;
    let mut guest = stage.session().await?;
    guest.say(Packet::Pong(77)).await?;
    let tokens = [0, 1, u64::MAX];
    for token in tokens {
        guest.say(Packet::Ping(token)).await?;
    }
    for token in tokens {
        let found = guest.find("a Pong", |packet| match packet {
            Packet::Pong(found) => Some(*found),
            _ => None,
        });
        same("the token", token, found.await?)?;
    }
    Ok(())
}

async fn zero_limits(harbor: &Harbor) -> Checked {
    harbor.driven()?;
    let mut stage = harbor.stage().await?;
    for text in ["one", "two"] {
        stage.tell(text).await?;
    }
    let mut guest = stage
        .session_with(|welcome| {
            welcome.limits.heartbeat_ms = 0;
            welcome.limits.sends = 0;
        })
        .await?;
    let first = guest.sent().await?;
    let said = guest.within(Duration::from_millis(500)).await?;
    let pings = said.iter().flatten().filter(|packet| matches!(packet, Packet::Ping(_))).count();
    ensure(
        pings <= 1,
        "no ping for want of a heartbeat",
        format_args!("{pings} in half a second"),
    )?;
    if said.last().is_some_and(Option::is_none) {
        return fail("a session that goes on", "its end");
    }
    guest.accept(&first, 1).await?;
    let sent_early = said.iter().flatten().any(|packet| matches!(packet, Packet::Send(_)));
    if !sent_early {
        guest.sent().await?;
    }
    Ok(())
}

async fn no_welcome(harbor: &Harbor) -> Checked {
    let timer = Duration::from_secs(15);
    harbor.worth(timer)?;
    let mut stage = harbor.stage().await?;
    let mut guest = stage.hello().await?;
    guest.stream.set_patience(timer * 2);
    guest.closed_with(CloseCode::HandshakeTimeout).await
}
