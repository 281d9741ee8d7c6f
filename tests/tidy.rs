//! Keeps the house in order: floors without a circle, files of one noun, openings that say what a
//! file is. Must never be loosened to let something in: move the thing instead.

#![allow(clippy::unwrap_used, reason = "a test crate has no outside")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Lines of a file at most, its tests included.
const FILE_LINES_MAX: usize = 500;
/// Characters of a line at most.
const LINE_CHARS_MAX: usize = 100;
/// Names that say nothing.
const BANNED: [&str; 7] = ["manager", "helper", "util", "utils", "common", "misc", "impls"];
/// The sources of each package, and the name by which others import it.
const PACKAGES: [(&str, &str); 9] = [
    ("proto/src", "packetboat_proto"),
    ("src", "packetboat"),
    ("client/src", "packetboat_client"),
    ("client-cli/src", "packetboat_cli"),
    ("benches/load/src", "packetboat_load"),
    ("benches/stages/src", "packetboat_stages"),
    ("proof/src", "packetboat_proof"),
    ("conformance/src", "packetboat_conformance"),
    ("fuzz/src", "packetboat_fuzz"),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() && name != "target" && name != ".git" {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

fn all_files() -> Vec<PathBuf> {
    let mut found = Vec::new();
    rust_files(root(), &mut found);
    assert!(found.len() > 50, "the sources are where this test looks for them");
    found
}

#[test]
fn every_file_says_what_it_is() {
    for path in all_files() {
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("//!"), "{} opens with `//!`", path.display());
    }
}

#[test]
fn files_and_lines_are_short() {
    let mut long = Vec::new();
    for path in all_files() {
        let text = fs::read_to_string(&path).unwrap();
        let lines = text.lines().count();
        if lines > FILE_LINES_MAX {
            long.push(format!("{} has {lines} lines", path.display()));
        }
        for (number, line) in text.lines().enumerate() {
            let chars = line.chars().count();
            if chars > LINE_CHARS_MAX {
                long.push(format!("{}:{} has {chars} characters", path.display(), number + 1));
            }
        }
    }
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn names_say_something() {
    for path in all_files() {
        let stem = path.file_stem().unwrap().to_str().unwrap();
        assert_ne!(stem, "mod", "{}: a module stands beside its folder", path.display());
        let banned = stem.split('_').find(|word| BANNED.contains(word));
        assert_eq!(banned, None, "{}", path.display());
    }
}

/// The module of a file, such as `store::ledger`; empty for the root.
fn module_of(path: &Path, source: &Path) -> String {
    let inner = path.strip_prefix(source).unwrap().with_extension("");
    let parts: Vec<&str> = inner.iter().map(|part| part.to_str().unwrap()).collect();
    match parts[..] {
        ["lib" | "main"] => String::new(),
        _ => parts.join("::"),
    }
}

/// The modules of its own package that a file imports: `use` lines of `crate`, `super` and `self`.
fn imports(text: &str, module: &str, modules: &BTreeSet<String>) -> BTreeSet<String> {
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or(text);
    let parent = module.rsplit_once("::").map_or("", |(parent, _)| parent);
    let mut found = BTreeSet::new();
    for statement in code.split("use ").skip(1) {
        let path: String = statement.chars().take_while(|c| *c != ';').collect();
        let path: String = path.split_whitespace().collect();
        let absolute = if let Some(rest) = path.strip_prefix("crate::") {
            rest.to_owned()
        } else if let Some(rest) = path.strip_prefix("super::") {
            format!("{parent}::{rest}").trim_start_matches("::").to_owned()
        } else if let Some(rest) = path.strip_prefix("self::") {
            format!("{module}::{rest}").trim_start_matches("::").to_owned()
        } else {
            continue;
        };
        found.extend(named(&absolute).into_iter().filter_map(|path| longest(&path, modules)));
    }
    found.remove(module);
    found
}

/// The paths that a `use` names, its braces unfolded one level.
fn named(path: &str) -> Vec<String> {
    match path.split_once("::{") {
        Some((head, tail)) => {
            let items = tail.trim_end_matches('}').split(',');
            items.map(|item| format!("{head}::{item}")).collect()
        }
        None => vec![path.to_owned()],
    }
}

/// The deepest module that a path leads into.
fn longest(path: &str, modules: &BTreeSet<String>) -> Option<String> {
    let parts: Vec<&str> = path.split("::").collect();
    let candidates = (1..=parts.len()).rev().map(|count| parts[..count].join("::"));
    candidates.into_iter().find(|candidate| modules.contains(candidate))
}

/// A circle among the imports, if there is one.
fn circle(graph: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    fn visit(
        module: &str,
        graph: &BTreeMap<String, BTreeSet<String>>,
        path: &mut Vec<String>,
        done: &mut BTreeSet<String>,
    ) -> Option<Vec<String>> {
        if let Some(start) = path.iter().position(|seen| seen == module) {
            return Some(path[start..].to_vec());
        }
        if !done.insert(module.to_owned()) {
            return None;
        }
        path.push(module.to_owned());
        let found = graph[module].iter().find_map(|next| visit(next, graph, path, done));
        path.pop();
        found
    }
    let mut done = BTreeSet::new();
    graph.keys().find_map(|module| visit(module, graph, &mut Vec::new(), &mut done))
}

#[test]
fn imports_go_down_and_never_in_a_circle() {
    for (folder, package) in PACKAGES {
        let source = root().join(folder);
        let mut files = Vec::new();
        rust_files(&source, &mut files);
        files.retain(|path| path.file_stem().is_some_and(|stem| stem != "tests"));
        let modules: BTreeSet<String> =
            files.iter().map(|path| module_of(path, &source)).filter(|m| !m.is_empty()).collect();
        let mut graph = BTreeMap::new();
        for path in &files {
            let module = module_of(path, &source);
            if !module.is_empty() {
                let text = fs::read_to_string(path).unwrap();
                graph.insert(module.clone(), imports(&text, &module, &modules));
            }
        }
        assert_eq!(circle(&graph), None, "a circle of imports in {package}");
    }
}

#[test]
fn a_circle_would_be_found() {
    let edge = |to: &[&str]| to.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
    let mut graph = BTreeMap::new();
    graph.insert("a".to_owned(), edge(&["b"]));
    graph.insert("b".to_owned(), edge(&["c"]));
    graph.insert("c".to_owned(), edge(&["a"]));
    assert_eq!(circle(&graph), Some(vec!["a".to_owned(), "b".to_owned(), "c".to_owned()]));
    let modules = ["store", "store::key", "hub"].map(ToString::to_string).into();
    let text = "use super::key::Key;\nuse crate::{hub, store::key};\nuse std::fmt;\n";
    let found = imports(text, "store::ledger", &modules);
    assert_eq!(found, edge(&["store::key"]));
    let braces = imports("use crate::hub::{Hub,\n  HubOutlet};", "store", &modules);
    assert_eq!(braces, edge(&["hub"]));
}
