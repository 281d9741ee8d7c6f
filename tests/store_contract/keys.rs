//! Contracts of the directory of keys: a one-time key is given once, whatever happens.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use futures_util::future::join_all;
use packetboat::store::act::Act;
use packetboat::store::device::DeviceBook;
use packetboat::store::keys::{KeyBook, Owned};
use packetboat::store::{Effect, Start, Store, StoreError};
use packetboat_proto::code::RejectCode;
use packetboat_proto::id::ClaimId;
use packetboat_proto::limits::{ONE_TIME_KEYS_MAX, ONE_TIME_KEYS_PER_PUBLISH_MAX};
use packetboat_proto::packet::{Block, DeviceKeys, KeysNews, KeysState, OneTimeKey, PublishKeys};

use crate::bed::{Bed, Opened, device, refused, user};
use crate::shaky::{Fault, ShakyBed};

fn owner(name: &str) -> Owned {
    (user(name), device("phone"))
}

fn claim(number: u64) -> ClaimId {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    ClaimId::from(bytes)
}

/// Keys of an identity, and one-time keys with these ids.
fn keys(identity: &'static str, ids: impl IntoIterator<Item = u64>) -> PublishKeys {
    let one = |id: u64| OneTimeKey { id, key: format!("{identity} {id}").into() };
    PublishKeys {
        identity: identity.into(),
        proof: "proof".into(),
        prekey: "prekey".into(),
        one_time: ids.into_iter().map(one).collect(),
    }
}

async fn publish(open: &Opened, name: &str, keys: PublishKeys) -> (u32, u64) {
    let state = open.publish_keys(owner(name), keys).await.unwrap();
    (state.left, state.highest)
}

/// The devices of these users come.
async fn come(open: &Opened, names: &[&str]) {
    for name in names {
        open.claim(name, "phone", Start::Newest).await;
    }
    open.effects();
}

/// The id of the one-time key that a claim is given.
async fn given(open: &Opened, claimer: &str, number: u64, of: &str) -> Option<u64> {
    let bundle = open.claim_key(user(claimer), claim(number), owner(of)).await.unwrap();
    assert_eq!(bundle.prekey, "prekey");
    if let Some(one) = &bundle.one_time {
        let identity = String::from_utf8(bundle.identity.to_vec()).unwrap();
        assert_eq!(one.key, format!("{identity} {}", one.id));
    }
    bundle.one_time.map(|one| one.id)
}

pub(crate) async fn a_one_time_key_is_given_once_and_again_to_the_same_claim(bed: impl Bed) {
    let open = bed.open();
    come(&open, &["bob"]).await;
    let nobody = open.claim_key(user("ann"), claim(1), owner("bob")).await;
    assert_eq!(refused(nobody), RejectCode::NoKeys);
    assert_eq!(publish(&open, "bob", keys("bob", 1..=3)).await, (3, 3));
    assert_eq!(given(&open, "ann", 1, "bob").await, Some(1));
    assert_eq!(given(&open, "cyd", 1, "bob").await, Some(2), "a claim is its claimer's");
    assert_eq!(given(&open, "ann", 1, "bob").await, Some(1));
    assert_eq!(given(&open, "ann", 2, "bob").await, Some(3));
    assert_eq!(given(&open, "cyd", 2, "bob").await, None, "there is none left");
    open.close().await;
    drop(open);
    let open = bed.open();
    assert_eq!(given(&open, "ann", 2, "bob").await, Some(3));
    assert_eq!(given(&open, "cyd", 3, "bob").await, None);
    let page = open.keys(user("bob"), user("bob"), None, 9).await.unwrap();
    let [DeviceKeys { state, .. }] = &page.items[..] else { panic!("{page:?}") };
    assert_eq!(*state, Some(KeysState { left: 0, highest: 3 }));
    let page = open.keys(user("ann"), user("bob"), None, 9).await.unwrap();
    assert_eq!(page.items[0].state, None, "that is told the user alone");
    open.close().await;
}

pub(crate) async fn what_was_taken_once_is_passed_over(bed: impl Bed) {
    let open = bed.open();
    come(&open, &["bob"]).await;
    publish(&open, "bob", keys("bob", [2, 5])).await;
    assert_eq!(given(&open, "ann", 1, "bob").await, Some(2));
    assert_eq!(publish(&open, "bob", keys("bob", [2, 5])).await, (1, 5), "sent again");
    assert_eq!(publish(&open, "bob", keys("bob", [3, 5, 6])).await, (2, 6));
    assert_eq!(publish(&open, "bob", keys("bob", [])).await, (2, 6));
    for (number, id) in [(2, Some(5)), (3, Some(6)), (4, None)] {
        assert_eq!(given(&open, "ann", number, "bob").await, id);
    }
    assert_eq!(publish(&open, "bob", keys("", [])).await, (0, 6), "the keys are taken away");
    let gone = open.claim_key(user("ann"), claim(9), owner("bob")).await;
    assert_eq!(refused(gone), RejectCode::NoKeys);
    assert_eq!(publish(&open, "bob", keys("bob", [2, 5, 6])).await, (0, 6), "ids only go up");
    assert_eq!(given(&open, "ann", 10, "bob").await, None);
    open.close().await;
}

pub(crate) async fn another_identity_ends_the_keys_before_and_is_told(bed: impl Bed) {
    let open = bed.open();
    come(&open, &["bob"]).await;
    let told = |identity: &'static str| {
        let proof = if identity.is_empty() { "" } else { "proof" };
        let device = device("phone");
        let (identity, proof) = (identity.into(), proof.into());
        let device = DeviceKeys { device, identity, proof, state: None };
        Effect::Keys(KeysNews { user: user("bob"), device })
    };
    publish(&open, "bob", keys("bob", 1..=20)).await;
    assert_eq!(open.effects(), [told("bob")]);
    publish(&open, "bob", keys("bob", 21..=30)).await;
    assert_eq!(open.effects(), [], "the same identity is no news");
    assert_eq!(given(&open, "ann", 1, "bob").await, Some(1));
    assert_eq!(publish(&open, "bob", keys("rob", 29..=32)).await, (2, 32));
    assert_eq!(open.effects(), [told("rob")]);
    assert_eq!(given(&open, "ann", 1, "bob").await, Some(31), "the key before is of another");
    publish(&open, "bob", keys("", [])).await;
    publish(&open, "bob", keys("", [])).await;
    let effects = open.effects();
    assert_eq!(effects.last(), Some(&told("")));
    assert_eq!(effects.iter().filter(|effect| **effect == told("")).count(), 1);
    let page = open.keys(user("ann"), user("bob"), None, 9).await.unwrap();
    assert_eq!((page.items, page.more), (vec![], false));
    open.close().await;
}

pub(crate) async fn keys_are_bounded_and_so_are_claims(bed: impl Bed) {
    const CLAIMS_AT_ONCE: u64 = 500;
    let open = bed.open();
    come(&open, &["bob"]).await;
    let batch = ONE_TIME_KEYS_PER_PUBLISH_MAX as u64;
    publish(&open, "bob", keys("bob", 1..=batch)).await;
    let most = (ONE_TIME_KEYS_MAX, u64::from(ONE_TIME_KEYS_MAX));
    assert_eq!(publish(&open, "bob", keys("bob", batch + 1..=2 * batch)).await, most);
    let over = open.publish_keys(owner("bob"), keys("bob", [1_000])).await;
    assert_eq!(refused(over), RejectCode::LimitReached);
    let unordered = open.publish_keys(owner("bob"), keys("bob", [9, 9])).await;
    assert_eq!(refused(unordered), RejectCode::Invalid);
    let bare = PublishKeys { prekey: "".into(), ..keys("bob", []) };
    assert_eq!(refused(open.publish_keys(owner("bob"), bare).await), RejectCode::Invalid);
    open.effects();
    let mut ids = BTreeSet::new();
    for number in 0..most.1 {
        ids.extend(given(&open, "ann", number, "bob").await);
    }
    assert_eq!(ids.len() as u64, most.1, "each once");
    let low = open.effects();
    assert_eq!(low.len(), 11, "from ten left on its device is told");
    assert!(matches!(&low[10], Effect::Keys(news)
        if news.device.state == Some(KeysState { left: 0, highest: most.1 })));
    // Where there is none left, none is given, and nothing counts.
    for number in 0..CLAIMS_AT_ONCE {
        assert_eq!(given(&open, "ann", most.1 + number, "bob").await, None);
    }
    let mut next = most.1 + 1;
    let mut number = most.1;
    let refusal = loop {
        publish(&open, "bob", keys("bob", [next])).await;
        next += 1;
        match open.claim_key(user("ann"), claim(1_000 + number), owner("bob")).await {
            Ok(bundle) => assert!(ids.insert(bundle.one_time.unwrap().id)),
            refused => break refused,
        }
        number += 1;
    };
    assert_eq!((refused(refusal), number), (RejectCode::RateLimited, CLAIMS_AT_ONCE));
    assert_eq!(given(&open, "cyd", 1, "bob").await, Some(next - 1), "another may claim");
    publish(&open, "bob", keys("bob", [next])).await;
    open.clock.fetch_add(1_000, Ordering::SeqCst);
    assert_eq!(given(&open, "ann", 9_999, "bob").await, Some(next), "a second later one more");
    open.close().await;
}

pub(crate) async fn concurrent_claims_are_given_different_keys(bed: impl Bed) {
    const CLAIMERS: u64 = 60;
    let open = bed.open();
    come(&open, &["bob"]).await;
    publish(&open, "bob", keys("bob", 1..=50)).await;
    let mut claims = tokio::task::JoinSet::new();
    for number in 0..CLAIMERS {
        let store = open.store.clone();
        claims.spawn(async move {
            let claimer = user(&format!("u{number}"));
            let once = store.claim_key(claimer.clone(), claim(number), owner("bob")).await.unwrap();
            let again = store.claim_key(claimer, claim(number), owner("bob")).await.unwrap();
            assert_eq!(once, again);
            once.one_time.map(|one| one.id)
        });
    }
    let given: Vec<Option<u64>> = claims.join_all().await;
    let ids: BTreeSet<u64> = given.iter().flatten().copied().collect();
    assert_eq!(ids, (1..=50).collect());
    assert_eq!(given.iter().filter(|id| id.is_none()).count(), 10);
    open.close().await;
}

pub(crate) async fn what_was_given_stays_given_over_a_power_cut(bed: impl Bed) {
    let mut ids = BTreeSet::new();
    for round in 0..4 {
        let open = bed.open();
        come(&open, &["bob"]).await;
        let batch = keys("bob", (1..=10).map(|id| round * 10 + id));
        let highest = publish(&open, "bob", batch).await.1;
        for number in 0..7 {
            let id = given(&open, "ann", round * 100 + number, "bob").await;
            assert!(ids.insert(id.unwrap()), "{id:?} was given before");
        }
        let last = round * 100 + 6;
        let before = given(&open, "ann", last, "bob").await;
        bed.cut_power();
        open.close().await;
        drop(open);
        let open = bed.open();
        assert_eq!(given(&open, "ann", last, "bob").await, before, "and to the same claim");
        assert_eq!(publish(&open, "bob", keys("bob", [])).await.1, highest);
        open.close().await;
    }
}

/// What claims that are made at once are given; none for those that the store did not answer.
async fn claims_at_once(open: &Opened, claims: u64) -> Vec<Option<u64>> {
    let asked = (0..claims).map(|number| {
        let claimer = user(&format!("u{}", number % 3));
        open.claim_key(claimer, claim(number), owner("bob"))
    });
    let answers = join_all(asked).await.into_iter();
    answers.map(|answer| Some(answer.ok()?.one_time?.id)).collect()
}

#[tokio::test]
async fn no_key_is_given_twice_whichever_write_fails() {
    const CLAIMS: u64 = 12;
    for fault in [Fault::Before, Fault::After, Fault::Panic] {
        for (writes, lost) in (0..5).flat_map(|writes| [(writes, 0), (writes, usize::MAX)]) {
            let bed = ShakyBed::default();
            let open = bed.open();
            come(&open, &["bob"]).await;
            publish(&open, "bob", keys("bob", 1..=30)).await;
            bed.fail_after(writes, fault);
            let answered = claims_at_once(&open, CLAIMS).await;
            bed.cut(lost);
            open.close().await;
            drop(open);
            let open = bed.open();
            let again = claims_at_once(&open, CLAIMS).await;
            for (before, now) in answered.iter().zip(&again) {
                assert!(before.is_none() || before == now, "{fault:?} {writes} {lost}");
            }
            let ids: BTreeSet<u64> = again.iter().map(|id| id.unwrap()).collect();
            assert_eq!(ids.len() as u64, CLAIMS, "{fault:?} {writes} {lost}: {again:?}");
            open.close().await;
        }
    }
}

pub(crate) async fn a_device_that_is_logged_out_leaves_no_keys(bed: impl Bed) {
    let open = bed.open();
    open.claim("bob", "phone", Start::Newest).await;
    open.claim("bob", "desk", Start::Newest).await;
    publish(&open, "bob", keys("first", 1..=3)).await;
    assert_eq!(given(&open, "ann", 1, "bob").await, Some(1));
    open.effects();
    open.act(user("bob"), Act::LogOutOthers { but: device("desk") }).await.unwrap();
    let told: Vec<Effect> = open.effects();
    let news = told.iter().find_map(|effect| match effect {
        Effect::Keys(news) => Some(news),
        _ => None,
    });
    assert_eq!(news.map(|news| news.device.identity.len()), Some(0), "{told:?}");
    assert_eq!(
        refused(open.claim_key(user("ann"), claim(1), owner("bob")).await),
        RejectCode::NoKeys
    );
    // Its session asks just before it is told.
    let late = open.publish_keys(owner("bob"), keys("first", 4..=5)).await;
    assert_eq!(refused(late), RejectCode::NotAllowed);
    assert_eq!(open.keys(user("bob"), user("bob"), None, 9).await.unwrap().items, []);
    // It is another device now, and its ids begin anew.
    open.claim("bob", "phone", Start::Newest).await;
    assert_eq!(publish(&open, "bob", keys("second", 1..=2)).await, (2, 2));
    while open.devices_clear().await.unwrap() {}
    assert_eq!(given(&open, "ann", 1, "bob").await, Some(1));
    open.close().await;
}

pub(crate) async fn who_is_blocked_finds_no_keys(bed: impl Bed) {
    let open = bed.open();
    come(&open, &["ann", "bob"]).await;
    publish(&open, "bob", keys("bob", 1..=3)).await;
    let nobody = (user("nobody"), device("phone"));
    let nobody = open.claim_key(user("ann"), claim(1), nobody).await.unwrap_err();
    open.act(user("bob"), Act::SetBlock(Block { user: user("ann"), blocked: true })).await.unwrap();
    let blocked = open.claim_key(user("ann"), claim(1), owner("bob")).await.unwrap_err();
    let as_said = |error: &StoreError| error.to_string().replace("nobody", "bob");
    assert_eq!(as_said(&blocked), as_said(&nobody), "a block is not told");
    assert_eq!(open.keys(user("ann"), user("bob"), None, 9).await.unwrap().items, []);
    assert_eq!(open.keys(user("cyd"), user("bob"), None, 9).await.unwrap().items.len(), 1);
    publish(&open, "ann", keys("ann", 1..=1)).await;
    let own = open.claim_key(user("bob"), claim(1), owner("ann")).await;
    assert_eq!(refused(own), RejectCode::Blocked, "nor does one write to whom one blocks");
    open.act(user("bob"), Act::SetBlock(Block { user: user("ann"), blocked: false }))
        .await
        .unwrap();
    assert_eq!(given(&open, "ann", 2, "bob").await, Some(1));
    open.close().await;
}
