//! What the users of a run have set for themselves: drafts and marks that count up, entries that
//! they have hidden. What was answered stays until something later is set, what is hidden stays
//! hidden, and who reads on from where it was, over whatever happens to the server, has what one
//! has who reads all. Must never be judged while something is still set.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use packetboat_client::{ChatDraft, Client, OwnChat, OwnState, SeqRange, SetMarks};
use packetboat_proof::history::Device;
use packetboat_proto::id::{ChatId, UserId};
use packetboat_proto::seqs::SeqSet;

use crate::latest::Latest;

/// What the users of a run have set.
#[derive(Clone, Default)]
pub struct Notes(Arc<Mutex<Book>>);

/// A user's chat.
type Of = (UserId, ChatId);

#[derive(Default)]
struct Book {
    /// What each user has set of each chat.
    set: BTreeMap<Of, Settings>,
    /// What each device has read; `None` while it reads.
    read: BTreeMap<Device, Option<OwnState>>,
}

#[derive(Default)]
struct Settings {
    draft: Latest,
    /// Until when it is quiet; what is set with it hangs on that.
    quiet: Latest,
    pinned: Latest,
    /// What may be hidden, and what was answered to be.
    hidden: (SeqSet, SeqSet),
}

/// What somebody sets of a chat.
#[derive(Clone, Copy, Debug)]
pub enum Deed {
    /// What it has begun to write.
    Draft,
    /// That it is quiet, and is put away or unread or neither.
    Quiet,
    /// Its place among the pinned.
    Pin,
    /// These entries, if they are there, are not shown any more.
    Hide(SeqRange),
}

fn sorted(own: &OwnState) -> BTreeMap<&ChatId, &OwnChat> {
    own.chats().collect()
}

impl Notes {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().expect("no panic")
    }

    fn with<T>(&self, of: &Of, does: impl FnOnce(&mut Settings) -> T) -> T {
        does(self.book().set.entry(of.clone()).or_default())
    }

    /// Sets something, as nothing else is set.
    pub async fn set(self, client: Client, chat: ChatId, deed: Deed) {
        let of = (client.user().clone(), chat.clone());
        match deed {
            Deed::Draft => {
                let value = self.with(&of, |of| of.draft.begin());
                let draft = ChatDraft { chat, text: value.to_string(), reply_to: 0 };
                if client.set_draft(draft).await.is_ok() {
                    self.with(&of, |of| of.draft.done(value));
                }
            }
            Deed::Quiet => {
                let value = self.with(&of, |of| of.quiet.begin());
                let (archived, unread) = with_quiet(value);
                let quiet_until_ms = Some(value);
                let marks = SetMarks {
                    quiet_until_ms,
                    archived: Some(archived),
                    unread: Some(unread),
                    ..SetMarks::of(chat)
                };
                if client.set_marks(marks).await.is_ok() {
                    self.with(&of, |of| of.quiet.done(value));
                }
            }
            Deed::Pin => {
                let value = self.with(&of, |of| of.pinned.begin());
                let pinned = u32::try_from(value).ok();
                if client.set_marks(SetMarks { pinned, ..SetMarks::of(chat) }).await.is_ok() {
                    self.with(&of, |of| of.pinned.done(value));
                }
            }
            Deed::Hide(range) => {
                self.with(&of, |of| of.hidden.0.insert(range));
                if client.hide(&chat, vec![range]).await.is_ok() {
                    self.with(&of, |of| of.hidden.1.insert(range));
                }
            }
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
        for ((user, chat), settings) in
            book.set.iter().filter(|((user, _), _)| *user == device.user)
        {
            let found = settings.wrong(&anew.chat(chat));
            wrong.extend(found.into_iter().map(|what| format!("{user} in {chat}: {what}")));
        }
        wrong
    }
}

/// Whether a chat that is quiet until then is put away, and unread.
fn with_quiet(value: u64) -> (bool, bool) {
    (value & 1 > 0, value & 2 > 0)
}

impl Settings {
    /// What is wrong with what is kept of a chat.
    fn wrong(&self, kept: &OwnChat) -> Vec<String> {
        let draft = kept.draft.as_ref().map(|draft| draft.text.parse().unwrap_or(u64::MAX));
        let marks = kept.marks;
        let some = |value: u64| (value > 0).then_some(value);
        let of = [
            ("the draft", self.draft.wrong(draft)),
            ("the time of quiet", self.quiet.wrong(some(marks.quiet_until_ms))),
            ("the place", self.pinned.wrong(some(marks.pinned.into()))),
        ];
        let told = |(what, wrong): (&str, Option<String>)| Some(format!("{what}: {}", wrong?));
        let mut wrong: Vec<String> = of.into_iter().filter_map(told).collect();
        if (marks.archived, marks.unread) != with_quiet(marks.quiet_until_ms) {
            wrong.push(format!("half of what was set stands in {marks:?}"));
        }
        let (may, are) = &self.hidden;
        let all = |range: &SeqRange| range.first()..=range.last();
        let lost = are.ranges().iter().flat_map(all).find(|seq| !kept.hidden.holds(*seq));
        let made = kept.hidden.ranges().iter().flat_map(all).find(|seq| !may.holds(*seq));
        wrong.extend(lost.map(|seq| format!("{seq} was hidden, and is shown")));
        wrong.extend(made.map(|seq| format!("{seq} is hidden, and nobody did that")));
        wrong
    }
}
