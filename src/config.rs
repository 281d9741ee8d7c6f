//! The configuration: defaults, then the file, then the environment, then the flags, the later one
//! stronger. Every mistake is found in one reading. Must never start anything.

pub mod check;
pub mod mistake;
pub mod print;
pub mod settings;
pub mod shape;
pub mod source;
pub mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use crate::config::check::RULES;
use crate::config::mistake::{Fault, Mistake, Mistakes, Place};
use crate::config::settings::Config;
use crate::config::source::{CONFIG_VARIABLE, FlagValue, Given, Reading};

/// Where to look for settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// The file; `None` looks for one named in the environment, and else reads none.
    pub file: Option<PathBuf>,
    /// The environment.
    pub environment: Vec<(OsString, OsString)>,
    /// The flags, the later one stronger.
    pub flags: Vec<FlagValue>,
}

impl Sources {
    /// The environment of this process with `flags`, and the file that they name.
    pub fn of_process(file: Option<PathBuf>, flags: Vec<FlagValue>) -> Self {
        Self { file, environment: std::env::vars_os().collect(), flags }
    }

    fn file_named(&self) -> Option<PathBuf> {
        let named = |(name, value): &(OsString, OsString)| {
            (name == CONFIG_VARIABLE && !value.is_empty()).then(|| PathBuf::from(value))
        };
        self.file.clone().or_else(|| self.environment.iter().find_map(named))
    }
}

/// Reads and checks all settings.
pub fn load(sources: &Sources) -> Result<Config, Mistakes> {
    let mut draft = Draft::read(sources);
    draft.check();
    let mut config = draft.finish()?;
    config.listen.tls = check::tls_address(&config);
    Ok(config)
}

/// Reads all settings without the rules between them: for what uses but a few of them, and not to
/// serve.
pub fn load_unchecked(sources: &Sources) -> Result<Config, Mistakes> {
    Draft::read(sources).finish()
}

/// A configuration on its way.
#[derive(Default)]
struct Draft {
    config: Config,
    /// Where the value that counts was given.
    places: BTreeMap<&'static str, Place>,
    /// The settings with a mistake: no rule about them is looked at.
    spoilt: BTreeSet<String>,
    mistakes: Vec<Mistake>,
}

impl Draft {
    fn read(sources: &Sources) -> Self {
        let mut reading = Reading::default();
        if let Some(path) = sources.file_named() {
            match fs::read_to_string(&path) {
                Ok(text) => reading.file(&path, &text),
                Err(error) => {
                    let reason = error.to_string();
                    let place = Place::File { path, line: 1, column: 1 };
                    reading.mistake(place, Fault::Unreadable { reason });
                }
            }
        }
        reading.environment(sources.environment.iter().cloned());
        reading.flags(&sources.flags);

        let mut draft = Self { mistakes: reading.mistakes, ..Self::default() };
        for mistake in &draft.mistakes {
            if let Fault::UnknownKey { nearest: Some(meant), .. } = &mistake.fault {
                draft.spoilt.insert(meant.clone());
            }
        }
        reading.given.into_iter().for_each(|given| draft.set(given));
        draft
    }

    fn set(&mut self, given: Given) {
        let Given { setting, place, form, text } = given;
        match setting.shape.parse(form, &text) {
            Ok(value) => {
                setting.set(&mut self.config, value);
                self.places.insert(setting.key, place);
            }
            Err(wanted) => {
                self.spoilt.insert(setting.key.to_owned());
                let fault = Fault::WrongKind { key: setting.key, got: shown(&text), wanted };
                self.mistakes.push(Mistake { place, fault });
            }
        }
    }

    fn check(&mut self) {
        let spoilt = |key: &&str| self.spoilt.contains(*key);
        let sound = RULES.iter().filter(|rule| !rule.keys.iter().any(spoilt));
        let mistakes: Vec<_> = sound
            .filter_map(|rule| {
                let fault = (rule.broken)(&self.config)?;
                let places = rule.keys.iter().filter_map(|key| self.places.get(key));
                Some(Mistake { place: places.max().cloned().unwrap_or(Place::Default), fault })
            })
            .collect();
        self.mistakes.extend(mistakes);
    }

    fn finish(mut self) -> Result<Config, Mistakes> {
        if self.mistakes.is_empty() {
            return Ok(self.config);
        }
        self.mistakes.sort_by(|one, other| one.place.cmp(&other.place));
        Err(Mistakes(self.mistakes))
    }
}

/// A value as a mistake shows it: quoted, and no longer than a line.
fn shown(text: &str) -> String {
    const SHOWN_CHARS_MAX: usize = 60;
    let mut shown: String = text.chars().take(SHOWN_CHARS_MAX).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("{shown:?}")
}

#[cfg(test)]
mod tests;
