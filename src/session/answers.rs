//! Asks the store what a client asks, and says it in the words of the wire. Must never answer
//! without the store's check of the user's rights.

mod chat;
mod contact;
mod device;
mod file;
mod joining;
mod keys;
mod own;

use bytes::Bytes;
use packetboat_proto::code::RejectCode;
use packetboat_proto::id::{DeviceId, SessionId, UserId};
use packetboat_proto::limits::BODY_OVERHEAD_BYTES;
use packetboat_proto::packet::{self, Answer, Member, Operation, Verdict};

use crate::store::{Edge, Logged, MemberView, PageLimit, Store, StoreError, Thread};

use super::house::House;

mod presence;
mod receipt;
mod room;
mod schedule;
mod search;

/// The answer to an operation of `user` on `device`, in `session`.
pub async fn answer<S: Store>(
    house: &House<S>,
    user: UserId,
    device: DeviceId,
    session: SessionId,
    operation: Operation,
) -> Result<Answer, Verdict> {
    let after = house.rules.retry_after_ms;
    find(house, user, device, session, operation).await.map_err(|error| match error {
        StoreError::Refused(refusal) => refusal.verdict(after),
        StoreError::Stopped | StoreError::Unreadable { .. } => {
            Verdict::reject(RejectCode::Unavailable, &error.to_string(), after)
        }
    })
}

async fn find<S: Store>(
    house: &House<S>,
    user: UserId,
    device: DeviceId,
    session: SessionId,
    operation: Operation,
) -> Result<Answer, StoreError> {
    let store = &house.store;
    Ok(match operation {
        Operation::History { chat, edge, limit } => {
            let edge = match edge {
                packet::Edge::After(seq) => Edge::After(seq),
                packet::Edge::Before(seq) => Edge::Before(seq),
            };
            let page = store.history(user, chat, edge, page_limit(house, limit)).await?;
            Answer::History { entries: bodies(page.items), more: page.more }
        }
        Operation::Chats { after, limit } => {
            let page = store.chats(user, device, after, limit as usize).await?;
            chat::by_id(page, page_bytes(house))
        }
        Operation::Recent(recent) => {
            let page = store.recent(user, device, chat::asked(recent)).await?;
            chat::by_activity(page, page_bytes(house))
        }
        Operation::Chat { chat } => {
            Answer::Chat(Box::new(chat::state(store.chat(user, device, chat).await?)))
        }
        Operation::Members { chat, after, limit } => {
            let page = store.members(user, chat, after, limit as usize).await?;
            let members = page.items.into_iter().map(member).collect();
            Answer::Members { members, more: page.more }
        }
        Operation::Presence { users } => {
            let kept = presence::kept(store, &user, users.clone()).await?;
            Answer::Presence(house.hub.presences(&user, &users, &kept))
        }
        Operation::Own(own) => Answer::Own(own::find(store, user, own, page_bytes(house)).await?),
        Operation::Joining(joining) => Answer::Joining(joining::find(store, user, joining).await?),
        Operation::Device(asked) => Answer::Device(device::find(house, user, device, asked).await?),
        Operation::Contact(asked) => Answer::Contact(contact::find(store, user, asked).await?),
        Operation::Receipts(asked) => {
            Answer::Receipts(receipt::find(house, user, session, asked).await?)
        }
        Operation::Keys(asked) => {
            Answer::Keys(keys::find(house, (user, device), session, asked).await?)
        }
        Operation::Scheduling(scheduling) => {
            Answer::Scheduled(schedule::find(house, user, scheduling).await?)
        }
        Operation::Search(asked) => Answer::Search(search::find(house, user, asked).await?),
        Operation::Pins { chat } => Answer::Pins(store.pins(user, chat).await?),
        Operation::Thread { chat, seq: of, after, limit } => {
            let thread = Thread { chat, of, after };
            let page = store.thread(user, thread, page_limit(house, limit)).await?;
            Answer::Thread { entries: bodies(page.items), more: page.more }
        }
        Operation::RoomJoin { room: of } => room::join(house, &user, session, of).await?,
        Operation::RoomLeave { room } => {
            house.hub.leave_room(&user, session, &room);
            Answer::RoomLeave
        }
        Operation::Room { room: of } => Answer::Room(room::state(house, &user, of).await?),
        Operation::Watch { add, remove } => {
            presence::watch(house, &user, session, add, &remove).await?
        }
        Operation::SetPresence { away } => {
            house.hub.set_away(&user, session, away);
            Answer::SetPresence
        }
        Operation::SetProfile(profile) => presence::set_profile(house, user, profile).await?,
        transfer => file::find(house, user, transfer).await?,
    })
}

/// What of a log fits into one body.
fn page_limit<S: Store>(house: &House<S>, limit: u32) -> PageLimit {
    PageLimit { items: limit as usize, bytes: page_bytes(house) }
}

/// What a page's items may have together.
fn page_bytes<S: Store>(house: &House<S>) -> usize {
    (house.rules.max_body - BODY_OVERHEAD_BYTES) as usize
}

fn bodies(entries: Vec<Logged>) -> Vec<Bytes> {
    entries.into_iter().map(|entry| entry.body).collect()
}

fn member(view: MemberView) -> Member {
    Member {
        user: view.user,
        role: Some(view.role),
        delivered: view.delivered,
        read: view.read,
        muted_until_ms: view.muted_until_ms,
    }
}
