//! What is asked and answered about coming into a group, made from choices. Must never make what a
//! peer would have to refuse.

use packetboat_proto::content::{JoinProof, JoinRule};
use packetboat_proto::id::InviteId;
use packetboat_proto::limits::{GROUP_NAME_BYTES_MAX, INVITE_SECRET_BYTES};
use packetboat_proto::packet::{
    GroupCard, Invitation, InviteKey, JoinNews, JoinRequest, JoinState, JoinWay, Joined, Joining,
};

use crate::choices::Choices;

/// Elements of a list at most.
const FEW: usize = 3;

/// An invitation's proof, or none.
pub(super) fn proof(choices: &mut Choices<'_>) -> Option<JoinProof> {
    let proof = [choices.sixteen(), choices.sixteen()].concat();
    let proof = proof.try_into().expect("twice sixteen bytes are 32");
    choices.flag().then(|| JoinProof { invite: invite_id(choices), proof })
}

/// Who comes in uninvited.
pub(super) fn rule(choices: &mut Choices<'_>) -> JoinRule {
    choices.one_of(&[JoinRule::Invited, JoinRule::Ask, JoinRule::Anyone])
}

fn invite_id(choices: &mut Choices<'_>) -> InviteId {
    InviteId::from(choices.number().to_be_bytes())
}

fn invitation(choices: &mut Choices<'_>) -> Invitation {
    let secret: [u8; INVITE_SECRET_BYTES] = choices.sixteen();
    Invitation {
        key: InviteKey { id: invite_id(choices), secret },
        expires_ms: choices.number(),
        uses: choices.number_32(),
        asks: choices.flag(),
        made_by: choices.flag().then(|| choices.user()),
    }
}

fn state(choices: &mut Choices<'_>) -> Option<JoinState> {
    let states = [JoinState::Waiting, JoinState::Refused, JoinState::Member];
    choices.flag().then(|| choices.one_of(&states))
}

/// Something that is told.
pub(super) fn news(choices: &mut Choices<'_>) -> JoinNews {
    JoinNews { chat: choices.chat(), user: choices.user(), state: state(choices) }
}

/// A question.
pub(super) fn question(choices: &mut Choices<'_>) -> Joining {
    let chat = choices.chat();
    match choices.byte() % 7 {
        0 => Joining::Card { chat, proof: proof(choices) },
        1 => Joining::Invite { chat, invitation: invitation(choices) },
        2 => Joining::Uninvite { chat, id: invite_id(choices) },
        3 => Joining::Invites { chat },
        4 => Joining::Ask { chat, proof: proof(choices) },
        5 => {
            let after = choices.flag().then(|| choices.user());
            Joining::Requests { chat, after, limit: choices.number_32() }
        }
        _ => {
            let users = (0..choices.below(FEW)).map(|_| choices.user()).collect();
            Joining::Refuse { chat, users }
        }
    }
}

/// An answer.
pub(super) fn answer(choices: &mut Choices<'_>) -> Joined {
    match choices.byte() % 7 {
        0 => Joined::Card(GroupCard {
            chat: choices.chat(),
            name: choices.text(GROUP_NAME_BYTES_MAX),
            topic: String::new(),
            avatar: String::new(),
            members: choices.number_32(),
            way: choices.one_of(&[
                None,
                Some(JoinWay::Member),
                Some(JoinWay::Join),
                Some(JoinWay::Ask),
            ]),
        }),
        1 => Joined::Invite,
        2 => Joined::Uninvite,
        3 => Joined::Invites((0..choices.below(FEW)).map(|_| invitation(choices)).collect()),
        4 => Joined::Ask(state(choices)),
        5 => {
            let request = |choices: &mut Choices<'_>| JoinRequest {
                user: choices.user(),
                at_ms: choices.number(),
            };
            let requests = (0..choices.below(FEW)).map(|_| request(choices)).collect();
            Joined::Requests { requests, more: choices.flag() }
        }
        _ => Joined::Refuse,
    }
}
