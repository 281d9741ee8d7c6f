//! What may be set of packed rows. Must never be read from a file here.

use std::time::Duration;

/// Bytes of rows in memory that are packed together, unless another number is asked for.
pub const FRESH_BYTES_DEFAULT: usize = 32 * 1024 * 1024;
/// How long after a batch that erases the files begin to be freed of it, unless another time is
/// asked for.
const ERASE_AFTER_DEFAULT: Duration = Duration::from_mins(1);

/// What may be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackedSettings {
    /// Bytes of rows in memory that are packed together; up to four times as many while they go
    /// to many blocks.
    pub fresh_bytes: usize,
    /// How long a step of the packing may take before it counts as stuck.
    pub stall: Duration,
    /// How long after a batch that erases the files begin to be freed of what it erased.
    pub erase_after: Duration,
    /// The kinds of rows, by the first byte of their keys, whose values never stand in a block: a
    /// block that is written anew stays in the engine's files for a time that nothing bounds.
    pub apart: &'static [u8],
}

impl Default for PackedSettings {
    fn default() -> Self {
        Self {
            fresh_bytes: FRESH_BYTES_DEFAULT,
            stall: Duration::from_secs(5),
            erase_after: ERASE_AFTER_DEFAULT,
            apart: &[],
        }
    }
}
