//! A sheet of lines above all else: the help, a group's members. Must never keep what it shows up
//! to date: it is looked at and put away.

use crossterm::event::KeyCode;

use crate::cells::{width, wrap};

/// The widest that a sheet gets, its border included.
const COLUMNS_MAX: u16 = 100;
/// Columns and rows that the border takes.
pub(crate) const BORDER: u16 = 2;
/// How far a line is indented where it goes on, unless it has columns of its own.
const INDENT: usize = 4;

/// Lines with a title.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Overlay {
    /// What they are about.
    pub(crate) title: String,
    /// They, cleaned.
    lines: Vec<String>,
    /// The first row that is shown.
    top: usize,
}

/// What of a sheet is to be seen at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sight {
    /// Columns and rows of the sheet, its border included.
    pub(crate) size: (u16, u16),
    /// What is shown.
    pub(crate) rows: Vec<String>,
    /// How to see the rest, if there is any.
    pub(crate) more: Option<String>,
}

impl Overlay {
    /// Shows lines from the first one on.
    pub(crate) fn new(title: String, lines: &[String]) -> Self {
        let lines = lines.iter().flat_map(|line| line.split('\n')).map(str::to_owned).collect();
        Self { title, lines, top: 0 }
    }

    /// A key moves the lines where there are so many columns and rows. Returns whether it puts
    /// them away.
    pub(crate) fn key(&mut self, key: KeyCode, space: (u16, u16)) -> bool {
        let page = inner_rows(space);
        let last = self.rows(space).len().saturating_sub(page);
        let step = page.saturating_sub(1).max(1);
        let top = self.top.min(last);
        self.top = match key {
            KeyCode::Up => top.saturating_sub(1),
            KeyCode::Down => (top + 1).min(last),
            KeyCode::PageUp => top.saturating_sub(step),
            KeyCode::PageDown => (top + step).min(last),
            KeyCode::Home => 0,
            KeyCode::End => last,
            _ => return true,
        };
        false
    }

    /// What is seen of it where there are so many columns and rows.
    pub(crate) fn sight(&self, space: (u16, u16)) -> Sight {
        let (rows, page) = (self.rows(space), inner_rows(space));
        let top = self.top.min(rows.len().saturating_sub(page));
        let end = rows.len().min(top + page);
        let whole = u16::try_from(rows.len()).unwrap_or(u16::MAX).saturating_add(BORDER);
        let size = (space.0.min(COLUMNS_MAX), space.1.min(whole));
        let keys = match (top > 0, end < rows.len()) {
            (false, false) => None,
            (false, true) => Some("PgDn: more"),
            (true, false) => Some("PgUp: what was before"),
            (true, true) => Some("PgDn: more, PgUp: what was before"),
        };
        let more = keys.map(|keys| format!(" {} to {end} of {}; {keys} ", top + 1, rows.len()));
        Sight { size, rows: rows[top..end].to_vec(), more }
    }

    fn rows(&self, space: (u16, u16)) -> Vec<String> {
        let columns = usize::from(space.0.min(COLUMNS_MAX).saturating_sub(BORDER)).max(1);
        self.lines.iter().flat_map(|line| hang(line, columns)).collect()
    }
}

fn inner_rows(space: (u16, u16)) -> usize {
    usize::from(space.1.saturating_sub(BORDER)).max(1)
}

/// A line in rows of at most so many cells, those after the first indented.
fn hang(line: &str, columns: usize) -> Vec<String> {
    let mut rows = wrap(line, columns);
    if rows.len() < 2 {
        return rows;
    }
    rows.truncate(1);
    let indent = indent(line, columns);
    let rest = line[rows[0].len()..].trim_start_matches(' ');
    let space = " ".repeat(indent);
    rows.extend(wrap(rest, columns - indent).iter().map(|row| format!("{space}{row}")));
    rows
}

/// Where a line goes on: under its second column if it has columns, otherwise a little to the
/// right. What has no space in it is one word, which may be copied, and is not torn.
fn indent(line: &str, columns: usize) -> usize {
    if !line.contains(' ') {
        return 0;
    }
    let words = line.trim_start_matches(' ');
    let start = line.len() - words.len();
    let gap = words.find("  ").map(|at| start + at);
    let column = gap.map(|at| {
        let second = line[at..].trim_start_matches(' ');
        width(&line[..line.len() - second.len()])
    });
    column.unwrap_or(start + INDENT).min(columns / 2)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn overlay(lines: &[&str]) -> Overlay {
        let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
        Overlay::new("x".into(), &lines)
    }

    #[test]
    fn it_moves_within_its_lines_until_it_is_put_away() {
        let mut overlay = overlay(&["1", "2", "3", "4", "5", "6"]);
        let space = (20, 5);
        let seen = |overlay: &Overlay| overlay.sight(space).rows.join("");
        let more = |overlay: &Overlay| overlay.sight(space).more.unwrap();
        assert_eq!(
            (seen(&overlay), more(&overlay)),
            ("123".into(), " 1 to 3 of 6; PgDn: more ".into())
        );
        assert!(!overlay.key(KeyCode::PageDown, space));
        assert_eq!(seen(&overlay), "345");
        for _ in 0..3 {
            assert!(!overlay.key(KeyCode::PageDown, space));
            assert_eq!(seen(&overlay), "456");
        }
        assert!(more(&overlay).ends_with("PgUp: what was before "));
        assert!(!overlay.key(KeyCode::Up, space));
        assert_eq!(seen(&overlay), "345");
        assert_eq!(overlay.sight((20, 8)).rows.len(), 6);
        assert_eq!(overlay.sight((20, 8)).more, None);
        assert!(overlay.key(KeyCode::Esc, space));
    }

    #[test]
    fn a_long_line_goes_on_below_where_it_began() {
        let rows = |line: &str| overlay(&[line]).sight((22, 9)).rows;
        assert_eq!(rows("/a  one two three four"), ["/a  one two three", "    four"]);
        assert_eq!(rows("one two three four five"), ["one two three four", "    five"]);
        assert_eq!(rows("  one two three four five"), ["  one two three four", "      five"]);
        assert_eq!(rows(&"x".repeat(25)), ["x".repeat(20), "x".repeat(5)]);
        assert_eq!(rows("one\ntwo"), ["one", "two"]);
    }

    proptest! {
        #[test]
        fn it_fits_in_whatever_space_there_is_and_leaves_out_no_word(
            line in "[a-zé漢 ]{0,200}", columns in 6_u16..120, rows in 1_u16..30,
        ) {
            let mut overlay = overlay(&[&line]);
            overlay.key(KeyCode::End, (columns, rows));
            let sight = overlay.sight((columns, rows));
            prop_assert!(sight.size.0 <= columns && sight.size.1 <= rows);
            let all = overlay.rows((columns, rows));
            prop_assert!(all.iter().all(|row| width(row) <= usize::from(columns - BORDER)));
            let letters = |text: &str| text.replace(' ', "");
            prop_assert_eq!(letters(&all.concat()), letters(&line));
        }
    }
}
