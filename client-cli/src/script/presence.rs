//! `presence`: who is online. Must never ask more often than it is told to.

use packetboat_client::UserId;

use crate::clock::Clock;
use crate::failure::Failure;
use crate::format::{json, text};
use crate::out::Out;
use crate::visit::Visit;

/// Tells who is online, in the order asked.
pub(crate) async fn presence(
    visit: &mut Visit,
    users: Vec<UserId>,
    out: &mut Out,
) -> Result<(), Failure> {
    let clock = Clock::system();
    let found = visit.ask(async |client| client.presence(users.clone()).await).await?;
    for presence in &found {
        out.put(|| json::presence(presence), || text::presence(&clock, presence))?;
    }
    Ok(())
}
