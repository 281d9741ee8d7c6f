//! Invitations of the model as they are asked for and shown. Must never know what becomes of them.

use packetboat::store::act::Act;
use packetboat_proto::content::JoinProof;
use packetboat_proto::id::InviteId;
use packetboat_proto::packet::{Invitation, InviteKey, join_note};
use ring::hmac;

use super::links::{Made, Pass};
use super::model::NAMES;
use super::names::{chat, user};
use crate::choices::Choices;

/// As many as a group has.
const LINKS: u8 = 3;
/// Times at which one runs out: never, long ago, soon, later.
const OVER_AT_MS: [u64; 4] = [0, 1, 40, u64::MAX];

/// One of them.
pub(super) fn link(choices: &mut Choices<'_>) -> u8 {
    choices.byte() % LINKS
}

/// What somebody shows, or nothing.
pub(super) fn pass(choices: &mut Choices<'_>) -> Option<Pass> {
    choices.flag().then(|| Pass { link: link(choices), of: choices.below(NAMES.len()) })
}

/// As what one is made; `None`: it is taken back.
pub(super) fn made(choices: &mut Choices<'_>) -> Option<Made> {
    (!choices.once_in(4)).then(|| Made {
        uses: u32::from(choices.byte() % 3),
        expires_ms: choices.one_of(&OVER_AT_MS),
        asks: choices.once_in(4),
    })
}

fn key(link: u8) -> InviteKey {
    InviteKey { id: InviteId::from([link; 8]), secret: [link; 16] }
}

/// What is asked of the store.
pub(super) fn act(to: usize, link: u8, made: Option<Made>) -> Act {
    let (chat, key) = (chat(to), key(link));
    let Some(Made { uses, expires_ms, asks }) = made else {
        return Act::Uninvite { chat, id: key.id };
    };
    Act::Invite { chat, invitation: Invitation { key, expires_ms, uses, asks, made_by: None } }
}

/// As it is shown to come into a chat.
pub(super) fn proof(pass: Pass, to: usize) -> JoinProof {
    let InviteKey { id, secret } = key(pass.link);
    let signing = hmac::Key::new(hmac::HMAC_SHA256, &secret);
    let tag = hmac::sign(&signing, &join_note(&chat(to), &user(pass.of)));
    let proof = tag.as_ref().try_into().expect("HMAC-SHA256 has 32 bytes");
    JoinProof { invite: id, proof }
}
