//! The golden vectors, both ways: what their bytes mean, and what bytes a meaning has; and that
//! SPEC.md says the same as the code. `PACKETBOAT_WRITE_VECTORS=1` writes the files anew.

mod line;
mod make;
mod meaning;
mod read;
mod spec;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::{env, fs};

use packetboat_proto::code::{CloseCode, RejectCode};
use packetboat_proto::packet::Kind;
use serde_json::Value;

use crate::line::Vector;
use crate::read::read;

/// The first line of every file.
const HEADER: &str = "# name\treads\tlimit\tverdict\thex\tmeaning";

/// The limits that no single frame, content or id can show, and one that is looked at apart.
const NOT_IN_A_FRAME: [&str; 24] = [
    "ONE_TIME_KEYS_MAX",
    "KEYS_WATCHED_MAX",
    "SCHEDULED_MAX",
    "SCHEDULED_BYTES_MAX",
    "SCHEDULED_AHEAD_MS_MAX",
    "FILE_REQUESTS_MAX",
    "PORT_PLAIN",
    "PORT_TLS",
    "BODY_OVERHEAD_BYTES",
    "WINDOW_DEFAULT",
    "WINDOW_HIGHEST",
    "SENDS_DEFAULT",
    "SENDS_HIGHEST",
    "HEARTBEAT_MS_DEFAULT",
    "HEARTBEAT_MS_LOWEST",
    "HEARTBEAT_MS_HIGHEST",
    "GROUP_MEMBERS_MAX",
    "EDITS_MAX",
    "ROOM_KEEP_DEFAULT",
    "ROOMS_PER_SESSION_MAX",
    "WATCHED_MAX",
    "PAGE_ITEMS_DEFAULT",
    "REQUESTS_MAX",
    "KIND_CRITICAL_HIGHEST",
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

fn file_text(vectors: &[Vector]) -> String {
    let lines = vectors.iter().map(Vector::to_line);
    std::iter::once(HEADER.to_owned()).chain(lines).map(|line| line + "\n").collect()
}

/// The checked-in vectors, of all files.
fn checked_in() -> Vec<Vector> {
    let mut vectors = Vec::new();
    for (file, _) in make::files() {
        let text = fs::read_to_string(folder().join(file)).expect("the file is checked in");
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        vectors.extend(lines.map(|line| Vector::from_line(line).expect("a line of six columns")));
    }
    vectors
}

#[test]
fn the_files_are_what_the_packets_make() {
    let write = env::var_os("PACKETBOAT_WRITE_VECTORS").is_some();
    for (file, vectors) in make::files() {
        let (path, text) = (folder().join(file), file_text(&vectors));
        if write {
            fs::write(&path, &text).expect("the folder of the vectors can be written to");
        }
        let found = fs::read_to_string(&path).expect("the file is checked in");
        for (at, (found, made)) in found.lines().zip(text.lines()).enumerate() {
            assert_eq!(found, made, "{file}, line {}", at + 1);
        }
        assert_eq!(found.len(), text.len(), "{file} has more or fewer lines");
    }
    let known: HashSet<String> = make::files().iter().map(|(file, _)| (*file).into()).collect();
    for file in fs::read_dir(folder()).expect("the folder is checked in") {
        let name = file.expect("it can be listed").file_name().into_string().expect("in UTF-8");
        assert!(known.contains(&name) || name == "README.md", "{name} is made by nobody");
    }
}

#[test]
fn every_vector_means_what_it_says() {
    for vector in checked_in() {
        let Vector { name, reads, limit, verdict, bytes, meaning } = &vector;
        let found = read(reads, *limit, bytes);
        let canonical = verdict == "canonical";
        let expected = if canonical || verdict == "ok" { "valid" } else { verdict };
        assert_eq!(found.verdict, expected, "{name}: {meaning}");
        assert!(!meaning.is_empty(), "{name} says nothing");
        if let Some(found) = found.meaning {
            let said: Value = serde_json::from_str(meaning).expect("the meaning is JSON");
            assert_eq!(found, said, "{name}");
        }
        if canonical {
            assert_eq!(line::hex(&found.again), line::hex(bytes), "{name} encoded again");
        }
    }
}

#[test]
fn every_cut_of_a_valid_frame_needs_more() {
    for vector in checked_in() {
        let whole = ["frame", "stream"].contains(&&*vector.reads);
        if !whole || vector.verdict != "canonical" || vector.bytes.len() > 300 {
            continue;
        }
        for cut in 0..vector.bytes.len() {
            let found = read(&vector.reads, vector.limit, &vector.bytes[..cut]).verdict;
            // A stream may be cut between two of its frames.
            let allowed = found == "more" || (found == "valid" && vector.reads == "stream");
            assert!(allowed, "{}, cut after {cut}: {found}", vector.name);
        }
    }
}

#[test]
fn there_are_enough_of_them_and_none_twice() {
    let vectors = checked_in();
    assert!(vectors.len() >= 150, "{} vectors", vectors.len());
    let mut names = HashSet::new();
    let mut bytes = HashMap::new();
    for vector in &vectors {
        assert!(names.insert(&vector.name), "two vectors are called {}", vector.name);
        let cuts = ["cut.", "limit.", "state."];
        if cuts.iter().any(|theme| vector.name.starts_with(theme)) {
            continue;
        }
        let key = (&vector.reads, vector.limit, &vector.bytes);
        let twin = bytes.insert(key, &vector.name);
        assert_eq!(twin, None, "{} has the same bytes", vector.name);
    }
}

#[test]
fn every_kind_is_there_right_and_wrong_and_in_every_state() {
    let vectors = checked_in();
    for kind in Kind::ALL {
        let of_kind = |vector: &&Vector| vector.bytes.get(4) == Some(&(*kind as u8));
        let frames = || vectors.iter().filter(|vector| vector.reads == "frame").filter(of_kind);
        assert!(frames().any(|vector| vector.verdict == "canonical"), "no {kind:?} is right");
        assert!(frames().any(|vector| vector.verdict == "close BAD_BODY"), "no {kind:?} is wrong");
        let states: BTreeSet<&str> = vectors
            .iter()
            .filter(|vector| vector.reads.contains('.'))
            .filter(of_kind)
            .map(|vector| &*vector.reads)
            .collect();
        assert_eq!(states.len(), 4, "{kind:?} is in {states:?} only");
    }
}

#[test]
fn every_code_that_reading_gives_is_there() {
    let vectors = checked_in();
    let is_there = |verdict: String| vectors.iter().any(|vector| vector.verdict == verdict);
    for code in [
        CloseCode::BadPreface,
        CloseCode::BadFrame,
        CloseCode::BadChecksum,
        CloseCode::FrameTooLarge,
        CloseCode::UnknownKind,
        CloseCode::BadBody,
        CloseCode::WrongState,
    ] {
        assert!(is_there(format!("close {}", code.name())), "{code:?}");
    }
    for code in
        [RejectCode::Invalid, RejectCode::Empty, RejectCode::TooLarge, RejectCode::Unsupported]
    {
        assert!(is_there(format!("reject {}", code.name())), "{code:?}");
    }
}

#[test]
fn every_limit_is_met_and_broken() {
    let vectors = checked_in();
    for (limit, _) in spec::limits() {
        let prefix = format!("limit.{}.", limit.to_lowercase());
        let refused = |end: &str| -> Vec<bool> {
            let of =
                |vector: &&Vector| vector.name.starts_with(&prefix) && vector.name.ends_with(end);
            let refuses = |vector: &Vector| {
                let word = vector.verdict.split(' ').next();
                matches!(word, Some("close" | "reject" | "bad"))
            };
            vectors.iter().filter(of).map(refuses).collect()
        };
        if NOT_IN_A_FRAME.contains(&limit) {
            continue;
        }
        let (at, over, under) = (refused(".at"), refused(".over"), refused(".under"));
        assert!(at.contains(&false), "nothing is at {limit}");
        let needs_more = ["HEAD_BYTES", "PREFACE_BYTES"].contains(&limit);
        assert!(needs_more || over.contains(&true), "nothing is over {limit}");
        assert!(!over.is_empty() || !under.is_empty(), "nothing is beside {limit}");
        assert!(over.iter().chain(&under).all(|refused| needs_more || *refused), "beyond {limit}");
    }
    let critical = |end: &str| {
        let name = format!("limit.kind_critical_highest.{end}");
        vectors.iter().find(|vector| vector.name == name).map(|vector| vector.verdict.clone())
    };
    assert_eq!(critical("at").as_deref(), Some("close UNKNOWN_KIND"));
    assert_eq!(critical("over").as_deref(), Some("skip"));
}
