//! Settings from any file, environment and flags: a configuration within its bounds, or every
//! mistake with its place. Must never read the environment of the process.

use std::ffi::OsString;
use std::fs;

use packetboat::config::check::warnings;
use packetboat::config::mistake::{Mistakes, Place};
use packetboat::config::settings::Config;
use packetboat::config::shape::{Form, Value};
use packetboat::config::source::FlagValue;
use packetboat::config::table::{Setting, TABLE};
use packetboat::config::{Sources, load, load_unchecked};

use crate::choices::Choices;

thread_local! {
    static FILE: tempfile::NamedTempFile =
        tempfile::NamedTempFile::new().expect("a place for a file of settings");
}

/// Values that are near what settings take.
const VALUES: [&str; 18] = [
    "",
    "0",
    "1",
    "-1",
    "65536",
    "16383",
    "18446744073709551616",
    "true",
    "false",
    "maybe",
    "127.0.0.1:7582",
    "0.0.0.0:1",
    "password",
    "token",
    "debug,x=off",
    "/k",
    "a\"b\\c\n\u{7f}",
    "\\",
];

/// Loads what the bytes say: settings in the environment and in flags, and the rest a file.
pub fn run(data: &[u8]) {
    let mut choices = Choices::new(data);
    let (mut environment, mut flags) = (Vec::new(), Vec::new());
    for _ in 0..choices.below(4) {
        let (key, value) = given(&mut choices);
        match choices.byte() % 3 {
            0 => environment.push((variable(&key, &mut choices), os_text(&value, &mut choices))),
            _ => flags.push(FlagValue { flag: "--set".to_owned(), key, value: Some(value) }),
        }
    }
    if choices.once_in(8) {
        flags.push(FlagValue { flag: "--set".to_owned(), key: "x".to_owned(), value: None });
    }
    let file = FILE.with(|file| {
        fs::write(file.path(), choices.rest()).expect("a file of settings can be written");
        file.path().to_owned()
    });
    let sources = Sources { file: Some(file), environment, flags };
    let unchecked = load_unchecked(&sources);
    match load(&sources) {
        Ok(config) => within_bounds(&config),
        Err(mistakes) => named(&mistakes),
    }
    if let Ok(config) = unchecked {
        within_bounds(&config);
        read_back(&config);
    }
}

/// A key, most often one that there is, and a value for it.
fn given(choices: &mut Choices<'_>) -> (String, String) {
    let setting = &TABLE[choices.below(TABLE.len())];
    let key = if choices.once_in(6) { choices.text(40) } else { setting.key.to_owned() };
    let value = match choices.byte() % 3 {
        0 => choices.text(24),
        1 => choices.one_of(&VALUES).to_owned(),
        _ => text_of(setting.get(&Config::default())),
    };
    (key, value)
}

fn variable(key: &str, choices: &mut Choices<'_>) -> OsString {
    let name = format!("PACKETBOAT_{}", key.replace('.', "_").to_uppercase());
    // No variable of a system has one.
    let name = name.replace(['\0', '='], "");
    if choices.once_in(8) { name.to_lowercase().into() } else { name.into() }
}

#[cfg(unix)]
fn os_text(value: &str, choices: &mut Choices<'_>) -> OsString {
    use std::os::unix::ffi::OsStringExt;
    let mut bytes = value.as_bytes().to_vec();
    if choices.once_in(8) {
        bytes.push(0xff);
    }
    OsString::from_vec(bytes)
}

#[cfg(not(unix))]
fn os_text(value: &str, _choices: &mut Choices<'_>) -> OsString {
    value.into()
}

fn text_of(value: Value) -> String {
    match value {
        Value::Count(count) => count.to_string(),
        Value::Flag(flag) => flag.to_string(),
        Value::Text(text) => text,
    }
}

/// Every value is one that its setting takes.
fn within_bounds(config: &Config) {
    for Setting { key, shape, .. } in TABLE {
        let setting = packetboat::config::table::find(key).expect("it is in the table");
        let value = setting.get(config);
        let parsed = shape.parse(Form::Loose, &text_of(value.clone()));
        assert_eq!(parsed, Ok(value), "{key} is within its bounds");
    }
    // What an operator is told is told in whole sentences, of whatever is allowed.
    assert!(warnings(config).iter().all(|warning| !warning.is_empty()), "warnings say something");
}

/// Every mistake is told with its place.
fn named(mistakes: &Mistakes) {
    assert!(!mistakes.0.is_empty(), "what is refused has a mistake");
    let told = mistakes.to_string();
    for mistake in &mistakes.0 {
        assert!(told.contains(&mistake.to_string()), "every mistake is told: {told}");
        if let Place::File { line, column, .. } = mistake.place {
            assert!(line >= 1 && column >= 1, "places are counted from 1");
        }
    }
    let sorted = mistakes.0.is_sorted_by(|one, other| one.place <= other.place);
    assert!(sorted, "mistakes are in the order of their places");
}

/// What was read is read again from how the server would write it.
fn read_back(config: &Config) {
    let value = |setting: &Setting| setting.get(config).to_toml();
    let lines = TABLE.iter().map(|setting| format!("{} = {}\n", setting.key, value(setting)));
    let text: String = lines.collect();
    let file = FILE.with(|file| {
        fs::write(file.path(), &text).expect("a file of settings can be written");
        file.path().to_owned()
    });
    let again = load_unchecked(&Sources { file: Some(file), ..Sources::default() });
    assert_eq!(again.as_ref(), Ok(config), "settings are read back as they were: {text}");
}
