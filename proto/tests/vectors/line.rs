//! One golden vector, and its line of text. Must never judge what the bytes mean.

use std::fmt::Write;

/// Bytes, and what a reader has to say about them (SPEC.md section 14).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Vector {
    /// Unique in all files.
    pub(crate) name: String,
    /// What the bytes are.
    pub(crate) reads: String,
    /// The largest body or content in force, else 0.
    pub(crate) limit: u32,
    /// What a reader says.
    pub(crate) verdict: String,
    /// The bytes.
    pub(crate) bytes: Vec<u8>,
    /// JSON, or a sentence that says what is wrong.
    pub(crate) meaning: String,
}

impl Vector {
    /// The line, without its end.
    pub(crate) fn to_line(&self) -> String {
        let Self { name, reads, limit, verdict, bytes, meaning } = self;
        format!("{name}\t{reads}\t{limit}\t{verdict}\t{}\t{meaning}", hex(bytes))
    }

    /// Reads a line; the error is the line itself.
    pub(crate) fn from_line(line: &str) -> Result<Self, String> {
        let columns: Vec<&str> = line.split('\t').collect();
        let [name, reads, limit, verdict, bytes, meaning] = columns[..] else {
            return Err(line.to_owned());
        };
        Ok(Self {
            name: name.to_owned(),
            reads: reads.to_owned(),
            limit: limit.parse().map_err(|_| line.to_owned())?,
            verdict: verdict.to_owned(),
            bytes: unhex(bytes).ok_or_else(|| line.to_owned())?,
            meaning: meaning.to_owned(),
        })
    }
}

/// Bytes in lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes every write");
        text
    })
}

/// The bytes of a text of hex.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}
