//! Coming back (SPEC.md section 11): when, after which end, or not at all. Must never fail a client
//! for being late by what a busy machine adds.

use std::time::Duration;

use packetboat_proto::code::{CloseCode, Retry};
use packetboat_proto::packet::Verdict;
use tokio::time::Instant;

use crate::check::checks;
use crate::outcome::{Checked, ensure};

use super::harbor::Harbor;
use super::stage::Stage;

/// How long nobody may come back who may not come back.
const AWAY: Duration = Duration::from_secs(3);
/// What a server names as the time to come back after.
const LATER_MS: u32 = 800;
/// On top of what a client may wait, for a machine that is busy.
const MARGIN: Duration = Duration::from_secs(3);

checks! {
    "returning", Harbor;
    Must never ["X-12", "R-4"] "after NEVER it does not come back, whatever the reason says";
    Must one_device ["K-4", "K-6"]
        "who is logged out, or has to give way to another device, does not come back";
    Must at_once ["X-13"] "after AT_ONCE it comes back without waiting";
    Must later ["X-14"] "after LATER it waits the time that is named, and a random one on top";
    Must unknown_code ["R-2", "V-4", "X-14"]
        "a code that nobody knows is obeyed by its retry, and UNSPECIFIED is LATER";
    Must any_other_end ["X-15", "C-9"] "after any other end it comes back within half a second";
}

/// What ends the first session, and the time until the next connection.
async fn away(harbor: &Harbor, verdict: Option<Verdict>) -> Checked<Duration> {
    let mut stage = harbor.stage().await?;
    let begun = useful(&mut stage, verdict).await?;
    stage.connection().await?;
    Ok(begun.elapsed())
}

/// A session that was of use, and its end: when that begins. The client waits from then on,
/// whenever it is noticed that it has gone.
async fn useful(stage: &mut Stage, verdict: Option<Verdict>) -> Checked<Instant> {
    let mut guest = stage.session().await?;
    guest.be_of_use(&stage.chat(), &stage.peer).await?;
    let ends = Instant::now();
    if let Some(verdict) = verdict {
        guest.leave(verdict).await?;
    }
    Ok(ends)
}

async fn never(harbor: &Harbor) -> Checked {
    harbor.driven()?;
    for code in [CloseCode::BadCredential, CloseCode::BadBody] {
        let mut stage = harbor.stage().await?;
        let verdict = Verdict::close(code, "please come back at once", 0);
        useful(&mut stage, Some(verdict)).await?;
        stage.nobody(AWAY).await?;
    }
    Ok(())
}

async fn one_device(harbor: &Harbor) -> Checked {
    harbor.driven()?;
    for code in [CloseCode::LoggedOut, CloseCode::Displaced, CloseCode::AnotherDevice] {
        let mut stage = harbor.stage().await?;
        useful(&mut stage, Some(Verdict::close(code, "", 0))).await?;
        stage.nobody(AWAY).await?;
    }
    Ok(())
}

async fn at_once(harbor: &Harbor) -> Checked {
    let waited = away(harbor, Some(Verdict::close(CloseCode::HeartbeatTimeout, "", 0))).await?;
    ensure(waited < MARGIN, "a connection at once", format_args!("{waited:?}"))
}

fn in_time(waited: Duration) -> Checked {
    let named = Duration::from_millis(LATER_MS.into());
    let right = waited >= named && waited < named * 2 + MARGIN;
    let expected = format!("a wait of {named:?} and up to as long again");
    ensure(right, expected, format_args!("{waited:?}"))
}

async fn later(harbor: &Harbor) -> Checked {
    let verdict = Verdict::close(CloseCode::ShuttingDown, "", LATER_MS);
    in_time(away(harbor, Some(verdict)).await?)
}

async fn unknown_code(harbor: &Harbor) -> Checked {
    for retry in [None, Some(Retry::Later)] {
        let known = Verdict::close(CloseCode::ShuttingDown, "never come back", LATER_MS);
        in_time(away(harbor, Some(Verdict { code: 777, fault: None, retry, ..known })).await?)?;
    }
    Ok(())
}

async fn any_other_end(harbor: &Harbor) -> Checked {
    let waited = away(harbor, None).await?;
    let most = Duration::from_millis(500) + MARGIN;
    ensure(waited < most, "a connection within half a second", format_args!("{waited:?}"))
}
