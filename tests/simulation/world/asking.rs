//! What is asked of the server that changes nothing. Must never judge what it answers: that is
//! tested elsewhere.

use packetboat_client::Edge;
use packetboat_proof::history::Event;

use super::World;
use crate::receipts;

/// Entries of a page that is read on the way.
const PAGE_ITEMS: u32 = 5;

impl World {
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
