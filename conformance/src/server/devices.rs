//! A user's own devices (SPEC.md 5.11, K-1 to K-3). What the operator sets of them no Welcome
//! tells, so K-5 and K-6 are tested beside the server.

use packetboat_proto::code::CloseCode;
use packetboat_proto::id::{ChatId, DeviceId};
use packetboat_proto::packet::{
    Answer, AskKeys, Credential, DeviceAnswer, DeviceOperation, DeviceState, Hello, Keys,
    Operation, Packet, PublishKeys, Request, Start,
};

use crate::check::checks;
use crate::outcome::{Checked, ensure, fail, same};

use super::bed::Bed;
use super::peer::{Peer, told};

checks! {
    "devices", Bed;
    Must listed ["K-1"] "a user is told of its devices, and of nobody else's";
    Must logged_out ["K-2", "K-3"] "who is logged out is told so, and its ticket is good no more";
    Must forgotten ["K-3"] "of a device that is logged out no cursors are left, nor keys";
    Must others ["K-2"] "all others are logged out, and the one that asks is not";
    Must itself ["K-2"] "a device logs itself out, and an unknown one is no fault";
}

async fn ask(peer: &mut Peer, operation: DeviceOperation) -> Checked<DeviceAnswer> {
    match peer.ask(Operation::Device(operation)).await? {
        Ok(Answer::Device(answer)) => Ok(answer),
        other => fail("an answer about devices", format_args!("{other:?}")),
    }
}

/// The device of that id, if it is listed.
async fn find(peer: &mut Peer, device: &DeviceId) -> Checked<Option<DeviceState>> {
    let mut after = None;
    loop {
        let listed = ask(peer, DeviceOperation::List { after, limit: 0 }).await?;
        let DeviceAnswer::List { devices, more } = listed else {
            return fail("a list of devices", format_args!("{listed:?}"));
        };
        after = devices.last().map(|state| state.device.clone());
        if let Some(found) = devices.into_iter().find(|state| state.device == *device) {
            return Ok(Some(found));
        }
        if !more {
            return Ok(None);
        }
    }
}

fn log_out(device: &DeviceId) -> DeviceOperation {
    DeviceOperation::LogOut { device: device.clone() }
}

async fn listed(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let (name, platform) = ("Ada's phone".to_owned(), "ios".to_owned());
    let hello = Hello { device_name: name, platform, ..bed.hello(&ada) };
    let mut desk = Peer::login(bed, &ada).await?;
    let mut other = Peer::login(bed, &bob).await?;
    let (phone, _) = Peer::greet(bed, hello.clone()).await?;
    match find(&mut desk, &hello.device).await? {
        Some(DeviceState { name, platform, client, online: true, .. }) => {
            let said = (hello.device_name, hello.platform, hello.client);
            same("what it says of itself", said, (name, platform, client))?;
        }
        other => return fail("the device, online", format_args!("{other:?}")),
    }
    same("what others are told", None, find(&mut other, &hello.device).await?)?;
    drop(phone);
    while find(&mut desk, &hello.device).await?.is_some_and(|state| state.online) {}
    same("known when it is gone", true, find(&mut desk, &hello.device).await?.is_some())
}

async fn logged_out(bed: &Bed) -> Checked {
    let [ada] = bed.users()?;
    let mut desk = Peer::login(bed, &ada).await?;
    let hello = bed.hello(&ada);
    let (mut phone, welcome) = Peer::greet(bed, hello.clone()).await?;
    same("answer", DeviceAnswer::LogOut, ask(&mut desk, log_out(&hello.device)).await?)?;
    phone.closed_with(CloseCode::LoggedOut).await?;
    same("listed still", None, find(&mut desk, &hello.device).await?)?;
    let gives_tickets = !welcome.ticket.is_empty();
    let by_ticket = Hello { credential: Credential::Ticket(welcome.ticket), ..hello.clone() };
    if gives_tickets {
        Peer::refused(bed, by_ticket.clone(), CloseCode::BadTicket).await?;
    }
    let (_phone, welcome) = Peer::greet(bed, hello).await?;
    same("new_device", true, welcome.new_device)?;
    if gives_tickets {
        Peer::refused(bed, by_ticket, CloseCode::BadTicket).await?;
    }
    Ok(())
}

async fn forgotten(bed: &Bed) -> Checked {
    let [ada] = bed.users()?;
    let mut desk = Peer::login(bed, &ada).await?;
    let chat = ChatId::direct(&ada, &ada);
    let mut first = 0;
    for text in ["one", "two"] {
        first = desk.text(bed, &chat, text).await?.seq - 1;
    }
    // It has had one of two, and has keys.
    let hello = Hello { start: Some(Start::Last(2)), ..bed.hello(&ada) };
    let (mut phone, _) = Peer::greet(bed, hello.clone()).await?;
    same("the first that it gets", first, phone.take(&chat).await?.seq)?;
    let (identity, prekey) = ("phone".into(), "prekey".into());
    let keys = PublishKeys { identity, prekey, ..PublishKeys::default() };
    let published = phone.ask(Operation::Keys(AskKeys::Publish(keys))).await?;
    ensure(published.is_ok(), "keys are published", format_args!("{published:?}"))?;
    ask(&mut desk, log_out(&hello.device)).await?;
    phone.closed_with(CloseCode::LoggedOut).await?;
    let asked = AskKeys::Devices { user: ada.clone(), after: None, limit: 0 };
    match desk.ask(Operation::Keys(asked)).await? {
        Ok(Answer::Keys(Keys::Devices { devices, .. })) => {
            let left = devices.iter().any(|keys| keys.device == hello.device);
            same("its keys are left", false, left)?;
        }
        other => return fail("keys", format_args!("{other:?}")),
    }
    let (mut phone, _) = Peer::greet(bed, hello).await?;
    same("the first that it gets anew", first, phone.take(&chat).await?.seq)
}

async fn others(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let mut desk = Peer::login(bed, &ada).await?;
    let mut phone = Peer::login(bed, &ada).await?;
    let mut stranger = Peer::login(bed, &bob).await?;
    let answer = ask(&mut desk, DeviceOperation::LogOutOthers).await?;
    same("answer", DeviceAnswer::LogOutOthers, answer)?;
    phone.closed_with(CloseCode::LoggedOut).await?;
    desk.sync().await?;
    stranger.sync().await.map(drop)
}

async fn itself(bed: &Bed) -> Checked {
    let [ada] = bed.users()?;
    let hello = bed.hello(&ada);
    let (mut phone, _) = Peer::greet(bed, hello.clone()).await?;
    let unknown = ask(&mut phone, log_out(&bed.device())).await?;
    same("answer", DeviceAnswer::LogOut, unknown)?;
    let operation = Some(Operation::Device(log_out(&hello.device)));
    phone.say(Packet::Request(Request { id: 77, operation })).await?;
    loop {
        match phone.next("a Goodbye, and perhaps an answer before it").await? {
            Packet::Goodbye(verdict) => {
                return same("code", Some(CloseCode::LoggedOut), verdict.close_code());
            }
            Packet::Response(_) | Packet::Ping(_) | Packet::Notice(_) => {}
            other => return fail("a Goodbye", told(&other)),
        }
    }
}
