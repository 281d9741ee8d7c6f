//! Files, and servers that lose what they had of them.

use std::io::Cursor;

use packetboat_proto::code::RejectCode;
use packetboat_proto::id::FileId;
use packetboat_proto::limits::FILE_NAME_BYTES_MAX;
use packetboat_proto::packet::{
    Answer, FileBegin, FileChunk, FilePut, FileState, Operation, Packet, Request, Response, Verdict,
};
use ring::digest::{SHA256, digest};

use super::fake::{Peer, config, start};
use crate::client::Client;
use crate::error::RequestError;
use crate::file::{FileError, Upload};

/// More than two packets hold.
const BYTES: usize = 150_000;

/// What a server has of a file; `None`: it does not know of it.
struct Staged(Option<Vec<u8>>);

impl Staged {
    fn state(&self) -> FileState {
        let have = self.0.as_ref().map_or(0, Vec::len);
        FileState {
            file: upload().file,
            size: BYTES as u64,
            have: have as u64,
            complete: have == BYTES,
            media_type: "text/plain".into(),
            sha256: [7; 32],
            thumbnail_bytes: 0,
        }
    }

    fn begin(&mut self, begin: &FileBegin) -> Answer {
        assert_eq!((begin.file, begin.size), (upload().file, BYTES as u64));
        self.0.get_or_insert_default();
        Answer::FileBegin(self.state())
    }

    fn put(&mut self, put: &FilePut) -> Result<Answer, Verdict> {
        let Some(bytes) = &mut self.0 else {
            return Err(Verdict::reject(RejectCode::NotAllowed, "there is no such file", 0));
        };
        let at = usize::try_from(put.offset).unwrap();
        if at > bytes.len() {
            return Err(Verdict::reject(RejectCode::Invalid, "there would be a gap", 0));
        }
        let known = bytes.len() - at;
        bytes.extend(put.bytes.iter().skip(known));
        Ok(Answer::FilePut(self.state()))
    }
}

fn upload() -> Upload {
    Upload {
        file: FileId::from([5; 16]),
        name: "log.txt".into(),
        media_type: "text/plain".into(),
        size: BYTES as u64,
        sha256: [7; 32],
        thumbnail: bytes::Bytes::new(),
    }
}

fn source() -> Vec<u8> {
    (0..BYTES).map(|at| u8::try_from(at % 251).unwrap()).collect()
}

/// Answers so many requests, or all until the file is whole. Whether it is.
async fn serve(peer: &mut Peer, staged: &mut Staged, requests: usize) -> bool {
    for _ in 0..requests {
        let Packet::Request(Request { id, operation }) = peer.read().await else { continue };
        let answer = match operation.unwrap() {
            Operation::FileBegin(begin) => Ok(staged.begin(&begin)),
            Operation::FilePut(put) => staged.put(&put),
            other => panic!("{other:?} is not asked here"),
        };
        peer.write(&Packet::Response(Response { id, answer })).await;
        if staged.state().complete {
            return true;
        }
    }
    false
}

#[tokio::test(start_paused = true)]
async fn what_a_server_has_lost_of_an_upload_is_uploaded_again() {
    for left in [Some(vec![]), None] {
        let (client, _events, mut server) = start(config());
        let mut staged = Staged(None);
        let serve = async {
            let mut peer = server.welcome().await;
            assert!(!serve(&mut peer, &mut staged, 2).await, "it has begun");
            // It has the next bytes, and is gone before it says so.
            peer.read().await;
            drop(peer);
            staged = Staged(left);
            let mut peer = server.welcome().await;
            assert!(serve(&mut peer, &mut staged, 50).await);
            peer
        };
        let (upload, mut source) = (upload(), Cursor::new(source()));
        let (done, _peer) = tokio::join!(client.upload(&upload, &mut source, |_| {}), serve);
        done.unwrap();
        assert_eq!(staged.0, Some(source.into_inner()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_takes_no_bytes_of_an_upload_is_not_asked_for_ever() {
    let (client, _events, mut server) = start(config());
    let serve = async {
        let mut peer = server.welcome().await;
        loop {
            let mut staged = Staged(None);
            let Packet::Request(Request { id, operation }) = peer.read().await else { continue };
            let answer = match operation.unwrap() {
                Operation::FileBegin(begin) => Ok(staged.begin(&begin)),
                Operation::FilePut(put) => staged.put(&put),
                other => panic!("{other:?} is not asked here"),
            };
            peer.write(&Packet::Response(Response { id, answer })).await;
        }
    };
    let (upload, mut source) = (upload(), Cursor::new(source()));
    let done = tokio::select! {
        done = client.upload(&upload, &mut source, |_| {}) => done,
        () = serve => panic!("it serves for ever"),
    };
    let Err(FileError::Request(RequestError::Refused(verdict))) = done else {
        panic!("it is given up: {done:?}");
    };
    assert_eq!(verdict.reject_code(), Some(RejectCode::NotAllowed));
}

#[tokio::test(start_paused = true)]
async fn a_file_of_the_longest_name_is_saved() {
    let (client, _events, mut server) = start(config());
    let folder = std::env::temp_dir().join(format!("packetboat-{}", Client::new_file_id()));
    std::fs::create_dir(&folder).unwrap();
    let name = format!("{}.txt", "n".repeat(FILE_NAME_BYTES_MAX - 4));
    let sha256 = digest(&SHA256, &source()).as_ref().try_into().unwrap();
    let sent = Upload { name, sha256, ..upload() }.sent("");
    let serve = async {
        let mut peer = server.welcome().await;
        loop {
            let Packet::Request(Request { id, operation }) = peer.read().await else { continue };
            let Some(Operation::FileGet(get)) = operation else { panic!("it is read") };
            let from = usize::try_from(get.offset).unwrap();
            let bytes = source()[from..from + get.length as usize].to_vec().into();
            let (file, offset, size) = (get.file, get.offset, BYTES as u64);
            let answer = Ok(Answer::FileGet(FileChunk { file, offset, bytes, size }));
            peer.write(&Packet::Response(Response { id, answer })).await;
        }
    };
    let path = folder.join(&sent.name);
    tokio::select! {
        saved = client.save_file(&sent, None, &path, |_| {}) => saved.unwrap(),
        () = serve => panic!("it serves for ever"),
    }
    assert_eq!(std::fs::read(&path).unwrap(), source());
    let names = std::fs::read_dir(&folder).unwrap().map(|found| found.unwrap().file_name());
    assert_eq!(names.collect::<Vec<_>>(), [sent.name.as_str()]);
    std::fs::remove_dir_all(&folder).unwrap();
}
