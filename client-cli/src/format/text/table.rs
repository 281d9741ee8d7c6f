//! Tables for people, 80 columns wide. Must never cut a name that is needed to go on with: such a
//! one has a line of its own, if it is too long for its column.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Columns of a line.
const COLUMNS: usize = 80;
/// Columns that a tail has at least, however long what stands before it is.
const TAIL_COLUMNS_MIN: usize = 16;
/// What stands before a line that goes on with the one above.
const INDENT: &str = "    ";

/// A row: a name that is never cut, and the rest behind it.
pub(crate) fn row(name: &str, columns: usize, rest: &str) -> String {
    let (name, rest) = (pad(name, columns), rest.trim_end());
    let row = if name.width() > columns {
        format!("{name}\n{:columns$} {rest}", "")
    } else {
        format!("{name} {rest}")
    };
    row.trim_end().to_owned()
}

/// What has to be said in whole, and behind it as much of the tail as a line has room for.
pub(crate) fn line(head: &str, tail: &str) -> String {
    let room = COLUMNS.saturating_sub(head.width() + 1).max(TAIL_COLUMNS_MIN);
    format!("{head} {}", cut(tail, room)).trim_end().to_owned()
}

/// A line that goes on with the one above, as much of it as there is room for.
pub(crate) fn more(text: &str) -> String {
    format!("{INDENT}{}", cut(text, COLUMNS - INDENT.len()))
}

/// The text with spaces behind it, up to so many columns.
pub(crate) fn pad(text: &str, columns: usize) -> String {
    let spaces = columns.saturating_sub(text.width());
    format!("{text}{:spaces$}", "")
}

/// As much of the start of a cleaned text as fits, with an ellipsis if that is not all.
pub(crate) fn cut(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut kept = String::new();
    for grapheme in text.graphemes(true) {
        if kept.width() + grapheme.width() + 1 > columns {
            break;
        }
        kept.push_str(grapheme);
    }
    if columns > 0 {
        kept.push('…');
    }
    kept
}

/// Holds each line to the width.
#[cfg(test)]
pub(crate) fn fits(lines: &str) {
    for line in lines.lines() {
        assert!(line.width() <= COLUMNS, "{} columns: {line}", line.width());
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
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdefg", 6), "abcde…");
        assert_eq!(cut("漢字漢字", 6), "漢字…");
        assert_eq!(cut("abc", 0), "");
        let head = "h".repeat(100);
        assert_eq!(line(&head, "a short tail"), format!("{head} a short tail"));
        assert!(line(&head, &"t".repeat(50)).ends_with("t…"));
    }

    proptest! {
        #[test]
        fn whatever_is_said_fits(text in "\\PC{0,200}", columns in 0_usize..80) {
            prop_assert!(cut(&text, columns).width() <= columns);
            fits(&line("head", &text));
            fits(&more(&text));
        }
    }
}
