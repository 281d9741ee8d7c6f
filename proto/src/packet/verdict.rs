//! What was found, and what to do about it: the body of a `Goodbye`, and of every refusal
//! (SPEC.md section 8). Must never be made by this side with a reason over its limit.

use crate::code::{CloseCode, Fault, RejectCode, Retry};
use crate::limits::REASON_BYTES_MAX;
use crate::schema;

use super::body::{BodyError, short};

/// A code with its reason, whose fault it is, and whether to try again. The code may be one that
/// this version does not know; fault and retry tell what to do all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The number of the code.
    pub code: u32,
    /// A sentence for a person, at most 256 bytes.
    pub reason: String,
    /// Who is at fault, if the other side said so in a way known here.
    pub fault: Option<Fault>,
    /// Whether to try again, likewise.
    pub retry: Option<Retry>,
    /// With `Retry::Later`: after how many milliseconds, to be spread by jitter.
    pub retry_after_ms: u32,
}

impl Verdict {
    /// Ends a connection. A reason that is too long is cut.
    pub fn close(code: CloseCode, reason: &str, retry_after_ms: u32) -> Self {
        Self::of((code.number(), code.fault(), code.retry()), reason, retry_after_ms)
    }

    /// Refuses a send or a request. A reason that is too long is cut.
    pub fn reject(code: RejectCode, reason: &str, retry_after_ms: u32) -> Self {
        Self::of((code.number(), code.fault(), code.retry()), reason, retry_after_ms)
    }

    fn of((code, fault, retry): (u32, Fault, Retry), reason: &str, retry_after_ms: u32) -> Self {
        Self {
            code,
            reason: cut(reason),
            fault: Some(fault),
            retry: Some(retry),
            retry_after_ms: if retry == Retry::Later { retry_after_ms } else { 0 },
        }
    }

    /// The code as one of those that end a connection.
    pub const fn close_code(&self) -> Option<CloseCode> {
        CloseCode::from_number(self.code)
    }

    /// The code as one of those that refuse.
    pub const fn reject_code(&self) -> Option<RejectCode> {
        RejectCode::from_number(self.code)
    }

    pub(super) fn from_wire(wire: schema::Verdict) -> Result<Self, BodyError> {
        Ok(Self {
            code: wire.code,
            fault: match wire.fault() {
                schema::Fault::Unspecified => None,
                schema::Fault::Peer => Some(Fault::Peer),
                schema::Fault::Server => Some(Fault::Server),
                schema::Fault::Policy => Some(Fault::Policy),
            },
            retry: match wire.retry() {
                schema::Retry::Unspecified => None,
                schema::Retry::Never => Some(Retry::Never),
                schema::Retry::AtOnce => Some(Retry::AtOnce),
                schema::Retry::Later => Some(Retry::Later),
            },
            retry_after_ms: wire.retry_after_ms,
            reason: short("reason", wire.reason, REASON_BYTES_MAX)?,
        })
    }

    pub(super) fn to_wire(&self) -> schema::Verdict {
        let fault = match self.fault {
            None => schema::Fault::Unspecified,
            Some(Fault::Peer) => schema::Fault::Peer,
            Some(Fault::Server) => schema::Fault::Server,
            Some(Fault::Policy) => schema::Fault::Policy,
        };
        let retry = match self.retry {
            None => schema::Retry::Unspecified,
            Some(Retry::Never) => schema::Retry::Never,
            Some(Retry::AtOnce) => schema::Retry::AtOnce,
            Some(Retry::Later) => schema::Retry::Later,
        };
        schema::Verdict {
            code: self.code,
            reason: self.reason.clone(),
            fault: fault.into(),
            retry: retry.into(),
            retry_after_ms: self.retry_after_ms,
        }
    }
}

fn cut(reason: &str) -> String {
    reason[..reason.floor_char_boundary(REASON_BYTES_MAX)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let verdict = Verdict::close(CloseCode::Internal, &"é".repeat(200), 5);
        assert_eq!(verdict.reason, "é".repeat(128));
        let odd = Verdict::close(CloseCode::Internal, &format!("a{}", "é".repeat(200)), 5);
        assert_eq!(odd.reason.len(), 255);
    }

    #[test]
    fn only_what_may_be_tried_later_names_a_time() {
        assert_eq!(Verdict::close(CloseCode::Internal, "", 5).retry_after_ms, 5);
        assert_eq!(Verdict::close(CloseCode::BadBody, "", 5).retry_after_ms, 0);
        assert_eq!(Verdict::reject(RejectCode::StoreFull, "", 5).retry_after_ms, 5);
    }
}
