//! What a user does all day: talks, sends the same message again, changes groups, reads and asks.
//! Must never hang on what a reply says: the dice alone say what is next.

use std::sync::Arc;

use bytes::Bytes;
use packetboat_client::{Client, Edge, SignalKind};
use packetboat_proto::content::Content;
use packetboat_proto::id::{ChatId, UserId};

use crate::dice::Dice;
use crate::roster::Roster;
use crate::sailor::{Draft, Sailor};

/// Messages without an outcome above which a user waits.
const UNANSWERED_MAX: usize = 24;
/// Bytes of a long text: with all around it, it fits a body of the default size.
const LONG_BYTES_MAX: u64 = 60 * 1024;

/// How often a user does what, of 1,000 deeds; the rest is short texts.
#[derive(Clone, Copy, Debug)]
pub struct Habits {
    /// Texts of up to 60 KiB.
    pub long: u64,
    /// The same message again, on any device.
    pub again: u64,
    /// Another message under an id that was accepted.
    pub forged: u64,
    /// Changes of groups.
    pub change: u64,
    /// Signals, questions and marks of what was read.
    pub chatter: u64,
}

impl Default for Habits {
    fn default() -> Self {
        Self { long: 10, again: 80, forged: 20, change: 60, chatter: 60 }
    }
}

/// A user at work, with one device or more.
#[derive(Debug)]
pub struct Traffic {
    roster: Arc<Roster>,
    devices: Vec<Sailor>,
    habits: Habits,
    dice: Dice,
    deeds: u64,
}

impl Traffic {
    /// Of the user of these devices, of which there is one at least.
    pub fn new(roster: Arc<Roster>, devices: Vec<Sailor>, habits: Habits, dice: Dice) -> Self {
        Self { roster, devices, habits, dice, deeds: 0 }
    }

    /// Does the next thing.
    pub async fn act(&mut self) {
        let device = self.dice.pick(&self.devices).expect("a user has a device").clone();
        let user = device.device().user.clone();
        self.deeds += 1;
        let mut throw = self.dice.below(1000);
        let mut falls_to = |share: u64| {
            let falls = throw < share;
            throw = throw.wrapping_sub(if falls { 0 } else { share });
            falls
        };
        let Habits { long, again, forged, change, chatter } = self.habits;
        if falls_to(chatter) {
            return self.chatter(&device, &user).await;
        }
        if device.unanswered() >= UNANSWERED_MAX {
            return;
        }
        let draft = if falls_to(again) {
            let past = self.dice.pick(&self.devices).expect("a user has a device").accepted();
            self.dice.pick(&past).cloned()
        } else if falls_to(forged) {
            self.forged(&device)
        } else if falls_to(change) {
            let made = self.roster.change_for(&user, &mut self.dice);
            made.map(|(chat, change)| self.draft(chat, Content::Group(change).encode()))
        } else {
            let chat = self.roster.chat_for(&user, &mut self.dice);
            let bytes = if falls_to(long) { self.dice.below(LONG_BYTES_MAX) } else { 40 };
            let text = self.text(&device, bytes);
            Some(self.draft(chat, text))
        };
        if let Some(draft) = draft {
            device.send(draft).await;
        }
    }

    fn draft(&mut self, chat: ChatId, content: Bytes) -> Draft {
        Draft { chat, id: self.dice.message_id(), content }
    }

    /// A text that no other message has.
    fn text(&mut self, device: &Sailor, bytes: u64) -> Bytes {
        let mut text = format!("{} {} ", device.device(), self.deeds);
        let bytes = usize::try_from(bytes).expect("a text fits memory");
        text.extend(std::iter::repeat_n('.', bytes.saturating_sub(text.len())));
        Content::text(text).encode()
    }

    /// Another message under the id of one that another device of the user has sent, and knows to
    /// be accepted: it is refused for certain.
    fn forged(&mut self, device: &Sailor) -> Option<Draft> {
        let others = self.devices.iter().filter(|other| other.device() != device.device());
        let past: Vec<Draft> = others.flat_map(Sailor::accepted).collect();
        let draft = self.dice.pick(&past)?.clone();
        Some(Draft { content: self.text(device, 40), ..draft })
    }

    async fn chatter(&mut self, device: &Sailor, user: &UserId) {
        let chat = self.roster.chat_for(user, &mut self.dice);
        let deed = self.dice.below(5);
        let users = self.roster.users().to_vec();
        device
            .errand(move |client: Client| async move {
                // None of these is recorded: they must neither fail nor change what is.
                match deed {
                    0 => drop(client.signal(&chat, SignalKind::Typing, Bytes::new())),
                    1 => client.read(&chat, u64::MAX),
                    2 => drop(client.ping().await),
                    3 => drop(client.history(&chat, Edge::Before(0), 5).await),
                    _ => drop(client.presence(users).await),
                }
            })
            .await;
    }
}
