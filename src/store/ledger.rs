//! The embedded store's rules: what a command changes, given what is stored. Pure: knows no thread,
//! no socket and no clock. Must never write to a backend: it fills a `Turn`'s batch.

mod account;
mod act;
mod allowance;
mod alter;
mod append;
mod claim;
mod contact;
mod cursor;
mod device;
mod due;
mod expiry;
mod file;
mod group;
mod joining;
mod keys;
mod members;
mod mention;
mod own;
mod profile;
mod recall;
mod refer;
mod rights;
mod room;
mod room_cache;
mod room_rights;
mod schedule;
mod turn;
mod ways;

pub(crate) use act::ACT_OPERATIONS_MAX;
pub(crate) use append::draft_operations_max;
pub(crate) use claim::{CLAIM_OPERATIONS_MAX, ClaimStep};
pub(crate) use cursor::MOVE_OPERATIONS_MAX;
pub(crate) use device::{DEVICE_OPERATIONS_MAX, DeviceCommand};
pub(crate) use due::DUE_OPERATIONS_MAX;
pub(crate) use file::{FILE_OPERATIONS_MAX, FileCommand, FileOutcome, NO_SUCH_FILE};
pub(crate) use turn::{Caches, Halt, Turn, Work};

#[cfg(test)]
mod tests;
