//! The golden vectors (SPEC.md section 14), as they were when this was built. Must never hold more
//! than is in `proto/vectors`.

use packetboat_proto::code::CloseCode;

const FILES: [&str; 16] = [
    include_str!("../../proto/vectors/packets.tsv"),
    include_str!("../../proto/vectors/bodies.tsv"),
    include_str!("../../proto/vectors/frames.tsv"),
    include_str!("../../proto/vectors/limits.tsv"),
    include_str!("../../proto/vectors/contents.tsv"),
    include_str!("../../proto/vectors/ids.tsv"),
    include_str!("../../proto/vectors/joining.tsv"),
    include_str!("../../proto/vectors/keys.tsv"),
    include_str!("../../proto/vectors/receipts.tsv"),
    include_str!("../../proto/vectors/files.tsv"),
    include_str!("../../proto/vectors/contacts.tsv"),
    include_str!("../../proto/vectors/devices.tsv"),
    include_str!("../../proto/vectors/own.tsv"),
    include_str!("../../proto/vectors/schedule.tsv"),
    include_str!("../../proto/vectors/search.tsv"),
    include_str!("../../proto/vectors/states.tsv"),
];

/// One line of a file.
#[derive(Clone, Debug)]
pub struct Vector {
    /// Unique in all files.
    pub name: &'static str,
    /// What the bytes are.
    pub reads: &'static str,
    /// The largest body or content in force.
    pub limit: u32,
    /// What a reader says.
    pub verdict: &'static str,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl Vector {
    /// The code that its receiver closes with.
    pub fn close_code(&self) -> Option<CloseCode> {
        let name = self.verdict.strip_prefix("close ")?;
        CloseCode::ALL.iter().copied().find(|code| code.name() == name)
    }
}

/// All of them.
pub fn all() -> impl Iterator<Item = Vector> {
    let lines = FILES.iter().flat_map(|text| text.lines());
    lines.filter(|line| !line.starts_with('#')).map(read)
}

fn read(line: &'static str) -> Vector {
    let mut columns = line.split('\t');
    let mut next = || columns.next().expect("a vector has six columns");
    Vector {
        name: next(),
        reads: next(),
        limit: next().parse().expect("the third column is a number"),
        verdict: next(),
        bytes: unhex(next()),
    }
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|digit| digit.to_digit(16)).collect();
    let byte = |pair: &[u32]| u8::try_from(pair[0] * 16 + pair[1]).expect("two digits are a byte");
    digits.chunks_exact(2).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_read() {
        let all: Vec<Vector> = all().collect();
        assert!(all.len() > 400, "{}", all.len());
        let hello = all.iter().find(|v| v.name == "state.server.open.hello").unwrap();
        assert_eq!((hello.reads, hello.limit), ("server.open", 65_536));
        assert_eq!(hello.close_code(), Some(CloseCode::WrongState));
        assert_eq!(&hello.bytes[..5], [0, 0, 0, 12, 1]);
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../proto/vectors");
        let names = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name());
        let there = names.filter(|name| name.to_string_lossy().ends_with(".tsv")).count();
        assert_eq!(FILES.len(), there, "a file of vectors is left out");
    }
}
