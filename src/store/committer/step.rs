//! A step of a commit, which may panic. Must never let a panic pass: the store would go on as if
//! nothing had happened.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::store::backend::BackendError;
use crate::store::health::Failure;

/// Does a step of a commit; a panic is a failure.
pub(super) fn caught<T>(step: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(step))
        .unwrap_or_else(|panic| Err(Failure::Panicked { detail: said(panic.as_ref()) }))
}

/// What the backend said of a commit of so many operations.
pub(super) fn failed_commit(operations: usize) -> impl FnOnce(BackendError) -> Failure {
    move |error| Failure::Commit { operations, detail: error.to_string() }
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}
