//! What the embedded store does at a time. Must never hold a rule: the ledger and the reader do.

use packetboat_proto::id::UserId;
use packetboat_proto::packet::ScheduledName;

use super::EmbeddedStore;
use crate::store::agenda::{Agenda, Scheduled};
use crate::store::job::Job;
use crate::store::{Page, PageLimit, StoreError};

impl Agenda for EmbeddedStore {
    async fn do_due(&self) -> Result<usize, StoreError> {
        let now_ms = self.now_ms();
        // Mostly there is nothing, and the committer need not be asked for that.
        if !self.read(move |reader| reader.is_something_due(now_ms)).await? {
            return Ok(0);
        }
        self.shared.committer.ask(|answer| Job::DoDue { now_ms, done: 0, answer }).await
    }

    async fn scheduled(
        &self,
        user: UserId,
        after: Option<ScheduledName>,
        limit: PageLimit,
    ) -> Result<Page<Scheduled>, StoreError> {
        self.read(move |reader| reader.scheduled(&user, after.as_ref(), limit)).await
    }
}
