//! Files over a slow connection: what is small does not wait for what is large.

use bytes::Bytes;
use packetboat_proto::content::Content;
use packetboat_proto::id::{ChatId, FileId, MessageId};
use packetboat_proto::limits::{FILE_CHUNK_BYTES_MAX, FILE_REQUESTS_MAX};
use packetboat_proto::packet::{
    Answer, Credential, FileBegin, FileGet, FilePart, FilePut, Limits, Operation, Request,
};
use ring::digest::{SHA256, digest};
use tokio::io::{AsyncWriteExt, DuplexStream, duplex};

use super::*;
use crate::config::settings::FilesSettings;
use crate::files::opening;
use crate::store::{Draft, Outcome};

const FILE: [u8; 16] = [7; 16];

/// One end of a connection that takes 1,000 bytes at a time.
struct Peer {
    stream: DuplexStream,
    codec: FrameCodec,
    bytes: BytesMut,
}

impl Peer {
    async fn say(&mut self, packet: Packet) {
        let mut bytes = BytesMut::new();
        packet.put(&mut bytes);
        timeout(PATIENCE, self.stream.write_all(&bytes)).await.unwrap().unwrap();
    }

    async fn next(&mut self) -> Packet {
        loop {
            if let Some(frame) = self.codec.decode(&mut self.bytes).unwrap() {
                return Packet::decode(&frame).unwrap().unwrap();
            }
            let read = timeout(PATIENCE, self.stream.read_buf(&mut self.bytes)).await;
            assert!(read.expect("something comes").unwrap() > 0, "the session ended");
        }
    }

    async fn open(house: &Arc<House<EmbeddedStore>>) -> Self {
        let (stream, other) = duplex(1_000);
        tokio::spawn(run(other, Arc::clone(house), arrival(house)));
        let mut peer = Self { stream, codec: FrameCodec::client(), bytes: BytesMut::new() };
        peer.stream.write_all(&PREFACE).await.unwrap();
        let hello = Hello {
            user: UserId::new("ada").unwrap(),
            device: DeviceId::new("slow").unwrap(),
            credential: Credential::Open,
            client: String::new(),
            wanted: Limits::default(),
            start: None,
            device_name: String::new(),
            platform: String::new(),
        };
        peer.say(Packet::Hello(hello)).await;
        assert!(matches!(peer.next().await, Packet::Welcome(_)));
        peer.codec.set_body_max(65_536);
        peer.say(Packet::Ping(1)).await;
        assert_eq!(peer.next().await, Packet::Pong(1));
        peer
    }
}

fn house_with_files(folder: &std::path::Path) -> Arc<House<EmbeddedStore>> {
    let mut house = Arc::into_inner(house(PATIENCE)).unwrap();
    let unlimited = Rate { per_second: 0, burst: 0 };
    let rules = Rules { pings: Rate { per_second: 9, burst: 9 }, ..*house.rules };
    house.rules = Arc::new(Rules { transfers: unlimited, ..rules });
    let settings = FilesSettings::default();
    let files = opening::open(&settings, folder, 65_536, Arc::clone(&house.metrics)).unwrap();
    house.files = files.map(Arc::new);
    Arc::new(house)
}

async fn upload(house: &House<EmbeddedStore>, bytes: &Bytes) {
    let (files, ada) = (house.files.as_ref().unwrap(), UserId::new("ada").unwrap());
    let file = FileId::from(FILE);
    let sha256 = digest(&SHA256, bytes).as_ref().try_into().unwrap();
    let (size, media_type) = (bytes.len() as u64, "a/b".to_owned());
    let begin = FileBegin { file, size, media_type, sha256, thumbnail: Bytes::new() };
    files.begin(&house.store, ada.clone(), begin).await.unwrap();
    let put = FilePut { file, offset: 0, bytes: bytes.clone() };
    assert!(files.put(&house.store, ada, put).await.unwrap().complete);
}

async fn post(house: &House<EmbeddedStore>, number: u8) {
    let author = Author { user: UserId::new("bob").unwrap(), session: SessionId::from([9; 16]) };
    let chat = ChatId::new("dm:ada:bob").unwrap();
    let (id, content) = (MessageId::from([number; 16]), Content::text("small").encode());
    let draft = Draft { chat, id, content, change: None, file: None, refers: None };
    let outcomes = house.store.append(author, vec![draft]).await.unwrap();
    assert!(matches!(outcomes[..], [Outcome::Stored { .. }]));
}

#[tokio::test]
async fn a_message_waits_behind_one_chunk_of_a_download_at_most() {
    let folder = tempfile::tempdir().unwrap();
    let house = house_with_files(folder.path());
    let bytes = Bytes::from(vec![5; 5 * FILE_CHUNK_BYTES_MAX]);
    upload(&house, &bytes).await;
    let mut peer = Peer::open(&house).await;
    let get = |id: u64| {
        let offset = id * FILE_CHUNK_BYTES_MAX as u64;
        let (file, part) = (FileId::from(FILE), FilePart::Whole);
        let get = FileGet { file, chat: None, offset, length: 0, part };
        Packet::Request(Request { id, operation: Some(Operation::FileGet(get)) })
    };
    for id in 0..FILE_REQUESTS_MAX as u64 {
        peer.say(get(id)).await;
    }
    // The first of them is on its way: its head has come, the rest waits for a peer that is slow.
    let read = timeout(PATIENCE, peer.stream.read_buf(&mut peer.bytes)).await;
    assert!(read.unwrap().unwrap() > 0);
    let (mut chunks, mut since, mut waits) = (0, 0, Vec::new());
    post(&house, 1).await;
    while chunks < FILE_REQUESTS_MAX {
        match peer.next().await {
            Packet::Response(response) => {
                let Ok(Answer::FileGet(chunk)) = response.answer else { panic!() };
                assert_eq!((response.id, chunk.bytes.len()), (chunks as u64, FILE_CHUNK_BYTES_MAX));
                (chunks, since) = (chunks + 1, since + 1);
            }
            Packet::Deliver(entry) => {
                waits.push(since);
                since = 0;
                if entry.seq < 3 {
                    post(&house, u8::try_from(entry.seq).unwrap() + 1).await;
                }
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(waits.len(), 3, "{waits:?}");
    assert!(waits.iter().all(|chunks| *chunks <= 1), "{waits:?}");
}
