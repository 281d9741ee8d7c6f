//! The directory of keys (SPEC.md 5.14, KY-1 to KY-6).

use packetboat_proto::code::RejectCode;
use packetboat_proto::id::{ClaimId, UserId};
use packetboat_proto::packet::{
    Answer, AskKeys, DeviceKeys, KeyBundle, Keys, KeysNews, KeysState, Notice, OneTimeKey,
    Operation, Packet, PublishKeys,
};

use crate::check::checks;
use crate::outcome::{Checked, fail, same};

use super::bed::Bed;
use super::peer::Peer;

checks! {
    "keys", Bed;
    Must published ["KY-1"] "ids go up, and what is no higher is passed over";
    Must bounds ["KY-1"] "what is no set of keys is INVALID, and too many are LIMIT_REACHED";
    Must given_once ["KY-2", "KY-3"] "a one-time key is given to one claim, the lowest first";
    Must given_again ["KY-4"] "the same claim is given the same key, on another connection too";
    Must claims_bounded ["KY-5"] "who claims too many is RATE_LIMITED";
    Must told ["KY-6"] "who asked for keys is told of another identity, a device of few keys";
    Must another_identity ["KY-7"] "another identity ends the one-time keys before it";
}

/// Two users, and the second one's keys: ids 1 to 3.
struct Pair {
    bob: UserId,
    /// The first one's session.
    ada: Peer,
    /// The second one's, and its device.
    owner: Peer,
    keys: DeviceKeys,
}

fn keys(identity: &'static str, ids: impl IntoIterator<Item = u64>) -> PublishKeys {
    let one = |id: u64| OneTimeKey { id, key: format!("{identity} {id}").into() };
    PublishKeys {
        identity: identity.into(),
        proof: "signed".into(),
        prekey: "prekey".into(),
        one_time: ids.into_iter().map(one).collect(),
    }
}

async fn ask(peer: &mut Peer, asked: AskKeys) -> Checked<Keys> {
    match peer.ask(Operation::Keys(asked)).await? {
        Ok(Answer::Keys(keys)) => Ok(keys),
        other => fail("an answer about keys", format_args!("{other:?}")),
    }
}

async fn publish(peer: &mut Peer, keys: PublishKeys) -> Checked<KeysState> {
    match ask(peer, AskKeys::Publish(keys)).await? {
        Keys::Published(state) => Ok(state),
        other => fail("publish_keys", format_args!("{other:?}")),
    }
}

async fn devices(peer: &mut Peer, user: &UserId) -> Checked<Vec<DeviceKeys>> {
    match ask(peer, AskKeys::Devices { user: user.clone(), after: None, limit: 0 }).await? {
        Keys::Devices { devices, .. } => Ok(devices),
        other => fail("keys", format_args!("{other:?}")),
    }
}

async fn pair(bed: &Bed) -> Checked<Pair> {
    let [ada, bob] = bed.strangers()?;
    let ada = Peer::login(bed, &ada).await?;
    let mut owner = Peer::login(bed, &bob).await?;
    let state = publish(&mut owner, keys("bob", 1..=3)).await?;
    same("what is published", KeysState { left: 3, highest: 3 }, state)?;
    let mut own = devices(&mut owner, &bob).await?;
    match own.pop() {
        Some(keys) if own.is_empty() => Ok(Pair { bob, ada, owner, keys }),
        other => fail("one device with keys", format_args!("{other:?}")),
    }
}

fn claim_of(pair: &Pair, number: u64) -> Operation {
    let mut claim = [7; 16];
    claim[..8].copy_from_slice(&number.to_be_bytes());
    let (user, device) = (pair.bob.clone(), pair.keys.device.clone());
    Operation::Keys(AskKeys::Claim { claim: ClaimId::from(claim), user, device })
}

async fn claim(peer: &mut Peer, asked: Operation) -> Checked<KeyBundle> {
    match peer.ask(asked).await? {
        Ok(Answer::Keys(Keys::Claimed(bundle))) => Ok(bundle),
        other => fail("a bundle of keys", format_args!("{other:?}")),
    }
}

fn id_of(bundle: KeyBundle) -> Option<u64> {
    bundle.one_time.map(|one| one.id)
}

async fn published(bed: &Bed) -> Checked {
    let mut pair = pair(bed).await?;
    let asked = claim_of(&pair, 1);
    claim(&mut pair.ada, asked).await?;
    let again = publish(&mut pair.owner, keys("bob", 1..=3)).await?;
    same("what is sent again", KeysState { left: 2, highest: 3 }, again)?;
    let more = publish(&mut pair.owner, keys("bob", 3..=5)).await?;
    same("what is higher", KeysState { left: 4, highest: 5 }, more)?;
    let gone = publish(&mut pair.owner, PublishKeys::default()).await?;
    same("what is taken away", KeysState { left: 0, highest: 5 }, gone)?;
    let back = publish(&mut pair.owner, keys("bob", 4..=6)).await?;
    same("ids after that", KeysState { left: 1, highest: 6 }, back)
}

async fn bounds(bed: &Bed) -> Checked {
    let mut owner = pair(bed).await?.owner;
    let asked = |keys| Operation::Keys(AskKeys::Publish(keys));
    let twice = keys("bob", [9, 9]);
    owner.ask_refused(asked(twice), RejectCode::Invalid).await?;
    let bare = PublishKeys { prekey: "".into(), ..keys("bob", []) };
    owner.ask_refused(asked(bare), RejectCode::Invalid).await?;
    let mut empty = keys("bob", [9]);
    empty.one_time[0].key = "".into();
    owner.ask_refused(asked(empty), RejectCode::Invalid).await?;
    publish(&mut owner, keys("bob", 4..=103)).await?;
    owner.ask_refused(asked(keys("bob", 104..=203)), RejectCode::LimitReached).await?;
    let most = publish(&mut owner, keys("bob", 104..=200)).await?;
    same("the most that there may be", KeysState { left: 200, highest: 200 }, most)
}

async fn given_once(bed: &Bed) -> Checked {
    let mut pair = pair(bed).await?;
    for (number, id) in [(1, Some(1)), (2, Some(2)), (3, Some(3)), (4, None)] {
        let asked = claim_of(&pair, number);
        let bundle = claim(&mut pair.ada, asked).await?;
        same("the prekey", "prekey", &*String::from_utf8_lossy(&bundle.prekey))?;
        same("the one-time key", id, id_of(bundle))?;
    }
    publish(&mut pair.owner, PublishKeys::default()).await?;
    let asked = claim_of(&pair, 5);
    pair.ada.ask_refused(asked, RejectCode::NoKeys).await
}

async fn given_again(bed: &Bed) -> Checked {
    let mut pair = pair(bed).await?;
    let asked = || claim_of(&pair, 1);
    let (first, second) = (asked(), asked());
    let third = asked();
    same("a claim", Some(1), id_of(claim(&mut pair.ada, first).await?))?;
    same("the same again", Some(1), id_of(claim(&mut pair.ada, second).await?))?;
    same("of another user", Some(2), id_of(claim(&mut pair.owner, third).await?))
}

async fn claims_bounded(bed: &Bed) -> Checked {
    let mut pair = pair(bed).await?;
    // In the time that this takes a few more may be made. What is given none does not count.
    for number in 0..CLAIMS_AT_MOST {
        if number % KEYS_AT_A_TIME == 0 {
            let next = number + 4;
            publish(&mut pair.owner, keys("bob", next..next + KEYS_AT_A_TIME)).await?;
        }
        match pair.ada.ask(claim_of(&pair, number)).await? {
            Ok(_) => {}
            Err(verdict) => {
                return same("the code", Some(RejectCode::RateLimited), verdict.reject_code());
            }
        }
    }
    fail("a claim that is refused", format_args!("{CLAIMS_AT_MOST} were not"))
}

/// Claims of which one is refused, if they take no longer than some minutes.
const CLAIMS_AT_MOST: u64 = 1_500;
/// So many are published at a time.
const KEYS_AT_A_TIME: u64 = 50;

async fn news(peer: &mut Peer) -> Checked<KeysNews> {
    let found = |packet: &Packet| match packet {
        Packet::Notice(Notice::Keys(news)) => Some(news.clone()),
        _ => None,
    };
    peer.find("a Notice of keys", found).await
}

async fn told(bed: &Bed) -> Checked {
    let mut pair = pair(bed).await?;
    let seen = devices(&mut pair.ada, &pair.bob).await?;
    same("what is told of another's", vec![DeviceKeys { state: None, ..pair.keys.clone() }], seen)?;
    publish(&mut pair.owner, keys("rob", 4..=14)).await?;
    let device = DeviceKeys { identity: "rob".into(), state: None, ..pair.keys.clone() };
    same("news", KeysNews { user: pair.bob.clone(), device }, news(&mut pair.ada).await?)?;
    let asked = claim_of(&pair, 1);
    claim(&mut pair.ada, asked).await?;
    loop {
        // The owner asked for its own keys, too.
        if let Some(state) = news(&mut pair.owner).await?.device.state {
            return same("its own", KeysState { left: 10, highest: 14 }, state);
        }
    }
}

async fn another_identity(bed: &Bed) -> Checked {
    let mut pair = pair(bed).await?;
    let state = publish(&mut pair.owner, keys("rob", 3..=4)).await?;
    same("what is left", KeysState { left: 1, highest: 4 }, state)?;
    let asked = claim_of(&pair, 1);
    let bundle = claim(&mut pair.ada, asked).await?;
    same("the identity", "rob", &*String::from_utf8_lossy(&bundle.identity))?;
    same("its key", Some(4), id_of(bundle))
}
