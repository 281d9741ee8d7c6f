//! `presence`, `away`, `status`, `signal`: who is online, and what others are told of the user.
//! Must never ask more often than it is told to.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use packetboat_client::{
    ChatId, Client, Notice, Presence, RequestError, SignalError, SignalKind, UserId,
};
use serde_json::json;

use super::follow::{Tally, follow};
use crate::account::Account;
use crate::clock::Clock;
use crate::command::presence::PresenceCommand;
use crate::failure::Failure;
use crate::format::{json, text};
use crate::out::Out;
use crate::visit::{Visit, visit};

/// Does what is asked.
pub(crate) async fn run(
    account: &Account,
    command: PresenceCommand,
    timeout: Option<Duration>,
    out: &mut Out,
) -> Result<(), Failure> {
    match command {
        PresenceCommand::Presence { users, follow: args } if args.follow => {
            let shown = Shown { clock: Clock::system(), last: HashMap::new(), out };
            let errand =
                async |visit: &mut Visit| watch(visit, users, Tally::of(args), shown).await;
            follow(account, timeout, args.count, errand).await
        }
        PresenceCommand::Presence { users, .. } => {
            visit(account, timeout, async |visit| presence(visit, users, out).await).await
        }
        PresenceCommand::Away => {
            follow(account, timeout, None, async |visit| away(visit, out).await).await
        }
        PresenceCommand::Status { text, visible_to } => {
            let set = async |client: &Client| client.set_profile(&text, visible_to.into()).await;
            visit(account, timeout, async |visit| visit.ask(set).await).await?;
            out.done(|| json::done::done("status", json!({ "status": text })))
        }
        PresenceCommand::Signal { chat, kind, data } => {
            let chat = chat.chat(&account.user);
            let signal = async |visit: &mut Visit| signal(visit, &chat, kind.into(), data).await;
            visit(account, timeout, signal).await?;
            out.done(|| json::done::to_chat("signal", &chat))
        }
    }
}

/// Tells who is online, in the order asked.
async fn presence(visit: &mut Visit, users: Vec<UserId>, out: &mut Out) -> Result<(), Failure> {
    let clock = Clock::system();
    let found = visit.ask(async |client| client.presence(users.clone()).await).await?;
    for presence in &found {
        out.put(|| json::presence(presence), || text::presence(&clock, presence))?;
    }
    Ok(())
}

/// Who was shown, and how.
struct Shown<'a> {
    clock: Clock,
    last: HashMap<UserId, Presence>,
    out: &'a mut Out,
}

impl Shown<'_> {
    /// Prints how a user is, unless that was printed last. Returns whether it was.
    fn put(&mut self, told: Presence) -> Result<bool, Failure> {
        if self.last.get(&told.user).is_some_and(|last| is_same(last, &told)) {
            return Ok(false);
        }
        self.out.put(|| json::presence(&told), || text::presence(&self.clock, &told))?;
        self.last.insert(told.user.clone(), told);
        Ok(true)
    }
}

/// Whether two say the same; when an absent user was last seen is told more exactly when it is
/// asked for than when it goes.
fn is_same(one: &Presence, other: &Presence) -> bool {
    let told = |presence: &Presence| (presence.online, presence.away, presence.status.clone());
    told(one) == told(other)
}

/// Tells who is online, and who comes and goes.
async fn watch(
    visit: &mut Visit,
    users: Vec<UserId>,
    mut tally: Tally,
    mut shown: Shown<'_>,
) -> Result<(), Failure> {
    let mut is_first = true;
    loop {
        let ask = async |client: &Client| client.watch(users.clone(), Vec::new()).await;
        for told in visit.ask(ask).await? {
            if shown.put(told)? && !is_first {
                tally.one();
            }
        }
        is_first = false;
        while !tally.is_full() {
            match visit.notice().await? {
                Some(Notice::Presence(told)) if users.contains(&told.user) => {
                    if shown.put(told)? {
                        tally.one();
                    }
                }
                Some(_) => {}
                None => break,
            }
        }
        if tally.is_full() {
            return Ok(());
        }
    }
}

/// Is there and away, until it is told to stop.
async fn away(visit: &mut Visit, out: &mut Out) -> Result<(), Failure> {
    visit.ask(async |client| client.set_away(true).await).await?;
    let done = || json::done::done("away", json!({ "away": true }));
    out.put(done, || "away, until this is interrupted".to_owned())?;
    loop {
        // The client says it again over every link, and another client does not know it yet.
        if visit.notice().await?.is_none() {
            visit.ask(async |client| client.set_away(true).await).await?;
        }
    }
}

/// Tells who is in a chat.
async fn signal(
    visit: &mut Visit,
    chat: &ChatId,
    kind: SignalKind,
    data: String,
) -> Result<(), Failure> {
    let data = Bytes::from(data);
    visit
        .ask(async |client| {
            if chat.is_room() {
                // Only who listens to a room is heard in it.
                client.join(chat).await?;
            }
            client.signal(chat, kind, data.clone()).map_err(too_long)?;
            // What is behind it shows that it is on its way.
            client.ping().await.map(drop)
        })
        .await
}

const fn too_long(error: SignalError) -> RequestError {
    let SignalError::TooLong { bytes, max } = error;
    RequestError::TooLong { bytes, max }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::out::tests::Page;

    #[test]
    fn who_is_as_it_was_is_not_shown_again() {
        let page = Page::default();
        let mut out = Out::new(page.clone(), true);
        let mut shown = Shown { clock: Clock::utc(), last: HashMap::new(), out: &mut out };
        let gone = Presence::hidden("bob".parse().unwrap());
        let seen = Presence { last_seen_ms: 7, ..gone.clone() };
        let here = Presence { online: true, ..gone.clone() };
        let busy = Presence { status: "busy".into(), ..here.clone() };
        for (told, is_new) in
            [(&gone, true), (&seen, false), (&here, true), (&here, false), (&busy, true)]
        {
            assert_eq!(shown.put(told.clone()).unwrap(), is_new, "{told:?}");
        }
        assert_eq!(page.text().lines().count(), 3);
    }
}
