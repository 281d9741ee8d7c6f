//! All devices of a proof, and the end of each run: faults are over, everything arrives, the logs
//! are read. Must never end a run before everything that is owed had its time to arrive.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use packetboat_client::{Config, Content};
use packetboat_proto::id::{ChatId, UserId};
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::checker::{Counts as Judged, Rules, Violation, check_with};
use crate::dice::Dice;
use crate::history::{Device, History, Owed, Recorder};
use crate::roster::Roster;
use crate::route::Way;
use crate::sailor::{Counts, Draft, Sailor, Trouble};

/// The wait between two looks at how far a device is.
const LOOK_PAUSE: Duration = Duration::from_millis(20);

/// What is wrong at the end of a run, before any history is looked at.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unsettled {
    /// Something happened that no fault explains.
    #[error("{0}")]
    Trouble(#[from] Trouble),
    /// Faults were over, and yet not everything came to its end.
    #[error("{} s after the last fault, {waiting}", patience.as_secs_f64())]
    Late {
        /// How long it was waited.
        patience: Duration,
        /// For what.
        waiting: Waiting,
    },
}

/// What a history breaks.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct Broken {
    /// What was found.
    pub violations: Vec<Violation>,
    /// Chats that could not be judged by who is in them, though their founders were all answered.
    pub unjudged: u64,
}

impl fmt::Display for Broken {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("the history breaks what is promised:")?;
        if self.unjudged > 0 {
            write!(out, "\n- of {} groups the first entry is nowhere", self.unjudged)?;
        }
        self.violations.iter().try_for_each(|violation| write!(out, "\n- {violation}"))
    }
}

/// What a fleet is waiting for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Waiting {
    /// Nothing yet.
    #[default]
    Nothing,
    /// Messages of a device have no outcome.
    Outcomes {
        /// Whose.
        device: Device,
        /// How many.
        count: usize,
    },
    /// A device has not had all of a chat.
    Entries {
        /// Which device.
        device: Device,
        /// Which chat.
        chat: ChatId,
        /// Where its log ends, for this user.
        head: u64,
        /// How far the device acknowledged it.
        delivered: u64,
    },
    /// A log is being read.
    Log {
        /// By whom.
        device: Device,
        /// Which chat's.
        chat: ChatId,
    },
}

impl fmt::Display for Waiting {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => out.write_str("nothing was begun"),
            Self::Outcomes { device, count } => {
                write!(out, "{count} messages of {device} have no outcome")
            }
            Self::Entries { device, chat, head, delivered } => {
                write!(out, "{device} has had {chat} up to {delivered}, which ends at {head}")
            }
            Self::Log { device, chat } => write!(out, "{device} is not answered about {chat}"),
        }
    }
}

/// All devices of a proof.
#[derive(Debug)]
pub struct Fleet {
    roster: Arc<Roster>,
    recorder: Recorder,
    counts: watch::Sender<Counts>,
    sailors: Vec<Sailor>,
    waiting: Mutex<Waiting>,
}

impl Fleet {
    /// Without a device.
    pub fn new(roster: Arc<Roster>) -> Self {
        Self {
            roster,
            recorder: Recorder::default(),
            counts: watch::Sender::default(),
            sailors: Vec::new(),
            waiting: Mutex::default(),
        }
    }

    /// A further device, which has not set out yet.
    pub fn add(&mut self, config: Config, owed: Owed, way: Arc<dyn Way>) -> Sailor {
        let (recorder, counts) = (self.recorder.clone(), self.counts.clone());
        let sailor = Sailor::new(config, owed, way, recorder, counts);
        self.sailors.push(sailor.clone());
        sailor
    }

    /// All devices.
    pub fn sailors(&self) -> &[Sailor] {
        &self.sailors
    }

    /// The devices of a user.
    pub fn of_user(&self, user: &UserId) -> Vec<Sailor> {
        let theirs = |sailor: &&Sailor| sailor.device().user == *user;
        self.sailors.iter().filter(theirs).cloned().collect()
    }

    /// What is recorded.
    pub fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// What was done and seen, as it grows.
    pub fn counts(&self) -> watch::Receiver<Counts> {
        self.counts.subscribe()
    }

    /// What is broken of all that is promised, the order of each device's sends included. In
    /// groups only devices with `strict_order` have that promise: of those that pipeline, a
    /// message may be refused while its user is out, have its refusal lost with the connection, and
    /// be sent again when its user is in, behind another that was on the wire with it.
    ///
    /// Every group has its first entry: [`Fleet::found`] waits for the answers.
    pub fn judge(&self, history: &History) -> Result<Judged, Broken> {
        let is_promised = |violation: &Violation| match violation {
            Violation::SenderOrder { chat, device, .. } => {
                let sailor = self.sailors.iter().find(|sailor| sailor.device() == device);
                sailor.is_none_or(Sailor::is_strict) || chat.peer_of(&device.user).is_some()
            }
            _ => true,
        };
        let verdict = check_with(history, Rules { sender_order: true, bars: None });
        let violations: Vec<_> = verdict.violations.into_iter().filter(is_promised).collect();
        let counts = verdict.counts;
        let unjudged = counts.unjudged;
        let is_whole = violations.is_empty() && unjudged == 0;
        if is_whole { Ok(counts) } else { Err(Broken { violations, unjudged }) }
    }

    /// Makes the groups of the roster.
    pub async fn found(&self, dice: &mut Dice) {
        for (chat, owner, change) in self.roster.founding() {
            let founder = self.of_user(&owner).into_iter().next();
            let founder = founder.expect("every user has a device");
            let content = Content::Group(change).encode();
            founder.send(Draft { chat, id: dice.message_id(), content }).await;
            founder.all_answered().await;
        }
    }

    /// Once faults are over and nobody sends: waits until every message has its outcome and every
    /// device everything, and reads all logs.
    pub async fn settle(&self, patience: Duration) -> Result<(), Unsettled> {
        if let Ok(rested) = timeout(patience, self.come_to_rest()).await {
            return Ok(rested?);
        }
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Err(self.first_trouble().unwrap_or(Unsettled::Late { patience, waiting }))
    }

    fn first_trouble(&self) -> Option<Unsettled> {
        self.sailors.iter().find_map(|sailor| sailor.troubles().pop()).map(Unsettled::Trouble)
    }

    async fn come_to_rest(&self) -> Result<(), Trouble> {
        for sailor in &self.sailors {
            sailor.set_out().await;
        }
        for sailor in &self.sailors {
            let (device, count) = (sailor.device().clone(), sailor.unanswered());
            self.wait_for(Waiting::Outcomes { device, count });
            sailor.all_answered().await;
        }
        let mut readers = BTreeMap::new();
        for sailor in &self.sailors {
            for chat in self.roster.chats_of(&sailor.device().user) {
                self.arrive(sailor, &chat).await?;
            }
            readers.entry(sailor.device().user.clone()).or_insert(sailor);
        }
        for (user, sailor) in readers {
            for chat in self.roster.chats_of(&user) {
                let device = sailor.device().clone();
                self.wait_for(Waiting::Log { device, chat: chat.clone() });
                sailor.read_log(&chat).await?;
            }
        }
        self.sailors.iter().find_map(|sailor| sailor.troubles().pop()).map_or(Ok(()), Err)
    }

    /// Waits until a device has acknowledged all of a chat. That it had all is for the checker.
    async fn arrive(&self, sailor: &Sailor, chat: &ChatId) -> Result<(), Trouble> {
        while let Some(state) = sailor.chat(chat).await? {
            if state.delivered >= state.head {
                break;
            }
            let (head, delivered) = (state.head, state.delivered);
            let (device, chat) = (sailor.device().clone(), chat.clone());
            self.wait_for(Waiting::Entries { device, chat, head, delivered });
            tokio::time::sleep(LOOK_PAUSE).await;
        }
        Ok(())
    }

    fn wait_for(&self, waiting: Waiting) {
        *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) = waiting;
    }
}
