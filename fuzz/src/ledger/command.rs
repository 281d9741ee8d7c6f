//! One thing to do with a ledger, made from choices. Must never look at what was done before.

use packetboat::store::Start;
use packetboat::store::proof::{
    ACT_OPERATIONS_MAX, CLAIM_OPERATIONS_MAX, DEVICE_OPERATIONS_MAX, DUE_OPERATIONS_MAX,
    MOVE_OPERATIONS_MAX, draft_operations_max,
};

use super::device::End;
use super::inviting;
use super::links::{Made, Pass};
use super::model::{CHATS, CONTENT_BYTES_MAX, DEVICES, NAMES, What};
use super::own::Setting;
use super::piles::Batch;
use super::saying::draft;
use super::{alter, setting};
use crate::choices::Choices;
use crate::invent;

/// Sizes of texts: of one part, at the edge of one, of several, of too many.
const TEXT_BYTES: [usize; 8] =
    [1, 2, 30, 4_030, 4_100, 9_000, CONTENT_BYTES_MAX, CONTENT_BYTES_MAX + 1];
/// Times until which somebody is mute: long ago, soon over, never.
const MUTED_UNTIL_MS: [u64; 4] = [0, 5, 40, u64::MAX];
/// Times at which something is to be sent: long ago, soon, later, never.
const SENT_AT_MS: [u64; 4] = [0, 5, 40, u64::MAX];
/// Operations of a command that writes one row.
const ROW_OPERATIONS: usize = 2;

/// One thing to do.
#[derive(Clone, Debug)]
pub(super) enum Command {
    Send { by: usize, to: usize, id: u8, what: What },
    Move { by: usize, on: usize, to: usize, delivered: u64, read: u64 },
    Claim { by: usize, on: usize, start: Start, by_ticket: Option<u64> },
    Release { by: usize, on: usize },
    Device { by: usize, on: usize, end: End },
    SetAccount { by: usize, bytes: usize, new: bool },
    RemoveAccount { by: usize },
    Ask { by: usize, to: usize, pass: Option<Pass> },
    Link { by: usize, to: usize, link: u8, made: Option<Made> },
    NotLetIn { by: usize, to: usize, users: Vec<usize> },
    Set { by: usize, to: usize, setting: Setting },
    TellReads { by: usize, told: bool },
    PublishKeys { by: usize, on: usize, batch: Batch },
    ClaimKey { by: usize, claim: u8, of: usize, on: usize },
    DoDue,
    Schedule { by: usize, to: usize, id: u8, what: What, at_ms: u64 },
    Unschedule { by: usize, to: usize, id: u8 },
    SetContact { by: usize, of: usize, wanted: Option<bool>, letters: Option<usize> },
    SetBlock { by: usize, of: usize, blocked: bool },
}

/// Any of them.
pub(super) fn command(choices: &mut Choices<'_>) -> Command {
    let by = choices.below(NAMES.len());
    let on = choices.below(DEVICES.len());
    let to = choices.below(CHATS.len());
    let chosen = choices.byte();
    match chosen % 28 {
        16 | 17 if chosen >= 4 * 28 => {
            let of = choices.below(NAMES.len());
            let wanted = choices.one_of(&[Some(true), Some(true), Some(false), None]);
            let letters = choices.one_of(&[None, None, Some(0), Some(1), Some(128)]);
            Command::SetContact { by, of, wanted, letters }
        }
        20 | 26 if chosen >= 4 * 28 => {
            let of = choices.below(NAMES.len());
            Command::SetBlock { by, of, blocked: choices.flag() }
        }
        18 | 19 if chosen >= 5 * 28 => {
            let (link, made) = (inviting::link(choices), inviting::made(choices));
            Command::Link { by, to, link, made }
        }
        18 | 19 => Command::Set { by, to, setting: setting::setting(choices) },
        20 => Command::TellReads { by, told: choices.flag() },
        21 => {
            let (identity, first) = (choices.byte() % 3, u64::from(choices.byte()) + 1);
            let count = u64::from(choices.byte() % 24);
            Command::PublishKeys { by, on, batch: Batch { identity, first, count } }
        }
        22 => {
            let of = choices.below(NAMES.len());
            Command::ClaimKey { by, claim: choices.byte() % 6, of, on }
        }
        23 | 24 => Command::DoDue,
        25 => {
            let (id, what) = (choices.byte() % 24, what(choices));
            Command::Schedule { by, to, id, what, at_ms: choices.one_of(&SENT_AT_MS) }
        }
        26 => Command::Unschedule { by, to, id: choices.byte() % 24 },
        16 => Command::Ask { by, to, pass: inviting::pass(choices) },
        17 => Command::NotLetIn { by, to, users: some_users(choices) },
        0..=8 => Command::Send { by, to, id: choices.byte() % 24, what: what(choices) },
        9..=11 => {
            let (delivered, read) = (choices.number(), choices.number());
            Command::Move { by, on, to, delivered, read }
        }
        12 | 13 => {
            let last = Start::Last(choices.number_32());
            let starts = [Start::Undelivered, Start::Everything, Start::Newest, last];
            let by_ticket = choices.once_in(3).then(|| choices.below(4) as u64);
            Command::Claim { by, on, start: choices.one_of(&starts), by_ticket }
        }
        27 => Command::Device { by, on, end: choices.one_of(&End::ALL) },
        14 if choices.flag() => Command::Release { by, on },
        14 => Command::RemoveAccount { by },
        _ => {
            let bytes = choices.one_of(&[7, 256, 257, 0]);
            Command::SetAccount { by, bytes, new: choices.flag() }
        }
    }
}

fn what(choices: &mut Choices<'_>) -> What {
    match choices.byte() % 30 {
        22..=29 => alter::what(choices),
        0..=5 => {
            // Long texts are copied often: they come more seldom.
            let sizes = if choices.once_in(16) { &TEXT_BYTES[..] } else { &TEXT_BYTES[..3] };
            What::Text(choices.byte() % 4, choices.one_of(sizes))
        }
        6 | 7 => What::Create(some_users(choices)),
        8..=10 => What::Add(some_users(choices)),
        11 => What::Remove(some_users(choices)),
        12 => What::Leave(choices.flag().then(|| choices.below(NAMES.len()))),
        13 => What::Rename,
        14 => What::Describe,
        15 => What::Rules(invent::rules(choices)),
        16 => What::Role(some_users(choices), choices.flag()),
        17 => What::HandOver(choices.below(NAMES.len())),
        18 => What::Mute(some_users(choices), choices.one_of(&MUTED_UNTIL_MS)),
        19 | 20 => What::Join(inviting::pass(choices)),
        _ if choices.once_in(4) => What::Dissolve,
        _ => What::Rename,
    }
}

/// Some users, each once; at least one.
fn some_users(choices: &mut Choices<'_>) -> Vec<usize> {
    let chosen = choices.byte();
    let users: Vec<usize> = (0..NAMES.len()).filter(|at| chosen >> at & 1 == 1).collect();
    if users.is_empty() { vec![usize::from(chosen) % NAMES.len()] } else { users }
}

/// The most operations that it takes.
pub(super) fn operations_max(command: &Command) -> usize {
    match command {
        Command::Send { to, id, what, .. } => draft_operations_max(&draft(*to, *id, what)),
        Command::Move { .. } => MOVE_OPERATIONS_MAX,
        Command::Claim { .. } => CLAIM_OPERATIONS_MAX,
        Command::Ask { .. }
        | Command::Link { .. }
        | Command::NotLetIn { .. }
        | Command::Set { .. }
        | Command::TellReads { .. }
        | Command::PublishKeys { .. }
        | Command::ClaimKey { .. }
        | Command::Schedule { .. }
        | Command::Unschedule { .. }
        | Command::SetContact { .. }
        | Command::SetBlock { .. } => ACT_OPERATIONS_MAX,
        Command::Device { .. } => DEVICE_OPERATIONS_MAX,
        Command::DoDue => DUE_OPERATIONS_MAX,
        _ => ROW_OPERATIONS,
    }
}
