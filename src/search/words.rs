//! What of a text counts as a word. Text with spaces is cut into its words. Chinese, Japanese,
//! Korean, Thai and their like are cut into single characters and into pairs of neighbours: that
//! needs no dictionary, and what is asked for is found wherever it stands. Must never tell words
//! of an index from those that are asked for in another way.

use std::collections::BTreeSet;

/// Bytes of a word that count: a longer one is known by how it begins.
const WORD_BYTES_MAX: usize = 64;

/// Scripts that are written without spaces between words, and Hangul, where endings stick to them.
const UNSPACED: [(char, char); 12] = [
    ('\u{0e00}', '\u{0eff}'),
    ('\u{1000}', '\u{109f}'),
    ('\u{1780}', '\u{17ff}'),
    ('\u{3005}', '\u{3007}'),
    ('\u{3041}', '\u{30fa}'),
    ('\u{30fc}', '\u{312f}'),
    ('\u{31f0}', '\u{31ff}'),
    ('\u{3400}', '\u{4dbf}'),
    ('\u{4e00}', '\u{9fff}'),
    ('\u{ac00}', '\u{d7a3}'),
    ('\u{f900}', '\u{faff}'),
    ('\u{20000}', '\u{323af}'),
];

/// What follows another without a break.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// Of a script with spaces.
    Word(String),
    /// Of one without.
    Run(String),
}

fn is_unspaced(letter: char) -> bool {
    UNSPACED.iter().any(|(first, last)| (*first..=*last).contains(&letter))
}

/// A wide form of ASCII is that letter.
fn narrow(letter: char) -> char {
    let number = u32::from(letter);
    let is_wide = (0xff01..=0xff5e).contains(&number);
    if is_wide { char::from_u32(number - 0xfee0).unwrap_or(letter) } else { letter }
}

/// The text's pieces, in order, in small letters.
fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut apart = true;
    for letter in text.chars().map(narrow).flat_map(char::to_lowercase) {
        let unspaced = is_unspaced(letter);
        if !unspaced && !letter.is_alphanumeric() {
            apart = true;
            continue;
        }
        match (pieces.last_mut(), unspaced) {
            (Some(Piece::Run(run)), true) if !apart => run.push(letter),
            (Some(Piece::Word(word)), false) if !apart => {
                if word.len() + letter.len_utf8() <= WORD_BYTES_MAX {
                    word.push(letter);
                }
            }
            (_, true) => pieces.push(Piece::Run(letter.to_string())),
            (_, false) => pieces.push(Piece::Word(letter.to_string())),
        }
        apart = false;
    }
    pieces
}

/// The pairs of neighbours in a run.
fn pairs(run: &str) -> impl Iterator<Item = String> {
    let seconds = run.chars().skip(1);
    run.chars().zip(seconds).map(|(first, second)| [first, second].iter().collect())
}

/// The words by which a text is found, each once.
pub(super) fn words_of(text: &str) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    for piece in pieces(text) {
        match piece {
            Piece::Word(word) => {
                words.insert(word);
            }
            Piece::Run(run) => {
                words.extend(run.chars().map(String::from));
                words.extend(pairs(&run));
            }
        }
    }
    words
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted(Vec<Piece>);

impl Wanted {
    /// `None`: there is no word in it.
    pub(super) fn of(text: &str) -> Option<Self> {
        let pieces = pieces(text);
        (!pieces.is_empty()).then_some(Self(pieces))
    }

    /// Words that whatever has what is asked for has; it may have them otherwise.
    pub(super) fn words(&self) -> BTreeSet<String> {
        let mut words = BTreeSet::new();
        for piece in &self.0 {
            match piece {
                Piece::Word(word) => {
                    words.insert(word.clone());
                }
                Piece::Run(run) if run.chars().nth(1).is_none() => {
                    words.insert(run.clone());
                }
                Piece::Run(run) => words.extend(pairs(run)),
            }
        }
        words
    }

    /// Whether a text has it.
    pub(super) fn is_in(&self, text: &str) -> bool {
        let had = pieces(text);
        self.0.iter().all(|wanted| match wanted {
            Piece::Word(_) => had.contains(wanted),
            Piece::Run(wanted) => had.iter().any(|had| match had {
                Piece::Run(run) => run.contains(wanted.as_str()),
                Piece::Word(_) => false,
            }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn has(text: &str, wanted: &str) -> bool {
        Wanted::of(wanted).unwrap().is_in(text)
    }

    #[test]
    fn words_are_found_whatever_their_case_and_what_stands_between_them() {
        let text = "The TIDE turns at nine, Straße 7!";
        for wanted in ["tide", "Tide the", "NINE", "7 straße", "ＴＩＤＥ"] {
            assert!(has(text, wanted), "{wanted}");
        }
        for wanted in ["tid", "turn", "tide ten", "70"] {
            assert!(!has(text, wanted), "{wanted}");
        }
        assert_eq!(Wanted::of(" -- !?"), None);
        assert_eq!(Wanted::of(""), None);
    }

    #[test]
    fn a_part_of_text_without_spaces_is_found_within_it() {
        let text = "明日は東京都の港で会いましょう";
        for wanted in ["東京", "京都", "東京都", "港", "会いましょう 明日"] {
            assert!(has(text, wanted), "{wanted}");
        }
        // Both pairs are there, but not after each other.
        let apart = "京都から東京へ";
        assert!(has(apart, "京都 東京") && !has(apart, "東京都"));
        let words = words_of(apart);
        assert!(Wanted::of("東京 京都").unwrap().words().iter().all(|word| words.contains(word)));
        assert!(has("내일 항구에서 만나요", "항구") && has("潮汐表pdf", "pdf 潮汐"));
    }

    #[test]
    fn a_long_word_is_known_by_how_it_begins() {
        let long = "a".repeat(300);
        assert!(words_of(&long).iter().all(|word| word.len() == WORD_BYTES_MAX));
        assert!(has(&long, &"a".repeat(200)));
    }

    proptest! {
        #[test]
        fn what_a_text_has_the_index_has_too(
            text in "[a-c あ-う東京 ,A]{0,24}", from in 0..24_usize, count in 1..9_usize,
        ) {
            let part: String = text.chars().skip(from).take(count).collect();
            if let Some(wanted) = Wanted::of(&part) {
                let is_in = wanted.is_in(&text);
                let indexed = words_of(&text);
                let found = wanted.words().iter().all(|word| indexed.contains(word));
                // The index may find what the text does not have, and never the other way round.
                prop_assert!(found || !is_in, "{text:?} {part:?}");
                let whole = part.chars().all(is_unspaced);
                prop_assert!(is_in || !whole, "{text:?} {part:?}");
            }
        }

        #[test]
        fn any_text_has_what_it_is(text in any::<String>()) {
            if let Some(wanted) = Wanted::of(&text) {
                prop_assert!(wanted.is_in(&text));
            }
        }
    }
}
