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
//! Only entries are kept back like this. A place or a cursor that is read early and lost with the
//! power shows no entry that is not durable: every look at a log is bounded by its head.

use std::sync::{PoisonError, RwLock};

use ahash::HashMap;
use packetboat_proto::id::ChatId;
use packetboat_proto::planted::{self, Bug};
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// The heads from before the batches that are on their way, by chat.
#[derive(Debug, Default)]
pub(crate) struct Horizon {
    before: RwLock<HashMap<ChatId, u64>>,
    cleared: Notify,
}

impl Horizon {
    /// A batch is about to be applied, and these logs will grow. What stands here from an earlier
    /// batch that is not durable either is lower, and stays.
    pub(crate) fn publish(&self, heads_before: HashMap<ChatId, u64>) {
        let mut before = self.before.write().unwrap_or_else(PoisonError::into_inner);
        for (chat, head) in heads_before {
            before.entry(chat).or_insert(head);
        }
    }

    /// Every batch that was published is durable.
    pub(crate) fn clear(&self) {
        self.before.write().unwrap_or_else(PoisonError::into_inner).clear();
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
        let before = self.before.read().unwrap_or_else(PoisonError::into_inner);
        before.get(chat).map_or(head_read, |before| head_read.min(*before))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_kept_back_until_its_batch_is_durable() {
        let (crew, other) = (ChatId::group("crew").unwrap(), ChatId::group("other").unwrap());
        let horizon = Horizon::default();
        horizon.publish([(crew.clone(), 4)].into_iter().collect());
        horizon.publish([(crew.clone(), 5)].into_iter().collect());
        assert_eq!(horizon.durable(&crew, 6), 4);
        assert_eq!(horizon.durable(&crew, 3), 3);
        assert_eq!(horizon.durable(&other, 9), 9);
        horizon.clear();
        assert_eq!(horizon.durable(&crew, 6), 6);
    }
}
