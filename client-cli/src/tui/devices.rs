//! The errands about the user's own devices. Must never show more of them than a sheet can hold.

use packetboat_client::proto::limits::PAGE_ITEMS_MAX;
use packetboat_client::{Client, RequestError};

use crate::clock::Clock;
use crate::format::text;
use crate::view::{Answer, Devices};

/// Does one, and says what came of it.
pub(super) async fn run(client: &Client, errand: Devices) -> Answer {
    let done = match errand {
        Devices::List => list(client).await,
        // Nobody has asked to be told.
        Devices::Names => Ok(Answer::Devices(names(client).await.unwrap_or_default())),
        Devices::LogOut(device) => {
            let gone = client.log_out(&device).await;
            gone.map(|()| Answer::Told(format!("{device} is logged out")))
        }
        Devices::LogOutOthers => {
            let gone = client.log_out_others().await;
            gone.map(|()| Answer::Told("all others are logged out".to_owned()))
        }
    };
    done.unwrap_or_else(|error| Answer::Failed(error.to_string()))
}

async fn list(client: &Client) -> Result<Answer, RequestError> {
    let clock = Clock::system();
    let page = client.devices(None, PAGE_ITEMS_MAX).await?;
    let line = |state| text::device::state(&clock, state);
    let lines = page.items.iter().map(line).collect();
    Ok(Answer::Sheet { title: format!("Your devices; this one is {}", client.device()), lines })
}

async fn names(client: &Client) -> Result<Vec<String>, RequestError> {
    let page = client.devices(None, PAGE_ITEMS_MAX).await?;
    Ok(page.items.into_iter().map(|state| state.device.to_string()).collect())
}
