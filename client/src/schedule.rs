//! Messages that the server sends later for the user. Must never keep one here: the server has it
//! once it has answered.

use packetboat_proto::content::{Content, Context};
use packetboat_proto::packet::{
    Answer, Operation, Scheduled, ScheduledMessage, ScheduledName, Scheduling,
};

use crate::client::{Client, Page};
use crate::error::RequestError;

impl Client {
    /// Has the server send a text or data at a time, in milliseconds of Unix time. The name says
    /// where, and under which message id: the same name again replaces what waits under it.
    pub async fn schedule(
        &self,
        name: &ScheduledName,
        content: &Content,
        context: &Context,
        at_ms: u64,
    ) -> Result<(), RequestError> {
        let (name, content) = (name.clone(), content.encode_in(context));
        match self.ask_scheduling(Scheduling::Schedule { name, content, at_ms }).await? {
            Scheduled::Schedule => Ok(()),
            _ => Err(RequestError::Unexpected),
        }
    }

    /// Takes a message back that waits, or forgets one that could not be sent. One that was sent
    /// is in its chat.
    pub async fn unschedule(&self, name: &ScheduledName) -> Result<(), RequestError> {
        match self.ask_scheduling(Scheduling::Unschedule(name.clone())).await? {
            Scheduled::Unschedule => Ok(()),
            _ => Err(RequestError::Unexpected),
        }
    }

    /// The user's messages that wait, and those that could not be sent, in order of name, behind
    /// `after`. A limit of 0 leaves it to the server.
    pub async fn scheduled(
        &self,
        after: Option<&ScheduledName>,
        limit: u32,
    ) -> Result<Page<ScheduledMessage>, RequestError> {
        match self.ask_scheduling(Scheduling::List { after: after.cloned(), limit }).await? {
            Scheduled::List { messages, more } => Ok(Page { items: messages, more }),
            _ => Err(RequestError::Unexpected),
        }
    }

    async fn ask_scheduling(&self, scheduling: Scheduling) -> Result<Scheduled, RequestError> {
        match self.ask(Operation::Scheduling(scheduling)).await? {
            Answer::Scheduled(scheduled) => Ok(scheduled),
            _ => Err(RequestError::Unexpected),
        }
    }
}
