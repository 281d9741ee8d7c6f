//! What is measured: how a server is started, and how one speaks with it. One adapter each, in a
//! file of its own; to add one, implement [`Target`] and name it in `targets`. Must never know of
//! a work.

pub mod ejabberd;
pub mod mosquitto;
pub mod mqtt;
pub mod packetboat;
pub mod relay;
pub mod rumqttd;
pub mod xmpp;

use std::path::Path;

use crate::error::LoadError;
use crate::process::Server;
use crate::wire::{Login, Wire};

/// What a target promises, so that each work knows what would be a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nature {
    /// What was accepted outlasts a kill: to lose any is a fault, and not a figure.
    pub durable: bool,
    /// A user must have been there once before anything is kept for it.
    pub knows_only_who_came: bool,
    /// A user can ask for its chats, and there are rooms, in which only who listens is told.
    pub is_messenger: bool,
}

/// What is measured.
pub trait Target {
    /// Its name in tables.
    fn name(&self) -> &str;

    /// What it promises.
    fn nature(&self) -> Nature;

    /// Starts a server on a folder, which may hold what an earlier one left, and waits until
    /// it listens.
    fn start(&self, folder: &Path) -> Result<Server, LoadError>;

    /// Makes the users from 0 to below `count` known, where that needs more than a connection.
    fn prepare(&self, _server: &Server, _count: u32) -> Result<(), LoadError> {
        Ok(())
    }

    /// A connection that is still to be opened. Names of users and groups are made with `salt`,
    /// so that they are new in each run.
    fn wire(&self, salt: u64, login: Login) -> Box<dyn Wire>;
}
