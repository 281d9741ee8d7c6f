//! What a written line means: a message, or a command that starts with a slash. Must never send
//! what was meant as a command.

use std::path::PathBuf;

use clap::ValueEnum;
use packetboat_client::{ChatId, Content, GroupChange, ReceiptRule, UserId};

use super::device::{self, Devices};
use super::event::{Door, Later};
use super::file::{self, Attach};
use super::own::{self, Own};
use super::people::{self, People};
use super::presence::{self, Here};
use super::refer::{self, Refer, Which, which};
use super::say::Say;
use crate::command::receipt::Tell;
use crate::command::target::Target;

mod group;
mod room;
mod said;
pub(crate) mod table;

/// What a line means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// A message.
    Say(Say),
    /// A message that is sent at a time, in milliseconds of Unix time.
    SayLater(Say, u64),
    /// Open a chat.
    Open(Target),
    /// Change a group; a new one is opened.
    Change(ChatId, GroupChange),
    /// Do something with a message of the open chat.
    Refer(Refer),
    /// Set something for oneself.
    Own(Own),
    /// Set what others see of the user.
    Here(Here),
    /// Who is in the open group.
    Members(ChatId),
    /// How a group or a room is.
    About(ChatId),
    /// Something about messages that are sent later.
    Later(Later),
    /// Do not have one of those sent that were shown last, counted from 1.
    Unschedule(usize),
    /// Show what has these words, in one chat or in all.
    Search(String, Option<ChatId>),
    /// Something about coming into a group.
    Door(Door),
    /// One of the links that were shown last is good no more, counted from 1.
    Uninvite(usize),
    /// Something about the user's own devices.
    Devices(Devices),
    /// Something about contacts and blocks.
    People(People),
    /// Open or change a room.
    ChangeRoom(ChatId, Content),
    /// Listen to a room, and open it.
    Join(ChatId),
    /// Listen to a room no more.
    Part(ChatId),
    /// Upload a file and send it to the open chat.
    Attach(ChatId, Attach),
    /// Save the file of a message of the open chat.
    Save(Which, Option<PathBuf>),
    /// Save its small picture.
    Thumbnail(Which, Option<PathBuf>),
    /// Show the user's own files.
    Files,
    /// Tell others what is read, or hide it.
    TellReads(ReceiptRule),
    /// Who the devices of a user are; `None`: the user's own.
    Keys(Option<UserId>),
    /// What can be done, all of it or what has a word.
    Help(String),
    /// Leave.
    Quit,
}

/// What a line means while `open` is the open chat; otherwise why it means nothing.
pub(crate) fn parse(line: &str, open: Option<&ChatId>, now_ms: u64) -> Result<Line, String> {
    let said = |text: &str| Ok(Line::Say(Say::plain(text.to_owned())));
    let Some(command) = line.strip_prefix('/') else { return said(line) };
    if command.starts_with('/') {
        return said(command);
    }
    let (verb, rest) = split(command);
    let verb = table::in_full(verb);
    if !table::has(verb) {
        return Err(format!("there is no /{verb}; /help tells what there is"));
    }
    meant(verb, rest, open, now_ms)?.ok_or_else(|| table::usage(verb))
}

/// What `/verb rest` means; `None`: it is not written as it should be.
fn meant(
    verb: &str,
    rest: &str,
    open: Option<&ChatId>,
    now_ms: u64,
) -> Result<Option<Line>, String> {
    let alone = rest.is_empty();
    Ok(match verb {
        "reply" => said::reply(rest),
        "thread" if rest.contains(char::is_whitespace) => said::in_thread(rest),
        "expire" => return said::expiring(rest, open, now_ms),
        "later" => return said::later(rest, open, now_ms),
        "unschedule" => return said::unschedule(rest, open),
        "join" | "card" => return group::enter(verb, rest),
        "group" if alone => Some(Line::About(group::group_of(open)?)),
        "group" => return group::change(rest, open, now_ms),
        "room" if alone => Some(Line::About(room::room_of(open)?)),
        "room" => return room::change(rest, open, now_ms),
        "part" if alone => Some(Line::Part(room::room_of(open)?)),
        "members" if alone => Some(Line::Members(group::group_of(open)?)),
        "search-here" if !alone => Some(Line::Search(rest.to_owned(), Some(chat_of(open)?))),
        "file" => match file::attach(rest) {
            Some(attach) => Some(Line::Attach(chat_of(open)?, attach)),
            None => None,
        },
        "quiet" | "pin-chat" | "archive" | "unread" | "hide" => {
            own::parse(verb, rest, &chat_of(open)?, now_ms).map(Line::Own)
        }
        "keys" if !alone => return named(rest).map(|user| Some(Line::Keys(Some(user)))),
        "open" if !alone => {
            let target = rest.parse::<Target>().map_err(|error| error.to_string())?;
            Some(Line::Open(target))
        }
        _ => anywhere(verb, rest),
    })
}

/// The same for what can be done whatever is open.
fn anywhere(verb: &str, rest: &str) -> Option<Line> {
    let alone = rest.is_empty();
    Some(match verb {
        "search" if !alone => Line::Search(rest.to_owned(), None),
        "receipts" if Tell::from_str(rest, true).is_ok() => {
            Line::TellReads(Tell::from_str(rest, true).ok()?.into())
        }
        "scheduled" if alone => Line::Later(Later::List),
        "save" | "thumb" => {
            let (number, path) = split(rest);
            let path = (!path.is_empty()).then(|| path.into());
            let make = if verb == "save" { Line::Save } else { Line::Thumbnail };
            make(which(number)?, path)
        }
        "files" if alone => Line::Files,
        "away" | "back" if alone => Line::Here(Here::Away(verb == "away")),
        "status" => Line::Here(presence::status(rest)?),
        "keys" => Line::Keys(None),
        "help" => Line::Help(rest.trim_start_matches('/').to_owned()),
        "quit" if alone => Line::Quit,
        "contacts" | "contact" | "uncontact" | "name" | "block" | "unblock" => {
            Line::People(people::parse(verb, rest)?)
        }
        "devices" | "logout" | "logout-others" => Line::Devices(device::parse(verb, rest)?),
        _ => Line::Refer(refer::parse(verb, rest)?),
    })
}

fn chat_of(open: Option<&ChatId>) -> Result<ChatId, String> {
    open.cloned().ok_or_else(|| "/open a chat first".to_owned())
}

fn named(text: &str) -> Result<UserId, String> {
    UserId::new(text).map_err(|error| error.to_string())
}

fn users(text: &str) -> Result<Vec<UserId>, String> {
    text.split_whitespace().map(named).collect()
}

/// The first word, and what is behind it.
fn split(text: &str) -> (&str, &str) {
    let text = text.trim();
    text.split_once(char::is_whitespace).map_or((text, ""), |(verb, rest)| (verb, rest.trim()))
}

#[cfg(test)]
#[path = "slash/tests.rs"]
mod tests;
