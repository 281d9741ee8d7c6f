//! Counts what a protobuf body would unfold into, before anything is reserved for it: an empty
//! element of a repeated field costs two bytes on the wire and dozens in memory. Must never
//! allocate, nor look into a field that it was not asked about.

use thiserror::Error;

/// Why a body is not unfolded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum UnfoldError {
    /// The bytes are no protobuf message.
    #[error("not a protobuf message at byte {at}")]
    Malformed {
        /// Bytes before the fault.
        at: usize,
    },
    /// A repeated field has more than `max` elements.
    #[error("more than {max} elements")]
    TooMany {
        /// The elements that it may have.
        max: usize,
    },
}

const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const LENGTH: u64 = 2;
const FIXED32: u64 = 5;

/// Checks that the field reached by `path` (field numbers, outermost first, each but the last a
/// message) occurs at most `max` times in `body`, over all occurrences of its parents.
///
/// Groups are refused: version 1 of the protocol has none.
pub fn check_count(body: &[u8], path: &[u32], max: usize) -> Result<(), UnfoldError> {
    let mut left = max;
    walk(body, path, &mut left, max)
}

fn walk(body: &[u8], path: &[u32], left: &mut usize, max: usize) -> Result<(), UnfoldError> {
    let Some((&wanted, inner)) = path.split_first() else {
        return Ok(());
    };
    let mut rest = Walker { body, at: 0 };
    while let Some((field, payload)) = rest.next_field()? {
        if field != u64::from(wanted) {
            continue;
        }
        if inner.is_empty() {
            *left = left.checked_sub(1).ok_or(UnfoldError::TooMany { max })?;
        } else {
            walk(payload, inner, left, max)?;
        }
    }
    Ok(())
}

struct Walker<'a> {
    body: &'a [u8],
    at: usize,
}

impl<'a> Walker<'a> {
    /// The next field's number and, of a length-delimited one, its payload.
    fn next_field(&mut self) -> Result<Option<(u64, &'a [u8])>, UnfoldError> {
        if self.at == self.body.len() {
            return Ok(None);
        }
        let key = self.varint()?;
        let payload: &[u8] = match key & 7 {
            VARINT => {
                self.varint()?;
                &[]
            }
            FIXED64 => self.take(8)?,
            FIXED32 => self.take(4)?,
            LENGTH => {
                let bytes = self.varint()?;
                self.take(usize::try_from(bytes).unwrap_or(usize::MAX))?
            }
            _ => return Err(UnfoldError::Malformed { at: self.at }),
        };
        Ok(Some((key >> 3, payload)))
    }

    fn varint(&mut self) -> Result<u64, UnfoldError> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = *self.body.get(self.at).ok_or(UnfoldError::Malformed { at: self.at })?;
            self.at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(UnfoldError::Malformed { at: self.at })
    }

    fn take(&mut self, bytes: usize) -> Result<&'a [u8], UnfoldError> {
        let end = self.at.checked_add(bytes).filter(|end| *end <= self.body.len());
        let end = end.ok_or(UnfoldError::Malformed { at: self.at })?;
        let taken = &self.body[self.at..end];
        self.at = end;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_elements_are_counted_before_they_are_unfolded() {
        let body = [0x0a, 0x00].repeat(3);
        assert_eq!(check_count(&body, &[1], 3), Ok(()));
        assert_eq!(check_count(&body, &[1], 2), Err(UnfoldError::TooMany { max: 2 }));
        assert_eq!(check_count(&body, &[2], 0), Ok(()));
    }

    #[test]
    fn a_parent_that_comes_twice_adds_up() {
        let parent = [0x12, 0x04, 0x0a, 0x00, 0x0a, 0x00];
        let body = parent.repeat(2);
        assert_eq!(check_count(&body, &[2, 1], 4), Ok(()));
        assert_eq!(check_count(&body, &[2, 1], 3), Err(UnfoldError::TooMany { max: 3 }));
    }

    #[test]
    fn fields_of_every_type_are_passed_over() {
        let mut body = vec![0x08, 0xff, 0x01];
        body.extend([0x11, 0, 0, 0, 0, 0, 0, 0, 0]);
        body.extend([0x1d, 0, 0, 0, 0]);
        body.extend([0x22, 0x01, 0xaa]);
        assert_eq!(check_count(&body, &[4], 1), Ok(()));
        assert_eq!(check_count(&body, &[4], 0), Err(UnfoldError::TooMany { max: 0 }));
    }

    #[test]
    fn what_is_cut_or_no_protobuf_is_malformed() {
        let long_varint = [0x80; 11];
        let bodies: [&[u8]; 6] =
            [&[0x08], &[0x0a, 0x05, 0x00], &[0x11, 0], &[0x0b], &long_varint, &[0x0a]];
        for body in bodies {
            let verdict = check_count(body, &[1], 9);
            assert!(matches!(verdict, Err(UnfoldError::Malformed { .. })), "{body:?}");
        }
    }
}
