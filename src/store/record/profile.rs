//! What a user says of itself, and to whom. Must never be shown to a user whom it does not name.

use packetboat_proto::limits::STATUS_BYTES_MAX;
use packetboat_proto::packet::{ReceiptRule, Visibility};
use prost::Message;

use super::{RecordError, decoded, malformed};

/// What a user says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ProfileRow {
    /// In its words; empty: nothing.
    pub(crate) status: String,
    /// Who is told of its presence.
    pub(crate) visible_to: Visibility,
    /// Whether others are told what it has read.
    pub(crate) receipts: ReceiptRule,
}

#[derive(Clone, PartialEq, Message)]
struct Row {
    #[prost(string, tag = "1")]
    status: String,
    /// 0: everyone; 1: contacts; 2: nobody.
    #[prost(uint32, tag = "2")]
    visible_to: u32,
    #[prost(bool, tag = "3")]
    receipts_hidden: bool,
}

impl ProfileRow {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let visible_to = match self.visible_to {
            Visibility::Everyone => 0,
            Visibility::Contacts => 1,
            Visibility::Nobody => 2,
        };
        let receipts_hidden = self.receipts == ReceiptRule::Hidden;
        Row { status: self.status.clone(), visible_to, receipts_hidden }.encode_to_vec()
    }

    pub(crate) fn decode(value: &[u8]) -> Result<Self, RecordError> {
        const WHAT: &str = "profile";
        let Row { status, visible_to, receipts_hidden } = decoded(WHAT, value)?;
        let receipts = if receipts_hidden { ReceiptRule::Hidden } else { ReceiptRule::Told };
        let visible_to = match visible_to {
            0 => Visibility::Everyone,
            1 => Visibility::Contacts,
            2 => Visibility::Nobody,
            _ => return Err(malformed(WHAT, "no such visibility")),
        };
        if status.len() > STATUS_BYTES_MAX {
            return Err(malformed(WHAT, "a long status"));
        }
        Ok(Self { status, visible_to, receipts })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_comes_back_as_it_was() {
        for visible_to in [Visibility::Everyone, Visibility::Contacts, Visibility::Nobody] {
            for receipts in [ReceiptRule::Told, ReceiptRule::Hidden] {
                let row = ProfileRow { status: "at sea".into(), visible_to, receipts };
                assert_eq!(ProfileRow::decode(&row.encode()), Ok(row));
            }
        }
        assert_eq!(ProfileRow::decode(&[]), Ok(ProfileRow::default()));
        assert!(ProfileRow::decode(&[0x10, 3]).is_err(), "a visibility that is not known");
    }
}
