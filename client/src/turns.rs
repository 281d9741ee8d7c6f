//! Waits for the first of two things, looking at one of them first. Must never draw which: a run
//! with the same inputs is the same.

use std::future::Future;
use std::pin::pin;

use futures_util::future::{Either, select};

/// Whatever comes first; if both are there, `one` when `one_first`, else `other`. Who turns
/// `one_first` round each time keeps neither waiting.
pub(crate) async fn either<T>(
    one_first: bool,
    one: impl Future<Output = T>,
    other: impl Future<Output = T>,
) -> T {
    let (one, other) = (pin!(one), pin!(other));
    if one_first {
        match select(one, other).await {
            Either::Left((done, _)) | Either::Right((done, _)) => done,
        }
    } else {
        match select(other, one).await {
            Either::Left((done, _)) | Either::Right((done, _)) => done,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test]
    async fn who_is_looked_at_first_comes_first() {
        assert_eq!(either(true, ready(1), ready(2)).await, 1);
        assert_eq!(either(false, ready(1), ready(2)).await, 2);
        assert_eq!(either(true, pending(), ready(2)).await, 2);
    }
}
