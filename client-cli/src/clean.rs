//! Makes text of others fit for a terminal. Must never let through a character that a terminal
//! obeys, or that changes the order in which others are shown.

use std::fmt::Write;

use unicode_segmentation::UnicodeSegmentation;

/// Characters of one grapheme; what is beyond them is left out.
const GRAPHEME_CHARS_MAX: usize = 16;
/// What a tab becomes.
const TAB: &str = "    ";

/// The text in lines, each without a control character.
pub(crate) fn lines(text: &str) -> Vec<String> {
    text.replace("\r\n", "\n").split(['\n', '\u{2028}', '\u{2029}']).map(clean).collect()
}

/// The text in one line.
pub(crate) fn line(text: &str) -> String {
    lines(text).join("⏎")
}

fn clean(line: &str) -> String {
    let mut cleaned = String::with_capacity(line.len());
    for grapheme in line.graphemes(true) {
        for char in grapheme.chars().take(GRAPHEME_CHARS_MAX) {
            match char {
                '\t' => cleaned.push_str(TAB),
                char => cleaned.push(visible(char)),
            }
        }
    }
    cleaned
}

/// The character, or one that shows that it was there.
fn visible(char: char) -> char {
    match char {
        '\u{7f}' => '\u{2421}',
        // The pictures of the control characters stand in their order.
        char if char < ' ' => char::from_u32(0x2400 + u32::from(char)).unwrap_or('\u{fffd}'),
        char if char.is_control() || reorders(char) => '\u{fffd}',
        char => char,
    }
}

/// Whether it changes the order of what follows, or hides in it.
const fn reorders(char: char) -> bool {
    matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}'
        | '\u{61c}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{2028}' | '\u{2029}')
}

/// JSON text that a terminal can be shown: what serde leaves as it is, and is obeyed all the same,
/// can stand only inside of strings, where an escape means the same.
pub(crate) fn json(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    for char in text.chars() {
        if char.is_control() || reorders(char) {
            write!(cleaned, "\\u{:04x}", u32::from(char))
                .expect("a String takes all that is written");
        } else {
            cleaned.push(char);
        }
    }
    cleaned
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_harmless(char: char) -> bool {
        !char.is_control() && !reorders(char)
    }

    #[test]
    fn escape_sequences_become_pictures() {
        assert_eq!(line("a\x1b[2Jb\x07\x7f"), "a␛[2Jb␇␡");
        assert_eq!(line("\u{9b}31mred"), "\u{fffd}31mred");
        assert_eq!(line("abc\u{202e}fed"), "abc\u{fffd}fed");
    }

    #[test]
    fn lines_and_tabs_are_kept_as_what_they_mean() {
        assert_eq!(lines("a\r\nb\n\tc\u{2028}d"), ["a", "b", "    c", "d"]);
        assert_eq!(line("a\nb"), "a⏎b");
        assert_eq!(lines("carriage\rreturn"), ["carriage␍return"]);
    }

    #[test]
    fn whole_graphemes_stay_whole_and_towers_are_cut() {
        assert_eq!(line("👩🏽‍🚀 né 漢字"), "👩🏽‍🚀 né 漢字");
        let tower = format!("a{}", "\u{301}".repeat(1000));
        assert_eq!(line(&tower).chars().count(), GRAPHEME_CHARS_MAX);
    }

    #[test]
    fn json_means_the_same_after_it() {
        let value = serde_json::json!({ "text": "\u{9b}2J\u{7f}\u{202e}\x1b ok" });
        let text = json(&value.to_string());
        assert!(text.is_ascii());
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }

    proptest! {
        #[test]
        fn nothing_that_a_terminal_obeys_gets_through(text in any::<String>()) {
            prop_assert!(line(&text).chars().all(is_harmless));
            prop_assert!(json(&text).chars().all(is_harmless));
        }
    }
}
