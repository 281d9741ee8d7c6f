//! The rows of those who may come into a group, and of those who ask to. Must never show a secret.

use packetboat_proto::content::{JoinProof, JoinRule};
use packetboat_proto::id::{ChatId, InviteId, UserId};
use packetboat_proto::limits::INVITE_SECRET_BYTES;
use packetboat_proto::packet::{Invitation, InviteKey, JoinWay, join_note};
use prost::Message;
use ring::hmac;

use crate::store::backend::Row;
use crate::store::key;
use crate::store::read_error::ReadError;
use crate::store::record::RecordError;

const WHAT: &str = "invitation";

#[derive(Clone, PartialEq, Message)]
struct InviteRow {
    #[prost(bytes = "vec", tag = "1")]
    secret: Vec<u8>,
    #[prost(uint64, tag = "2")]
    expires_ms: u64,
    #[prost(uint32, tag = "3")]
    uses: u32,
    #[prost(bool, tag = "4")]
    asks: bool,
    #[prost(string, tag = "5")]
    made_by: String,
    #[prost(uint32, tag = "6")]
    used: u32,
}

/// An invitation as it was made, and how many came in by it. One that is used up stays for a while:
/// who asks for it again, since no answer came, is not given its uses again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InviteRecord {
    /// As it was made, with its maker.
    pub(crate) made: Invitation,
    /// How many came in by it, if those are counted.
    pub(crate) used: u32,
}

impl InviteRecord {
    /// As a value; its id is in its key.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let made = &self.made;
        let row = InviteRow {
            secret: made.key.secret.to_vec(),
            expires_ms: made.expires_ms,
            uses: made.uses,
            asks: made.asks,
            made_by: made.made_by.as_ref().map(ToString::to_string).unwrap_or_default(),
            used: self.used,
        };
        row.encode_to_vec()
    }

    /// From its value.
    pub(crate) fn decode(id: InviteId, value: &[u8]) -> Result<Self, RecordError> {
        let row = InviteRow::decode(value).map_err(|error| RecordError::new(WHAT, error))?;
        let secret = <[u8; INVITE_SECRET_BYTES]>::try_from(row.secret);
        let secret = secret.map_err(|_| RecordError::new(WHAT, "a secret of another length"))?;
        let made_by = UserId::new(&row.made_by).map_err(|error| RecordError::new(WHAT, error))?;
        let made = Invitation {
            key: InviteKey { id, secret },
            expires_ms: row.expires_ms,
            uses: row.uses,
            asks: row.asks,
            made_by: Some(made_by),
        };
        Ok(Self { made, used: row.used })
    }

    /// Whether nobody comes in by it any more.
    pub(crate) fn is_over(&self, now_ms: u64) -> bool {
        self.is_used_up() || self.made.expires_ms != 0 && self.made.expires_ms <= now_ms
    }

    const fn is_used_up(&self) -> bool {
        self.made.uses != 0 && self.made.uses <= self.used
    }

    /// With the uses that it has left, as it is shown; `None`: it has none.
    pub(crate) fn shown(self) -> Option<Invitation> {
        let left = self.made.uses.saturating_sub(self.used);
        (!self.is_used_up()).then_some(Invitation { uses: left, ..self.made })
    }
}

/// The invitations of a group, from their rows.
pub(crate) fn decode_invites(rows: &[Row]) -> Result<Vec<InviteRecord>, ReadError> {
    let record = |(row, value): &Row| Ok(InviteRecord::decode(key::last_invite(row)?, value)?);
    rows.iter().map(record).collect()
}

/// How one who is no member comes in: by an invitation, or by the group's rule.
pub(crate) fn way_in(rule: JoinRule, by: Option<&Invitation>) -> Option<JoinWay> {
    match (by, rule) {
        (Some(invitation), _) if invitation.asks => Some(JoinWay::Ask),
        (Some(_), _) | (None, JoinRule::Anyone) => Some(JoinWay::Join),
        (None, JoinRule::Ask) => Some(JoinWay::Ask),
        (None, JoinRule::Invited) => None,
    }
}

/// Whether the user has shown to know the invitation's secret.
pub(crate) fn is_proved(key: &InviteKey, chat: &ChatId, user: &UserId, by: &JoinProof) -> bool {
    let signing = hmac::Key::new(hmac::HMAC_SHA256, &key.secret);
    hmac::verify(&signing, &join_note(chat, user), &by.proof).is_ok()
}

/// Somebody who asks to come in.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(crate) struct Asking {
    /// Since when, or when it was refused, in milliseconds of Unix time.
    #[prost(uint64, tag = "1")]
    pub(crate) at_ms: u64,
    /// It was refused.
    #[prost(bool, tag = "2")]
    pub(crate) refused: bool,
}

impl Asking {
    pub(crate) fn to_value(self) -> Vec<u8> {
        self.encode_to_vec()
    }

    pub(crate) fn from_value(value: &[u8]) -> Result<Self, RecordError> {
        Self::decode(value).map_err(|error| RecordError::new("join request", error))
    }
}
