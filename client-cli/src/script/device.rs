//! `devices` and `log-out`: the user's own devices. Must never log out more than it is told to.

use std::time::Duration;

use packetboat_client::{Client, DeviceId};
use serde_json::json;

use crate::account::Account;
use crate::clock::Clock;
use crate::command::device::{DeviceCommand, LogOutArgs};
use crate::failure::Failure;
use crate::format::{json, text};
use crate::out::Out;
use crate::visit::{Visit, visit};

/// Does what is asked.
pub(crate) async fn run(
    account: &Account,
    command: DeviceCommand,
    timeout: Option<Duration>,
    out: &mut Out,
) -> Result<(), Failure> {
    match command {
        DeviceCommand::Devices => {
            visit(account, timeout, async |visit| devices(visit, out).await).await
        }
        DeviceCommand::LogOut(args) => {
            visit(account, timeout, async |visit| log_out(visit, &args).await).await?;
            let device = args.which.as_ref().map(DeviceId::as_str);
            let of = json!({ "device": device, "others": args.others });
            out.done(|| json::done::done("log-out", of))
        }
    }
}

/// Lists the user's devices.
async fn devices(visit: &mut Visit, out: &mut Out) -> Result<(), Failure> {
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
async fn log_out(visit: &mut Visit, args: &LogOutArgs) -> Result<(), Failure> {
    match &args.which {
        Some(device) => visit.ask(async |client| client.log_out(device).await).await,
        None => visit.ask(async |client| client.log_out_others().await).await,
    }
}
