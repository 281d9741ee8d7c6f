//! What is asked of the server that changes nothing. Must never judge what it answers: that is
//! tested, or judged, elsewhere.

use packetboat_client::Edge;
use packetboat_proof::history::Event;

use super::World;
use crate::plan::pick;
use crate::receipts;

/// Entries of a page that is read on the way.
const PAGE_ITEMS: u32 = 5;

impl World {
    /// Now and then somebody looks for what was said, where there is search.
    pub(super) fn seek(&mut self) {
        if !self.plan.search || self.more.u8(0..5) > 0 {
            return;
        }
        let by = self.more.usize(0..self.people.len());
        let Some(client) = self.people[by].client().cloned() else { return };
        let number = self.more.u128(0..=self.ids).to_string();
        let word = pick(&mut self.more, &["of", "edit", "later", &number]).to_owned();
        let chat = self.more.bool().then(|| self.some_chat());
        let (spyglass, recorder) = (self.judges.spyglass.clone(), self.recorder.clone());
        tokio::spawn(spyglass.seek(client, recorder, word, chat));
    }

    /// Asks one of the questions that change nothing.
    pub(super) fn ask(&mut self, by: usize) {
        let Some(client) = self.people[by].client().cloned() else { return };
        let chat = self.chats[self.rng.usize(0..self.chats.len())].clone();
        let (users, which) = (self.users.clone(), self.rng.u8(0..12));
        let (recorder, reader) = (self.recorder.clone(), self.people[by].device.user.clone());
        tokio::spawn(async move {
            // What they answer is tested elsewhere: here they are in the way of the rest.
            match which {
                5 => drop(client.pins(&chat).await),
                6 => drop(client.thread(&chat, 1, 0, 2).await),
                0 => drop(client.chats(None, 2).await),
                1 => drop(client.chat(&chat).await),
                2 => drop(client.members(&chat, None, 2).await),
                3 => drop(client.presence(users).await),
                4 => drop(client.ping().await),
                10 => receipts::ask(&client, &chat).await,
                11 => drop(client.watch_receipts(vec![chat], Vec::new()).await),
                _ => {
                    if let Ok(page) = client.history(&chat, Edge::Before(0), PAGE_ITEMS).await {
                        recorder.add(Event::Page { reader, entries: page.items });
                    }
                }
            }
        });
    }
}
