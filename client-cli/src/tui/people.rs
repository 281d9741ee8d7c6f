//! The errands about contacts and blocks. Must never tell another user of a name or a block.

use packetboat_client::{Client, OwnState, RequestError, SetContact};

use crate::format::text;
use crate::view::{Answer, People};

/// Does one, and says what came of it.
pub(super) async fn run(client: &Client, errand: People) -> Answer {
    let done = match errand {
        People::List => list(client).await,
        People::Contact(user, true) => {
            let asked = client.want_contact(&user).await;
            asked.map(|()| Answer::Told(format!("{user} is asked, or a contact now")))
        }
        People::Contact(user, false) => {
            let ended = client.end_contact(&user).await;
            ended.map(|()| Answer::Told(format!("{user} is no contact")))
        }
        People::Name(user, name) => {
            let set = SetContact { name: Some(name), ..SetContact::of(user.clone()) };
            let named = client.set_contact(set).await;
            named.map(|()| Answer::Told(format!("{user} has its name")))
        }
        People::Block(user, blocked) => {
            let set = client.block(&user, blocked).await;
            let said = if blocked { "blocked" } else { "blocked no more" };
            set.map(|()| Answer::Told(format!("{user} is {said}")))
        }
    };
    done.unwrap_or_else(|error| Answer::Failed(error.to_string()))
}

async fn list(client: &Client) -> Result<Answer, RequestError> {
    let mut own = OwnState::default();
    client.sync_own(&mut own).await?;
    let mut lines: Vec<String> = own.people().contacts().map(text::contact::contact).collect();
    lines.extend(own.people().blocked().map(text::contact::blocked));
    lines.sort();
    Ok(Answer::Sheet { title: "Whom you know, and whom you have blocked".to_owned(), lines })
}
