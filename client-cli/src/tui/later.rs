//! Errands about messages that are sent later. Must never say that one was sent.

use packetboat_client::{Client, Content, RequestError};

use crate::clock::Clock;
use crate::format::text::schedule;
use crate::script::schedule::all;
use crate::view::{Answer, Later};

/// Does one.
pub(super) async fn run(client: &Client, later: Later) -> Answer {
    let clock = Clock::system();
    let done = match later {
        Later::Schedule { name, text, context, at_ms } => {
            let content = Content::text(text);
            let set = client.schedule(&name, &content, &context, at_ms).await;
            set.map(|()| Answer::Told(format!("it is sent at {}", clock.full(at_ms))))
        }
        Later::List => list(client, &clock).await,
        Later::Unschedule(name) => {
            let taken = client.unschedule(&name).await;
            taken.map(|()| Answer::Told("it is not to be sent any more".to_owned()))
        }
    };
    done.unwrap_or_else(|error| Answer::Failed(error.to_string()))
}

async fn list(client: &Client, clock: &Clock) -> Result<Answer, RequestError> {
    let all = all(client).await?;
    let line = |(at, message)| format!("{}  {}", at + 1, schedule::message(clock, message));
    let lines = all.iter().enumerate().map(line).collect();
    let names = all.iter().map(|message| message.name.clone()).collect();
    Ok(Answer::Scheduled { names, lines })
}
