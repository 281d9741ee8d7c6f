//! States (SPEC.md section 7): every kind in every state of a client, by the vectors. Must never
//! send two rows on one connection.

use crate::check::checks;
use crate::outcome::{Checked, Stop, fail};
use crate::vectors::{self, Vector};

use super::guest::Guest;
use super::harbor::Harbor;

checks! {
    "states", Harbor;
    Must hello_sent ["S-1", "F-6"] "every kind before the Welcome, as the vectors say";
    Must open ["S-1", "F-6", "S-2"] "every kind in an open session, as the vectors say";
}

fn named<T>(vector: &Vector, checked: Checked<T>) -> Checked {
    match checked {
        Err(Stop::Fail { expected, got }) => {
            fail(expected, format_args!("{got}, for the vector {}", vector.name))
        }
        other => other.map(drop),
    }
}

async fn row(guest: &mut Guest, vector: &Vector) -> Checked {
    if let Some(code) = vector.close_code() {
        return guest.closes_for(&vector.bytes, code).await;
    }
    guest.raw(&vector.bytes).await?;
    if vector.name.ends_with(".goodbye") {
        return guest.stream.end().await;
    }
    if vector.reads == "client.hello_sent" && vector.verdict == "skip" {
        guest.welcome(|_| {}).await?;
    }
    guest.stream.set_body_max(65_536);
    guest.sync().await.map(drop)
}

async fn hello_sent(harbor: &Harbor) -> Checked {
    // Each row ends a session that never was; a client that is not started anew waits ever longer.
    harbor.driven()?;
    for vector in vectors::all().filter(|vector| vector.reads == "client.hello_sent") {
        let mut stage = harbor.stage().await?;
        let mut guest = stage.hello().await?;
        named(&vector, row(&mut guest, &vector).await)?;
    }
    Ok(())
}

async fn open(harbor: &Harbor) -> Checked {
    let chat = "dm:ada:bob".parse().expect("the chat of the vectors is a chat");
    for vector in vectors::all().filter(|vector| vector.reads == "client.open") {
        let mut stage = harbor.stage().await?;
        let mut guest = stage.session().await?;
        guest.be_of_use(&stage.chat(), &stage.peer).await?;
        guest.told_of(&chat, 1);
        named(&vector, row(&mut guest, &vector).await)?;
    }
    Ok(())
}
