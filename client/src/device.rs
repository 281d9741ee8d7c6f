//! A user's own devices: which there are, and their end. Must never take the end of this device for
//! a failure when it is what was asked for.

use packetboat_proto::code::CloseCode;
use packetboat_proto::id::DeviceId;
use packetboat_proto::packet::{Answer, DeviceAnswer, DeviceOperation, DeviceState, Operation};

use crate::client::{Client, Page};
use crate::error::RequestError;
use crate::event::Ending;

impl Client {
    /// The user's own devices, after `after` in order of id; `limit` 0 leaves it to the server.
    pub async fn devices(
        &self,
        after: Option<DeviceId>,
        limit: u32,
    ) -> Result<Page<DeviceState>, RequestError> {
        match self.ask_of_device(DeviceOperation::List { after, limit }).await? {
            DeviceAnswer::List { devices, more } => Ok(Page { items: devices, more }),
            _ => Err(RequestError::Unexpected),
        }
    }

    /// Logs one of the user's devices out: its session ends, its ticket is good no more, and what
    /// it had is forgotten. Logged out itself, this client ends with `LOGGED_OUT`.
    pub async fn log_out(&self, device: &DeviceId) -> Result<(), RequestError> {
        let asked = DeviceOperation::LogOut { device: device.clone() };
        match self.ask_of_device(asked).await {
            Ok(DeviceAnswer::LogOut) => Ok(()),
            Ok(_) => Err(RequestError::Unexpected),
            Err(RequestError::Closed(ending))
                if device == self.device() && is_logged_out(&ending) =>
            {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Logs all of the user's devices out but this one.
    pub async fn log_out_others(&self) -> Result<(), RequestError> {
        match self.ask_of_device(DeviceOperation::LogOutOthers).await? {
            DeviceAnswer::LogOutOthers => Ok(()),
            _ => Err(RequestError::Unexpected),
        }
    }

    async fn ask_of_device(&self, asked: DeviceOperation) -> Result<DeviceAnswer, RequestError> {
        match self.ask(Operation::Device(asked)).await? {
            Answer::Device(answer) => Ok(answer),
            _ => Err(RequestError::Unexpected),
        }
    }
}

fn is_logged_out(ending: &Ending) -> bool {
    matches!(ending, Ending::Refused(verdict)
        if verdict.close_code() == Some(CloseCode::LoggedOut))
}
