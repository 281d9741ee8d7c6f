//! Two users talk: each sends a few texts, and both print what they have of the chat. It ends by
//! itself, and fails if anything is missing or comes twice.
//!
//! ```text
//! cargo run -p packetboat-client --example two_users -- --server 127.0.0.1:7582
//! ```
//!
//! The server must be one that asks for no credential.

#![allow(clippy::print_stdout, reason = "an example shows on the terminal what it does")]

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use packetboat_client::{ChatId, Client, Config, Content, Credential, Event, Events, UserId};
use tokio::time::timeout;

#[path = "shared/arguments.rs"]
mod arguments;

use arguments::argument;

type Failure = Box<dyn Error + Send + Sync>;

/// How long the two may take.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let server = argument("--server", "127.0.0.1:7582");
    let alice = UserId::new(&argument("--one", "alice"))?;
    let bob = UserId::new(&argument("--other", "bob"))?;
    let chat = ChatId::direct(&alice, &bob);

    // What is left in the log of an earlier run has another mark.
    let mark = Client::new_message_id().to_string();
    let lines = ["Ahoy!", "Is the mail aboard?"].map(|line| format!("{line} ({mark})"));
    let one = tokio::spawn(talk(server.clone(), alice, chat.clone(), lines, mark.clone()));
    let lines = ["Ahoy yourself.", "It is, every sack."].map(|line| format!("{line} ({mark})"));
    let other = tokio::spawn(talk(server, bob, chat, lines, mark));
    let (one, other) = (one.await??, other.await??);
    if one != other {
        return Err("the two do not have the same chat".into());
    }
    for (seq, (sender, text)) in &one {
        println!("{seq:>4} {sender}: {text}");
    }
    println!("both have the same {} entries, each once", one.len());
    Ok(())
}

/// What one user has of a chat, by seq.
type Had = BTreeMap<u64, (UserId, String)>;

async fn talk(
    server: String,
    user: UserId,
    chat: ChatId,
    lines: [String; 2],
    mark: String,
) -> Result<Had, Failure> {
    let config = Config::new(server, user.clone(), "example".parse()?, Credential::Open);
    let (client, mut events) = Client::start(config)?;
    let (count, mut had) = (lines.len(), Had::new());
    for line in lines {
        let sending = client.send(&chat, &Content::text(&line)).await?;
        let stored = timeout(PATIENCE, sending).await??;
        had.insert(stored.seq, (user.clone(), line));
    }
    for (seq, said) in timeout(PATIENCE, hear(&mut events, &mark, count)).await?? {
        if had.insert(seq, said).is_some() {
            return Err(format!("{user} had entry {seq} twice").into());
        }
    }
    // To ask for the next event says that the last one is done with. There is none.
    drop(timeout(Duration::ZERO, events.next()).await);
    client.close().await;
    Ok(had)
}

/// Waits for so many texts of the other user.
async fn hear(
    events: &mut Events,
    mark: &str,
    count: usize,
) -> Result<Vec<(u64, (UserId, String))>, Failure> {
    let mut heard = vec![];
    while heard.len() < count {
        match events.next().await {
            Some(Event::Entry(entry)) => {
                let content = Content::decode(&entry.content, usize::MAX)?;
                if let Content::Text(text) = content
                    && text.contains(mark)
                {
                    heard.push((entry.seq, (entry.sender, text)));
                }
            }
            Some(Event::Closed(ending)) => return Err(ending.to_string().into()),
            None => return Err("the client has ended".into()),
            Some(_) => {}
        }
    }
    Ok(heard)
}
