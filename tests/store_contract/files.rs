//! Contracts of files: begun, whole, sent, seen, forgotten.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use packetboat::store::file::{FILE_COST_MIN, FileBook, StoredFile};
use packetboat::store::{Draft, Outcome};
use packetboat_proto::code::RejectCode;
use packetboat_proto::content::{Content, FileSent, GroupChange, RoomChange};
use packetboat_proto::id::FileId;
use packetboat_proto::packet::FileBegin;

use crate::bed::{Bed, Opened, chat, code, draft as said, fresh_id, refused, stored, user, users};

const DM: &str = "dm:ann:bob";
const CREW: &str = "group:crew";
const LOBBY: &str = "room:lobby";
const QUOTA: u64 = 1_000_000;

fn file(number: u8) -> FileId {
    FileId::from([number; 16])
}

fn begin(number: u8) -> FileBegin {
    FileBegin {
        file: file(number),
        size: 10_000,
        media_type: "image/png".into(),
        sha256: [number; 32],
        thumbnail: Bytes::from(vec![number; 9_000]),
    }
}

fn sent(number: u8) -> FileSent {
    FileSent {
        file: file(number),
        name: "a.png".into(),
        media_type: "image/png".into(),
        size: 10_000,
        sha256: [number; 32],
        caption: String::new(),
        from: None,
    }
}

fn draft(to: &str, sent: FileSent) -> Draft {
    let content = Content::File(sent.clone()).encode();
    Draft { chat: chat(to), id: fresh_id(), content, change: None, file: Some(sent), refers: None }
}

async fn upload(open: &Opened, name: &str, number: u8) -> StoredFile {
    let begun = open.file_begin(user(name), begin(number), QUOTA).await.unwrap();
    open.file_finish(file(number)).await.unwrap();
    begun
}

async fn may_read(open: &Opened, name: &str, number: u8, of: Option<&str>) -> Option<RejectCode> {
    let found = open.file(user(name), file(number), of.map(chat)).await;
    let picture = open.file_thumbnail(user(name), file(number), of.map(chat)).await;
    assert_eq!(found.is_ok(), picture.is_ok(), "a picture has the rights of its file");
    found.err().map(|error| refused(Err::<(), _>(error)))
}

pub(crate) async fn a_file_is_begun_once_and_counts(bed: impl Bed) {
    let open = bed.open();
    let begun = open.file_begin(user("ann"), begin(1), QUOTA).await.unwrap();
    assert!(!begun.complete && begun.owner == user("ann") && begun.thumbnail_bytes == 9_000);
    assert_eq!(open.file_begin(user("ann"), begin(1), QUOTA).await.unwrap(), begun);
    let other = FileBegin { size: 9, ..begin(1) };
    let conflict = RejectCode::Conflict;
    assert_eq!(refused(open.file_begin(user("ann"), other, QUOTA).await), conflict);
    assert_eq!(refused(open.file_begin(user("bob"), begin(1), QUOTA).await), conflict);
    let small = FileBegin { size: 1, thumbnail: Bytes::new(), ..begin(2) };
    let most = 19_000 + FILE_COST_MIN;
    let refusal = refused(open.file_begin(user("ann"), small.clone(), most - 1).await);
    assert_eq!(refusal, RejectCode::QuotaExceeded);
    open.file_begin(user("ann"), small, most).await.unwrap();
    open.file_begin(user("bob"), begin(3), 19_000).await.unwrap();
    let own = open.files(user("ann"), None, 1).await.unwrap();
    assert_eq!((own.files.len(), own.more, own.used), (1, true, most));
    let rest = open.files(user("ann"), Some(file(1)), 9).await.unwrap();
    assert_eq!((rest.files[0].file, rest.more), (file(2), false));
    open.close().await;
    let open = bed.open();
    open.file_finish(file(1)).await.unwrap();
    let again = open.file_begin(user("ann"), begin(1), 0).await.unwrap();
    assert_eq!(again, StoredFile { complete: true, ..begun });
    let picture = open.file_thumbnail(user("ann"), file(1), None).await.unwrap();
    assert_eq!(picture, vec![1; 9_000]);
}

pub(crate) async fn only_a_whole_file_is_sent_by_who_has_it(bed: impl Bed) {
    let open = bed.open();
    let not_allowed = Some(RejectCode::NotAllowed);
    assert_eq!(code(&open.put("ann", draft(DM, sent(1))).await), not_allowed, "there is none");
    open.file_begin(user("ann"), begin(1), QUOTA).await.unwrap();
    assert_eq!(code(&open.put("ann", draft(DM, sent(1))).await), not_allowed, "not whole");
    open.file_finish(file(1)).await.unwrap();
    let lie = FileSent { size: 9_999, ..sent(1) };
    assert_eq!(code(&open.put("ann", draft(DM, lie)).await), Some(RejectCode::Invalid));
    assert_eq!(code(&open.put("bob", draft("dm:bob:cid", sent(1))).await), not_allowed);
    let first = draft(DM, sent(1));
    assert_eq!(open.put("ann", first.clone()).await, stored(1));
    assert_eq!(code(&open.put("cid", draft("dm:bob:cid", sent(1))).await), not_allowed);
    assert_eq!(open.put("bob", draft("dm:bob:cid", sent(1))).await, stored(1), "passed on");
    let from = FileSent { from: Some(chat("dm:bob:cid")), ..sent(1) };
    assert_eq!(open.put("cid", draft("dm:cid:dan", from)).await, stored(1));
    let from = FileSent { from: Some(chat(DM)), ..sent(1) };
    assert_eq!(code(&open.put("cid", draft("dm:cid:dan", from)).await), not_allowed);
    assert!(matches!(open.put("ann", first).await, Outcome::Duplicate { seq: 1, .. }));
}

pub(crate) async fn who_sees_an_entry_sees_its_file(bed: impl Bed) {
    let open = bed.open();
    open.crew("ann", &["bob"]).await;
    for number in 1..=3 {
        upload(&open, "ann", number).await;
    }
    assert_eq!(open.put("ann", draft(CREW, sent(1))).await, stored(2));
    open.must("ann", CREW, GroupChange::Removed(users(&["bob"]))).await;
    assert_eq!(open.put("ann", draft(CREW, sent(2))).await, stored(4));
    open.must("ann", CREW, GroupChange::Added(users(&["bob", "cid"]))).await;
    assert_eq!(open.put("ann", draft(CREW, sent(3))).await, stored(6));
    let not_allowed = Some(RejectCode::NotAllowed);
    let read = async |name, number| may_read(&open, name, number, Some(CREW)).await;
    assert_eq!([read("bob", 1).await, read("bob", 2).await], [None, not_allowed]);
    assert_eq!([read("bob", 3).await, read("cid", 3).await], [None, None]);
    assert_eq!([read("cid", 1).await, read("cid", 2).await], [not_allowed, not_allowed]);
    assert_eq!(read("eve", 3).await, Some(RejectCode::NoSuchChat));
    assert_eq!(may_read(&open, "ann", 2, None).await, None, "her own");
    assert_eq!(may_read(&open, "bob", 1, None).await, not_allowed);
    assert_eq!(may_read(&open, "bob", 1, Some(DM)).await, not_allowed);
    assert_eq!(may_read(&open, "bob", 9, Some(CREW)).await, not_allowed, "there is none");
    // What bob may not see he may not pass on either.
    assert_eq!(code(&open.put("bob", draft(DM, sent(2))).await), not_allowed);
    assert_eq!(open.put("bob", draft(DM, sent(1))).await, stored(1));
}

pub(crate) async fn a_file_in_no_chat_is_forgotten_and_one_in_a_chat_stays(bed: impl Bed) {
    let open = bed.open();
    for number in 1..=2 {
        upload(&open, "ann", number).await;
    }
    assert_eq!(open.put("ann", draft(DM, sent(1))).await, stored(1));
    open.clock.store(5_000, Ordering::SeqCst);
    open.file_begin(user("ann"), begin(3), QUOTA).await.unwrap();
    let unsent = async |before_ms| open.files_unsent(before_ms, 9).await.unwrap();
    assert_eq!(unsent(4_999).await, [file(2)]);
    assert_eq!(unsent(5_000).await, [file(2), file(3)]);
    for (number, is) in [(1, false), (3, false), (2, true), (2, false), (9, false)] {
        assert_eq!(open.file_remove(file(number), 4_999).await.unwrap(), is, "{number}");
    }
    let own = open.files(user("ann"), None, 9).await.unwrap();
    assert_eq!((own.files.len(), own.used), (2, 38_000));
    assert_eq!(code(&open.put("ann", draft(DM, sent(2))).await), Some(RejectCode::NotAllowed));
    open.close().await;
    // Its bytes are still to be removed, and nothing of its name may begin before they are.
    let open = bed.open();
    open.clock.store(9_000, Ordering::SeqCst);
    assert_eq!(open.files_removed(9).await.unwrap(), [file(2)]);
    let early = refused(open.file_begin(user("bob"), begin(2), QUOTA).await);
    assert_eq!(early, RejectCode::Unavailable);
    open.file_cleared(file(2)).await.unwrap();
    assert!(open.files_removed(9).await.unwrap().is_empty());
    open.file_begin(user("bob"), begin(2), QUOTA).await.unwrap();
    // One that is gone on with is not forgotten.
    open.file_begin(user("ann"), begin(3), QUOTA).await.unwrap();
    assert!(!open.file_remove(file(3), 8_999).await.unwrap());
    assert!(open.file_remove(file(3), 9_000).await.unwrap());
    // Bytes that come to be kept too late are noted to be removed.
    assert_eq!(refused(open.file_finish(file(7)).await), RejectCode::NotAllowed);
    assert_eq!(open.files_removed(9).await.unwrap(), [file(3), file(7)]);
}

pub(crate) async fn a_file_in_a_room_is_anyones_while_its_entry_is_kept(bed: impl Bed) {
    let open = bed.open();
    let (keep, slow_ms, name) = (4, 0, "Lobby".to_owned());
    let opened = RoomChange::Opened { name, topic: String::new(), keep, slow_ms };
    open.must("ann", LOBBY, opened).await;
    for number in 1..=3 {
        upload(&open, "ann", number).await;
    }
    let (not_allowed, read) = (Some(RejectCode::NotAllowed), async |number| {
        may_read(&open, "eve", number, Some(LOBBY)).await
    });
    assert_eq!(may_read(&open, "eve", 1, Some("room:none")).await, Some(RejectCode::NoSuchChat));
    assert_eq!(read(1).await, not_allowed);
    for (seq, number) in [(2, 1), (3, 2), (4, 3)] {
        assert_eq!(open.put("ann", draft(LOBBY, sent(number))).await, stored(seq));
    }
    assert_eq!([read(1).await, read(2).await, read(3).await], [None; 3]);
    assert_eq!(open.put("eve", draft("dm:dan:eve", sent(2))).await, stored(1), "passed on");
    // Two go with the next entry. The third goes later, and is not shown any more at once.
    open.clock.store(7_000, Ordering::SeqCst);
    assert_eq!(code(&open.put("ann", said(LOBBY, "hi")).await), None);
    let fewer = RoomChange::Set { keep: Some(1), slow_ms: None, name: None, topic: None };
    open.must("ann", LOBBY, fewer).await;
    assert_eq!([read(1).await, read(2).await, read(3).await], [not_allowed; 3]);
    assert_eq!(code(&open.put("eve", draft("dm:dan:eve", sent(3))).await), not_allowed);
    assert_eq!(may_read(&open, "dan", 2, Some("dm:dan:eve")).await, None, "it stands there");
    // One that is in no chat any more is kept for as long again.
    let unsent = async |before_ms| open.files_unsent(before_ms, 9).await.unwrap();
    assert_eq!((unsent(6_999).await, unsent(7_000).await), (vec![], vec![file(1)]));
    open.clock.store(8_000, Ordering::SeqCst);
    assert_eq!(code(&open.put("ann", draft(LOBBY, sent(3))).await), None);
    assert_eq!(code(&open.put("ann", draft(LOBBY, sent(1))).await), None);
    assert_eq!((unsent(9_000).await, read(1).await), (vec![file(3)], None));
    assert!(!open.file_remove(file(1), 9_000).await.unwrap());
    assert!(open.file_remove(file(3), 9_000).await.unwrap());
    open.must("ann", LOBBY, GroupChange::Dissolved).await;
    assert_eq!(read(1).await, not_allowed, "its last entry has taken the place of the file's");
}
