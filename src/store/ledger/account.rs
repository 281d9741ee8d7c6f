//! The accounts of the `password` authenticator. Must never take a generation back: a ticket made
//! under an old password would be good again.

use packetboat_proto::code::RejectCode;
use packetboat_proto::id::UserId;

use super::turn::{Halt, Turn, refuse};
use crate::store::Refusal;
use crate::store::key;
use crate::store::read_error::ReadError;
use crate::store::record::AccountRow;

/// Bytes of a password's hash.
const HASH_BYTES_MAX: usize = 256;

/// A refusal is an answer here: only what cannot be read stops the ledger.
type Answer = Result<Result<(), Refusal>, ReadError>;

fn answered(result: Result<(), Halt>) -> Answer {
    match result {
        Ok(()) => Ok(Ok(())),
        Err(Halt::Refused(refusal)) => Ok(Err(refusal)),
        Err(Halt::Read(error)) => Err(error),
    }
}

impl Turn<'_> {
    /// Makes an account, or gives it a new hash.
    pub(crate) fn set_account(&mut self, user: &UserId, hash: &str, new: bool) -> Answer {
        answered(self.try_set_account(user, hash, new))
    }

    fn try_set_account(&mut self, user: &UserId, hash: &str, new: bool) -> Result<(), Halt> {
        if !(1..=HASH_BYTES_MAX).contains(&hash.len()) {
            let reason = format!("a hash has 1 to {HASH_BYTES_MAX} bytes");
            return refuse(RejectCode::Invalid, reason);
        }
        let before = self.account_row(user)?.unwrap_or_default();
        match (before.hash.is_empty(), new) {
            (false, true) => {
                refuse(RejectCode::AlreadyExists, format!("{user} has an account already"))
            }
            (true, false) => refuse(RejectCode::UnknownUser, format!("{user} has no account")),
            (true, true) | (false, false) => {
                let generation = before.generation + 1;
                let row = AccountRow { hash: hash.to_owned(), generation };
                self.put(key::account(user), row.to_value());
                Ok(())
            }
        }
    }

    /// Removes an account, but for its generation.
    pub(crate) fn remove_account(&mut self, user: &UserId) -> Answer {
        answered(self.try_remove_account(user))
    }

    fn try_remove_account(&mut self, user: &UserId) -> Result<(), Halt> {
        match self.account_row(user)? {
            Some(row) if !row.hash.is_empty() => {
                let row = AccountRow { hash: String::new(), generation: row.generation };
                self.put(key::account(user), row.to_value());
                Ok(())
            }
            _ => refuse(RejectCode::UnknownUser, format!("{user} has no account")),
        }
    }
}
