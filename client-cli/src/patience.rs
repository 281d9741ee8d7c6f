//! Asking again what has no answer yet. Must never ask again what is refused for good, nor without
//! a pause.

use std::time::Duration;

use packetboat_client::{Client, RequestError};
use packetboat_proto::code::Retry;
use tokio::time::sleep;

use crate::failure::Failure;
use crate::out::complain;

/// The pause before a question is asked again; each further one is twice as long.
const PAUSE_FIRST: Duration = Duration::from_secs(1);
/// The longest pause, unless the server names a longer one.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// Asks; if it is patient, until there is an answer, or none will ever come. Requests are safe to
/// repeat.
pub(crate) async fn ask<T>(
    patient: bool,
    mut ask: impl AsyncFnMut() -> Result<T, RequestError>,
) -> Result<T, RequestError> {
    let (mut pauses, mut told) = (Pauses::default(), None);
    loop {
        let error = match ask().await {
            Err(error) => error,
            answer => return answer,
        };
        let Some(pause) = pauses.before_again(&error).filter(|_| patient) else {
            return Err(error);
        };
        // That the link is lost has been said.
        if error != RequestError::Disconnected && told.as_ref() != Some(&error) {
            complain(&format!("{}; asking again", Failure::from(error.clone())));
            told = Some(error);
        }
        sleep(pause).await;
    }
}

/// How long to wait before what has failed is asked again.
#[derive(Debug)]
pub(crate) struct Pauses {
    next: Duration,
}

impl Default for Pauses {
    fn default() -> Self {
        Self { next: PAUSE_FIRST }
    }
}

impl Pauses {
    /// What is asked has failed once more; `None`: it is not to be asked again.
    pub(crate) fn before_again(&mut self, error: &RequestError) -> Option<Duration> {
        let wait = passes_in(error)?;
        if *error == RequestError::Disconnected {
            // No server was asked, and the client has waited for one: the next may have answers.
            *self = Self::default();
        }
        let pause = self.next;
        self.next = (2 * pause).min(PAUSE_MAX);
        Some(wait.max(pause) + pause.mul_f64(chance()))
    }
}

/// After what time, as far as that is known, an error is over; `None`: never.
fn passes_in(error: &RequestError) -> Option<Duration> {
    match error {
        RequestError::Disconnected | RequestError::Timeout => Some(Duration::ZERO),
        RequestError::Refused(verdict) => match verdict.retry {
            Some(Retry::AtOnce) => Some(Duration::ZERO),
            Some(Retry::Later) => Some(Duration::from_millis(verdict.retry_after_ms.into())),
            Some(Retry::Never) | None => None,
        },
        RequestError::Closed(_)
        | RequestError::Unexpected
        | RequestError::TooMany { .. }
        | RequestError::TooLong { .. } => None,
    }
}

/// From 0 to 1, so that those who were refused at once do not come back at once.
fn chance() -> f64 {
    let [.., random] = *Client::new_message_id().as_bytes();
    f64::from(random) / f64::from(u8::MAX)
}

#[cfg(test)]
mod tests {
    use packetboat_client::{Ending, Verdict};
    use packetboat_proto::code::RejectCode;
    use tokio::time::Instant;

    use super::*;

    fn refused(code: RejectCode, retry_after_ms: u32) -> RequestError {
        RequestError::Refused(Verdict::reject(code, "", retry_after_ms))
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_no_answer_is_asked_again_until_it_has_but_never_without_a_pause() {
        let mut errors = vec![
            refused(RejectCode::Unavailable, 90_000),
            refused(RejectCode::HashMismatch, 0),
            RequestError::Timeout,
            RequestError::Disconnected,
        ];
        let mut asked = Vec::new();
        let answer = ask(true, async || {
            asked.push(Instant::now());
            errors.pop().map_or(Ok(7), Err)
        });
        assert_eq!(answer.await, Ok(7));
        let pauses: Vec<Duration> = asked.windows(2).map(|two| two[1] - two[0]).collect();
        let least = [1, 2, 4, 90].map(Duration::from_secs);
        assert_eq!(pauses.len(), least.len());
        for (pause, least) in pauses.into_iter().zip(least) {
            assert!(pause >= least && pause <= least + PAUSE_MAX, "{pause:?} for {least:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_have_a_bound() {
        let (mut asked, start) = (0_u32, Instant::now());
        let answer = ask(true, async || {
            asked += 1;
            if asked > 100 { Ok(()) } else { Err(RequestError::Timeout) }
        });
        answer.await.unwrap();
        assert!(start.elapsed() >= 90 * PAUSE_MAX, "they grow");
        assert!(start.elapsed() <= 100 * 2 * (PAUSE_MAX + Duration::from_millis(1)));
    }

    #[test]
    fn a_link_that_was_lost_takes_what_was_refused_with_it() {
        let (mut pauses, refused) = (Pauses::default(), refused(RejectCode::Unavailable, 0));
        for _ in 0..9 {
            pauses.before_again(&refused).unwrap();
        }
        assert!(pauses.before_again(&refused).unwrap() >= PAUSE_MAX);
        for _ in 0..9 {
            assert!(pauses.before_again(&RequestError::Disconnected).unwrap() <= 2 * PAUSE_FIRST);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_final_ends_it_at_once() {
        let finals = [
            refused(RejectCode::NoSuchChat, 0),
            RequestError::Closed(Ending::Closed),
            RequestError::Unexpected,
            RequestError::TooLong { bytes: 2, max: 1 },
        ];
        for error in finals {
            let (mut asked, start) = (0, Instant::now());
            let answer = ask(true, async || {
                asked += 1;
                Err::<(), _>(error.clone())
            });
            assert_eq!(answer.await, Err(error.clone()));
            assert_eq!((asked, start.elapsed()), (1, Duration::ZERO), "{error}");
        }
        let impatient = ask(false, async || Err::<(), _>(RequestError::Timeout));
        assert_eq!(impatient.await, Err(RequestError::Timeout));
    }
}
