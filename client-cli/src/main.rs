//! `packetboat-cli`: chatting over Packetboat by hand and in scripts. Must never do more than pick
//! what to run, and say what became of it.

mod account;
mod cells;
mod clean;
mod clock;
mod command;
mod failure;
#[cfg(test)]
mod fake;
mod format;
mod out;
mod patience;
mod run;
mod script;
mod stop;
mod tui;
mod view;
mod visit;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match run::run(command::CommandLine::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Some(message) = failure.message() {
                out::complain(&message);
            }
            failure.exit_code()
        }
    }
}
