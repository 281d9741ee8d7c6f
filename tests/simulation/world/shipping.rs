//! What people do with files. Must never judge: the hold does.

use std::time::Duration;

use packetboat::files::collector::COLLECT_EVERY_MAX;
use packetboat_proto::id::ChatId;
use tokio::time::sleep;

use super::World;
use crate::reckoning::Logs;

/// Files of a run.
const FILES_MAX: usize = 8;
/// A network that carries less at a time sees no large ones: they would be all that happens.
const CHUNK_FOR_LARGE: usize = 4_096;
/// The server has looked for files to remove within this, and has removed them.
const COLLECTING: Duration = Duration::from_secs(3 * COLLECT_EVERY_MAX.as_secs());

impl World {
    /// Now and then somebody uploads a file, sends one, or has one.
    pub(super) fn ship(&mut self) {
        if self.plan.files.is_none() || self.more.u8(0..5) > 1 {
            return;
        }
        let by = self.more.usize(0..self.people.len());
        let Some(client) = self.people[by].client().cloned() else { return };
        let (hold, user) = (self.judges.hold.clone(), self.people[by].device.user.clone());
        let some = hold.len();
        match self.more.u8(0..8) {
            0 | 1 if some < FILES_MAX => {
                let large = self.plan.chunk >= CHUNK_FOR_LARGE;
                let at = hold.add(&mut self.more, user, large);
                self.standings.spawn(hold.load(client, at));
            }
            2 => {
                if let Some(at) = hold.own(&mut self.more, &user) {
                    self.standings.spawn(hold.load(client, at));
                }
            }
            3..=5 if some > 0 => {
                // Mostly one's own: others are another's to send, unless one sees them.
                let own = hold.own(&mut self.more, &user).filter(|_| self.more.u8(0..4) > 0);
                let at = own.unwrap_or_else(|| self.more.usize(0..some));
                let chat = self.some_chat();
                let content = hold.send(&mut self.more, at, &chat);
                self.send(by, chat, content);
            }
            6 | 7 if some > 0 => {
                let at = self.more.usize(0..some);
                let chat = hold.place(&mut self.more, at);
                self.standings.spawn(hold.fetch(client, at, chat));
            }
            _ => {}
        }
    }

    pub(super) fn some_chat(&mut self) -> ChatId {
        self.chats[self.more.usize(0..self.chats.len())].clone()
    }

    /// In the end, once what stands in no chat has been so for longer than it is kept.
    pub(super) async fn judge_files(&mut self, logs: &Logs) -> Vec<String> {
        let (Some(plan), Some(bay)) = (self.plan.files, self.harbour.bay()) else {
            return Vec::new();
        };
        if self.judges.hold.len() == 0 {
            return Vec::new();
        }
        self.harbour.jump(i64::try_from(plan.unreferenced_ms).unwrap_or(i64::MAX) + 1);
        sleep(COLLECTING).await;
        let was_in = |chat: &ChatId, user: &_| !logs.membership(chat).owed(user).is_empty();
        let (clients, there) = (self.clients(), bay.names());
        let judging = self.judges.hold.judge(&clients, &self.chats, was_in, &there);
        let (wrong, found) = judging.await;
        (self.met.had, self.met.barred, self.met.gone) = (found.had, found.barred, found.gone);
        wrong
    }
}
