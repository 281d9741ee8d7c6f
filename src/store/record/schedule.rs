//! The row of a message that is to be sent. Must never hold its content: that has keys of its own.

use packetboat_proto::code::RejectCode;
use packetboat_proto::limits::{REASON_BYTES_MAX, SCHEDULED_BYTES_MAX};
use prost::Message;

use super::{RecordError, decoded, malformed};
use crate::store::Refusal;

/// A message that is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ScheduledRow {
    /// When.
    pub(crate) at_ms: u64,
    /// When it is looked at next, which is later if it could not be sent for a while.
    pub(crate) due_ms: u64,
    /// Bytes of its content.
    pub(crate) bytes: usize,
    /// Why it could not be sent; then it is not looked at any more.
    pub(crate) failed: Option<Refusal>,
}

#[derive(Clone, PartialEq, Message)]
struct Row {
    #[prost(uint64, tag = "1")]
    at_ms: u64,
    #[prost(uint64, tag = "2")]
    due_ms: u64,
    #[prost(uint32, tag = "3")]
    bytes: u32,
    /// 0: it waits.
    #[prost(uint32, tag = "4")]
    failed: u32,
    #[prost(string, tag = "5")]
    reason: String,
}

impl ScheduledRow {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let failed = self.failed.as_ref();
        let row = Row {
            at_ms: self.at_ms,
            due_ms: self.due_ms,
            bytes: u32::try_from(self.bytes).expect("the size of a content is checked"),
            failed: failed.map_or(0, |refusal| refusal.code.number()),
            reason: failed.map(|refusal| refusal.reason.clone()).unwrap_or_default(),
        };
        row.encode_to_vec()
    }

    pub(crate) fn decode(value: &[u8]) -> Result<Self, RecordError> {
        const WHAT: &str = "scheduled message";
        let Row { at_ms, due_ms, bytes, failed, mut reason } = decoded(WHAT, value)?;
        let bytes = bytes as usize;
        if bytes > SCHEDULED_BYTES_MAX {
            return Err(malformed(WHAT, "a long content"));
        }
        reason.truncate(reason.floor_char_boundary(REASON_BYTES_MAX));
        let failed = match failed {
            0 => None,
            code => {
                let code = RejectCode::from_number(code);
                Some(Refusal::new(code.ok_or_else(|| malformed(WHAT, "no such code"))?, reason))
            }
        };
        Ok(Self { at_ms, due_ms, bytes, failed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scheduled_message_comes_back_as_it_was() {
        let refusal = Refusal::new(RejectCode::NotAllowed, "no");
        for failed in [None, Some(refusal)] {
            let row = ScheduledRow { at_ms: 5, due_ms: 7, bytes: 16_384, failed };
            assert_eq!(ScheduledRow::decode(&row.encode()), Ok(row));
        }
        let long = Row { bytes: 16_385, ..Row::default() };
        assert!(ScheduledRow::decode(&long.encode_to_vec()).is_err());
        let unknown = Row { failed: 9_999, ..Row::default() };
        assert!(ScheduledRow::decode(&unknown.encode_to_vec()).is_err());
    }
}
