//! Heartbeats (SPEC.md section 10), as a client keeps them. Must never fail a client for what a
//! busy machine makes of a clock: only far too late is a fault.

use std::time::Duration;

use packetboat_proto::packet::Packet;
use tokio::time::Instant;

use crate::check::checks;
use crate::outcome::{Checked, ensure};

use super::harbor::Harbor;

/// A heartbeat that a busy machine still keeps.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// On top of what a client may wait, for a machine that is busy.
const MARGIN: Duration = Duration::from_secs(3);

checks! {
    "timers", Harbor;
    Must something_each_heartbeat ["T-2"] "it sends something at least once a heartbeat";
    Should not_too_often ["T-4"] "it sends no more than 10 pings a second";
    Must dead_server ["T-1", "S-1"] "a server that says nothing any more is left";
}

fn millis(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}

async fn something_each_heartbeat(harbor: &Harbor) -> Checked {
    let mut stage = harbor.stage().await?;
    let limit = millis(HEARTBEAT);
    let mut guest = stage.session_with(|welcome| welcome.limits.heartbeat_ms = limit).await?;
    for _ in 0..2 {
        let begun = Instant::now();
        let packet = guest.next().await?;
        ensure(packet.is_some(), "a packet", "the end of the stream")?;
        // What a server allows, and a little for a machine that is busy.
        let waited = begun.elapsed();
        let expected = format!("something within {:?}", HEARTBEAT * 3 / 2);
        ensure(waited < HEARTBEAT * 7 / 4, expected, format_args!("{waited:?}"))?;
    }
    Ok(())
}

async fn not_too_often(harbor: &Harbor) -> Checked {
    let mut stage = harbor.stage().await?;
    let mut guest = stage.session_with(|welcome| welcome.limits.heartbeat_ms = 100).await?;
    let said = guest.within(Duration::from_secs(2)).await?;
    let pings = said.iter().flatten().filter(|packet| matches!(packet, Packet::Ping(_))).count();
    ensure(pings <= 20, "20 pings in two seconds at most", pings)?;
    ensure(pings > 0, "pings of an idle client", "none")
}

async fn dead_server(harbor: &Harbor) -> Checked {
    let mut stage = harbor.stage().await?;
    let limit = millis(HEARTBEAT);
    let mut guest = stage.session_with(|welcome| welcome.limits.heartbeat_ms = limit).await?;
    guest.answers_pings = false;
    let begun = Instant::now();
    loop {
        match guest.next().await? {
            None | Some(Packet::Goodbye(_)) => break,
            Some(_) => {}
        }
        let waited = begun.elapsed();
        let due = HEARTBEAT * 3 / 2;
        ensure(waited < due + MARGIN, format_args!("an end after {due:?}"), "more pings")?;
    }
    drop(guest);
    stage.session().await.map(drop)
}
