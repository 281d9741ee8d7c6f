//! Reads what is given to settings in the file, the environment and the flags: each value with its
//! place. Must never decide which one counts, nor stop at the first mistake.

use std::ffi::OsString;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use crate::config::mistake::{Fault, Mistake, Place};
use crate::config::shape::Form;
use crate::config::table::{ENVIRONMENT_PREFIX, SECTIONS, Setting, TABLE, find};

/// The variable that names the file.
pub const CONFIG_VARIABLE: &str = "PACKETBOAT_CONFIG";

/// Names in the environment that start alike and are none of ours: those of the chat program, and
/// those that Kubernetes gives to every container beside a service called `packetboat`.
const FOREIGN_PREFIXES: &[&str] = &["PACKETBOAT_CLI_", "PACKETBOAT_SERVICE_", "PACKETBOAT_PORT_"];
const FOREIGN_NAMES: &[&str] = &[
    CONFIG_VARIABLE,
    "PACKETBOAT_PORT",
    // The chat program's, which is often used from the same shell.
    "PACKETBOAT_SERVER",
    "PACKETBOAT_USER",
    "PACKETBOAT_DEVICE",
    "PACKETBOAT_TOKEN",
    "PACKETBOAT_PASSWORD_FILE",
    "PACKETBOAT_TLS",
    "PACKETBOAT_CA",
    // Plants a bug in a server that is built for proofs, which is no setting either.
    #[cfg(feature = "proof")]
    "PACKETBOAT_PLANT",
];

/// A flag that sets something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlagValue {
    /// The flag, as it is typed.
    pub flag: String,
    /// The setting's key.
    pub key: String,
    /// The value; `None` if it was left out.
    pub value: Option<String>,
}

/// A value that was given to a setting.
pub struct Given {
    /// Which setting.
    pub setting: &'static Setting,
    /// Where.
    pub place: Place,
    /// How it was written.
    pub form: Form,
    /// What.
    pub text: String,
}

/// All that was given, weakest first, and what could not be understood.
#[derive(Default)]
pub struct Reading {
    /// The values.
    pub given: Vec<Given>,
    /// The mistakes.
    pub mistakes: Vec<Mistake>,
}

impl Reading {
    /// Reads the text of a file.
    pub fn file(&mut self, path: &Path, text: &str) {
        let (table, errors) = DeTable::parse_recoverable(text);
        let place = |offset: usize| place_in(path, text, offset);
        for error in errors {
            let message = error.message().to_owned();
            let at = error.span().map_or(text.len(), |span| span.start);
            self.mistake(place(at), Fault::Syntax { message });
        }
        for (section, value) in table.get_ref() {
            let name = section.get_ref().as_ref();
            let at = place(section.span().start);
            let known = SECTIONS.iter().any(|(known, _)| *known == name);
            match value.get_ref() {
                DeValue::Table(settings) if known => {
                    for (key, value) in settings {
                        let key_at = place(key.span().start);
                        let value_at = place(value.span().start);
                        self.entry(&format!("{name}.{}", key.get_ref()), key_at, value_at, value);
                    }
                }
                _ => self.mistake(at, unknown(name, nearest_of_file(name))),
            }
        }
    }

    fn entry(&mut self, key: &str, key_at: Place, at: Place, value: &Spanned<DeValue<'_>>) {
        let Some(setting) = find(key) else {
            return self.mistake(key_at, unknown(key, nearest_of_file(key)));
        };
        let (form, text) = match value.get_ref() {
            DeValue::Integer(integer) => (Form::Integer, decimal(integer)),
            DeValue::Boolean(flag) => (Form::Boolean, flag.to_string()),
            DeValue::String(text) => (Form::Quoted, text.to_string()),
            other => (Form::Other, format!("of TOML's kind {}", other.type_str())),
        };
        self.given.push(Given { setting, place: at, form, text });
    }

    /// Reads the environment, in order of name.
    pub fn environment(&mut self, variables: impl IntoIterator<Item = (OsString, OsString)>) {
        let mut ours: Vec<_> = variables
            .into_iter()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .filter(|(name, _)| name.starts_with(ENVIRONMENT_PREFIX) && !is_foreign(name))
            .collect();
        ours.sort();
        for (name, value) in ours {
            let place = Place::Environment { name: name.clone() };
            let Some(setting) = TABLE.iter().find(|setting| setting.variable() == name) else {
                let known = TABLE.iter().map(Setting::variable);
                self.mistake(place, unknown(&name, nearest(&name, known)));
                continue;
            };
            // A replaced character would make another path of a path: such a value fits nothing.
            let form = if value.to_str().is_some() { Form::Loose } else { Form::Other };
            let text = value.to_string_lossy().into_owned();
            self.given.push(Given { setting, place, form, text });
        }
    }

    /// Reads the flags, in their order.
    pub fn flags(&mut self, flags: &[FlagValue]) {
        for FlagValue { flag, key, value } in flags {
            let place = Place::Flag { name: flag.clone() };
            match (find(key), value) {
                (None, _) => self.mistake(place, unknown(key, nearest_of_file(key))),
                (Some(_), None) => self.mistake(place, Fault::NoValue),
                (Some(setting), Some(text)) => {
                    let (form, text) = (Form::Loose, text.clone());
                    self.given.push(Given { setting, place, form, text });
                }
            }
        }
    }

    /// Notes a mistake.
    pub fn mistake(&mut self, place: Place, fault: Fault) {
        self.mistakes.push(Mistake { place, fault });
    }
}

fn is_foreign(name: &str) -> bool {
    FOREIGN_NAMES.contains(&name)
        || FOREIGN_PREFIXES.iter().any(|foreign| name.starts_with(foreign))
}

fn place_in(path: &Path, text: &str, offset: usize) -> Place {
    let before = &text[..text.floor_char_boundary(offset)];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Place::File {
        path: path.to_owned(),
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
    }
}

/// The digits as they would be written in decimal; what no `i128` holds fits no setting either.
fn decimal(integer: &DeInteger<'_>) -> String {
    let digits = integer.as_str().replace('_', "");
    i128::from_str_radix(&digits, integer.radix()).map_or(digits, |number| number.to_string())
}

fn unknown(key: &str, nearest: Option<String>) -> Fault {
    Fault::UnknownKey { key: key.to_owned(), nearest }
}

/// The nearest key or section; a name without a section is looked for in all of them.
fn nearest_of_file(key: &str) -> Option<String> {
    if let Some(setting) = TABLE.iter().find(|setting| setting.name() == tail(key)) {
        return Some(setting.key.to_owned());
    }
    let keys = TABLE.iter().map(|setting| setting.key.to_owned());
    let sections = SECTIONS.iter().map(|(name, _)| (*name).to_owned());
    nearest(key, sections.chain(keys))
}

fn tail(key: &str) -> &str {
    key.rsplit_once('.').map_or(key, |(_, name)| name)
}

/// The nearest of the known ones, if it is near enough to be meant.
fn nearest(name: &str, known: impl Iterator<Item = String>) -> Option<String> {
    /// Longer names are not compared: the work grows with the length.
    const COMPARED_BYTES_MAX: usize = 128;
    if name.len() > COMPARED_BYTES_MAX {
        return None;
    }
    let (distance, nearest) = known.map(|known| (distance(name, &known), known)).min()?;
    (distance <= 1.max(name.len() / 4)).then_some(nearest)
}

/// How many letters must be put in, left out or changed to turn one name into the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (above, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = above + 1;
        for (at, other) in other.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *other);
            diagonal = row[at + 1];
            row[at + 1] = changed.min(row[at] + 1).min(row[at + 1] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_counts_the_letters_that_differ() {
        for (one, other, letters) in
            [("", "", 0), ("a", "", 1), ("max_body", "max_boddy", 1), ("kitten", "sitting", 3)]
        {
            assert_eq!(distance(one, other), letters);
            assert_eq!(distance(other, one), letters);
        }
    }

    #[test]
    fn a_place_counts_lines_and_characters_from_1() {
        let place = |offset| match place_in(Path::new("f"), "aé\nbc", offset) {
            Place::File { line, column, .. } => (line, column),
            _ => panic!("not in a file"),
        };
        assert_eq!(place(0), (1, 1));
        assert_eq!(place(3), (1, 3));
        assert_eq!(place(4), (2, 1));
        assert_eq!(place(99), (2, 3));
    }

    #[test]
    fn what_others_put_into_the_environment_is_left_alone() {
        let mut reading = Reading::default();
        let names = ["PACKETBOAT_PORT", "PACKETBOAT_PORT_7582_TCP", "PACKETBOAT_SERVICE_HOST"];
        reading.environment(names.map(|name| (name.into(), "x".into())));
        #[cfg(feature = "proof")]
        reading.environment([("PACKETBOAT_PLANT".into(), "x".into())]);
        reading.environment([("PATH".into(), "x".into()), (CONFIG_VARIABLE.into(), "x".into())]);
        assert!(reading.mistakes.is_empty() && reading.given.is_empty());
    }
}
