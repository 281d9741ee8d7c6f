//! Files in words. Must never show a name that is not cleaned.

use std::path::Path;

use packetboat_client::{FileSent, FileState, FilesPage};

use super::table::line;
use crate::clean;

/// Bytes for people.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if count < 1024 {
        return format!("{count} bytes");
    }
    let (mut tenths, mut unit) = (count.saturating_mul(10) / 1024, 0);
    while tenths >= 10 * 1024 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

/// What an entry says of a file, in lines.
pub(crate) fn sent(sent: &FileSent) -> Vec<String> {
    let (name, media_type) = (clean::line(&sent.name), clean::line(&sent.media_type));
    let mut lines = vec![format!("[file “{name}”, {media_type}, {}]", bytes(sent.size))];
    if !sent.caption.is_empty() {
        lines.extend(clean::lines(&sent.caption));
    }
    lines
}

/// A file that was saved.
pub(crate) fn saved(sent: &FileSent, path: &Path) -> String {
    let path = clean::line(&path.display().to_string());
    format!("saved {path} ({})", bytes(sent.size))
}

/// A small picture that was saved.
pub(crate) fn thumbnail(size: usize, path: &Path) -> String {
    let path = clean::line(&path.display().to_string());
    format!("saved {path} ({})", bytes(size as u64))
}

/// A file of the user's own, or of a message.
pub(crate) fn file(state: &FileState) -> String {
    let media_type = match state.thumbnail_bytes {
        0 => clean::line(&state.media_type),
        _ => format!("{}, with a small picture", clean::line(&state.media_type)),
    };
    let size = bytes(state.size);
    if state.complete {
        line(&format!("{}  {size} ", state.file), &media_type)
    } else {
        line(&format!("{}  {} of {size} ", state.file, bytes(state.have)), &media_type)
    }
}

/// What all of the user's files count for.
pub(crate) fn quota(page: &FilesPage) -> String {
    format!("{} of {} used", bytes(page.used), bytes(page.quota))
}

#[cfg(test)]
mod tests {
    use packetboat_client::Client;

    use super::super::table::fits;
    use super::*;

    #[test]
    fn a_file_is_a_line_that_fits_whatever_its_media_type() {
        let mut state = FileState {
            file: Client::new_file_id(),
            size: 1 << 50,
            have: 1023,
            complete: false,
            media_type: "x/".repeat(64),
            sha256: [0; 32],
            thumbnail_bytes: 0,
        };
        fits(&file(&state));
        assert!(file(&state).contains("1023 bytes of 1.0 PiB  x/x"), "{}", file(&state));
        (state.complete, state.media_type, state.size) = (true, "image/png".into(), 1024);
        state.thumbnail_bytes = 300;
        assert!(file(&state).ends_with("1.0 KiB  image/png, with a small picture"));
    }

    #[test]
    fn bytes_are_told_in_the_unit_that_fits() {
        let told = [0, 1023, 1024, 1536, 1024 * 1024, 100 << 20, u64::MAX].map(bytes);
        let wanted =
            ["0 bytes", "1023 bytes", "1.0 KiB", "1.5 KiB", "1.0 MiB", "100.0 MiB", "1638.3 PiB"];
        assert_eq!(told, wanted);
    }
}
