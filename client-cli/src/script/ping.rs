//! `ping`: the time to the server and back. Must never take a lost connection for a slow one.

use std::time::Duration;

use packetboat_client::RequestError;
use tokio::time::{Instant, sleep_until};

use crate::failure::Failure;
use crate::format::json;
use crate::out::Out;
use crate::visit::Visit;

/// The time between two pings.
const GAP: Duration = Duration::from_secs(1);

/// Pings `count` times. Fails if none was answered.
pub(crate) async fn ping(visit: &mut Visit, count: u32, out: &mut Out) -> Result<(), Failure> {
    let mut times = Vec::new();
    for n in 1..=count {
        let next = Instant::now() + GAP;
        let took = match visit.client().ping().await {
            Ok(took) => Some(took),
            Err(RequestError::Closed(ending)) => {
                visit.recover(ending).await?;
                None
            }
            Err(_) => None,
        };
        out.put(|| json::pong(n, took), || line(n, took))?;
        times.extend(took);
        if n < count {
            sleep_until(next).await;
        }
    }
    match summary(count, &times) {
        Some(text) => out.note(text),
        None => Err(Failure::Request(RequestError::Disconnected)),
    }
}

fn line(n: u32, took: Option<Duration>) -> String {
    match took {
        Some(took) => format!("{n}: {:.3} ms", millis(took)),
        None => format!("{n}: no answer"),
    }
}

fn summary(count: u32, times: &[Duration]) -> Option<String> {
    let (min, max) = (times.iter().min()?, times.iter().max()?);
    let answered = u32::try_from(times.len()).ok()?;
    let average = times.iter().sum::<Duration>() / answered;
    let [min, average, max] = [*min, average, *max].map(millis);
    Some(format!("{answered} of {count} answered; min {min:.3}, avg {average:.3}, max {max:.3} ms"))
}

fn millis(took: Duration) -> f64 {
    took.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_answered_is_summed_up() {
        let times = [1, 2, 6].map(Duration::from_millis);
        let expected = "3 of 4 answered; min 1.000, avg 3.000, max 6.000 ms";
        assert_eq!(summary(4, &times).unwrap(), expected);
        assert_eq!(summary(4, &[]), None);
        assert_eq!(line(2, None), "2: no answer");
    }
}
