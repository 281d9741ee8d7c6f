//! A sheet of lines above all else: the help, a group's members. Must never keep what it shows up
//! to date: it is looked at and put away.

use crossterm::event::KeyCode;

/// Rows that a page key moves.
const PAGE: usize = 10;

/// Lines with a title.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Overlay {
    /// What they are about.
    pub(crate) title: String,
    /// They, cleaned.
    pub(crate) lines: Vec<String>,
    /// The first one that is shown.
    pub(crate) top: usize,
}

impl Overlay {
    /// Shows lines from the first one on.
    pub(crate) const fn new(title: String, lines: Vec<String>) -> Self {
        Self { title, lines, top: 0 }
    }

    /// A key moves the lines. Returns whether it puts them away.
    pub(crate) fn key(&mut self, key: KeyCode) -> bool {
        let last = self.lines.len().saturating_sub(1);
        self.top = match key {
            KeyCode::Up => self.top.saturating_sub(1),
            KeyCode::Down => (self.top + 1).min(last),
            KeyCode::PageUp => self.top.saturating_sub(PAGE),
            KeyCode::PageDown => (self.top + PAGE).min(last),
            _ => return true,
        };
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_moves_within_its_lines_until_it_is_put_away() {
        let mut overlay = Overlay::new("x".into(), vec![String::new(); 5]);
        assert!(!overlay.key(KeyCode::PageDown));
        assert_eq!(overlay.top, 4);
        assert!(!overlay.key(KeyCode::Up));
        assert_eq!(overlay.top, 3);
        assert!(overlay.key(KeyCode::Esc));
    }
}
