//! Writes every setting with what it is for, the values that it takes and its default, as a TOML
//! file in which each one is commented out. Must never write what reading would not take.

use std::fmt::Write;

use crate::config::settings::Config;
use crate::config::table::{SECTIONS, TABLE};

const HEAD: &str = "\
# Packetboat's settings, each with its default. To change one, remove its leading `#`.
# Stronger than this file is the environment (PACKETBOAT_LIMITS_WINDOW=64), and stronger than
# that are flags (--set limits.window=64).
";

/// The defaults as a commented file.
pub fn defaults() -> String {
    let defaults = Config::default();
    let mut out = HEAD.to_owned();
    for (section, about) in SECTIONS {
        push(&mut out, format_args!("\n# {about}\n[{section}]\n"));
        for setting in TABLE.iter().filter(|setting| setting.section() == *section) {
            let value = setting.get(&defaults).to_toml();
            push(&mut out, format_args!("\n# {}\n", setting.doc));
            push(&mut out, format_args!("# Takes {}.\n", setting.shape.wanted()));
            push(&mut out, format_args!("#{} = {value}\n", setting.name()));
        }
    }
    out
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to a string does not fail");
}
