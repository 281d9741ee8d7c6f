//! The files of a run: who uploads what, where it is sent, who is given which bytes. Who may have a
//! file, and which must be there, is told from the logs that people read in the end. Must never
//! ask the server what it may be asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use fastrand::Rng;
use packetboat_client::{Client, Content, Entry, FileError, Upload};
use packetboat_proto::content::FileSent;
use packetboat_proto::id::{ChatId, ChatKind, DeviceId, FileId, UserId};
use ring::digest::{SHA256, digest};

use crate::reckoning::if_may;

/// Bytes of most files, and of those that come in several chunks.
const SMALL: std::ops::Range<usize> = 1..3_000;
const LARGE: std::ops::Range<usize> = 33_000..70_000;
/// Bytes of a small picture.
const PICTURE_MAX: usize = 300;
/// What a file counts for at least (SPEC U-4).
const COST_MIN: u64 = 4 * 1024;

/// The files of a run.
#[derive(Clone, Default)]
pub struct Hold(Arc<Mutex<Book>>);

/// What was had, and what not, in the end.
#[derive(Clone, Copy, Debug, Default)]
pub struct Found {
    /// Downloads of what somebody may see.
    pub had: u64,
    /// Files that somebody was refused.
    pub barred: u64,
    /// Files that are gone, as they must be.
    pub gone: u64,
}

#[derive(Default)]
struct Book {
    cargo: Vec<Cargo>,
    /// Where somebody has tried to send a file.
    sent: BTreeSet<(FileId, ChatId)>,
    /// Who was given bytes of a file, by which right.
    given: BTreeSet<(FileId, UserId, Option<ChatId>)>,
    /// Who reads in the end that a chat has it.
    shown: BTreeSet<(FileId, UserId, ChatId)>,
    /// Whose logs were read in the end.
    read: BTreeSet<ChatId>,
    wrong: Vec<String>,
    /// Which uploads were whole once.
    whole: BTreeSet<FileId>,
    /// What a device does with files it does one after the other: of several that wait for its
    /// next connection, which goes first is drawn by what wakes them, and not from the seed.
    lanes: BTreeMap<(UserId, DeviceId), Lane>,
}

type Lane = Arc<tokio::sync::Mutex<()>>;

/// A file, as its owner has it.
#[derive(Clone)]
struct Cargo {
    owner: UserId,
    upload: Upload,
    bytes: Bytes,
    /// Its hash is that of something else.
    is_false: bool,
}

impl Cargo {
    fn draw(rng: &mut Rng, file: FileId, owner: UserId, large: bool) -> Self {
        let size = if large && rng.u8(0..3) == 0 { rng.usize(LARGE) } else { rng.usize(SMALL) };
        let mut bytes = vec![0; size];
        rng.fill(&mut bytes);
        let is_false = rng.u8(0..10) == 0;
        let of = if is_false { &bytes[1..] } else { &bytes[..] };
        let sha256 = digest(&SHA256, of).as_ref().try_into().expect("SHA-256 has 32 bytes");
        let mut picture = vec![7; if rng.bool() { rng.usize(1..PICTURE_MAX) } else { 0 }];
        rng.fill(&mut picture);
        let upload = Upload {
            file,
            name: "chart".to_owned(),
            media_type: "image/png".to_owned(),
            size: size as u64,
            sha256,
            thumbnail: picture.into(),
        };
        Self { owner, upload, bytes: bytes.into(), is_false }
    }

    fn cost(&self) -> u64 {
        self.upload.size.max(COST_MIN) + self.upload.thumbnail.len() as u64
    }
}

impl Book {
    /// Where somebody has tried to send a file, in order.
    fn places(&self, file: FileId) -> Vec<ChatId> {
        let places = self.sent.iter().filter(|(of, _)| *of == file);
        places.map(|(_, chat)| chat.clone()).collect()
    }
}

impl Hold {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().expect("no panic")
    }

    fn cargo(&self, at: usize) -> Cargo {
        self.book().cargo[at].clone()
    }

    /// How many files there are.
    pub fn len(&self) -> usize {
        self.book().cargo.len()
    }

    /// Somebody has a new file: its number.
    pub fn add(&self, rng: &mut Rng, owner: UserId, large: bool) -> usize {
        let mut book = self.book();
        let number = book.cargo.len() as u128 + 1;
        let file = FileId::from(number.to_be_bytes());
        book.cargo.push(Cargo::draw(rng, file, owner, large));
        book.cargo.len() - 1
    }

    /// A file of a user's, if it has any.
    pub fn own(&self, rng: &mut Rng, user: &UserId) -> Option<usize> {
        let book = self.book();
        let own = |at: &usize| book.cargo[*at].owner == *user;
        rng.choice((0..book.cargo.len()).filter(own).collect::<Vec<_>>())
    }

    /// What an entry says that has a file, which somebody is about to send to a chat; perhaps from
    /// another, where somebody has sent it.
    pub fn send(&self, rng: &mut Rng, at: usize, chat: &ChatId) -> Content {
        let mut book = self.book();
        let upload = book.cargo[at].upload.clone();
        let mut sent = FileSent { from: None, ..upload.sent("look") };
        if rng.bool() {
            sent.from = rng.choice(book.places(upload.file));
        }
        book.sent.insert((sent.file, chat.clone()));
        Content::File(sent)
    }

    /// Where a file was sent, or nowhere: then it is asked for as one's own.
    pub fn place(&self, rng: &mut Rng, at: usize) -> Option<ChatId> {
        let book = self.book();
        let places = book.places(book.cargo[at].upload.file);
        if rng.u8(0..4) == 0 { None } else { rng.choice(places) }
    }

    /// Uploads a file, or goes on with it; what does not come about is no fault.
    pub async fn load(self, client: Client, at: usize) {
        let lane = self.lane(&client);
        let _turn = lane.lock().await;
        let Cargo { upload, bytes, is_false, .. } = self.cargo(at);
        if client.upload(&upload, &mut Cursor::new(bytes), |_| ()).await.is_err() {
            return;
        }
        let mut book = self.book();
        book.whole.insert(upload.file);
        if is_false {
            let what = format!("{} is whole, and not what was announced", upload.file);
            book.wrong.push(what);
        }
    }

    /// Downloads a file; what does not come about is no fault.
    pub async fn fetch(self, client: Client, at: usize, chat: Option<ChatId>) {
        let lane = self.lane(&client);
        let _turn = lane.lock().await;
        drop(self.has(&client, &self.cargo(at), chat.as_ref()).await);
    }

    fn lane(&self, client: &Client) -> Lane {
        let device = (client.user().clone(), client.device().clone());
        Arc::clone(self.book().lanes.entry(device).or_default())
    }

    /// Downloads a file and its picture, and notes who had them.
    async fn has(
        &self,
        client: &Client,
        cargo: &Cargo,
        chat: Option<&ChatId>,
    ) -> Result<(), FileError> {
        let Cargo { upload, bytes, .. } = cargo;
        let mut got = Vec::new();
        let done = client.download(&upload.sent(""), chat, &mut got, |_| ()).await;
        if !bytes.starts_with(&got) || matches!(done, Err(FileError::Hash)) {
            let what = format!("{} was given other bytes of {}", client.user(), upload.file);
            self.book().wrong.push(what);
        }
        if !got.is_empty() {
            let had = (upload.file, client.user().clone(), chat.cloned());
            self.book().given.insert(had);
        }
        done?;
        let picture = client.thumbnail(upload.file, chat.cloned()).await?;
        if picture != upload.thumbnail {
            let what = format!("{} was given another picture of {}", client.user(), upload.file);
            self.book().wrong.push(what);
        }
        Ok(())
    }

    /// A user has read a log in the end.
    pub fn read(&self, reader: &UserId, chat: &ChatId, entries: &[Entry]) {
        let mut book = self.book();
        book.read.insert(chat.clone());
        for entry in entries {
            if let Ok(Content::File(sent)) = Content::decode(&entry.content, usize::MAX) {
                book.shown.insert((sent.file, reader.clone(), chat.clone()));
            }
        }
    }

    /// What is wrong in the end, once all that is to be removed is: given those who can ask, the
    /// chats, who was ever in them, and what is on the disk.
    pub async fn judge(
        &self,
        clients: &BTreeMap<UserId, Client>,
        chats: &[ChatId],
        was_in: impl Fn(&ChatId, &UserId) -> bool,
        (kept, staged): &(BTreeSet<String>, BTreeSet<String>),
    ) -> (Vec<String>, Found) {
        let mut found = Found::default();
        let cargo = self.book().cargo.clone();
        let mut wrong = self.judge_given(was_in);
        for (at, one) in cargo.iter().enumerate() {
            let name = one.upload.file.to_string();
            match self.fate(one) {
                Fate::There if !kept.contains(&name) => {
                    wrong.push(format!("{name} stands in a chat, and its bytes are not kept"));
                }
                Fate::Gone if kept.contains(&name) || staged.contains(&name) => {
                    wrong.push(format!("{name} stands in no chat, and its bytes are there still"));
                }
                Fate::Gone => found.gone += u64::from(self.book().whole.contains(&one.upload.file)),
                Fate::There | Fate::Unknown => {}
            }
            for (user, client) in clients {
                wrong.extend(self.ask(one, user, client, &mut found).await);
                let elsewhere = &chats[(at + user.as_str().len()) % chats.len()];
                wrong.extend(self.bars(one, user, client, elsewhere, &mut found).await);
            }
        }
        for (user, client) in clients {
            wrong.extend(self.counts(&cargo, user, client).await);
        }
        wrong.extend(self.book().wrong.iter().cloned());
        (wrong, found)
    }

    /// Whoever was given bytes had a right to them.
    fn judge_given(&self, was_in: impl Fn(&ChatId, &UserId) -> bool) -> Vec<String> {
        let book = self.book();
        let owner = |file: &FileId| book.cargo.iter().find(|one| one.upload.file == *file);
        let right = |(file, user, chat): &&(FileId, UserId, Option<ChatId>)| match chat {
            None => owner(file).is_some_and(|one| one.owner == *user),
            Some(chat) => {
                let sent = book.sent.contains(&(*file, chat.clone()));
                sent && (chat.peer_of(user).is_some() || was_in(chat, user))
            }
        };
        let strangers = book.given.iter().filter(|given| !right(given));
        let what = |(file, user, chat): &(FileId, UserId, Option<ChatId>)| {
            let chat = chat.as_ref().map_or("nowhere", ChatId::as_str);
            format!("{user} was given {file} of {chat}, and has no right to it")
        };
        strangers.map(what).collect()
    }

    /// Whether a file must be there.
    fn fate(&self, one: &Cargo) -> Fate {
        let (book, file) = (self.book(), one.upload.file);
        if book.shown.iter().any(|(of, ..)| *of == file) {
            return Fate::There;
        }
        // In a group that nobody can read any more it may stand still.
        let is_read =
            |chat: &ChatId| matches!(chat.kind(), ChatKind::Direct(..)) && book.read.contains(chat);
        let mut sent = book.sent.iter().filter(|(of, _)| *of == file);
        if sent.all(|(_, chat)| is_read(chat)) { Fate::Gone } else { Fate::Unknown }
    }

    /// A user has what a log that it reads has; its owner finds it unless it is gone.
    async fn ask(
        &self,
        one: &Cargo,
        user: &UserId,
        client: &Client,
        found: &mut Found,
    ) -> Vec<String> {
        let (file, mut wrong) = (one.upload.file, Vec::new());
        let is_it = |(of, by, _): &&(FileId, UserId, ChatId)| *of == file && by == user;
        let shown = self.book().shown.iter().find(is_it).cloned();
        if let Some((_, _, chat)) = shown {
            match self.has(client, one, Some(&chat)).await {
                Ok(()) => found.had += 1,
                Err(error) => wrong.push(format!("{user} cannot have {file} of {chat}: {error}")),
            }
        }
        if one.owner != *user {
            return wrong;
        }
        match (self.fate(one), if_may(client.file_state(file, None).await)) {
            (_, Err(error)) => wrong.push(format!("{user} was told nothing of {file}: {error}")),
            (Fate::There, Ok(state)) if !state.as_ref().is_some_and(|state| state.complete) => {
                wrong.push(format!("{file} stands in a chat, and its owner is told {state:?}"));
            }
            (Fate::Gone, Ok(Some(state))) => {
                wrong.push(format!("{file} stands in no chat, and its owner is told {state:?}"));
            }
            (_, Ok(_)) => {}
        }
        wrong
    }

    /// Through a chat where a user sees no such file it is told nothing of it.
    async fn bars(
        &self,
        one: &Cargo,
        user: &UserId,
        client: &Client,
        chat: &ChatId,
        found: &mut Found,
    ) -> Option<String> {
        let file = one.upload.file;
        if self.book().shown.contains(&(file, user.clone(), chat.clone())) {
            return None;
        }
        match if_may(client.file_state(file, Some(chat.clone())).await) {
            Ok(None) => {
                found.barred += u64::from(matches!(self.fate(one), Fate::There));
                None
            }
            Ok(Some(_)) => Some(format!("{user} is told of {file} in {chat}, and sees none there")),
            Err(error) => Some(format!("{user} was told nothing of {file} in {chat}: {error}")),
        }
    }

    /// A user is told its own files alone, and what they count for together.
    async fn counts(&self, cargo: &[Cargo], user: &UserId, client: &Client) -> Option<String> {
        let page = match client.files(None, 0).await {
            Ok(page) => page,
            Err(error) => return Some(format!("{user} was not told its files: {error}")),
        };
        let own =
            |file: &FileId| cargo.iter().find(|one| one.upload.file == *file && one.owner == *user);
        let listed = page.files.iter().map(|state| own(&state.file).map(Cargo::cost));
        let cost: Option<u64> = listed.sum();
        let is_listed = |one: &Cargo| page.files.iter().any(|of| of.file == one.upload.file);
        let must_be = |one: &&Cargo| one.owner == *user && matches!(self.fate(one), Fate::There);
        let all = cargo.iter().filter(must_be).all(is_listed);
        let right = cost == Some(page.used) && page.used <= page.quota && !page.more && all;
        (!right).then(|| format!("{user} is told that {page:?} are its files"))
    }
}

/// What must be of a file in the end.
enum Fate {
    There,
    Gone,
    Unknown,
}
