//! Text in terminal cells: how wide it is, and where its lines break. Must never break a grapheme.

use ratatui::buffer::CellWidth;
use unicode_segmentation::UnicodeSegmentation;

/// The cells that a cleaned text takes.
pub(crate) fn width(text: &str) -> usize {
    text.graphemes(true).map(cells).sum()
}

fn cells(grapheme: &str) -> usize {
    usize::from(grapheme.cell_width())
}

/// The text in rows of at most `max` cells, broken at spaces where there are any. A grapheme that
/// is wider has a row of its own.
pub(crate) fn wrap(text: &str, max: usize) -> Vec<String> {
    let max = max.max(1);
    let mut rows = Vec::new();
    let (mut row, mut used) = (String::new(), 0);
    // Where the row may end: behind its last space, and the cells up to there.
    let mut space = None;
    for grapheme in text.graphemes(true) {
        let cells = cells(grapheme);
        if used + cells > max && !row.is_empty() && grapheme == " " {
            rows.push(std::mem::take(&mut row));
            (used, space) = (0, None);
            continue;
        }
        // What is left behind the last space may still be too long for one more.
        while used + cells > max && !row.is_empty() {
            let rest = match space.take() {
                Some((at, _)) => row.split_off(at),
                None => String::new(),
            };
            row.truncate(row.trim_end_matches(' ').len());
            rows.push(std::mem::replace(&mut row, rest));
            used = width(&row);
        }
        row.push_str(grapheme);
        used += cells;
        if grapheme == " " {
            space = Some((row.len(), used));
        }
    }
    rows.push(row);
    rows
}

/// As much of the start of the text as fits, with an ellipsis if that is not all.
pub(crate) fn cut(text: &str, max: usize) -> String {
    if width(text) <= max {
        return text.to_owned();
    }
    let mut kept = head(text, max.saturating_sub(1)).to_owned();
    if max > 0 {
        kept.push('…');
    }
    kept
}

/// The start of the text that takes at most `max` cells.
pub(crate) fn head(text: &str, max: usize) -> &str {
    let mut used = 0;
    let fits = |(_, grapheme): &(usize, &str)| {
        used += cells(grapheme);
        used > max
    };
    let end = text.grapheme_indices(true).find(fits).map_or(text.len(), |(at, _)| at);
    &text[..end]
}

/// The end of the text that takes at most `max` cells.
pub(crate) fn tail(text: &str, max: usize) -> &str {
    let mut used = 0;
    let mut start = text.len();
    for (at, grapheme) in text.grapheme_indices(true).rev() {
        used += cells(grapheme);
        if used > max {
            break;
        }
        start = at;
    }
    &text[start..]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clean;
    use proptest::prelude::*;

    #[test]
    fn rows_break_at_spaces() {
        assert_eq!(wrap("the quick brown fox", 10), ["the quick", "brown fox"]);
        assert_eq!(wrap("exactly ten", 7), ["exactly", "ten"]);
        assert_eq!(wrap("", 5), [""]);
    }

    #[test]
    fn long_words_break_between_graphemes() {
        assert_eq!(wrap("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(wrap("漢字漢字", 5), ["漢字", "漢字"]);
        assert_eq!(wrap("e\u{301}e\u{301}e\u{301}", 2), ["e\u{301}e\u{301}", "e\u{301}"]);
        assert_eq!(wrap("👩🏽‍🚀👩🏽‍🚀", 2), ["👩🏽‍🚀", "👩🏽‍🚀"]);
    }

    #[test]
    fn what_goes_to_the_next_row_may_fill_it() {
        assert_eq!(wrap("a bcdef漢", 7), ["a", "bcdef漢"]);
        assert_eq!(wrap(" bcdefg漢", 7), ["", "bcdefg", "漢"]);
    }

    #[test]
    fn a_grapheme_wider_than_a_row_stands_alone() {
        let wide = "\u{2ebf0}\u{11937}";
        assert_eq!(width(wide), 3);
        assert_eq!(wrap(&format!("a{wide}b"), 2), ["a", wide, "b"]);
    }

    #[test]
    fn what_does_not_fit_is_cut() {
        assert_eq!(cut("crew", 4), "crew");
        assert_eq!(cut("the crew", 5), "the …");
        assert_eq!(cut("漢字漢字", 4), "漢…");
        assert_eq!(cut("crew", 0), "");
        assert_eq!(tail("漢字abc", 4), "abc");
    }

    proptest! {
        #[test]
        fn rows_fit_and_lose_spaces_alone(text in any::<String>(), max in 2..30_usize) {
            let text = clean::line(&text);
            let rows = wrap(&text, max);
            // A grapheme may be wider than a row, such as a wide letter with a mark that takes a
            // cell of its own: it stands alone, and the terminal clips it.
            let alone = |row: &String| row.trim_end().graphemes(true).count() == 1;
            prop_assert!(rows.iter().all(|row| width(row) <= max || alone(row)));
            let letters = |text: &str| text.replace(' ', "");
            prop_assert_eq!(letters(&rows.concat()), letters(&text));
        }
    }
}
