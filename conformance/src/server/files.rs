//! Files: uploaded, sent and read (SPEC.md section 5.9, and E-23). Must never leave more on a
//! server than a few small ones.

use bytes::Bytes;
use packetboat_proto::code::RejectCode;
use packetboat_proto::content::{Content, FileSent};
use packetboat_proto::id::{ChatId, FileId};
use packetboat_proto::limits::FILE_REQUESTS_MAX;
use packetboat_proto::packet::{
    Answer, FileBegin, FileChunk, FileGet, FilePart, FilePut, FileState, Operation, Packet, Request,
};
use ring::digest::{SHA256, digest};

use crate::check::checks;
use crate::outcome::{Checked, ensure, fail, same, skip};

use super::bed::Bed;
use super::peer::Peer;

checks! {
    "files", Bed;
    Must uploaded ["U-3", "U-5", "U-7"] "an upload is begun once, has no gaps, and goes on";
    Must wrong_bytes ["U-6"] "bytes that were not announced are HASH_MISMATCH, and start over";
    Must too_large ["U-4"] "a file of any size is not taken: TOO_LARGE, or QUOTA_EXCEEDED";
    Must counted ["U-4"] "what files count for is told, small ones as 4,096 bytes";
    Must lane ["U-1", "Q-1", "Q-2"] "requests about files are answered in order, or refused";
    Must readers ["U-8"] "who sees an entry reads its file, and nobody else but its uploader";
    Must sent ["E-23"] "a file is sent whole, as what it is, by who has it";
}

const BYTES: &[u8] = b"the whole of a small file";
const PICTURE: &[u8] = b"a small picture";

/// A file of this run that no other check has.
fn announced(bed: &Bed) -> FileBegin {
    FileBegin {
        file: FileId::from(*bed.message().as_bytes()),
        size: BYTES.len() as u64,
        media_type: "text/plain".into(),
        sha256: digest(&SHA256, BYTES).as_ref().try_into().expect("SHA-256 has 32 bytes"),
        thumbnail: Bytes::from_static(PICTURE),
    }
}

fn entry_of(begin: &FileBegin) -> FileSent {
    FileSent {
        file: begin.file,
        name: "a.txt".into(),
        media_type: begin.media_type.clone(),
        size: begin.size,
        sha256: begin.sha256,
        caption: String::new(),
        from: None,
    }
}

fn put(begin: &FileBegin, offset: usize, bytes: &'static [u8]) -> Operation {
    let (offset, bytes) = (offset as u64, Bytes::from_static(bytes));
    Operation::FilePut(FilePut { file: begin.file, offset, bytes })
}

fn get(begin: &FileBegin, chat: Option<&ChatId>, part: FilePart) -> Operation {
    let chat = chat.cloned();
    Operation::FileGet(FileGet { file: begin.file, chat, offset: 0, length: 0, part })
}

async fn stands(peer: &mut Peer, operation: Operation) -> Checked<FileState> {
    match peer.ask(operation).await? {
        Ok(Answer::FileBegin(state) | Answer::FilePut(state) | Answer::FileState(state)) => {
            Ok(state)
        }
        Err(verdict) if verdict.reject_code() == Some(RejectCode::Unsupported) => {
            skip("the server takes no files")
        }
        other => fail("a FileState", format_args!("{other:?}")),
    }
}

async fn read(peer: &mut Peer, operation: Operation) -> Checked<FileChunk> {
    match peer.ask(operation).await? {
        Ok(Answer::FileGet(chunk)) => Ok(chunk),
        other => fail("a FileChunk", format_args!("{other:?}")),
    }
}

async fn upload(bed: &Bed, peer: &mut Peer) -> Checked<FileBegin> {
    let begin = announced(bed);
    stands(peer, Operation::FileBegin(begin.clone())).await?;
    let state = stands(peer, put(&begin, 0, BYTES)).await?;
    ensure(state.complete, "a complete file", format_args!("{state:?}"))?;
    Ok(begin)
}

async fn uploaded(bed: &Bed) -> Checked {
    let [ada, eve] = bed.users()?;
    let mut peer = Peer::login(bed, &ada).await?;
    let begin = announced(bed);
    let begun = stands(&mut peer, Operation::FileBegin(begin.clone())).await?;
    same("what there is", (0, false), (begun.have, begun.complete))?;
    let state = stands(&mut peer, put(&begin, 0, &BYTES[..9])).await?;
    same("what there is", (9, false), (state.have, state.complete))?;
    peer.ask_refused(put(&begin, 10, &BYTES[10..]), RejectCode::Invalid).await?;
    let beyond = Operation::FilePut(FilePut {
        file: begin.file,
        offset: 9,
        bytes: Bytes::from(vec![0; BYTES.len()]),
    });
    peer.ask_refused(beyond, RejectCode::Invalid).await?;
    let other = FileBegin { size: 7, ..begin.clone() };
    peer.ask_refused(Operation::FileBegin(other), RejectCode::Conflict).await?;
    let mut stranger = Peer::login(bed, &eve).await?;
    stranger.ask_refused(Operation::FileBegin(begin.clone()), RejectCode::Conflict).await?;
    let mut peer = Peer::login(bed, &ada).await?;
    let state = stands(&mut peer, Operation::FileBegin(begin.clone())).await?;
    same("what there is on another connection", 9, state.have)?;
    let state = stands(&mut peer, put(&begin, 3, &BYTES[3..])).await?;
    ensure(state.complete, "a complete file", format_args!("{state:?}"))?;
    let state = stands(&mut peer, Operation::FileBegin(begin)).await?;
    ensure(state.complete, "a complete file when it is begun again", format_args!("{state:?}"))
}

async fn wrong_bytes(bed: &Bed) -> Checked {
    let [ada] = bed.users()?;
    let mut peer = Peer::login(bed, &ada).await?;
    let begin = announced(bed);
    stands(&mut peer, Operation::FileBegin(begin.clone())).await?;
    stands(&mut peer, put(&begin, 0, b"not")).await?;
    peer.ask_refused(put(&begin, 3, &BYTES[3..]), RejectCode::HashMismatch).await?;
    let state = Operation::FileState { file: begin.file, chat: None };
    same("what there is", 0, stands(&mut peer, state).await?.have)?;
    let state = stands(&mut peer, put(&begin, 0, BYTES)).await?;
    ensure(state.complete, "a complete file", format_args!("{state:?}"))
}

async fn too_large(bed: &Bed) -> Checked {
    let [ada] = bed.users()?;
    let mut peer = Peer::login(bed, &ada).await?;
    let begin = Operation::FileBegin(FileBegin { size: u64::MAX, ..announced(bed) });
    match peer.ask(begin).await? {
        Err(verdict) => match verdict.reject_code() {
            Some(RejectCode::TooLarge | RejectCode::QuotaExceeded) => Ok(()),
            Some(RejectCode::Unsupported) => skip("the server takes no files"),
            other => fail("TOO_LARGE", format_args!("{other:?}")),
        },
        Ok(answer) => fail("TOO_LARGE", format_args!("{answer:?}")),
    }
}

async fn counted(bed: &Bed) -> Checked {
    let [ada] = bed.strangers()?;
    let mut peer = Peer::login(bed, &ada).await?;
    let begin = upload(bed, &mut peer).await?;
    match peer.ask(Operation::Files { after: None, limit: 0 }).await? {
        Ok(Answer::Files(page)) => {
            let files: Vec<_> = page.files.iter().map(|state| state.file).collect();
            same("the files", (vec![begin.file], false), (files, page.more))?;
            same("what they count for", 4_096 + PICTURE.len() as u64, page.used)
        }
        other => fail("a FilesPage", format_args!("{other:?}")),
    }
}

async fn lane(bed: &Bed) -> Checked {
    let [ada] = bed.users()?;
    let mut peer = Peer::login(bed, &ada).await?;
    let begin = upload(bed, &mut peer).await?;
    let first = 1_000;
    let count = 2 * FILE_REQUESTS_MAX as u64;
    for id in first..first + count {
        let operation = Some(get(&begin, None, FilePart::Whole));
        peer.say(Packet::Request(Request { id, operation })).await?;
    }
    let (mut given, mut refused) = (Vec::new(), 0);
    for _ in 0..count {
        let response = peer.find("a Response", |packet| match packet {
            Packet::Response(response) => Some(response.clone()),
            _ => None,
        });
        let response = response.await?;
        match &response.answer {
            Ok(_) => given.push(response.id),
            Err(verdict) if verdict.reject_code() == Some(RejectCode::RateLimited) => refused += 1,
            Err(verdict) => return fail("an answer", format_args!("{verdict:?}")),
        }
    }
    let ordered = given.is_sorted() && given.len() >= FILE_REQUESTS_MAX;
    ensure(ordered, "at least 4 answers, in order", format_args!("{given:?}, {refused} refused"))
}

async fn readers(bed: &Bed) -> Checked {
    let [ada, bob, eve] = bed.users()?;
    let mut peer = Peer::login(bed, &ada).await?;
    let begin = upload(bed, &mut peer).await?;
    let chat = ChatId::direct(&ada, &bob);
    let whole = |chat| get(&begin, chat, FilePart::Whole);
    let mut reader = Peer::login(bed, &bob).await?;
    reader.ask_refused(whole(Some(&chat)), RejectCode::NotAllowed).await?;
    peer.post(&chat, bed.message(), Content::File(entry_of(&begin)).encode()).await?;
    for (peer, chat) in [(&mut peer, None), (&mut reader, Some(&chat))] {
        let chunk = read(peer, whole(chat)).await?;
        same("the bytes", (BYTES, begin.size), (&chunk.bytes[..], chunk.size))?;
        let picture = read(peer, get(&begin, chat, FilePart::Thumbnail)).await?;
        same("the small picture", PICTURE, &picture.bytes[..])?;
    }
    reader.ask_refused(whole(None), RejectCode::NotAllowed).await?;
    let elsewhere = ChatId::direct(&bob, &eve);
    reader.ask_refused(whole(Some(&elsewhere)), RejectCode::NotAllowed).await?;
    let mut stranger = Peer::login(bed, &eve).await?;
    stranger.ask_refused(whole(Some(&chat)), RejectCode::NoSuchChat).await?;
    stranger.ask_refused(whole(Some(&elsewhere)), RejectCode::NotAllowed).await
}

async fn sent(bed: &Bed) -> Checked {
    let [ada, bob, eve] = bed.users()?;
    let mut peer = Peer::login(bed, &ada).await?;
    let begin = announced(bed);
    let chat = ChatId::direct(&ada, &bob);
    let entry = |sent: FileSent| Content::File(sent).encode();
    let good = entry_of(&begin);
    peer.rejected(bed, &chat, entry(good.clone()), RejectCode::NotAllowed).await?;
    stands(&mut peer, Operation::FileBegin(begin.clone())).await?;
    peer.rejected(bed, &chat, entry(good.clone()), RejectCode::NotAllowed).await?;
    stands(&mut peer, put(&begin, 0, BYTES)).await?;
    let longer = FileSent { size: begin.size + 1, ..good.clone() };
    let typed = FileSent { media_type: "text/html".into(), ..good.clone() };
    let hashed = FileSent { sha256: [0; 32], ..good.clone() };
    for wrong in [longer, typed, hashed] {
        peer.rejected(bed, &chat, entry(wrong), RejectCode::Invalid).await?;
    }
    let mut other = Peer::login(bed, &bob).await?;
    let onward = ChatId::direct(&bob, &eve);
    other.rejected(bed, &onward, entry(good.clone()), RejectCode::NotAllowed).await?;
    peer.post(&chat, bed.message(), entry(good.clone())).await?;
    let from = FileSent { from: Some(chat), ..good.clone() };
    other.post(&onward, bed.message(), entry(from)).await?;
    other.post(&onward, bed.message(), entry(good)).await?;
    Ok(())
}
