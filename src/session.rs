//! One authenticated connection: the pure `flow` decides, the task carries out. Must never know
//! which store or transport it runs on.
//!
//! Floors, lowest first: [`rate`], [`deliveries`], [`moves`], [`transport`], [`rooms`]; [`sends`],
//! [`questions`]; [`port`]; `desk`; [`flow`]; [`house`]; [`answers`]; [`task`].

pub mod answers;
mod bookends;
pub mod deliveries;
mod desk;
pub mod flow;
pub mod house;
pub mod moves;
pub mod port;
pub mod questions;
pub mod rate;
pub mod rooms;
pub mod sends;
mod state;
pub mod task;
pub mod transfers;
pub mod transport;
