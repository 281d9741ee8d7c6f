//! How long a transfer goes on when it is interrupted. Must never give up on one that moves.

use std::time::Duration;

use packetboat_proto::code::{RejectCode, Retry};
use tokio::time::sleep;

use super::error::FileError;
use crate::error::RequestError;

/// Interruptions in a row between which nothing moved.
const TRIES_MAX: u32 = 10;
/// The least time between two tries.
const TRY_GAP: Duration = Duration::from_millis(100);
/// Times that the bytes were not those announced: the second time they will not be the third.
const MISMATCHES_MAX: u32 = 1;

/// How often a transfer was interrupted, and how far it was.
#[derive(Debug, Default)]
pub(super) struct Patience {
    tries: u32,
    mismatches: u32,
    furthest: u64,
    /// Bytes were refused that go on from what the server had.
    is_behind: bool,
}

impl Patience {
    /// So many bytes are there.
    pub(super) fn moved(&mut self, bytes: u64) {
        if bytes > self.furthest {
            self.furthest = bytes;
            self.tries = 0;
        }
    }

    /// Bytes that go on from what the server had were not taken: if it has fewer now than it had,
    /// or nothing of the file any more, the next try begins at what it has.
    pub(super) fn not_taken(&mut self, error: &RequestError) {
        let RequestError::Refused(verdict) = error else { return };
        let behind = [RejectCode::Invalid, RejectCode::NotAllowed];
        self.is_behind = verdict.reject_code().is_some_and(|code| behind.contains(&code));
    }

    /// Waits before the next try, if there is to be one.
    pub(super) async fn wait(&mut self, error: FileError) -> Result<(), FileError> {
        let Some(gap) = self.next(&error) else { return Err(error) };
        sleep(gap).await;
        Ok(())
    }

    fn next(&mut self, error: &FileError) -> Option<Duration> {
        let is_behind = std::mem::take(&mut self.is_behind);
        let after = match error {
            FileError::Request(RequestError::Disconnected | RequestError::Timeout) => 0,
            FileError::Request(RequestError::Refused(verdict)) => {
                if verdict.reject_code() == Some(RejectCode::HashMismatch) {
                    self.mismatches += 1;
                    if self.mismatches > MISMATCHES_MAX {
                        return None;
                    }
                }
                match verdict.retry {
                    _ if is_behind => 0,
                    Some(Retry::AtOnce) => 0,
                    Some(Retry::Later) => verdict.retry_after_ms,
                    Some(Retry::Never) | None => return None,
                }
            }
            _ => return None,
        };
        self.tries += 1;
        let gap = Duration::from_millis(after.into()).max(TRY_GAP);
        (self.tries <= TRIES_MAX).then_some(gap)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use packetboat_proto::packet::Verdict;

    fn refused(code: RejectCode) -> FileError {
        RequestError::Refused(Verdict::reject(code, "", 700)).into()
    }

    #[test]
    fn what_moves_is_never_given_up_and_what_does_not_is() {
        let mut patience = Patience::default();
        let lost = || FileError::from(RequestError::Disconnected);
        for bytes in 1..50 {
            assert_eq!(patience.next(&lost()), Some(TRY_GAP));
            patience.moved(bytes);
        }
        assert_eq!((0..20).take_while(|_| patience.next(&lost()).is_some()).count(), 10);
    }

    #[test]
    fn bytes_that_the_server_has_lost_are_begun_again_with_and_not_for_ever() {
        let mut patience = Patience::default();
        for code in [RejectCode::Invalid, RejectCode::NotAllowed] {
            assert_eq!(patience.next(&refused(code)), None, "nothing was put");
            let FileError::Request(error) = refused(code) else { panic!("it is of a request") };
            patience.not_taken(&error);
            assert_eq!(patience.next(&refused(code)), Some(TRY_GAP));
            assert_eq!(patience.next(&refused(code)), None, "it is the beginning that is refused");
        }
        let again = |_: &u32| {
            patience.not_taken(&RequestError::Refused(Verdict::reject(RejectCode::Invalid, "", 0)));
            patience.next(&refused(RejectCode::Invalid)).is_some()
        };
        assert!((0..50).take_while(again).count() < 10);
        let full = RequestError::Refused(Verdict::reject(RejectCode::QuotaExceeded, "", 0));
        let mut patience = Patience::default();
        patience.not_taken(&full);
        assert_eq!(patience.next(&full.into()), None);
    }

    #[test]
    fn what_is_refused_for_good_is_not_tried_again() {
        let mut patience = Patience::default();
        assert_eq!(patience.next(&refused(RejectCode::QuotaExceeded)), None);
        assert_eq!(patience.next(&FileError::Changed), None);
        let later = Some(Duration::from_millis(700));
        assert_eq!(patience.next(&refused(RejectCode::Unavailable)), later);
        assert_eq!(patience.next(&refused(RejectCode::HashMismatch)), Some(TRY_GAP));
        assert_eq!(patience.next(&refused(RejectCode::HashMismatch)), None);
    }
}
