//! Contracts of what users say of themselves.

use packetboat::store::{Effect, Profile, ReceiptRule, Store, Visibility};
use packetboat_proto::code::RejectCode;

use crate::bed::{Bed, refused, user, users};

pub(crate) async fn a_profile_is_kept_and_told_once(bed: impl Bed) {
    let open = bed.open();
    let said = || open.set_profile(user("ann"), "at sea".into(), Visibility::Contacts);
    said().await.unwrap();
    said().await.unwrap();
    let set = Effect::ProfileSet {
        user: user("ann"),
        status: "at sea".into(),
        visible_to: Visibility::Contacts,
        receipts: ReceiptRule::Told,
    };
    assert_eq!(open.effects(), [set], "said again, it is no news");
    let long = open.set_profile(user("ann"), "x".repeat(257), Visibility::Everyone).await;
    assert_eq!(refused(long), RejectCode::Invalid);
    let torn = open.set_profile(user("ann"), "a\nb".into(), Visibility::Everyone).await;
    assert_eq!(refused(torn), RejectCode::Invalid);
    open.close().await;
    drop(open);
    let open = bed.open();
    let kept = open.profiles(users(&["ann", "bob"])).await.unwrap();
    let status = "at sea".to_owned();
    let ann = Profile { status, visible_to: Visibility::Contacts, ..Profile::default() };
    assert_eq!(kept, [ann, Profile::default()]);
}
