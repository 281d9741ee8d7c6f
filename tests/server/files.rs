//! Files through a whole server: uploaded in chunks, resumed, sent, read by those who may, and
//! removed when nobody refers to them.

use bytes::Bytes;
use packetboat_proto::code::RejectCode;
use packetboat_proto::content::{Content, FileSent};
use packetboat_proto::id::FileId;
use packetboat_proto::limits::FILE_CHUNK_BYTES_MAX;
use packetboat_proto::packet::{
    Answer, FileBegin, FileChunk, FileGet, FilePart, FilePut, FileState, FilesPage, Operation,
    Packet, Request, Verdict,
};
use ring::digest::{SHA256, digest};

use crate::house::House;
use crate::peer::{PATIENCE, Peer, chat};

const TYPE: &str = "image/png";

/// Bytes of a file that are different at each place.
fn picture(length: usize) -> Bytes {
    (0..length).map(|at| u8::try_from((at / 251 + at) % 256).unwrap()).collect()
}

fn file(number: u8) -> FileId {
    FileId::from([number; 16])
}

fn hash(bytes: &[u8]) -> [u8; 32] {
    digest(&SHA256, bytes).as_ref().try_into().unwrap()
}

fn beginning(number: u8, bytes: &[u8]) -> FileBegin {
    FileBegin {
        file: file(number),
        size: bytes.len() as u64,
        media_type: TYPE.to_owned(),
        sha256: hash(bytes),
        thumbnail: Bytes::from_static(b"small"),
    }
}

fn sent(number: u8, bytes: &[u8]) -> FileSent {
    FileSent {
        file: file(number),
        name: "a picture.png".to_owned(),
        media_type: TYPE.to_owned(),
        size: bytes.len() as u64,
        sha256: hash(bytes),
        caption: String::new(),
        from: None,
    }
}

fn code<T: std::fmt::Debug>(refused: Result<T, Verdict>) -> RejectCode {
    refused.unwrap_err().reject_code().unwrap()
}

impl Peer {
    async fn begin(&mut self, begin: FileBegin) -> Result<FileState, Verdict> {
        match self.ask(Operation::FileBegin(begin)).await {
            Ok(Answer::FileBegin(state)) => Ok(state),
            other => Err(other.unwrap_err()),
        }
    }

    async fn put(&mut self, number: u8, offset: u64, bytes: &[u8]) -> Result<FileState, Verdict> {
        let bytes = Bytes::copy_from_slice(bytes);
        let put = FilePut { file: file(number), offset, bytes };
        match self.ask(Operation::FilePut(put)).await {
            Ok(Answer::FilePut(state)) => Ok(state),
            other => Err(other.unwrap_err()),
        }
    }

    /// Uploads what the server has not got yet.
    async fn upload(&mut self, number: u8, bytes: &[u8]) -> FileState {
        let mut state = self.begin(beginning(number, bytes)).await.unwrap();
        while !state.complete {
            let rest = &bytes[usize::try_from(state.have).unwrap()..];
            let chunk = &rest[..rest.len().min(FILE_CHUNK_BYTES_MAX)];
            state = self.put(number, state.have, chunk).await.unwrap();
        }
        state
    }

    async fn get(&mut self, get: FileGet) -> Result<FileChunk, Verdict> {
        match self.ask(Operation::FileGet(get)).await {
            Ok(Answer::FileGet(chunk)) => Ok(chunk),
            other => Err(other.unwrap_err()),
        }
    }

    async fn download(&mut self, number: u8, of: Option<&str>) -> Result<Vec<u8>, Verdict> {
        let mut bytes = Vec::new();
        loop {
            let chunk = self.get(asked(number, of, bytes.len() as u64)).await?;
            bytes.extend_from_slice(&chunk.bytes);
            if bytes.len() as u64 >= chunk.size {
                return Ok(bytes);
            }
        }
    }

    async fn own_files(&mut self) -> FilesPage {
        match self.ask(Operation::Files { after: None, limit: 0 }).await {
            Ok(Answer::Files(page)) => page,
            other => panic!("{other:?}"),
        }
    }

    async fn send_file(&mut self, to: &str, id: u64, sent: FileSent) -> Result<u64, RejectCode> {
        self.send(to, id, Content::File(sent).encode()).await;
        let answer = self.answer().await;
        answer.map(|ok| ok.seq).map_err(|no| no.verdict.reject_code().unwrap())
    }
}

fn asked(number: u8, of: Option<&str>, offset: u64) -> FileGet {
    let of = of.map(chat);
    FileGet { file: file(number), chat: of, offset, length: 0, part: FilePart::Whole }
}

#[tokio::test]
async fn a_file_is_uploaded_sent_and_read_by_those_who_see_it() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let mut bob = Peer::login(house.address, "bob", "x").await;
    let mut eve = Peer::login(house.address, "eve", "x").await;
    let bytes = picture(100_000);
    let state = ada.upload(1, &bytes).await;
    assert_eq!((state.have, state.complete, state.thumbnail_bytes), (100_000, true, 5));
    assert_eq!(ada.download(1, None).await.unwrap(), bytes);
    assert_eq!(code(bob.download(1, Some("dm:ada:bob")).await), RejectCode::NotAllowed);

    assert_eq!(ada.send_file("dm:ada:bob", 1, sent(1, &bytes)).await, Ok(1));
    let entry = bob.take().await;
    assert_eq!(Content::decode(&entry.content, 9_999), Ok(Content::File(sent(1, &bytes))));
    assert_eq!(bob.download(1, Some("dm:ada:bob")).await.unwrap(), bytes);
    let small = FileGet { part: FilePart::Thumbnail, ..asked(1, Some("dm:ada:bob"), 2) };
    let small = bob.get(small).await.unwrap();
    assert_eq!((&small.bytes[..], small.size), (&b"all"[..], 5));
    let behind = bob.get(asked(1, Some("dm:ada:bob"), u64::MAX)).await.unwrap();
    assert!(behind.bytes.is_empty() && behind.size == 100_000);

    assert_eq!(code(bob.download(1, None).await), RejectCode::NotAllowed, "it is not his own");
    assert_eq!(code(bob.download(1, Some("dm:bob:eve")).await), RejectCode::NotAllowed);
    assert_eq!(code(eve.download(1, Some("dm:ada:bob")).await), RejectCode::NoSuchChat);
    assert_eq!(code(eve.download(1, Some("dm:ada:eve")).await), RejectCode::NotAllowed);
    assert_eq!(code(eve.put(1, 0, b"x").await), RejectCode::NotAllowed);
    assert_eq!(code(eve.begin(beginning(1, b"other")).await), RejectCode::Conflict);
    assert_eq!(house.metrics.files_completed.get(), 1);
}

#[tokio::test]
async fn an_upload_goes_on_after_the_server_was_stopped() {
    let mut house = House::open().await;
    let bytes = picture(120_000);
    for from in [0_usize, 32_000, 64_000] {
        let (upto, to) = (from as u64, from + 32_000);
        let mut ada = Peer::login(house.address, "ada", "x").await;
        let state = ada.begin(beginning(1, &bytes)).await.unwrap();
        assert_eq!((state.have, state.complete), (upto, false));
        assert_eq!(ada.put(1, upto, &bytes[from..to]).await.unwrap().have, to as u64);
        // Again, as after an answer that was lost.
        assert_eq!(ada.put(1, upto, &bytes[from..to]).await.unwrap().have, to as u64);
        drop(ada);
        house = house.restart().await;
    }
    let mut ada = Peer::login(house.address, "ada", "x").await;
    assert_eq!(ada.own_files().await.files[0].have, 96_000);
    assert!(ada.upload(1, &bytes).await.complete);
    drop(ada);
    let house = house.restart().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    assert!(ada.begin(beginning(1, &bytes)).await.unwrap().complete);
    assert_eq!(ada.download(1, None).await.unwrap(), bytes);
    let staging = house.config.store.data.join("files/staging");
    assert_eq!(std::fs::read_dir(staging).unwrap().count(), 0, "nothing stays behind");
}

#[tokio::test]
async fn bytes_that_were_not_announced_are_refused() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    ada.begin(beginning(1, b"the right ones")).await.unwrap();
    assert_eq!(code(ada.put(1, 3, b"a gap").await), RejectCode::Invalid);
    assert_eq!(code(ada.put(1, 0, &[7; 15]).await), RejectCode::Invalid, "too many");
    assert_eq!(code(ada.put(1, 0, b"the wrong ones").await), RejectCode::HashMismatch);
    assert_eq!(ada.begin(beginning(1, b"the right ones")).await.unwrap().have, 0);
    assert!(ada.put(1, 0, b"the right ones").await.unwrap().complete);
    assert_eq!(house.metrics.file_hash_mismatches.get(), 1);
}

#[tokio::test]
async fn size_type_and_quota_are_the_operators() {
    let house = House::with(|config| {
        config.files.size_max = 50_000;
        config.files.quota = 60_000;
        config.files.types = Some("image/, audio/".to_owned());
    });
    let house = house.await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let (large, whole) = (picture(50_001), picture(50_000));
    assert_eq!(code(ada.begin(beginning(1, &large)).await), RejectCode::TooLarge);
    let text = FileBegin { media_type: "text/plain".into(), ..beginning(1, &whole) };
    assert_eq!(code(ada.begin(text).await), RejectCode::NotAllowed);
    assert!(ada.upload(1, &whole).await.complete);
    assert_eq!(code(ada.begin(beginning(2, &picture(10_000))).await), RejectCode::QuotaExceeded);
    // The smallest file counts for 4 KiB.
    for number in 2..4 {
        ada.begin(FileBegin { thumbnail: Bytes::new(), ..beginning(number, b"1") }).await.unwrap();
    }
    assert_eq!(code(ada.begin(beginning(4, b"1")).await), RejectCode::QuotaExceeded);
    let page = ada.own_files().await;
    assert_eq!((page.files.len(), page.quota), (3, 60_000));
    assert_eq!(page.used, 50_000 + 5 + 2 * 4_096);
}

#[tokio::test]
async fn a_server_without_files_says_so() {
    let house = House::with(|config| config.files.on = false).await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    assert_eq!(code(ada.begin(beginning(1, b"x")).await), RejectCode::Unsupported);
    assert_eq!(ada.send_file("dm:ada:bob", 1, sent(1, b"x")).await, Err(RejectCode::NotAllowed));
}

#[tokio::test]
async fn an_entry_says_of_a_file_what_it_is_and_the_sender_may_have_it() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let mut bob = Peer::login(house.address, "bob", "x").await;
    let bytes = picture(5_000);
    ada.begin(beginning(1, &bytes)).await.unwrap();
    let refused = Err(RejectCode::NotAllowed);
    assert_eq!(ada.send_file("dm:ada:bob", 1, sent(1, &bytes)).await, refused, "not whole");
    ada.upload(1, &bytes).await;
    for wrong in [
        FileSent { size: 4_999, ..sent(1, &bytes) },
        FileSent { media_type: "image/gif".into(), ..sent(1, &bytes) },
        FileSent { sha256: [0; 32], ..sent(1, &bytes) },
    ] {
        assert_eq!(ada.send_file("dm:ada:bob", 2, wrong).await, Err(RejectCode::Invalid));
    }
    assert_eq!(bob.send_file("dm:bob:eve", 3, sent(1, &bytes)).await, refused);
    assert_eq!(ada.send_file("dm:ada:bob", 4, sent(1, &bytes)).await, Ok(1));
    // Now it stands in a chat of his: he may pass it on, and say from where.
    assert_eq!(bob.send_file("dm:bob:eve", 5, sent(1, &bytes)).await, Ok(1));
    let from = FileSent { from: Some(chat("dm:ada:bob")), ..sent(1, &bytes) };
    assert_eq!(bob.send_file("dm:bob:eve", 6, from).await, Ok(2));
    let lie = FileSent { from: Some(chat("dm:bob:cat")), ..sent(1, &bytes) };
    assert_eq!(bob.send_file("dm:bob:eve", 7, lie).await, refused);
    let mut eve = Peer::login(house.address, "eve", "x").await;
    assert_eq!(eve.download(1, Some("dm:bob:eve")).await.unwrap(), bytes);
}

#[tokio::test]
async fn what_stands_in_no_chat_is_removed_and_what_does_stays() {
    let house = House::with(|config| config.files.unreferenced_ms = 5_000).await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let bytes = picture(40_000);
    ada.upload(1, &bytes).await;
    assert_eq!(ada.send_file("dm:ada:bob", 1, sent(1, &bytes)).await, Ok(1));
    ada.upload(2, &bytes).await;
    ada.begin(beginning(3, &bytes)).await.unwrap();
    ada.put(3, 0, &bytes[..9]).await.unwrap();
    let collected = async {
        while house.metrics.files_collected.get() < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, collected).await.unwrap();
    let page = ada.own_files().await;
    assert_eq!(page.files.iter().map(|state| state.file).collect::<Vec<_>>(), [file(1)]);
    assert_eq!(page.used, 40_005);
    assert_eq!(ada.download(1, None).await.unwrap(), bytes);
    assert_eq!(code(ada.download(2, None).await), RejectCode::NotAllowed);
    assert_eq!(code(ada.put(3, 9, &bytes[9..99]).await), RejectCode::NotAllowed);
    // The id is free again.
    assert!(ada.upload(2, b"another").await.complete);
}

#[tokio::test]
async fn more_requests_than_may_be_unanswered_are_refused_and_nothing_else_waits() {
    // A rate at which a chunk takes a minute.
    let house = House::with(|config| config.files.bytes_per_s = 1_024).await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    let bytes = picture(200_000);
    ada.begin(beginning(1, &bytes)).await.unwrap();
    for (id, at) in (101..=106).zip((0_usize..).step_by(32_000)) {
        let chunk = bytes.slice(at..at + 32_000);
        let put = FilePut { file: file(1), offset: at as u64, bytes: chunk };
        let operation = Some(Operation::FilePut(put));
        ada.say(&Packet::Request(Request { id, operation })).await;
    }
    for number in 1..=20 {
        assert_eq!(ada.post("dm:ada:bob", number, "meanwhile").await, number);
    }
    let mut late = 0;
    let own = ada.ask(Operation::Chat { chat: chat("dm:ada:bob") }).await;
    assert!(matches!(own, Ok(Answer::Chat(state)) if state.head == 20));
    for packet in ada.sync().await {
        late += u32::from(matches!(packet, Packet::Response(_)));
    }
    assert_eq!(late, 0, "what was refused was refused at once");
}
