//! The texts and lists of users that changes have in common (SPEC.md section 6). Must never let a
//! control character through, nor a user that is named twice.

use crate::id::UserId;
use crate::limits::GROUP_NAME_BYTES_MAX;

use super::error::ContentError;

pub(super) fn texts(users: &[UserId]) -> Vec<String> {
    users.iter().map(ToString::to_string).collect()
}

pub(super) fn some(users: &[String]) -> Result<Vec<UserId>, ContentError> {
    if users.is_empty() { Err(ContentError::Empty) } else { each_once(users) }
}

pub(super) fn each_once(users: &[String]) -> Result<Vec<UserId>, ContentError> {
    let users = users.iter().map(|user| UserId::new(user)).collect::<Result<Vec<_>, _>>()?;
    let mut sorted: Vec<&UserId> = users.iter().collect();
    sorted.sort_unstable();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(ContentError::Twice { user: pair[0].clone() }),
        None => Ok(users),
    }
}

/// A name of a group or a room.
pub(super) fn checked_name(what: &'static str, name: String) -> Result<String, ContentError> {
    if name.is_empty() {
        return Err(ContentError::Text { what, max: GROUP_NAME_BYTES_MAX });
    }
    checked(what, name, GROUP_NAME_BYTES_MAX)
}

pub(super) fn checked(
    what: &'static str,
    text: String,
    max: usize,
) -> Result<String, ContentError> {
    if text.len() <= max && !text.chars().any(char::is_control) {
        return Ok(text);
    }
    Err(ContentError::Text { what, max })
}
