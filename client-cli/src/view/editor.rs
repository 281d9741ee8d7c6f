//! The line that is being written. Must never put its cursor inside of a grapheme's bytes, nor
//! grow without bound.

use unicode_segmentation::UnicodeSegmentation;

use crate::cells;
use crate::clean;

/// Bytes of a message that is being written.
const TEXT_BYTES_MAX: usize = 32 * 1024;

/// A text with a cursor in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Editor {
    text: String,
    /// A byte offset, at a character's start.
    cursor: usize,
}

impl Editor {
    /// A text with the cursor behind it.
    pub(crate) fn new(text: String) -> Self {
        Self { cursor: text.len(), text }
    }

    /// The text.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// What of it stands before the cursor.
    pub(crate) fn before(&self) -> &str {
        &self.text[..self.cursor]
    }

    /// Puts another text in the place of what stands between this byte and the cursor; one space
    /// that it ends with may be there already.
    pub(crate) fn replace_before(&mut self, start: usize, text: &str) {
        let there = text.ends_with(' ') && self.text[self.cursor..].starts_with(' ');
        self.delete_back_to(self.text.floor_char_boundary(start.min(self.cursor)));
        self.insert(if there { text.trim_end_matches(' ') } else { text });
        self.cursor += usize::from(there);
    }

    /// Takes the text away.
    pub(crate) fn take(&mut self) -> String {
        std::mem::take(self).text
    }

    /// Puts a text in at the cursor, or as much of it as there is room for.
    pub(crate) fn insert(&mut self, text: &str) {
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let room = TEXT_BYTES_MAX.saturating_sub(self.text.len());
        let text = &text[..text.floor_char_boundary(room)];
        self.text.insert_str(self.cursor, text);
        self.cursor += text.len();
    }

    /// One grapheme to the left.
    pub(crate) fn left(&mut self) {
        self.cursor = self.previous();
    }

    /// One grapheme to the right.
    pub(crate) fn right(&mut self) {
        self.cursor = self.next();
    }

    /// One word to the left.
    pub(crate) fn word_left(&mut self) {
        self.cursor = self.word_start();
    }

    /// One word to the right.
    pub(crate) fn word_right(&mut self) {
        let rest = &self.text[self.cursor..];
        let words = rest.trim_start();
        let end = words.find(char::is_whitespace).unwrap_or(words.len());
        self.cursor += rest.len() - words.len() + end;
    }

    /// To the start.
    pub(crate) const fn home(&mut self) {
        self.cursor = 0;
    }

    /// To the end.
    pub(crate) const fn end(&mut self) {
        self.cursor = self.text.len();
    }

    /// Deletes the grapheme before the cursor.
    pub(crate) fn backspace(&mut self) {
        self.delete_back_to(self.previous());
    }

    /// Deletes the grapheme at the cursor.
    pub(crate) fn delete(&mut self) {
        self.text.replace_range(self.cursor..self.next(), "");
    }

    /// Deletes the word before the cursor.
    pub(crate) fn delete_word(&mut self) {
        self.delete_back_to(self.word_start());
    }

    /// Deletes all before the cursor.
    pub(crate) fn delete_to_start(&mut self) {
        self.delete_back_to(0);
    }

    /// Deletes all from the cursor on.
    pub(crate) fn delete_to_end(&mut self) {
        self.text.truncate(self.cursor);
    }

    /// What of it is shown in `max` cells, and in which of them the cursor is.
    pub(crate) fn visible(&self, max: usize) -> (String, usize) {
        // The last cell is the cursor's when it stands behind the text.
        let room = max.saturating_sub(1);
        let (before, after) = self.text.split_at(self.cursor);
        let (before, after) = (clean::line(before), clean::line(after));
        let before = cells::tail(&before, room);
        let cursor = cells::width(before);
        (format!("{before}{}", cells::head(&after, max.saturating_sub(cursor))), cursor)
    }

    fn delete_back_to(&mut self, start: usize) {
        self.text.replace_range(start..self.cursor, "");
        self.cursor = start;
    }

    fn previous(&self) -> usize {
        let before = self.text[..self.cursor].grapheme_indices(true).next_back();
        before.map_or(0, |(at, _)| at)
    }

    fn next(&self) -> usize {
        let grapheme = self.text[self.cursor..].graphemes(true).next();
        self.cursor + grapheme.map_or(0, str::len)
    }

    fn word_start(&self) -> usize {
        let words = self.text[..self.cursor].trim_end();
        let start = words.rfind(char::is_whitespace);
        start.map_or(0, |at| at + words[at..].chars().next().map_or(0, char::len_utf8))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn editor(before: &str, after: &str) -> Editor {
        Editor { text: format!("{before}{after}"), cursor: before.len() }
    }

    #[test]
    fn graphemes_are_deleted_whole() {
        let mut line = editor("a👩🏽‍🚀", "né");
        line.backspace();
        assert_eq!(line, editor("a", "né"));
        line.right();
        line.delete();
        assert_eq!(line, editor("an", ""));
        line.delete();
        line.backspace();
        line.backspace();
        line.backspace();
        assert_eq!(line, Editor::default());
    }

    #[test]
    fn words_and_lines_are_deleted_whole() {
        let mut line = editor("one two  ", "three");
        line.delete_word();
        assert_eq!(line, editor("one ", "three"));
        line.word_right();
        assert_eq!(line, editor("one three", ""));
        line.word_left();
        line.delete_to_end();
        assert_eq!(line, editor("one ", ""));
        line.delete_to_start();
        assert_eq!(line, Editor::default());
    }

    #[test]
    fn the_cursor_is_always_to_be_seen() {
        assert_eq!(editor("hello", "").visible(10), ("hello".into(), 5));
        assert_eq!(editor("hello world", "").visible(6), ("world".into(), 5));
        assert_eq!(editor("he", "llo").visible(4), ("hell".into(), 2));
        assert_eq!(editor("漢字", "").visible(4), ("字".into(), 2));
        assert_eq!(editor("two\nlines", "").visible(20), ("two⏎lines".into(), 9));
    }

    #[test]
    fn it_does_not_grow_without_bound() {
        let mut line = Editor::default();
        line.insert(&"é".repeat(TEXT_BYTES_MAX));
        line.insert("x");
        assert_eq!(line.text().len(), TEXT_BYTES_MAX);
    }

    proptest! {
        #[test]
        fn no_keys_break_it(text in any::<String>(), keys in prop::collection::vec(0..12, 0..60)) {
            let mut line = Editor::new(text);
            for key in keys {
                match key {
                    0 => line.left(),
                    1 => line.right(),
                    2 => line.word_left(),
                    3 => line.word_right(),
                    4 => line.home(),
                    5 => line.end(),
                    6 => line.backspace(),
                    7 => line.delete(),
                    8 => line.delete_word(),
                    9 => line.insert("e\u{301} x"),
                    10 => line.delete_to_end(),
                    _ => line.insert("👩🏽‍🚀"),
                }
                prop_assert!(line.text.is_char_boundary(line.cursor));
                let (shown, cursor) = line.visible(12);
                prop_assert!(cells::width(&shown) <= 12 && cursor < 12);
            }
        }
    }
}
