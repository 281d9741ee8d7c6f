//! The kinds of values that settings have: what text is one, and how it is written back. The same
//! parse serves the file, the environment and the flags. Must never know a setting by name.

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::PathBuf;

use tracing_subscriber::filter::{EnvFilter, LevelFilter};

use crate::config::settings::{
    AtOnce, AuthKind, BackendKind, LogFormat, Rooms, TokenAlgorithm, UnknownUsers, WhoWrites, Wins,
};

/// What kind of value a setting has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A whole number within bounds, both included.
    Count {
        /// The lowest.
        low: u64,
        /// The highest.
        high: u64,
    },
    /// Yes or no.
    Flag,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// An IP address and port, or nothing.
    AddressOrNothing,
    /// A path.
    Path,
    /// A path, or nothing.
    PathOrNothing,
    /// Text, or nothing.
    TextOrNothing,
    /// A filter of log lines.
    Filter,
}

/// A value of one of the shapes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Of `Count`.
    Count(u64),
    /// Of `Flag`.
    Flag(bool),
    /// Of all that are written as text; empty is nothing.
    Text(String),
}

/// How TOML writes a value. Text from outside the file can be any of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A number.
    Integer,
    /// A truth value.
    Boolean,
    /// Text in quotes.
    Quoted,
    /// Text from the environment or a flag.
    Loose,
    /// Something that no setting has.
    Other,
}

impl Shape {
    /// Makes a value of `text`, or says what would be right.
    pub fn parse(self, form: Form, text: &str) -> Result<Value, String> {
        let form_fits = match form {
            Form::Loose => true,
            Form::Integer => matches!(self, Self::Count { .. }),
            Form::Boolean => self == Self::Flag,
            Form::Quoted => !matches!(self, Self::Count { .. } | Self::Flag),
            Form::Other => false,
        };
        form_fits.then(|| self.value_of(text)).flatten().ok_or_else(|| self.wanted())
    }

    fn value_of(self, text: &str) -> Option<Value> {
        let fits = match self {
            Self::Count { low, high } => {
                let count = text.replace('_', "").parse().ok()?;
                return (low..=high).contains(&count).then_some(Value::Count(count));
            }
            Self::Flag => return text.parse().ok().map(Value::Flag),
            Self::Choice(words) => words.contains(&text),
            Self::AddressOrNothing => text.is_empty() || text.parse::<SocketAddr>().is_ok(),
            Self::Path => !text.is_empty() && !text.contains('\0'),
            Self::PathOrNothing | Self::TextOrNothing => !text.contains('\0'),
            Self::Filter => is_filter(text),
        };
        fits.then(|| Value::Text(text.to_owned()))
    }

    /// What would be right, in words.
    pub fn wanted(self) -> String {
        match self {
            Self::Count { low, high } => format!("a whole number from {low} to {high}"),
            Self::Flag => "true or false".to_owned(),
            Self::Choice(words) => {
                let quoted: Vec<_> = words.iter().map(|word| format!("\"{word}\"")).collect();
                format!("one of {}", quoted.join(", "))
            }
            Self::AddressOrNothing => {
                "an IP address and port such as \"127.0.0.1:7582\", or \"\"".to_owned()
            }
            Self::Path => "a path".to_owned(),
            Self::PathOrNothing => "a path, or \"\"".to_owned(),
            Self::TextOrNothing => "text, or \"\"".to_owned(),
            Self::Filter => "a level (off, error, warn, info, debug, trace), or target=level, \
                             with commas between"
                .to_owned(),
        }
    }
}

/// A word alone must be a level: `tracing` would take a misspelt one for a target, and fall silent.
fn is_filter(text: &str) -> bool {
    let is_level = |part: &str| !part.is_empty() && part.parse::<LevelFilter>().is_ok();
    text.split(',').all(|part| part.contains(['=', '[']) || is_level(part))
        && EnvFilter::builder().parse(text).is_ok()
}

impl Value {
    /// As TOML has it.
    pub fn to_toml(&self) -> String {
        match self {
            Self::Count(count) => count.to_string(),
            Self::Flag(flag) => flag.to_string(),
            Self::Text(text) => quoted(text),
        }
    }
}

fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => out.extend(['\\', letter]),
            // TOML has the control characters escaped, as Rust's own escapes are not.
            _ if letter.is_control() => {
                write!(out, "\\u{:04X}", u32::from(letter)).expect("a string can be written to");
            }
            _ => out.push(letter),
        }
    }
    out.push('"');
    out
}

const CHECKED: &str = "a value is parsed by its setting's shape, which fits the setting's field";

/// A field that a setting sets.
pub trait Field {
    /// The field of a checked value.
    fn from_value(value: Value) -> Self;
    /// The value of the field.
    fn to_value(&self) -> Value;
}

macro_rules! count_field {
    ($($kind:ty),*) => {$(
        impl Field for $kind {
            fn from_value(value: Value) -> Self {
                match value {
                    Value::Count(count) => Self::try_from(count).expect(CHECKED),
                    Value::Flag(_) | Value::Text(_) => unreachable!("{CHECKED}"),
                }
            }

            fn to_value(&self) -> Value {
                Value::Count(u64::try_from(*self).expect(CHECKED))
            }
        }
    )*};
}

count_field!(u32, u64, usize);

impl Field for bool {
    fn from_value(value: Value) -> Self {
        match value {
            Value::Flag(flag) => flag,
            Value::Count(_) | Value::Text(_) => unreachable!("{CHECKED}"),
        }
    }

    fn to_value(&self) -> Value {
        Value::Flag(*self)
    }
}

impl Field for String {
    fn from_value(value: Value) -> Self {
        match value {
            Value::Text(text) => text,
            Value::Count(_) | Value::Flag(_) => unreachable!("{CHECKED}"),
        }
    }

    fn to_value(&self) -> Value {
        Value::Text(self.clone())
    }
}

impl Field for PathBuf {
    fn from_value(value: Value) -> Self {
        String::from_value(value).into()
    }

    fn to_value(&self) -> Value {
        Value::Text(self.display().to_string())
    }
}

impl Field for Option<PathBuf> {
    fn from_value(value: Value) -> Self {
        Option::<String>::from_value(value).map(Into::into)
    }

    fn to_value(&self) -> Value {
        self.as_ref().map_or_else(|| Value::Text(String::new()), Field::to_value)
    }
}

impl Field for Option<String> {
    fn from_value(value: Value) -> Self {
        Some(String::from_value(value)).filter(|text| !text.is_empty())
    }

    fn to_value(&self) -> Value {
        Value::Text(self.clone().unwrap_or_default())
    }
}

impl Field for Option<SocketAddr> {
    fn from_value(value: Value) -> Self {
        Some(Option::<String>::from_value(value)?.parse().expect(CHECKED))
    }

    fn to_value(&self) -> Value {
        Value::Text(self.map(|address| address.to_string()).unwrap_or_default())
    }
}

/// Gives an enum its words, once for both directions.
macro_rules! word_field {
    ($kind:ident, $words:ident: $($word:literal = $variant:ident),*) => {
        /// The words of the enum of that name.
        pub const $words: &[&str] = &[$($word),*];

        impl Field for $kind {
            fn from_value(value: Value) -> Self {
                match String::from_value(value).as_str() {
                    $($word => Self::$variant,)*
                    _ => unreachable!("{CHECKED}"),
                }
            }

            fn to_value(&self) -> Value {
                Value::Text(match self { $(Self::$variant => $word,)* }.to_owned())
            }
        }
    };
}

word_field!(AuthKind, AUTH_KINDS: "open" = Open, "password" = Password, "token" = Token);
word_field!(BackendKind, BACKENDS: "sled" = Sled, "fjall" = Fjall);
word_field!(TokenAlgorithm, TOKEN_ALGORITHMS: "HS256" = Hs256, "EdDSA" = EdDsa);
word_field!(UnknownUsers, UNKNOWN_USERS: "auto" = Auto, "keep" = Keep, "reject" = Reject);
word_field!(Rooms, ROOMS: "anyone" = Anyone, "nobody" = Nobody);
word_field!(AtOnce, AT_ONCE: "any" = Any, "one-per-platform" = OnePerPlatform, "one" = One);
word_field!(
    WhoWrites,
    WHO_WRITES: "anyone" = Anyone,
    "contacts" = Contacts,
    "contacts-or-groups" = ContactsOrGroups
);
word_field!(Wins, WINS: "newest" = Newest, "oldest" = Oldest);
word_field!(LogFormat, LOG_FORMATS: "text" = Text, "json" = Json);

#[cfg(test)]
mod tests {
    use super::*;

    const COUNT: Shape = Shape::Count { low: 5, high: 2_000 };

    #[test]
    fn a_count_is_within_its_bounds() {
        for (text, count) in [("5", 5), ("2000", 2_000), ("1_000", 1_000)] {
            assert_eq!(COUNT.parse(Form::Loose, text), Ok(Value::Count(count)));
        }
        for text in ["4", "2001", "-5", "", "5.0", "5s", "99999999999999999999999"] {
            let wanted = Err("a whole number from 5 to 2000".to_owned());
            assert_eq!(COUNT.parse(Form::Integer, text), wanted, "{text}");
        }
    }

    #[test]
    fn a_value_in_the_file_has_the_form_of_its_shape() {
        assert!(COUNT.parse(Form::Quoted, "7").is_err());
        assert!(Shape::Flag.parse(Form::Quoted, "true").is_err());
        assert!(Shape::Flag.parse(Form::Boolean, "true").is_ok());
        assert!(Shape::Path.parse(Form::Integer, "7").is_err());
        assert!(Shape::Path.parse(Form::Other, "").is_err());
    }

    #[test]
    fn a_misspelt_level_is_no_filter() {
        for text in ["info", "DEBUG", "off", "packetboat=debug", "warn,packetboat::hub=trace"] {
            assert!(Shape::Filter.parse(Form::Quoted, text).is_ok(), "{text}");
        }
        for text in ["", "debgu", "info,", "packetboat=loud"] {
            assert!(Shape::Filter.parse(Form::Quoted, text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_address_has_a_port() {
        for text in ["127.0.0.1:0", "[::1]:7582", ""] {
            assert!(Shape::AddressOrNothing.parse(Form::Quoted, text).is_ok(), "{text}");
        }
        for text in ["off", "127.0.0.1", "localhost:7582", "1.2.3.4:70000"] {
            assert!(Shape::AddressOrNothing.parse(Form::Quoted, text).is_err(), "{text}");
        }
    }

    #[test]
    fn text_is_quoted_as_toml_reads_it() {
        let value = Value::Text("a\"b\\c\td".to_owned());
        assert_eq!(value.to_toml(), r#""a\"b\\c\u0009d""#);
    }
}
