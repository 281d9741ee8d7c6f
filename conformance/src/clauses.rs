//! Which clause of SPEC.md is tested where: `proto/clauses.tsv`, and what SPEC.md itself has. Must
//! never call a clause tested by what does not name it.

use std::collections::BTreeSet;

const TABLE: &str = include_str!("../../proto/clauses.tsv");

/// How a clause is tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Means {
    /// A check of a server.
    Server,
    /// A check of a client.
    Client,
    /// Golden vectors whose names begin so.
    Vectors,
    /// A test of this repository, `path::name`.
    Test,
    /// By nothing: why no test can tell whether it is kept.
    Advice,
}

/// A line of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    /// The clause.
    pub id: &'static str,
    /// How it is tested.
    pub means: Means,
    /// By what.
    pub by: &'static str,
}

/// Every line of the table; `None` for one that is none.
pub fn rows() -> impl Iterator<Item = Option<Row>> {
    TABLE.lines().filter(|line| !line.starts_with('#')).map(row)
}

fn row(line: &'static str) -> Option<Row> {
    let columns: Vec<&str> = line.split('\t').collect();
    let [id, means, by] = columns[..] else { return None };
    let means = match means {
        "server" => Means::Server,
        "client" => Means::Client,
        "vectors" => Means::Vectors,
        "test" => Means::Test,
        "advice" => Means::Advice,
        _ => return None,
    };
    Some(Row { id, means, by })
}

/// The ids that SPEC.md gives to its sentences.
pub fn ids(spec: &str) -> BTreeSet<&str> {
    spec.lines().filter_map(id_of).collect()
}

fn id_of(line: &str) -> Option<&str> {
    let (id, _) = line.strip_prefix("- [")?.split_once(']')?;
    let (letter, number) = id.split_once('-')?;
    let is_id = (1..=2).contains(&letter.len()) && number.parse::<u32>().is_ok();
    is_id.then_some(id)
}

/// Sentences of SPEC.md that bind and have no id: those with MUST, SHOULD or MAY outside of the
/// points that have one, but for the sentence that says what the words mean.
pub fn unnumbered(spec: &str) -> Vec<&str> {
    let mut is_numbered = false;
    let mut found = Vec::new();
    for line in spec.lines() {
        // A point goes on in lines that are indented.
        if !line.starts_with("  ") {
            is_numbered = id_of(line).is_some();
        }
        let binds = ["MUST", "SHOULD", "MAY"]
            .iter()
            .any(|word| line.split(|c: char| !c.is_alphanumeric()).any(|found| found == *word));
        if binds && !is_numbered && !line.contains("RFC 2119") {
            found.push(line);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: &str = "\
MUST and MAY are meant as in RFC 2119.
- [A-1] A frame MUST have a head,
  and MUST have a body.
- [A-2] It ends.

This MUST be numbered.
| a row that | MAY | be missed |
  - [A-3] An inner point is none, and SHOULD not be.
MUSTARD binds nobody.
";

    #[test]
    fn a_sentence_that_binds_needs_an_id() {
        assert_eq!(ids(SPEC), BTreeSet::from(["A-1", "A-2"]));
        let found = unnumbered(SPEC);
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found[0].starts_with("This MUST") && found[1].contains("MAY"));
    }

    #[test]
    fn a_row_has_three_columns_of_known_kinds() {
        let read = row("F-3\tserver\tframes.flags").unwrap();
        assert_eq!((read.id, read.means, read.by), ("F-3", Means::Server, "frames.flags"));
        assert_eq!(row("F-3\tadvice\twhy").unwrap().means, Means::Advice);
        assert_eq!(row("F-3\tserver"), None);
        assert_eq!(row("F-3\thope\tframes.flags"), None);
    }
}
