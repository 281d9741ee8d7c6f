//! Whether the entries that come are to be shown: what the user has deleted for itself is read
//! beside them. Must never let one of a chat go on while that is not known.

use std::collections::VecDeque;
use std::future::pending;

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use packetboat_client::{ChatId, Client, Entry, OwnState, RequestError};

use crate::patience;

type Reading = LocalBoxFuture<'static, Result<OwnState, RequestError>>;

/// What is known of what the user has deleted for itself, and what waits for more to be known.
pub(super) struct Judge {
    client: Client,
    /// As it was read last; nothing, while it is being read.
    own: OwnState,
    /// It is being read.
    reading: Option<Reading>,
    /// Then it is to be read once more.
    anew: bool,
    /// Of those that wait, the first so many had come when it began to be read.
    before: usize,
    /// As many as the server delivers without an ack: nothing waits but while it is being read.
    waiting: VecDeque<Judged>,
    /// Those of which it is known.
    known: VecDeque<Judged>,
}

/// An entry, once it is known whether it is to be shown.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Judged {
    /// It.
    pub(super) entry: Entry,
    /// The user has deleted it for itself.
    pub(super) hidden: bool,
    /// It is of a log that has started over since: its seq means another one now.
    pub(super) void: bool,
}

impl Judge {
    /// Begins to read. Unless it is patient, it fails where there is no answer at first.
    pub(super) fn start(client: Client, patient: bool) -> Self {
        let reading = Some(read(client.clone(), OwnState::default(), patient).boxed_local());
        let (waiting, known) = (VecDeque::new(), VecDeque::new());
        Self { client, own: OwnState::default(), reading, anew: false, before: 0, waiting, known }
    }

    /// There may be more to be known.
    pub(super) fn read_on(&mut self) {
        if self.reading.is_some() {
            self.anew = true;
            return;
        }
        let own = std::mem::take(&mut self.own);
        self.reading = Some(read(self.client.clone(), own, true).boxed_local());
        self.before = self.waiting.len();
    }

    /// There is more to be known if what was read is older than this.
    pub(super) fn read_up_to(&mut self, revision: u64) {
        if self.reading.is_some() || revision > self.own.revision() {
            self.read_on();
        }
    }

    /// Waits until more is known; for ever, if all is already. Cancel safe.
    pub(super) async fn learns(&mut self) -> Result<(), RequestError> {
        let Some(reading) = &mut self.reading else { return pending().await };
        let own = reading.await;
        self.reading = None;
        self.own = own?;
        // However fast news of more come: what was there before is known by what was read since.
        let anew = std::mem::take(&mut self.anew);
        let count = if anew { self.before } else { self.waiting.len() };
        for judged in self.waiting.drain(..count) {
            let hidden = self.own.hides(&judged.entry.chat, judged.entry.seq);
            self.known.push_back(Judged { hidden, ..judged });
        }
        if anew {
            self.read_on();
        }
        Ok(())
    }

    /// An entry has come. In rooms nothing can be deleted for oneself.
    pub(super) fn add(&mut self, entry: Entry) {
        if self.reading.is_some() && !entry.chat.is_room() {
            self.waiting.push_back(Judged { entry, hidden: false, void: false });
            return;
        }
        let hidden = self.own.hides(&entry.chat, entry.seq);
        self.known.push_back(Judged { entry, hidden, void: false });
    }

    /// A chat's log has started over.
    pub(super) fn reset(&mut self, chat: &ChatId) {
        let of_it = |judged: &&mut Judged| judged.entry.chat == *chat;
        let all = self.waiting.iter_mut().chain(&mut self.known);
        all.filter(of_it).for_each(|judged| judged.void = true);
    }

    /// The next one of which it is known.
    pub(super) fn next(&mut self) -> Option<Judged> {
        self.known.pop_front()
    }
}

async fn read(client: Client, mut own: OwnState, patient: bool) -> Result<OwnState, RequestError> {
    patience::ask(patient, async || client.sync_own(&mut own).await).await?;
    Ok(own)
}
