//! Contracts of contacts and blocks: how two users come to stand to each other, and who may write
//! to whom.

use packetboat::store::act::{Act, Acted};
use packetboat::store::embedded::Settings;
use packetboat::store::keys::KeyBook;
use packetboat::store::rules::{UnknownUsers, WhoWrites};
use packetboat::store::{Effect, Outcome, PageLimit, Relation, Start, Store};
use packetboat_proto::code::RejectCode;
use packetboat_proto::content::{Alteration, Content, Context, GroupChange};
use packetboat_proto::id::ClaimId;
use packetboat_proto::packet::{Block, Contact, ContactState, Item, SetContact};

use crate::bed::{
    Bed, Opened, code, content_draft, device, draft, duplicate, refused, stored, user, users,
    with_id,
};

const DM: &str = "dm:ann:bob";
const CREW: &str = "group:crew";

fn wants(of: &str, wanted: bool) -> Act {
    Act::SetContact(SetContact { wanted: Some(wanted), ..SetContact::of(user(of)) })
}

fn blocks(of: &str, blocked: bool) -> Act {
    Act::SetBlock(Block { user: user(of), blocked })
}

async fn done(open: &Opened, by: &str, act: Act) -> u64 {
    match open.act(user(by), act).await {
        Ok(Acted::Set(revision)) => revision,
        other => panic!("{other:?}"),
    }
}

async fn refusal(open: &Opened, by: &str, act: Act) -> RejectCode {
    refused(open.act(user(by), act).await)
}

/// All items of a user's that are not removed.
async fn items(open: &Opened, of: &str) -> Vec<Item> {
    let limit = PageLimit { items: 200, bytes: usize::MAX };
    let page = open.own_changes(user(of), 0, limit).await.unwrap();
    let items = page.items.into_iter().filter_map(|item| item.item);
    items.filter(|item| !item.is_removed()).collect()
}

fn contact(of: &str, state: ContactState, name: &str) -> Item {
    Item::Contact(Contact { user: user(of), state, name: name.into() })
}

async fn relation(open: &Opened, of: &str, viewer: &str) -> Relation {
    open.relations(user(viewer), users(&[of])).await.unwrap()[0]
}

/// What becomes of a message; nothing: it is stored.
async fn says(open: &Opened, by: &str, to: &str) -> Option<RejectCode> {
    code(&open.put(by, draft(to, "hi")).await)
}

fn settings(who_writes: WhoWrites, tell_blocked: bool) -> Settings {
    let mut settings = Settings::default();
    (settings.rules.who_writes, settings.rules.tell_blocked) = (who_writes, tell_blocked);
    settings
}

pub(crate) async fn who_is_asked_becomes_a_contact_and_is_one_no_more(bed: impl Bed) {
    use ContactState::{Asked, Asks, Contact};
    let open = bed.open();
    let first = done(&open, "ann", wants("bob", true)).await;
    assert_eq!(done(&open, "ann", wants("bob", true)).await, first, "asked again");
    assert_eq!(items(&open, "ann").await, [contact("bob", Asked, "")]);
    assert_eq!(items(&open, "bob").await, [contact("ann", Asks, "")]);
    assert!(!relation(&open, "bob", "ann").await.contact);
    done(&open, "bob", wants("ann", true)).await;
    for (of, other) in [("ann", "bob"), ("bob", "ann")] {
        assert_eq!(items(&open, of).await, [contact(other, Contact, "")]);
        assert!(relation(&open, of, other).await.contact);
    }
    done(&open, "ann", wants("bob", false)).await;
    done(&open, "ann", wants("bob", false)).await;
    for (of, other) in [("ann", "bob"), ("bob", "ann")] {
        assert_eq!(items(&open, of).await, []);
        assert!(!relation(&open, of, other).await.contact);
    }
    assert_eq!(refusal(&open, "ann", wants("ann", true)).await, RejectCode::Invalid);
    open.close().await;
}

pub(crate) async fn a_contact_is_called_as_its_user_likes(bed: impl Bed) {
    let open = bed.open();
    let called = |name: &str| {
        Act::SetContact(SetContact { name: Some(name.into()), ..SetContact::of(user("bob")) })
    };
    done(&open, "ann", called("Bobby")).await;
    assert_eq!(items(&open, "ann").await, [contact("bob", ContactState::None, "Bobby")]);
    assert_eq!(items(&open, "bob").await, [], "that is for Ann alone");
    done(&open, "bob", wants("ann", true)).await;
    assert_eq!(items(&open, "ann").await, [contact("bob", ContactState::Asks, "Bobby")]);
    done(&open, "bob", wants("ann", false)).await;
    done(&open, "ann", called("")).await;
    assert_eq!(items(&open, "ann").await, []);
    open.close().await;
}

pub(crate) async fn who_is_blocked_is_answered_as_if_there_were_no_such_user(bed: impl Bed) {
    let mut settings = settings(WhoWrites::Anyone, false);
    settings.rules.unknown_users = UnknownUsers::Reject;
    let open = bed.open_with(settings);
    for name in ["ann", "bob"] {
        open.claim(name, "phone", Start::Newest).await;
    }
    assert_eq!(says(&open, "ann", DM).await, None);
    open.effects();
    done(&open, "bob", blocks("ann", true)).await;
    let told = open.effects().into_iter().find_map(|effect| match effect {
        Effect::Related { user: of, relation, .. } if of == user("bob") => Some(relation),
        _ => None,
    });
    assert_eq!(told, Some(Relation { contact: false, blocked: true }));
    let stranger = open.put("ann", draft("dm:ann:zoe", "hi")).await;
    let blocked = open.put("ann", draft(DM, "hi")).await;
    let said = |outcome| format!("{outcome:?}").replace("zoe", "bob");
    assert_eq!(said(blocked), said(stranger));
    assert_eq!(refusal(&open, "ann", wants("bob", true)).await, RejectCode::UnknownUser);
    assert_eq!(items(&open, "ann").await, [], "nor is it told by its items");
    assert_eq!(says(&open, "bob", DM).await, Some(RejectCode::Blocked), "one's own block is told");
    assert_eq!(refusal(&open, "bob", wants("ann", true)).await, RejectCode::Blocked);
    assert_eq!(says(&open, "ann", "dm:ann:ann").await, None);
    done(&open, "bob", blocks("ann", false)).await;
    assert_eq!(says(&open, "ann", DM).await, None);
    assert_eq!(refusal(&open, "bob", blocks("bob", true)).await, RejectCode::Invalid);
    open.close().await;
}

pub(crate) async fn who_is_blocked_adds_nobody_and_takes_back_what_it_said(bed: impl Bed) {
    let open = bed.open_with(settings(WhoWrites::Anyone, true));
    let said = || with_id(draft(DM, "hi"), 1);
    assert_eq!(open.put("ann", said()).await, stored(1));
    open.crew("ann", &["cid"]).await;
    done(&open, "bob", blocks("ann", true)).await;
    assert_eq!(open.put("ann", said()).await, duplicate(1), "what was accepted stays so");
    assert_eq!(says(&open, "ann", DM).await, Some(RejectCode::Blocked), "the operator tells it");
    let added = GroupChange::Added(users(&["dan", "bob"]));
    assert_eq!(code(&open.change("ann", CREW, added).await), Some(RejectCode::Blocked));
    let created = GroupChange::Created { name: "x".into(), members: users(&["bob"]) };
    let outcome = open.change("ann", "group:other", created).await;
    assert_eq!(code(&outcome), Some(RejectCode::Blocked));
    let back =
        content_draft(DM, Content::Entry(Alteration::Recalled { seq: 1 }), Context::default());
    assert_eq!(code(&open.put("ann", back).await), None);
    open.close().await;
}

pub(crate) async fn who_writes_to_whom_is_the_operators(bed: impl Bed) {
    let open = bed.open_with(settings(WhoWrites::Contacts, false));
    open.crew("ann", &["bob"]).await;
    assert_eq!(says(&open, "ann", DM).await, Some(RejectCode::NotAllowed));
    done(&open, "ann", wants("bob", true)).await;
    assert_eq!(says(&open, "ann", DM).await, Some(RejectCode::NotAllowed), "asked is not enough");
    done(&open, "bob", wants("ann", true)).await;
    assert_eq!(says(&open, "ann", DM).await, None);
    assert_eq!(says(&open, "bob", DM).await, None);
    done(&open, "bob", wants("ann", false)).await;
    assert_eq!(says(&open, "ann", DM).await, Some(RejectCode::NotAllowed));
    assert_eq!(says(&open, "bob", DM).await, Some(RejectCode::NotAllowed));
    assert_eq!(says(&open, "ann", "dm:ann:ann").await, None, "a note to oneself");
    assert_eq!(says(&open, "ann", CREW).await, None, "groups have rules of their own");
    open.close().await;
}

pub(crate) async fn who_is_blocked_is_answered_as_for_a_user_who_is_not_there(bed: impl Bed) {
    for who_writes in [WhoWrites::Anyone, WhoWrites::Contacts, WhoWrites::ContactsOrGroups] {
        let mut settings = settings(who_writes, false);
        settings.rules.unknown_users = UnknownUsers::Reject;
        let open = bed.open_with(settings);
        for name in ["ann", "bob"] {
            open.claim(name, "phone", Start::Newest).await;
        }
        done(&open, "bob", blocks("ann", true)).await;
        let why = async |to: &str| match open.put("ann", draft(to, "hi")).await {
            Outcome::Refused(refusal) => (refusal.code, refusal.to_string()),
            other => panic!("{other:?}"),
        };
        let (code, reason) = why("dm:ann:nobody").await;
        let expected = (code, reason.replace("nobody", "bob"));
        assert_eq!(why(DM).await, expected, "{who_writes:?}");
        let why = async |of: &str| {
            let owned = (user(of), device("phone"));
            open.claim_key(user("ann"), ClaimId::from([1; 16]), owned).await.unwrap_err()
        };
        let expected = why("nobody").await.to_string().replace("nobody", "bob");
        assert_eq!(why("bob").await.to_string(), expected, "{who_writes:?}");
        done(&open, "bob", blocks("ann", false)).await;
        open.close().await;
    }
}

pub(crate) async fn a_group_in_common_opens_a_chat_and_its_end_closes_it(bed: impl Bed) {
    let open = bed.open_with(settings(WhoWrites::ContactsOrGroups, false));
    let refused = Some(RejectCode::NotAllowed);
    assert_eq!(says(&open, "ann", DM).await, refused);
    open.crew("cid", &["ann"]).await;
    assert_eq!(says(&open, "ann", DM).await, refused, "only one of them is in it");
    open.must("cid", CREW, GroupChange::Added(users(&["bob"]))).await;
    assert_eq!(says(&open, "ann", DM).await, None);
    assert_eq!(says(&open, "bob", DM).await, None);
    open.must("cid", CREW, GroupChange::Removed(users(&["bob"]))).await;
    assert_eq!(says(&open, "ann", DM).await, refused);
    open.must("cid", CREW, GroupChange::Added(users(&["bob"]))).await;
    assert_eq!(says(&open, "ann", DM).await, None);
    open.must("cid", CREW, GroupChange::Dissolved).await;
    assert_eq!(says(&open, "bob", DM).await, refused);
    done(&open, "ann", wants("bob", true)).await;
    done(&open, "bob", wants("ann", true)).await;
    assert_eq!(says(&open, "bob", DM).await, None);
    done(&open, "ann", wants("bob", false)).await;
    assert_eq!(says(&open, "bob", DM).await, refused);
    open.close().await;
}

pub(crate) async fn so_many_are_blocked_and_no_more(bed: impl Bed) {
    const BLOCKS_MAX: usize = 1_000;
    let open = bed.open();
    for at in 0..BLOCKS_MAX {
        done(&open, "bob", blocks(&format!("u{at}"), true)).await;
    }
    done(&open, "bob", blocks("u0", true)).await;
    assert_eq!(refusal(&open, "bob", blocks("more", true)).await, RejectCode::LimitReached);
    done(&open, "bob", blocks("u7", false)).await;
    done(&open, "bob", blocks("more", true)).await;
    open.effects();
    open.claim("bob", "phone", Start::Newest).await;
    let claimed = open.effects().into_iter().find_map(|effect| match effect {
        Effect::Claimed { blocked, .. } => Some(blocked),
        _ => None,
    });
    let blocked = claimed.unwrap();
    assert!(blocked.len() == BLOCKS_MAX && !blocked.contains(&user("u7")));
    open.close().await;
}

pub(crate) async fn contacts_and_blocks_outlive_a_restart(bed: impl Bed) {
    let open = bed.open();
    done(&open, "ann", wants("bob", true)).await;
    done(&open, "bob", wants("ann", true)).await;
    done(&open, "bob", blocks("eve", true)).await;
    open.close().await;
    let open = bed.open_with(settings(WhoWrites::Contacts, true));
    assert_eq!(says(&open, "ann", DM).await, None);
    assert_eq!(says(&open, "eve", "dm:bob:eve").await, Some(RejectCode::Blocked));
    let expected = Relation { contact: true, blocked: false };
    assert_eq!(relation(&open, "bob", "ann").await, expected);
    open.close().await;
}
