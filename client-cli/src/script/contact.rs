//! `contact`: whom the user knows, and whom it has blocked. Must never tell another user of a
//! name or a block.

use packetboat_client::{Client, OwnState, SetContact};
use serde_json::json;

use crate::command::contact::ContactCommand;
use crate::failure::Failure;
use crate::format::{json, text};
use crate::out::Out;
use crate::visit::Visit;

/// Does what is asked.
pub(crate) async fn run(
    visit: &mut Visit,
    command: ContactCommand,
    out: &mut Out,
) -> Result<(), Failure> {
    let (command, user) = match command {
        ContactCommand::List => return list(visit, out).await,
        ContactCommand::Add { user } => {
            visit.ask(async |client| client.want_contact(&user).await).await?;
            ("contact add", user)
        }
        ContactCommand::Remove { user } => {
            visit.ask(async |client| client.end_contact(&user).await).await?;
            ("contact remove", user)
        }
        ContactCommand::Name { user, name } => {
            let set = SetContact { name: Some(name), ..SetContact::of(user.clone()) };
            visit.ask(async |client| client.set_contact(set.clone()).await).await?;
            ("contact name", user)
        }
        ContactCommand::Block { user } => {
            visit.ask(async |client| client.block(&user, true).await).await?;
            ("contact block", user)
        }
        ContactCommand::Unblock { user } => {
            visit.ask(async |client| client.block(&user, false).await).await?;
            ("contact unblock", user)
        }
    };
    out.done(|| json::done::done(command, json!({ "user": user.as_str() })))
}

async fn list(visit: &mut Visit, out: &mut Out) -> Result<(), Failure> {
    let read = async |client: &Client| {
        let mut own = OwnState::default();
        client.sync_own(&mut own).await.map(|()| own)
    };
    let own = visit.ask(read).await?;
    let mut contacts: Vec<_> = own.people().contacts().collect();
    contacts.sort_by_key(|contact| &contact.user);
    for contact in contacts {
        out.put(|| json::contact::contact(contact), || text::contact::contact(contact))?;
    }
    let mut blocked: Vec<_> = own.people().blocked().collect();
    blocked.sort();
    for user in blocked {
        out.put(|| json::contact::blocked(user), || text::contact::blocked(user))?;
    }
    Ok(())
}
