//! Writes inputs to begin with into `FOLDER/<target>/`: the protocol's vectors in the form that
//! each body reads, and some of a seed for those that read choices. What a fuzzer makes of them,
//! once minimised, is the committed corpus. Must never write into the corpus itself.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use packetboat::config::print;
use packetboat_fuzz::mutation::Dice;
use packetboat_fuzz::targets::TARGETS;
use packetboat_proto::limits::HEAD_BYTES;
use packetboat_proto::packet::Kind;

/// Longer vectors are about lengths alone, which the bodies look for themselves.
const VECTOR_BYTES_MAX: usize = 1_000;
/// Inputs of a seed, for each target.
const MADE: u64 = 24;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).ok_or("usage: seeds FOLDER")?;
    let mut seeds = Seeds { folder: PathBuf::from(folder), written: 0 };
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto/vectors");
    for file in ["frames", "packets", "bodies", "contents", "limits", "states", "ids"] {
        for line in fs::read_to_string(vectors.join(file).with_extension("tsv"))?.lines() {
            let columns: Vec<&str> = line.split('\t').collect();
            if let [_, reads, _, _, hex, ..] = columns[..]
                && !line.starts_with('#')
                && hex.len() <= 2 * VECTOR_BYTES_MAX
            {
                seeds.vector(reads, &unhex(hex)?)?;
            }
        }
    }
    for line in print::defaults().lines().filter(|line| line.starts_with('[')) {
        let section = print::defaults();
        let of = section.split(line).nth(1).and_then(|rest| rest.split("\n[").next());
        let text = of.unwrap_or_default().replace("\n#", "\n");
        seeds.write("config", &[&[0, 0], line.as_bytes(), text.as_bytes()].concat())?;
    }
    let escaped = "store.data = \"a\\\\b\\\"c\\u0001d\"\nauth.token_audience = \"h\\u007f\"\n";
    seeds.write("config", &[&[0, 0], escaped.as_bytes()].concat())?;
    for target in TARGETS {
        for seed in 0..MADE {
            let bytes_max = target.bytes_max >> (seed % 4);
            seeds.write(target.name, &Dice::new(seed).input(&[], bytes_max))?;
        }
    }
    Ok(())
}

fn unhex(text: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| Ok(u8::from_str_radix(std::str::from_utf8(pair)?, 16)?)).collect()
}

struct Seeds {
    folder: PathBuf,
    written: usize,
}

impl Seeds {
    fn write(&mut self, target: &str, input: &[u8]) -> Result<(), Box<dyn Error>> {
        let folder = self.folder.join(target);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(format!("{:04}", self.written)), input)?;
        self.written += 1;
        Ok(())
    }

    /// A vector, to each body that can read it.
    fn vector(&mut self, reads: &str, bytes: &[u8]) -> Result<(), Box<dyn Error>> {
        match reads {
            "stream" => self.write("frames", &[&[1, 4, 5, 1, 0], bytes].concat()),
            "content" => {
                self.write("packets", &[&[0], bytes].concat())?;
                self.write("store_codecs", bytes)
            }
            _ if bytes.len() >= HEAD_BYTES => {
                self.write("frames", &[&[0, 5, 5, 0, 0], bytes].concat())?;
                let kind = Kind::ALL.iter().position(|kind| *kind as u8 == bytes[4]);
                let kind = u8::try_from(kind.unwrap_or(Kind::ALL.len()))?;
                let body = [&[kind], &bytes[HEAD_BYTES..]].concat();
                self.write("packets", &body)?;
                self.write("round_trip", &body)
            }
            _ => self.write("store_codecs", bytes),
        }
    }
}
