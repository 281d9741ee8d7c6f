//! Up to where the logs are durable, for the readers. Must never be asked before the head was
//! read: the order is what makes it right.
//!
//! A backend shows a batch as soon as it is applied, but it is durable only after the fsync. So
//! before the committer applies a batch, it publishes here where each log that grows ended
//! before; after the fsync it takes that away. A reader reads a log's head *first*, and looks
//! here *then*, and takes the lower one. If the head that it read is not durable, its batch was
//! published before it was applied, so either it still stands here, and the reader takes the
//! older head; or it does not, and the head has become durable in between. What the next batch
//! publishes is at least the head that was read. A reader that looked here first could find
//! nothing, and then read a head that is not durable.
//!
//! A recall rewrites an entry that is durable, in the batch that makes its own entry. Who finds
//! what it left, and that entry not durable, has to look again once it is: with the power cut now,
//! the entry would say again what it said.
//!
//! Of a user's own state nothing is shown while some of it is on its way: with the power cut now,
//! another change would have the revision that was shown. Who asks waits for the disk.
//!
//! Only these are kept back. A place or a cursor that is read early and lost with the
//! power shows no entry that is not durable: every look at a log is bounded by its head.

use std::sync::{PoisonError, RwLock};

use ahash::{HashMap, HashSet};
use packetboat_proto::id::{ChatId, UserId};
use packetboat_proto::planted::{self, Bug};
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// What the batches that are on their way to the disk change.
#[derive(Debug, Default)]
struct OnItsWay {
    /// The heads from before, by chat.
    heads_before: HashMap<ChatId, u64>,
    /// Whose own state changes.
    owners: HashSet<UserId>,
}

/// Up to where the logs are durable, and whose own state is.
#[derive(Debug, Default)]
pub(crate) struct Horizon {
    on_its_way: RwLock<OnItsWay>,
    cleared: Notify,
}

impl Horizon {
    /// A batch is about to be applied: these logs will grow, and the own state of these users will
    /// change. What stands here from an earlier batch that is not durable either is lower, and
    /// stays.
    pub(crate) fn publish(&self, heads_before: HashMap<ChatId, u64>, owners: HashSet<UserId>) {
        let mut on_its_way = self.on_its_way.write().unwrap_or_else(PoisonError::into_inner);
        for (chat, head) in heads_before {
            on_its_way.heads_before.entry(chat).or_insert(head);
        }
        on_its_way.owners.extend(owners);
    }

    /// Every batch that was published is durable.
    pub(crate) fn clear(&self) {
        let mut on_its_way = self.on_its_way.write().unwrap_or_else(PoisonError::into_inner);
        on_its_way.heads_before.clear();
        on_its_way.owners.clear();
        drop(on_its_way);
        self.cleared.notify_waiters();
    }

    /// Resolves once every batch is durable that was published before this was called.
    pub(crate) fn cleared(&self) -> Notified<'_> {
        self.cleared.notified()
    }

    /// The durable head of a chat, given the head that was read just now.
    pub(crate) fn durable(&self, chat: &ChatId, head_read: u64) -> u64 {
        if planted::is(Bug::HorizonIgnored) {
            return head_read;
        }
        let on_its_way = self.on_its_way.read().unwrap_or_else(PoisonError::into_inner);
        on_its_way.heads_before.get(chat).map_or(head_read, |before| head_read.min(*before))
    }

    /// Whether all that was read just now of a user's own state is durable.
    pub(crate) fn is_own_durable(&self, user: &UserId) -> bool {
        if planted::is(Bug::HorizonIgnored) {
            return true;
        }
        let on_its_way = self.on_its_way.read().unwrap_or_else(PoisonError::into_inner);
        !on_its_way.owners.contains(user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_and_own_states_are_kept_back_until_their_batch_is_durable() {
        let (crew, other) = (ChatId::group("crew").unwrap(), ChatId::group("other").unwrap());
        let horizon = Horizon::default();
        let publish = |head| {
            let owners = [UserId::new("ann").unwrap()].into_iter().collect();
            horizon.publish([(crew.clone(), head)].into_iter().collect(), owners);
        };
        publish(4);
        publish(5);
        assert_eq!(horizon.durable(&crew, 6), 4);
        assert_eq!(horizon.durable(&crew, 3), 3);
        assert_eq!(horizon.durable(&other, 9), 9);
        horizon.clear();
        assert_eq!(horizon.durable(&crew, 6), 6);
    }
}
