//! stub
use crate::account::Account;
use crate::failure::Failure;
use packetboat_client::{ChatId, Start};
pub(crate) async fn chat(_: &Account, _: Option<ChatId>, _: Option<Start>) -> Result<(), Failure> {
    Ok(())
}
