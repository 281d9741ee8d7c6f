//! Contracts of what is known of devices, and of their end.

use std::sync::atomic::Ordering;

use packetboat::store::act::{Act, Acted};
use packetboat::store::device::{DeviceBook, DeviceLabel, KnownDevice};
use packetboat::store::{Claim, Effect, Start, Store};
use packetboat_proto::code::RejectCode;

use crate::bed::{Bed, Opened, claim, device, refused, user};

const DM: &str = "dm:ann:bob";

fn label(name: &str) -> DeviceLabel {
    DeviceLabel {
        name: name.into(),
        platform: "ios".into(),
        client: "test 1".into(),
        address: "127.0.0.1".into(),
    }
}

/// Claims a device, which says this of itself; its number.
async fn claims(open: &Opened, on: &str, name: &str) -> u64 {
    let claim = Claim { label: label(name), ..claim("bob", on, Start::Newest) };
    open.store.claim(claim).await.unwrap().number
}

async fn known(open: &Opened, of: &str) -> Vec<KnownDevice> {
    open.devices(user(of), None, 100).await.unwrap().items
}

async fn names(open: &Opened, of: &str) -> Vec<String> {
    known(open, of).await.into_iter().map(|known| known.device.to_string()).collect()
}

async fn log_out(open: &Opened, of: &str, on: &str) {
    let act = Act::LogOut { device: device(on) };
    assert_eq!(open.act(user(of), act).await, Ok(Acted::Done));
}

async fn clear(open: &Opened) {
    while open.devices_clear().await.unwrap() {}
}

/// The devices that are told to be logged out.
fn logged_out(open: &Opened) -> Vec<String> {
    let told = open.effects().into_iter().filter_map(|effect| match effect {
        Effect::LoggedOut { device, .. } => Some(device.to_string()),
        _ => None,
    });
    told.collect()
}

pub(crate) async fn a_device_is_listed_as_it_was_seen_last(bed: impl Bed) {
    let open = bed.open();
    open.clock.store(1_000, Ordering::SeqCst);
    claims(&open, "phone", "Bob's phone").await;
    open.clock.store(2_000, Ordering::SeqCst);
    claims(&open, "desk", "Desk").await;
    claims(&open, "phone", "Bob's new phone").await;
    open.clock.store(3_000, Ordering::SeqCst);
    open.release(user("bob"), device("desk")).await.unwrap();
    open.release(user("bob"), device("never")).await.unwrap();
    open.close().await;
    let open = bed.open();
    let seen = |on: &str, name: &str, first_seen_ms, last_seen_ms| KnownDevice {
        device: device(on),
        label: label(name),
        first_seen_ms,
        last_seen_ms,
    };
    let phone = seen("phone", "Bob's new phone", 1_000, 2_000);
    assert_eq!(known(&open, "bob").await, [seen("desk", "Desk", 2_000, 3_000), phone.clone()]);
    assert_eq!(known(&open, "ann").await, [], "they are nobody else's");
    let page = open.devices(user("bob"), None, 1).await.unwrap();
    assert!(page.more && page.items.len() == 1);
    let page = open.devices(user("bob"), Some(device("desk")), 1).await.unwrap();
    assert_eq!((page.items, page.more), (vec![phone], false));
    open.close().await;
}

pub(crate) async fn who_is_logged_out_is_gone_with_its_cursors(bed: impl Bed) {
    let open = bed.open();
    open.say("ann", DM, &["1", "2"]).await;
    for on in ["phone", "desk"] {
        assert!(open.claim("bob", on, Start::Everything).await);
        open.moved("bob", on, DM, 2, 0).await;
    }
    open.effects();
    log_out(&open, "ann", "phone").await;
    assert_eq!(logged_out(&open), Vec::<String>::new(), "it is not Ann's");
    log_out(&open, "bob", "phone").await;
    log_out(&open, "bob", "phone").await;
    assert_eq!(logged_out(&open), ["phone"], "asked again, it changes nothing");
    assert_eq!(names(&open, "bob").await, ["desk"]);
    open.close().await;
    let open = bed.open();
    assert_eq!(open.missing_texts("bob", "phone").await, Vec::<String>::new());
    clear(&open).await;
    assert_eq!(open.missing_texts("bob", "phone").await, ["1", "2"], "no cursor is left");
    assert_eq!(open.missing_texts("bob", "desk").await, Vec::<String>::new());
    assert!(open.claim("bob", "phone", Start::Newest).await, "it is a new one now");
    open.close().await;
}

pub(crate) async fn a_ticket_ends_with_its_device(bed: impl Bed) {
    let open = bed.open();
    let number = claims(&open, "phone", "").await;
    let by_ticket =
        |number| Claim { by_ticket: Some(number), ..claim("bob", "phone", Start::Newest) };
    let claimed = open.store.claim(by_ticket(number)).await.unwrap();
    assert_eq!((claimed.new_device, claimed.number), (false, number));
    log_out(&open, "bob", "phone").await;
    let code = refused(open.store.claim(by_ticket(number)).await);
    assert_eq!(code, RejectCode::NotAllowed);
    assert_eq!(names(&open, "bob").await, Vec::<String>::new(), "it is not let in by that");
    let again = claims(&open, "phone", "").await;
    assert_ne!(again, number);
    assert_eq!(refused(open.store.claim(by_ticket(number)).await), RejectCode::NotAllowed);
    assert!(open.store.claim(by_ticket(again)).await.is_ok());
    open.close().await;
}

pub(crate) async fn all_others_are_logged_out_however_many_they_are(bed: impl Bed) {
    const DEVICES: usize = 120;
    let mut settings = packetboat::store::embedded::Settings::default();
    settings.rules.devices_per_user_max = 200;
    let open = bed.open_with(settings);
    for at in 0..DEVICES {
        claims(&open, &format!("d{at:03}"), "").await;
    }
    open.claim("ann", "d000", Start::Newest).await;
    open.effects();
    let act = || Act::LogOutOthers { but: device("d060") };
    assert_eq!(open.act(user("bob"), act()).await, Ok(Acted::Done));
    assert_eq!(logged_out(&open).len(), DEVICES - 1);
    assert_eq!(names(&open, "bob").await, ["d060"]);
    assert_eq!(names(&open, "ann").await, ["d000"]);
    assert_eq!(open.act(user("bob"), act()).await, Ok(Acted::Done));
    assert_eq!(logged_out(&open).len(), 0);
    clear(&open).await;
    open.close().await;
}

pub(crate) async fn a_device_that_was_not_seen_is_forgotten(bed: impl Bed) {
    let open = bed.open();
    for (now_ms, on) in [(1_000, "old"), (5_000, "new"), (5_000, "seen")] {
        open.clock.store(now_ms, Ordering::SeqCst);
        claims(&open, on, "").await;
    }
    open.clock.store(9_000, Ordering::SeqCst);
    open.device_seen(user("bob"), device("seen")).await.unwrap();
    open.device_seen(user("bob"), device("nobodys")).await.unwrap();
    let unseen = open.devices_unseen(6_000, None).await.unwrap();
    let found: Vec<_> =
        unseen.devices.iter().map(|one| (one.device.as_str(), one.last_seen_ms)).collect();
    assert_eq!((found, unseen.next), (vec![("new", 5_000), ("old", 1_000)], None));
    assert!(!open.device_forget(user("bob"), device("old"), 1_000).await.unwrap());
    assert!(open.device_forget(user("bob"), device("old"), 1_001).await.unwrap());
    assert!(!open.device_forget(user("bob"), device("old"), 1_001).await.unwrap());
    assert_eq!(logged_out(&open), ["old"], "a session that came in meanwhile is to end");
    assert_eq!(names(&open, "bob").await, ["new", "seen"]);
    open.clock.store(100_000, Ordering::SeqCst);
    claims(&open, "new", "").await;
    assert!(!open.device_forget(user("bob"), device("new"), 90_000).await.unwrap());
    open.close().await;
}

pub(crate) async fn cursors_that_are_left_are_not_those_of_who_comes_again(bed: impl Bed) {
    const CHATS: usize = 300;
    let open = bed.open();
    for at in 0..CHATS {
        open.say("bob", &format!("dm:bob:u{at:03}"), &["1"]).await;
    }
    assert!(open.claim("bob", "phone", Start::Newest).await);
    log_out(&open, "bob", "phone").await;
    assert!(open.devices_clear().await.unwrap(), "some of them, in a step");
    assert!(open.claim("bob", "phone", Start::Newest).await);
    clear(&open).await;
    assert_eq!(open.missing("bob", "phone").await, [], "what it has now stays");
    log_out(&open, "bob", "phone").await;
    assert!(open.claim("bob", "phone", Start::Everything).await);
    assert_eq!(open.missing("bob", "phone").await.len(), CHATS);
    open.close().await;
}
