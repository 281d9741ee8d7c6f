//! Invitations to groups: made, listed, taken back, and used. Must never send a secret but to make
//! an invitation: who uses one shows a proof.

use std::fmt;
use std::str::FromStr;

use packetboat_proto::content::{Content, GroupChange, JoinProof};
use packetboat_proto::id::{ChatId, InviteId, UserId};
use packetboat_proto::limits::{INVITE_ID_BYTES, INVITE_SECRET_BYTES};
use packetboat_proto::packet::{
    Answer, GroupCard, Invitation, InviteKey, JoinRequest, JoinState, JoinWay, Joined, Joining,
    Operation, join_note,
};
use ring::hmac;
use thiserror::Error;

use crate::client::{Client, Page};
use crate::error::{RequestError, SendError};
use crate::sending::{Accepted, Sending};

/// Bytes that a link holds behind the group's name.
const KEY_BYTES: usize = INVITE_ID_BYTES + INVITE_SECRET_BYTES;

/// What is given to somebody who is to come into a group. As text it is `crew/` and 48 hex digits;
/// `crew` alone is the group itself, which lets in whom its rule lets in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InviteLink {
    /// The group.
    pub group: ChatId,
    /// What shows that its bearer is invited.
    pub key: Option<InviteKey>,
}

/// A text is no link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a link is a group's name, or that, a / and 48 hex digits")]
pub struct LinkError;

impl fmt::Display for InviteLink {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.group.as_str().trim_start_matches("group:"))?;
        let Some(key) = &self.key else { return Ok(()) };
        write!(out, "/{}", key.id)?;
        key.secret.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

impl FromStr for InviteLink {
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Self, LinkError> {
        let (group, key) = match text.split_once('/') {
            Some((group, key)) => (group, Some(key)),
            None => (text, None),
        };
        let group = group.strip_prefix("group:").or(group.strip_prefix('#')).unwrap_or(group);
        let group = ChatId::group(group).map_err(|_| LinkError)?;
        let key = key.map(|key| key_of(key).ok_or(LinkError)).transpose()?;
        Ok(Self { group, key })
    }
}

fn key_of(text: &str) -> Option<InviteKey> {
    let digits: Vec<u8> =
        text.chars().map(|digit| digit.to_digit(16)?.try_into().ok()).collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    let bytes: Vec<u8> = pairs.iter().map(|[high, low]| high << 4 | low).collect();
    let bytes = <[u8; KEY_BYTES]>::try_from(bytes).ok().filter(|_| rest.is_empty())?;
    let (id, secret) = bytes.split_first_chunk::<INVITE_ID_BYTES>()?;
    Some(InviteKey { id: InviteId::from(*id), secret: secret.try_into().ok()? })
}

impl InviteLink {
    /// A new one at random, and its invitation, which lets in anybody until a time, in milliseconds
    /// of Unix time; 0: for good.
    pub fn open(group: &ChatId, expires_ms: u64) -> (Self, Invitation) {
        let link = Self::random(group);
        let key = link.key.expect("a random link has a key");
        (link, Invitation { key, expires_ms, uses: 0, asks: false, made_by: None })
    }

    /// A new one at random.
    pub fn random(group: &ChatId) -> Self {
        let mut bytes = [0; KEY_BYTES];
        getrandom::fill(&mut bytes).expect("the system has a source of random bytes");
        let (id, secret) = bytes.split_at(INVITE_ID_BYTES);
        let id = InviteId::new(id).expect("it is as long as an id");
        let secret = secret.try_into().expect("the rest is as long as a secret");
        Self { group: group.clone(), key: Some(InviteKey { id, secret }) }
    }
}

/// What shows that `user` knows an invitation, and nothing of its secret.
pub fn prove(key: &InviteKey, group: &ChatId, user: &UserId) -> JoinProof {
    let signing = hmac::Key::new(hmac::HMAC_SHA256, &key.secret);
    let tag = hmac::sign(&signing, &join_note(group, user));
    let proof = tag.as_ref().try_into().expect("HMAC-SHA256 has 32 bytes");
    JoinProof { invite: key.id, proof }
}

/// What a try to come into a group came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entered {
    /// The user has come in.
    Joined(Accepted),
    /// The user was in it.
    Member,
    /// Somebody has to answer first.
    Waiting,
    /// The user is not let in.
    Refused,
}

/// Why nobody came in, and nobody asked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EnterError {
    /// What was asked was not answered.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// What was sent was not stored.
    #[error(transparent)]
    Send(#[from] SendError),
}

impl Client {
    /// Makes an invitation, or changes the one with the same key. Only who may add members may.
    pub async fn invite(&self, group: &ChatId, invitation: Invitation) -> Result<(), RequestError> {
        let chat = group.clone();
        match self.ask_joining(Joining::Invite { chat, invitation }).await? {
            Joined::Invite => Ok(()),
            _ => Err(RequestError::Unexpected),
        }
    }

    /// Takes an invitation back.
    pub async fn uninvite(&self, group: &ChatId, id: InviteId) -> Result<(), RequestError> {
        match self.ask_joining(Joining::Uninvite { chat: group.clone(), id }).await? {
            Joined::Uninvite => Ok(()),
            _ => Err(RequestError::Unexpected),
        }
    }

    /// The invitations to a group, at most 100.
    pub async fn invitations(&self, group: &ChatId) -> Result<Vec<Invitation>, RequestError> {
        match self.ask_joining(Joining::Invites { chat: group.clone() }).await? {
            Joined::Invites(invitations) => Ok(invitations),
            _ => Err(RequestError::Unexpected),
        }
    }

    /// What there is to see of a group before one comes in.
    pub async fn card(&self, link: &InviteLink) -> Result<GroupCard, RequestError> {
        let (chat, proof) = (link.group.clone(), self.proof(link));
        match self.ask_joining(Joining::Card { chat, proof }).await? {
            Joined::Card(card) => Ok(card),
            _ => Err(RequestError::Unexpected),
        }
    }

    /// Comes in by a link that lets one in.
    pub async fn join_group(&self, link: &InviteLink) -> Result<Sending, SendError> {
        let joined = Content::Group(GroupChange::Joined(self.proof(link)));
        self.send(&link.group, &joined).await
    }

    /// Asks to come in by a link that lets one ask.
    pub async fn ask_to_join(&self, link: &InviteLink) -> Result<JoinState, RequestError> {
        let (chat, proof) = (link.group.clone(), self.proof(link));
        match self.ask_joining(Joining::Ask { chat, proof }).await? {
            Joined::Ask(Some(state)) => Ok(state),
            _ => Err(RequestError::Unexpected),
        }
    }

    /// Comes in, or asks to, whichever the link is good for.
    pub async fn enter(&self, link: &InviteLink) -> Result<Entered, EnterError> {
        match self.card(link).await?.way {
            Some(JoinWay::Member) => Ok(Entered::Member),
            Some(JoinWay::Join) => Ok(Entered::Joined(self.join_group(link).await?.await?)),
            Some(JoinWay::Ask) => Ok(match self.ask_to_join(link).await? {
                JoinState::Waiting => Entered::Waiting,
                JoinState::Refused => Entered::Refused,
                JoinState::Member => Entered::Member,
            }),
            None => Err(RequestError::Unexpected.into()),
        }
    }

    /// A page of those who ask to come into a group, in order of user id.
    pub async fn join_requests(
        &self,
        group: &ChatId,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Page<JoinRequest>, RequestError> {
        let chat = group.clone();
        match self.ask_joining(Joining::Requests { chat, after, limit }).await? {
            Joined::Requests { requests, more } => Ok(Page { items: requests, more }),
            _ => Err(RequestError::Unexpected),
        }
    }

    /// Does not let in at most 100 users who ask. To let them in, add them.
    pub async fn refuse_join(
        &self,
        group: &ChatId,
        users: Vec<UserId>,
    ) -> Result<(), RequestError> {
        match self.ask_joining(Joining::Refuse { chat: group.clone(), users }).await? {
            Joined::Refuse => Ok(()),
            _ => Err(RequestError::Unexpected),
        }
    }

    fn proof(&self, link: &InviteLink) -> Option<JoinProof> {
        link.key.as_ref().map(|key| prove(key, &link.group, self.user()))
    }

    async fn ask_joining(&self, joining: Joining) -> Result<Joined, RequestError> {
        match self.ask(Operation::Joining(joining)).await? {
            Answer::Joining(joined) => Ok(joined),
            _ => Err(RequestError::Unexpected),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_read_as_it_is_written() {
        let crew = ChatId::group("crew").unwrap();
        let link = InviteLink::random(&crew);
        assert_eq!(link.to_string().parse(), Ok(link.clone()));
        assert_ne!(link, InviteLink::random(&crew));
        let bare = InviteLink { group: crew, key: None };
        for text in ["crew", "#crew", "group:crew"] {
            assert_eq!(text.parse(), Ok(bare.clone()));
        }
        assert_eq!(bare.to_string(), "crew");
    }

    #[test]
    fn what_is_no_link_is_refused() {
        let half = "0".repeat(47);
        for text in ["", "/", "crew/", "crew/12", "a b", &format!("crew/{half}")] {
            assert_eq!(text.parse::<InviteLink>(), Err(LinkError), "{text}");
        }
        for odd in ["g", "é", "00"] {
            assert!(format!("crew/{half}{odd}").parse::<InviteLink>().is_err(), "{odd}");
        }
    }

    /// The example of SPEC.md (J-3).
    #[test]
    fn a_proof_is_that_of_the_specification() {
        let key = InviteKey { id: InviteId::from([1; 8]), secret: [2; 16] };
        let user = UserId::new("ada").unwrap();
        let proof = prove(&key, &ChatId::group("crew").unwrap(), &user);
        let expected = 0xef88_f889_ac13_c91e_a93c_ffda_103a_bbcb_u128;
        assert_eq!(proof.proof[..16], expected.to_be_bytes());
        let expected = 0x8b83_33b3_0446_ef1c_427f_2243_ded8_1930_u128;
        assert_eq!(proof.proof[16..], expected.to_be_bytes());
    }
}
