//! Presence that is told as it changes, and to whom (SPEC.md 5.8, W-1 to W-4).

use packetboat_proto::id::UserId;
use packetboat_proto::packet::{Answer, Notice, Operation, Packet, Presence, Profile, Visibility};

use crate::check::checks;
use crate::outcome::{Checked, fail, same};

use super::bed::Bed;
use super::peer::Peer;

checks! {
    "presence", Bed;
    Must watched ["W-1", "W-3"] "who watches a user is told when it comes and goes";
    Must away ["W-2"] "a user is away once it has said so on every session";
    Must hidden ["W-4"] "who may not see a user is told that it is offline";
}

async fn watch(peer: &mut Peer, user: &UserId) -> Checked<Presence> {
    let add = vec![user.clone()];
    match peer.ask(Operation::Watch { add, remove: Vec::new() }).await? {
        Ok(Answer::Watch(mut users)) if users.len() == 1 => Ok(users.remove(0)),
        other => fail("one presence", format_args!("{other:?}")),
    }
}

async fn told(peer: &mut Peer, user: &UserId, wanted: impl Fn(&Presence) -> bool) -> Checked {
    let found = |packet: &Packet| match packet {
        Packet::Notice(Notice::Presence(told)) => {
            (told.user == *user && wanted(told)).then_some(())
        }
        _ => None,
    };
    peer.find("a Notice of presence", found).await
}

async fn watched(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let mut watcher = Peer::login(bed, &ada).await?;
    same("online", false, watch(&mut watcher, &bob).await?.online)?;
    let other = Peer::login(bed, &bob).await?;
    told(&mut watcher, &bob, |told| told.online).await?;
    drop(other);
    told(&mut watcher, &bob, |told| !told.online).await
}

async fn away(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let mut watcher = Peer::login(bed, &ada).await?;
    let mut other = Peer::login(bed, &bob).await?;
    let first = watch(&mut watcher, &bob).await?;
    same("online and away", (true, false), (first.online, first.away))?;
    for away in [true, false] {
        match other.ask(Operation::SetPresence { away }).await? {
            Ok(Answer::SetPresence) => {}
            answer => return fail("set_presence", format_args!("{answer:?}")),
        }
        told(&mut watcher, &bob, |told| told.online && told.away == away).await?;
    }
    Ok(())
}

async fn hidden(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let mut watcher = Peer::login(bed, &ada).await?;
    let mut other = Peer::login(bed, &bob).await?;
    same("online", true, watch(&mut watcher, &bob).await?.online)?;
    let profile = Profile { status: "hidden".into(), visible_to: Some(Visibility::Nobody) };
    match other.ask(Operation::SetProfile(profile)).await? {
        Ok(Answer::SetProfile) => {}
        answer => return fail("set_profile", format_args!("{answer:?}")),
    }
    told(&mut watcher, &bob, |told| *told == Presence::hidden(bob.clone())).await?;
    let asked = |user: &UserId| Operation::Presence { users: vec![user.clone()] };
    let seen = watcher.ask(asked(&bob)).await?;
    same("what is told", Ok(Answer::Presence(vec![Presence::hidden(bob.clone())])), seen)?;
    match other.ask(asked(&bob)).await? {
        Ok(Answer::Presence(users)) => same("of oneself", true, users[0].online),
        answer => fail("a presence", format_args!("{answer:?}")),
    }
}
