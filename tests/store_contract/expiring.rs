//! Contracts of entries that expire: what readers show, what is left in the store, and what may be
//! done to what is gone.

use std::sync::atomic::Ordering;

use packetboat::store::agenda::{Agenda, DUE_PER_STEP};
use packetboat::store::{Draft, Edge, Outcome, RecentChats, Role, Start, Store, Thread};
use packetboat_proto::code::RejectCode;
use packetboat_proto::content::{
    Alteration, Body, Content, Context, Forwarded, GroupChange, Origin, RoomChange,
};
use packetboat_proto::entry::Entry;

use crate::bed::{
    Bed, Opened, WIDE, chat, code, content_draft, device, duplicate, stored, text_of, user, users,
};

const CREW: &str = "group:crew";
const DM: &str = "dm:ann:bob";
const LOBBY: &str = "room:lobby";
/// The clock of a store that was just opened, and how long what expires stays.
const OPENED_MS: u64 = 1_000;
const STAYS_MS: u64 = 1_000;
const OVER_MS: u64 = OPENED_MS + STAYS_MS;

fn expiring(to: &str, text: &str) -> Draft {
    let context = Context { expires_after_ms: STAYS_MS, ..Context::default() };
    content_draft(to, Content::text(text), context)
}

fn altering(to: &str, alteration: Alteration) -> Draft {
    content_draft(to, Content::Entry(alteration), Context::default())
}

fn edit(to: &str, seq: u64, text: &str) -> Draft {
    altering(to, Alteration::Edited { seq, new: Body::Text(text.into()) })
}

fn forward(to: &str, text: &str, seq: u64) -> Draft {
    let origin = Origin { chat: chat(DM), seq, sender: user("ann") };
    let forwarded = Some(Forwarded::From(origin));
    content_draft(to, Content::text(text), Context { forwarded, ..Context::default() })
}

/// Everything that may be done to an entry, and may not once it is gone.
fn changes(seq: u64) -> [Draft; 5] {
    [
        edit(DM, seq, "late"),
        altering(DM, Alteration::Recalled { seq }),
        altering(DM, Alteration::Reacted { seq, reaction: "+1".into(), taken_back: false }),
        altering(DM, Alteration::Pinned { seq, unpinned: false }),
        forward(DM, "secret", seq),
    ]
}

fn set_time(open: &Opened, now_ms: u64) {
    open.clock.store(now_ms, Ordering::SeqCst);
}

async fn texts(open: &Opened, name: &str, to: &str) -> Vec<String> {
    let page = open.history(user(name), chat(to), Edge::After(0), WIDE).await.unwrap();
    let back = open.history(user(name), chat(to), Edge::Before(0), WIDE).await.unwrap();
    assert_eq!(page, back, "both ways show the same");
    page.items.iter().map(|logged| text_of(&logged.body)).collect()
}

async fn threaded(open: &Opened, of: u64) -> Vec<String> {
    let thread = Thread { chat: chat(DM), of, after: 0 };
    let page = open.thread(user("bob"), thread, WIDE).await.unwrap();
    page.items.iter().map(|logged| text_of(&logged.body)).collect()
}

pub(crate) async fn what_has_expired_is_shown_to_nobody_and_then_erased(bed: impl Bed) {
    let mut open = bed.open();
    open.claim("bob", "phone", Start::Everything).await;
    let secret = expiring(DM, "secret");
    assert_eq!(open.put("ann", secret.clone()).await, stored(1));
    open.put("ann", edit(DM, 1, "more secret")).await;
    open.put("bob", altering(DM, Alteration::Pinned { seq: 1, unpinned: false })).await;
    let context = Context { thread: 1, expires_after_ms: STAYS_MS, ..Context::default() };
    open.put("bob", content_draft(DM, Content::text("in thread"), context)).await;
    open.say("ann", DM, &["stays"]).await;
    set_time(&open, OVER_MS - 1);
    assert_eq!(open.do_due().await.unwrap(), 0);
    assert_eq!(texts(&open, "bob", DM).await[..2], ["secret", "edit 1"]);
    let before = open.history(user("bob"), chat(DM), Edge::After(0), WIDE).await.unwrap().items;
    open.effects();
    set_time(&open, OVER_MS);
    let left = ["expired 1", "expired 1", "pin 1", "expired 4", "stays"];
    for erased in [false, true, true] {
        assert_eq!(texts(&open, "bob", DM).await, left, "erased: {erased}");
        assert_eq!(open.missing_texts("bob", "phone").await, left);
        assert_eq!(threaded(&open, 1).await, if erased { vec![] } else { vec!["expired 4"] });
        let page = open.history(user("bob"), chat(DM), Edge::After(0), WIDE).await.unwrap();
        for (was, is) in before.iter().zip(&page.items) {
            let was = Entry::decode(was.body.clone()).unwrap();
            let is = Entry::decode(is.body.clone()).unwrap();
            assert_eq!(Entry { content: is.content.clone(), ..was }, is);
        }
        for draft in changes(1) {
            let outcome = open.put("ann", draft).await;
            assert_eq!(code(&outcome), Some(RejectCode::Invalid), "{outcome:?}");
        }
        assert_eq!(open.put("ann", secret.clone()).await, duplicate(1));
        let other = Draft { id: secret.id, ..expiring(DM, "other") };
        assert_eq!(open.put("ann", other).await, duplicate(1), "whatever it says");
        if !erased {
            assert_eq!(open.do_all_due().await, 2);
            assert_eq!(open.effects(), [], "nobody is told what everybody knows");
        }
        assert_eq!(open.pins(user("bob"), chat(DM)).await.unwrap(), Vec::<u64>::new());
        open.close().await;
        open = bed.open();
        set_time(&open, OVER_MS);
    }
    // What is erased stays so, whatever the clock says.
    set_time(&open, 0);
    assert_eq!(texts(&open, "bob", DM).await, left);
    open.close().await;
}

pub(crate) async fn what_was_due_while_nobody_looked_is_erased_in_steps(bed: impl Bed) {
    let open = bed.open();
    let many = DUE_PER_STEP + 5;
    let drafts = (0..many).map(|at| expiring(DM, &at.to_string())).collect();
    open.send("ann", drafts).await;
    open.say("ann", DM, &["between"]).await;
    open.close().await;
    let open = bed.open();
    set_time(&open, OVER_MS + 9_999_999);
    assert_eq!(open.do_due().await.unwrap(), DUE_PER_STEP);
    open.say("bob", DM, &["meanwhile"]).await;
    assert_eq!(open.do_due().await.unwrap(), 5);
    assert_eq!(open.do_due().await.unwrap(), 0);
    let mut left: Vec<String> = (1..=many).map(|seq| format!("expired {seq}")).collect();
    left.extend(["between".to_owned(), "meanwhile".to_owned()]);
    assert_eq!(texts(&open, "bob", DM).await, left);
    open.close().await;
}

pub(crate) async fn a_recall_comes_before_the_time_is_over_or_not_at_all(bed: impl Bed) {
    let open = bed.open();
    open.send("ann", vec![expiring(DM, "one"), expiring(DM, "two")]).await;
    let recalled = open.put("ann", altering(DM, Alteration::Recalled { seq: 1 })).await;
    assert_eq!(recalled, stored(3));
    set_time(&open, OVER_MS);
    assert_eq!(open.do_all_due().await, 1, "what was recalled is not due any more");
    assert_eq!(texts(&open, "bob", DM).await, ["erased by 3", "expired 2", "recall 1"]);
    open.close().await;
}

pub(crate) async fn an_edit_prolongs_nothing_and_a_forward_stays_by_itself(bed: impl Bed) {
    let open = bed.open();
    assert_eq!(open.put("ann", expiring(DM, "secret")).await, stored(1));
    open.say("ann", DM, &["plain"]).await;
    set_time(&open, OVER_MS - 1);
    for draft in [edit(DM, 1, "late"), edit(DM, 2, "plainer"), forward(DM, "secret", 1)] {
        let outcome = open.put("ann", draft).await;
        assert!(matches!(outcome, Outcome::Stored { .. }), "{outcome:?}");
    }
    set_time(&open, OVER_MS);
    let left = ["expired 1", "plain", "expired 1", "edit 2", "secret"];
    assert_eq!(texts(&open, "bob", DM).await, left);
    assert_eq!(open.do_all_due().await, 1);
    assert_eq!(texts(&open, "bob", DM).await, left);
    open.close().await;
}

/// What is unread of the only chat of a user, what mentions it, and what was said last.
async fn counts(open: &Opened, name: &str) -> (u64, u64, Option<String>) {
    let (user, device) = (user(name), device("phone"));
    let asked = RecentChats { behind: None, limit: 9, last_bytes: usize::MAX };
    let mut page = open.recent(user.clone(), device.clone(), asked).await.unwrap();
    let recent = page.items.remove(0);
    let chats = open.chats(user.clone(), device.clone(), None, 9).await.unwrap().items;
    for view in [&chats[0], &open.chat(user, device, recent.chat.clone()).await.unwrap()] {
        assert_eq!((view.unread, view.mentions), (recent.unread, recent.mentions));
    }
    let last = recent.last.map(|last| text_of(&last.encode()));
    (recent.unread, recent.mentions, last)
}

pub(crate) async fn what_has_expired_is_not_counted_and_not_the_last(bed: impl Bed) {
    let open = bed.open();
    // Of several parts: that it expires is said in the last one.
    let long = "x".repeat(9_000);
    for (text, expires_after_ms) in [("stays", 0), (&long, STAYS_MS)] {
        let context = Context { mentions: users(&["bob"]), expires_after_ms, ..Context::default() };
        open.put("ann", content_draft(DM, Content::text(text), context)).await;
    }
    set_time(&open, OVER_MS - 1);
    assert_eq!(counts(&open, "bob").await, (2, 2, Some(long)));
    for (now_ms, erased) in [(OVER_MS, false), (OVER_MS, true), (0, true)] {
        set_time(&open, now_ms);
        let left = (1, 1, Some("stays".to_owned()));
        assert_eq!(counts(&open, "bob").await, left, "at {now_ms}, erased: {erased}");
        assert_eq!(open.do_all_due().await, usize::from(!erased));
    }
    open.close().await;
}

pub(crate) async fn nothing_expires_in_a_room_and_everything_else_does(bed: impl Bed) {
    let open = bed.open();
    let lobby =
        RoomChange::Opened { name: "Lobby".into(), topic: String::new(), keep: 9, slow_ms: 0 };
    open.must("ann", LOBBY, lobby).await;
    let answer = Context { reply_to: 1, ..Context::default() };
    let expiring_answer = Context { expires_after_ms: STAYS_MS, ..answer.clone() };
    let refused = open.put("ann", content_draft(LOBBY, Content::text("hi"), expiring_answer)).await;
    assert_eq!(code(&refused), Some(RejectCode::Unsupported));
    open.put("ann", content_draft(LOBBY, Content::text("hi"), answer)).await;
    assert_eq!(texts(&open, "ann", LOBBY).await, ["+room", "hi"]);
    open.crew("ann", &["bob"]).await;
    open.put("bob", expiring(CREW, "secret")).await;
    let role = GroupChange::RolesGiven { users: users(&["bob"]), role: Role::Admin };
    open.must("ann", CREW, role).await;
    open.must("ann", CREW, GroupChange::Dissolved).await;
    set_time(&open, OVER_MS);
    assert_eq!(open.do_all_due().await, 1);
    assert_eq!(texts(&open, "ann", CREW).await, ["+group", "expired 2", "roles", "end"]);
    let unread = open.chat(user("bob"), "phone".parse().unwrap(), chat(CREW)).await.unwrap();
    assert_eq!(unread.unread, 3, "what has expired is not unread");
    open.close().await;
}
