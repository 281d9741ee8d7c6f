//! Accounts in memory, for tests. Must never be built into the server.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use packetboat_proto::code::RejectCode;
use packetboat_proto::id::UserId;

use crate::store::{Account, Accounts, Refusal, StoreError};

#[derive(Default)]
struct Line {
    hash: Option<String>,
    generation: u64,
}

/// Keeps the contract of `Accounts`, and stops when it is told to.
#[derive(Default)]
pub(crate) struct AccountBook {
    lines: Mutex<BTreeMap<UserId, Line>>,
    stopped: AtomicBool,
}

impl AccountBook {
    /// From now on there are no answers.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
    }

    fn with<T>(
        &self,
        work: impl FnOnce(&mut BTreeMap<UserId, Line>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if self.stopped.load(Ordering::SeqCst) {
            return Err(StoreError::Stopped);
        }
        work(&mut self.lines.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn refusal(code: RejectCode, reason: &str) -> StoreError {
    StoreError::Refused(Refusal::new(code, reason))
}

impl Accounts for AccountBook {
    async fn account(&self, user: UserId) -> Result<Option<Account>, StoreError> {
        self.with(|lines| {
            let line = lines.get(&user);
            Ok(line.and_then(|Line { hash, generation }| {
                Some(Account { hash: hash.clone()?, generation: *generation })
            }))
        })
    }

    async fn set_account(&self, user: UserId, hash: String, new: bool) -> Result<(), StoreError> {
        self.with(|lines| {
            let line = lines.entry(user).or_default();
            match (new, &line.hash) {
                (true, Some(_)) => Err(refusal(RejectCode::AlreadyExists, "there is one already")),
                (false, None) => Err(refusal(RejectCode::UnknownUser, "there is no such user")),
                _ => {
                    line.hash = Some(hash);
                    line.generation += 1;
                    Ok(())
                }
            }
        })
    }

    async fn remove_account(&self, user: UserId) -> Result<(), StoreError> {
        self.with(|lines| {
            let removed = lines.get_mut(&user).and_then(|line| line.hash.take());
            let unknown = || refusal(RejectCode::UnknownUser, "there is no such user");
            removed.map(drop).ok_or_else(unknown)
        })
    }

    async fn accounts(
        &self,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<UserId>, StoreError> {
        self.with(|lines| {
            let known = lines.iter().filter(|(_, line)| line.hash.is_some());
            let behind = known.filter(|(user, _)| after.as_ref() < Some(user));
            Ok(behind.map(|(user, _)| user.clone()).take(limit).collect())
        })
    }

    fn secret(&self) -> [u8; 32] {
        [7; 32]
    }
}
