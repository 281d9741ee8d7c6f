//! A bot that answers every text with the same text, once each, whatever happens to its
//! connection.
//!
//! ```text
//! cargo run -p packetboat-client --example echo_bot -- --server 127.0.0.1:7582 --user echo
//! ```
//!
//! With `PACKETBOAT_PASSWORD` set it shows that password. The answer to an entry always has the
//! same message id, made from the entry's own: if the bot is stopped between its answer and its
//! ack, the entry comes again, and the answer is stored once all the same.

#![allow(clippy::print_stdout, reason = "an example shows on the terminal what it does")]

use std::error::Error;

use packetboat_client::{
    AckMode, Client, Config, Content, Credential, Entry, Event, MessageId, SendError, UserId,
};

#[path = "shared/arguments.rs"]
mod arguments;

use arguments::argument;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let user = UserId::new(&argument("--user", "echo"))?;
    let server = argument("--server", "127.0.0.1:7582");
    let credential = match std::env::var("PACKETBOAT_PASSWORD") {
        Ok(password) => Credential::Password(password),
        Err(_) => Credential::Open,
    };
    let mut config = Config::new(server, user, "bot".parse()?, credential);
    config.acks = AckMode::Manual;
    let (client, mut events) = Client::start(config)?;

    while let Some(event) = events.next().await {
        match event {
            Event::Connected(welcome) => println!("connected to {}", welcome.server),
            Event::Disconnected { why, retry_in } => println!("{why}; again in {retry_in:?}"),
            Event::Entry(entry) => answer(&client, &entry).await?,
            Event::LogReset { chat, .. } => println!("{chat} starts over: its log was reset"),
            Event::Closed(ending) => println!("the end: {ending}"),
            Event::Room(_) | Event::Notice(_) | Event::Signal(_) => {}
        }
    }
    Ok(())
}

async fn answer(client: &Client, entry: &Entry) -> Result<(), SendError> {
    let content = Content::decode(&entry.content, usize::MAX);
    if let Ok(Content::Text(text)) = content
        && entry.sender != *client.user()
    {
        let id = answer_id(entry);
        let bytes = Content::text(&text).encode();
        let sending = client.send_with_id(&entry.chat, id, bytes).await?;
        match sending.await {
            Ok(stored) => println!("{}: {text:?} echoed as {}", entry.sender, stored.seq),
            Err(SendError::Rejected { verdict, .. }) => println!("refused: {}", verdict.reason),
            Err(ended) => return Err(ended),
        }
    }
    client.ack(&entry.chat, entry.seq);
    Ok(())
}

/// An id that no other message of the bot has: the entry's, every bit turned over.
fn answer_id(entry: &Entry) -> MessageId {
    MessageId::from(entry.id.as_bytes().map(|byte| !byte))
}
