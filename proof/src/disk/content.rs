//! The bytes of a file, of which the last may be room that is put aside and was never written: a
//! file of 64 MiB of zeros costs nothing here. Must never tell such zeros from written ones.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;

/// Zeros are looked for in pieces of this size.
static ZEROS: [u8; 4096] = [0; 4096];

/// The bytes of a file.
#[derive(Clone, Debug, Default)]
pub struct Content {
    /// The first of them; those behind are zeros.
    bytes: Vec<u8>,
    length: usize,
}

impl Content {
    /// How many bytes there are.
    pub fn length(&self) -> usize {
        self.length
    }

    /// The first of them: all behind are zeros.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Writes.
    pub fn put(&mut self, at: usize, data: &[u8]) {
        let end = at + data.len();
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        self.bytes[at..end].copy_from_slice(data);
        self.length = self.length.max(end);
    }

    /// Cuts off what is behind, or puts zeros there.
    pub fn resize(&mut self, length: usize) {
        self.bytes.truncate(length);
        self.length = length;
    }

    /// What there is from there on, at most so much: zeros at the end may be left out.
    pub fn part(&self, at: usize, length: usize) -> &[u8] {
        let rest = self.bytes.get(at..).unwrap_or_default();
        &rest[..length.min(rest.len())]
    }

    /// Writes it to a file.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        fs::write(path, &self.bytes)?;
        if self.length > self.bytes.len() {
            let length = u64::try_from(self.length).expect("a file's length fits 64 bits");
            OpenOptions::new().write(true).open(path)?.set_len(length)?;
        }
        Ok(())
    }

    fn without_zeros(&self) -> &[u8] {
        let mut bytes = &self.bytes[..];
        while let Some((rest, last)) = bytes.split_at_checked(bytes.len().wrapping_sub(ZEROS.len()))
            && *last == ZEROS
        {
            bytes = rest;
        }
        let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        &bytes[..end]
    }
}

impl From<Vec<u8>> for Content {
    fn from(bytes: Vec<u8>) -> Self {
        let length = bytes.len();
        let mut content = Self { bytes, length };
        let end = content.without_zeros().len();
        content.bytes.truncate(end);
        content
    }
}

impl PartialEq for Content {
    fn eq(&self, other: &Self) -> bool {
        self.length == other.length && self.without_zeros() == other.without_zeros()
    }
}

impl Eq for Content {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Put { at: usize, data: Vec<u8> },
        Resize(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        let data = proptest::collection::vec(0..2_u8, 0..40);
        prop_oneof![
            (0..10_000_usize, data).prop_map(|(at, data)| Step::Put { at, data }),
            (0..20_000_usize).prop_map(Step::Resize),
        ]
    }

    proptest! {
        #[test]
        fn it_is_what_a_plain_vector_is(steps in proptest::collection::vec(step(), 0..12)) {
            let (mut content, mut plain) = (Content::default(), Vec::new());
            for step in steps {
                match step {
                    Step::Put { at, data } => {
                        content.put(at, &data);
                        plain.resize(plain.len().max(at + data.len()), 0);
                        plain[at..at + data.len()].copy_from_slice(&data);
                    }
                    Step::Resize(length) => {
                        content.resize(length);
                        plain.resize(length, 0);
                    }
                }
            }
            prop_assert_eq!(content.length(), plain.len());
            prop_assert!(plain.starts_with(content.bytes()));
            prop_assert_eq!(&content, &Content::from(plain.clone()));
            plain.push(0);
            prop_assert_ne!(content, Content::from(plain));
        }
    }
}
