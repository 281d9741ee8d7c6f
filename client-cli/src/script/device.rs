//! `devices` and `log-out`: the user's own devices. Must never log out more than it is told to.

use packetboat_client::Client;

use crate::clock::Clock;
use crate::command::device::LogOutArgs;
use crate::failure::Failure;
use crate::format::{json, text};
use crate::out::Out;
use crate::visit::Visit;

/// Lists the user's devices.
pub(crate) async fn devices(visit: &mut Visit, out: &mut Out) -> Result<(), Failure> {
    let clock = Clock::system();
    let mut after = None;
    loop {
        let ask = async |client: &Client| client.devices(after.clone(), 0).await;
        let page = visit.ask(ask).await?;
        for one in &page.items {
            out.put(|| json::device::state(one), || text::device::state(&clock, one))?;
        }
        after = page.items.last().map(|one| one.device.clone());
        if after.is_none() || !page.more {
            return Ok(());
        }
    }
}

/// Logs devices out.
pub(crate) async fn log_out(visit: &mut Visit, args: &LogOutArgs) -> Result<(), Failure> {
    match &args.which {
        Some(device) => visit.ask(async |client| client.log_out(device).await).await,
        None => visit.ask(async |client| client.log_out_others().await).await,
    }
}
