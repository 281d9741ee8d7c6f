//! What the users of a run have set for themselves: drafts that count up. What was answered stays
//! until something later is set, and who reads on from where it was, over whatever happens to the
//! server, has what one has who reads all. Must never be judged while something is still set.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use packetboat_client::{ChatDraft, Client, OwnChat, OwnState};
use packetboat_proof::history::Device;
use packetboat_proto::id::{ChatId, UserId};

/// What the users of a run have set.
#[derive(Clone, Default)]
pub struct Notes(Arc<Mutex<Book>>);

#[derive(Default)]
struct Book {
    /// Counts what begins and what ends.
    now: u64,
    /// The drafts of a user in a chat, by their texts.
    drafts: BTreeMap<(UserId, ChatId), BTreeMap<String, Setting>>,
    /// What each device has read; `None` while it reads.
    read: BTreeMap<Device, Option<OwnState>>,
}

/// When a draft was set.
#[derive(Clone, Copy, Debug)]
struct Setting {
    begun: u64,
    /// When it was answered, if it was.
    done: Option<u64>,
}

impl Book {
    fn tick(&mut self) -> u64 {
        self.now += 1;
        self.now
    }
}

fn sorted(own: &OwnState) -> BTreeMap<&ChatId, &OwnChat> {
    own.chats().collect()
}

impl Notes {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().expect("no panic")
    }

    /// Sets a draft that no other is like.
    pub async fn set(self, client: Client, chat: ChatId) {
        let of = (client.user().clone(), chat.clone());
        let (text, begun) = {
            let mut book = self.book();
            let begun = book.tick();
            let setting = Setting { begun, done: None };
            book.drafts.entry(of.clone()).or_default().insert(begun.to_string(), setting);
            (begun.to_string(), begun)
        };
        let draft = ChatDraft { chat, text: text.clone(), reply_to: 0 };
        // What is not answered may have been set, or may be still.
        if client.set_draft(draft).await.is_ok() {
            let mut book = self.book();
            let done = Some(book.tick());
            book.drafts.entry(of).or_default().insert(text, Setting { begun, done });
        }
    }

    /// Reads on, unless the device does so already.
    pub async fn read(self, client: Client, device: Device) {
        let Some(mut own) = self.take(&device) else { return };
        // What was read of it counts, wherever it ended.
        drop(client.sync_own(&mut own).await);
        self.book().read.insert(device, Some(own));
    }

    /// What a device has read; `None`: it reads.
    fn take(&self, device: &Device) -> Option<OwnState> {
        let mut book = self.book();
        let read = book.read.entry(device.clone()).or_insert_with(|| Some(OwnState::default()));
        read.take()
    }

    /// What is wrong with what a device reads in the end.
    pub async fn judge(&self, client: &Client, device: &Device) -> Vec<String> {
        let mut wrong = Vec::new();
        let (mut on, mut anew) = (self.take(device).unwrap_or_default(), OwnState::default());
        for own in [&mut on, &mut anew] {
            if let Err(error) = client.sync_own(own).await {
                return vec![format!("{device} could not read its own state: {error}")];
            }
        }
        if sorted(&on) != sorted(&anew) {
            wrong.push(format!("{device} read on to {on:?}, and there is {anew:?}"));
        }
        let book = self.book();
        for ((user, chat), drafts) in &book.drafts {
            if *user != device.user {
                continue;
            }
            let kept = anew.chat(chat).draft.map(|draft| draft.text);
            let last = kept.as_ref().map(|text| drafts.get(text));
            let lost = drafts.iter().find(|(_, setting)| match (setting.done, last) {
                (None, _) => false,
                (Some(_), None) => true,
                (Some(_), Some(last)) => {
                    last.and_then(|last| last.done).is_some_and(|done| done < setting.begun)
                }
            });
            if let Some((text, _)) = lost {
                wrong.push(format!("{user} has {kept:?} in {chat}, and had set {text} since"));
            }
            if last.is_some_and(|last| last.is_none()) {
                wrong.push(format!("{user} has {kept:?} in {chat}, which nobody has set"));
            }
        }
        wrong
    }
}
