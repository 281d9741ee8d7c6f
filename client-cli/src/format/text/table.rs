//! Tables for people, 80 columns wide. Must never cut a name that is needed to go on with: such a
//! one has a line of its own, if it is too long for its column.

use crate::cells::{cut, width};

/// Columns of a line.
const COLUMNS: usize = 80;
/// Columns that a tail has at least, however long what stands before it is.
const TAIL_COLUMNS_MIN: usize = 16;
/// What stands before a line that goes on with the one above.
const INDENT: &str = "    ";

/// A row: a name that is never cut, and the rest behind it.
pub(crate) fn row(name: &str, columns: usize, rest: &str) -> String {
    let (name, rest) = (pad(name, columns), rest.trim_end());
    let row = if width(&name) > columns {
        format!("{name}\n{:columns$} {rest}", "")
    } else {
        format!("{name} {rest}")
    };
    row.trim_end().to_owned()
}

/// What has to be said in whole, and behind it as much of the tail as a line has room for.
pub(crate) fn line(head: &str, tail: &str) -> String {
    let room = COLUMNS.saturating_sub(width(head) + 1).max(TAIL_COLUMNS_MIN);
    format!("{head} {}", cut(tail, room)).trim_end().to_owned()
}

/// A line that goes on with the one above, as much of it as there is room for.
pub(crate) fn more(text: &str) -> String {
    format!("{INDENT}{}", cut(text, COLUMNS - INDENT.len()))
}

/// The text with spaces behind it, up to so many columns.
pub(crate) fn pad(text: &str, columns: usize) -> String {
    let spaces = columns.saturating_sub(width(text));
    format!("{text}{:spaces$}", "")
}

/// Holds each line to the width.
#[cfg(test)]
pub(crate) fn fits(lines: &str) {
    for line in lines.lines() {
        assert!(width(line) <= COLUMNS, "{} columns: {line}", width(line));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_that_is_too_long_has_a_line_of_its_own() {
        assert_eq!(row("bob", 5, "x y  "), "bob   x y");
        assert_eq!(row("bobby", 5, "x"), "bobby x");
        assert_eq!(row("bobbie", 5, "x"), "bobbie\n      x");
    }

    #[test]
    fn what_does_not_fit_is_cut_and_says_so() {
        let head = "h".repeat(100);
        assert_eq!(line(&head, "a short tail"), format!("{head} a short tail"));
        assert!(line(&head, &"t".repeat(50)).ends_with("t…"));
    }

    proptest! {
        #[test]
        fn whatever_is_said_fits(text in "\\PC{0,200}", columns in 0_usize..80) {
            prop_assert!(width(&cut(&text, columns)) <= columns);
            fits(&line("head", &text));
            fits(&more(&text));
        }
    }
}
