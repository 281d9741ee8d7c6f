//! A client to be driven by `packetboat-conformance`: it sends the lines of its standard input to
//! one peer, and prints a line for each text that it receives.
//!
//! ```text
//! cargo build -p packetboat-client --example conformance_client
//! packetboat-conformance client -- target/debug/examples/conformance_client
//! ```
//!
//! What it is told by its environment, and what it prints, is the convention that the README of
//! `packetboat-conformance` has.

#![allow(clippy::print_stdout, reason = "its lines are what the runner reads")]

use std::error::Error;

use packetboat_client::{ChatId, Client, Config, Content, Credential, Entry, Event, UserId};
use tokio::io::{AsyncBufReadExt, BufReader};

/// What is printed for an entry that this version cannot read.
const UNREADABLE: &str = "?";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    run(told("PACKETBOAT_SERVER")?).await
}

fn told(name: &str) -> Result<String, String> {
    std::env::var(name).map_err(|_| format!("{name} is not set"))
}

/// Does as it is told until its input ends, or until the server does not want it back.
pub(crate) async fn run(server: String) -> Result<(), Box<dyn Error>> {
    let user = UserId::new(&told("PACKETBOAT_USER")?)?;
    let peer = UserId::new(&told("PACKETBOAT_PEER")?)?;
    let chat = ChatId::direct(&user, &peer);
    let device = "conformance".parse()?;
    let config = Config::new(server, user, device, Credential::Open);
    let (client, mut events) = Client::start(config)?;
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let mut listens = true;
    let typing = client.clone();
    tokio::spawn(async move {
        while listens {
            match lines.next_line().await {
                // What becomes of it the runner sees on the wire.
                Ok(Some(line)) => listens = typing.send(&chat, &Content::text(line)).await.is_ok(),
                Ok(None) | Err(_) => listens = false,
            }
        }
        typing.flush().await;
        typing.close().await;
    });
    drop(client);
    while let Some(event) = events.next().await {
        if let Event::Entry(entry) = event {
            println!("{}", text_of(&entry));
        }
    }
    Ok(())
}

fn text_of(entry: &Entry) -> String {
    match Content::decode(&entry.content, usize::MAX) {
        Ok(Content::Text(text)) => text,
        _ => UNREADABLE.to_owned(),
    }
}
