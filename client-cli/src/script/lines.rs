//! Lines from stdin. Must never hold more than a few of them, nor one longer than could be sent.

use std::io::{self, BufRead, ErrorKind, Read};

use packetboat_client::proto::limits::BODY_BYTES_HIGHEST;
use tokio::sync::mpsc;

/// Lines that may wait.
const LINES_MAX: usize = 64;
/// Bytes of a line; no server takes more.
const LINE_BYTES_MAX: u64 = BODY_BYTES_HIGHEST as u64;

/// A line with its number, from 1 on.
pub(crate) type Line = (u64, String);

/// Reads stdin in a thread of its own, which cannot be stopped while it waits for input.
pub(crate) fn stdin() -> io::Result<mpsc::Receiver<io::Result<Line>>> {
    let (lines, received) = mpsc::channel(LINES_MAX);
    std::thread::Builder::new().name("stdin".to_owned()).spawn(move || {
        let mut input = io::stdin().lock();
        for number in 1.. {
            let line = next(&mut input, number).transpose();
            let Some(line) = line else { return };
            let failed = line.is_err();
            if lines.blocking_send(line).is_err() || failed {
                return;
            }
        }
    })?;
    Ok(received)
}

/// The next line without its end; `None` at the end of the input.
fn next(input: &mut impl BufRead, number: u64) -> io::Result<Option<Line>> {
    let wrong =
        |what: &str| io::Error::new(ErrorKind::InvalidData, format!("line {number} {what}"));
    let mut bytes = Vec::new();
    if input.take(LINE_BYTES_MAX + 1).read_until(b'\n', &mut bytes)? == 0 {
        return Ok(None);
    }
    if bytes.len() as u64 > LINE_BYTES_MAX {
        return Err(wrong("is too long"));
    }
    let line = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    match std::str::from_utf8(line) {
        Ok(line) => Ok(Some((number, line.to_owned()))),
        Err(_) => Err(wrong("is not UTF-8")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_numbered_and_lose_their_ends() {
        let mut input = &b"one\r\n\nlast"[..];
        assert_eq!(next(&mut input, 1).unwrap(), Some((1, "one".into())));
        assert_eq!(next(&mut input, 2).unwrap(), Some((2, String::new())));
        assert_eq!(next(&mut input, 3).unwrap(), Some((3, "last".into())));
        assert_eq!(next(&mut input, 4).unwrap(), None);
    }

    #[test]
    fn a_line_that_cannot_be_sent_is_named() {
        let mut input = &b"\xff\n"[..];
        assert_eq!(next(&mut input, 7).unwrap_err().to_string(), "line 7 is not UTF-8");
        let long = vec![b'x'; 1 << 20];
        let error = next(&mut long.as_slice(), 8).unwrap_err();
        assert_eq!(error.to_string(), "line 8 is too long");
    }
}
