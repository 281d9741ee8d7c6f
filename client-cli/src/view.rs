//! What the terminal shows and what its keys mean, without a terminal: `model` takes what happens
//! and says what is to be done, `draw` paints it. Must never wait, read a clock or send anything.

mod completion;
mod device;
pub(crate) mod draw;
mod editor;
mod event;
mod file;
mod fold;
mod layout;
mod link;
mod mentions;
mod model;
mod outbox;
mod overlay;
mod own;
mod people;
mod presence;
mod receipts;
mod refer;
mod roster;
mod say;
mod slash;
mod timeline;

pub(crate) use self::completion::Paths;
pub(crate) use self::device::Devices;
pub(crate) use self::event::{Answer, Door, Effect, Input, Later, Trouble};
pub(crate) use self::file::{Attach, Files, Place};
pub(crate) use self::model::View;
pub(crate) use self::people::People;
pub(crate) use self::presence::Here;
