//! Every sentence of SPEC.md that binds has an id, and every id is tested by something that is
//! there. Must never be made to pass by a line that names what does not test the clause.

#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]
#![allow(clippy::print_stdout, reason = "what is not tested is told")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use packetboat_conformance::clauses::{Means, Row, ids, rows, unnumbered};
use packetboat_conformance::{client, server, vectors};

/// The clauses of which no test can tell whether they are kept, at least in part, and whether
/// anything tests the rest. One more is one promise less: it is to be thought about here.
const ADVICE: [(&str, bool); 4] = [("E-14", false), ("I-4", true), ("KY-8", false), ("V-8", false)];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn spec() -> String {
    fs::read_to_string(root().join("proto/SPEC.md")).unwrap()
}

fn table() -> Vec<Row> {
    rows().map(|row| row.expect("a line of clauses.tsv is id, means, by")).collect()
}

/// The check by its name, with the clauses that it names itself.
fn checks() -> BTreeMap<(Means, &'static str), &'static [&'static str]> {
    let servers = server::checks().into_iter().map(|c| ((Means::Server, c.name), c.ids));
    let clients = client::checks().into_iter().map(|c| ((Means::Client, c.name), c.ids));
    servers.chain(clients).collect()
}

#[test]
fn every_sentence_that_binds_has_an_id() {
    let spec = spec();
    assert!(ids(&spec).len() > 100, "the ids are where this test looks for them");
    assert_eq!(unnumbered(&spec), [""; 0]);
}

#[test]
fn every_clause_is_tested_and_no_other_is_named() {
    let (spec, table) = (spec(), table());
    let named: BTreeSet<&str> = table.iter().map(|row| row.id).collect();
    let clauses = ids(&spec);
    let untested: Vec<_> = clauses.difference(&named).collect();
    assert!(untested.is_empty(), "without a line in proto/clauses.tsv: {untested:?}");
    let unknown: Vec<_> = named.difference(&clauses).collect();
    assert!(unknown.is_empty(), "not in SPEC.md: {unknown:?}");
    let unique: BTreeSet<&Row> = table.iter().collect();
    assert_eq!(unique.len(), table.len(), "a line comes twice");
}

#[test]
fn every_check_is_in_the_table_with_its_clauses() {
    let in_table: BTreeSet<(Means, &str, &str)> = table()
        .iter()
        .filter(|row| matches!(row.means, Means::Server | Means::Client))
        .map(|row| (row.means, row.by, row.id))
        .collect();
    let checks = checks();
    let in_code: BTreeSet<(Means, &str, &str)> = checks
        .iter()
        .flat_map(|((means, name), ids)| ids.iter().map(|id| (*means, *name, *id)))
        .collect();
    let missing: Vec<_> = in_code.difference(&in_table).collect();
    assert!(missing.is_empty(), "not in proto/clauses.tsv: {missing:?}");
    let gone: Vec<_> = in_table.difference(&in_code).collect();
    assert!(gone.is_empty(), "in proto/clauses.tsv, and no such check: {gone:?}");
}

#[test]
fn what_is_only_advice_is_on_a_list_with_its_reason() {
    let table = table();
    let mut found = Vec::new();
    for row in table.iter().filter(|row| row.means == Means::Advice) {
        assert!(row.by.split(' ').count() > 5, "{}: why can no test tell? {:?}", row.id, row.by);
        let is_tested = table.iter().any(|r| r.id == row.id && r.means != Means::Advice);
        let how_much = if is_tested { "in part" } else { "not at all" };
        println!("{} is tested {how_much}: {}", row.id, row.by);
        found.push((row.id, is_tested));
    }
    found.sort_unstable();
    assert_eq!(found, ADVICE);
    for means in [Means::Server, Means::Client, Means::Vectors, Means::Test, Means::Advice] {
        let ids: BTreeSet<_> =
            table.iter().filter(|row| row.means == means).map(|row| row.id).collect();
        println!("{} clauses by {means:?}", ids.len());
    }
}

#[test]
fn the_vectors_that_are_named_are_there() {
    for row in table().iter().filter(|row| row.means == Means::Vectors) {
        let found = vectors::all().any(|vector| vector.name.starts_with(row.by));
        assert!(found, "{}: no vector begins with {}", row.id, row.by);
    }
}

#[test]
fn every_file_of_vectors_is_read() {
    let folder = root().join("proto/vectors");
    let known: BTreeSet<_> = vectors::all().map(|vector| vector.name).collect();
    let paths = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    for path in paths.filter(|path| path.extension().is_some_and(|end| end == "tsv")) {
        let text = fs::read_to_string(&path).unwrap();
        let first = text.lines().find(|line| !line.starts_with('#')).unwrap();
        let name = first.split('\t').next().unwrap();
        assert!(known.contains(name), "{} is not among the files", path.display());
    }
}

/// Whether a source has a test of that name: one of its own, one of proptest's, or a contract that
/// is run on each store.
fn has_test(text: &str, name: &str, contracts: &str) -> bool {
    let lines: Vec<&str> = text.lines().collect();
    let Some(at) = lines.iter().position(|line| line.contains(&format!("fn {name}("))) else {
        return false;
    };
    let before = &lines[at.saturating_sub(4)..at];
    let is_marked = before.iter().any(|line| {
        let line = line.trim();
        line.starts_with("#[test]") || line.starts_with("#[tokio::test")
    });
    let is_contract =
        contracts.lines().any(|line| line.trim().trim_end_matches([',', ';']) == name);
    is_marked || is_contract
}

#[test]
fn the_tests_that_are_named_are_there() {
    let contracts = fs::read_to_string(root().join("tests/store_contract/main.rs")).unwrap();
    for row in table().iter().filter(|row| row.means == Means::Test) {
        let (path, name) = row.by.split_once("::").expect("a test is path::name");
        let text = fs::read_to_string(root().join(path));
        let text = text.unwrap_or_else(|error| panic!("{}: {path}: {error}", row.id));
        assert!(has_test(&text, name, &contracts), "{}: {path} has no test {name}", row.id);
    }
}

#[test]
fn a_test_that_is_not_there_would_be_found() {
    let source = "#[test]\nfn it_is_so() {}\n\nfn it_is_not() {}\n";
    assert!(has_test(source, "it_is_so", ""));
    assert!(!has_test("\n\n\n\nfn it_is_not() {}\n", "it_is_not", ""));
    assert!(has_test("\n\n\n\nfn it_is_not() {}\n", "it_is_not", "  it_is_not,\n"));
    assert!(!has_test(source, "it_was_so", ""));
}
