//! The command line of `packetboat-conformance`: what can be typed. Must never carry a command
//! out, nor show a credential.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use packetboat_proto::id::UserId;

const AFTER_HELP: &str = "\
Exits with 0 when all checks hold, 1 when one fails, 2 when nothing could be checked: wrong usage,
nobody there. Checks of a SHOULD that do not hold are warnings, unless --strict is given.";

/// Drives a server or a client of the Packetboat protocol through SPEC.md, clause by clause
#[derive(Debug, Parser)]
#[command(name = "packetboat-conformance", version, after_help = AFTER_HELP)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What is driven.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Drive a server
    Server(ServerArgs),
    /// Drive a client that connects here
    Client(ClientArgs),
}

/// What both have.
#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag that may be typed")]
pub(crate) struct RunArgs {
    /// Run only these: clauses (F-3), chapters (frames) or checks (frames.flags)
    #[arg(long, value_name = "WORD", value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// Leave these out
    #[arg(long, value_name = "WORD", value_delimiter = ',')]
    pub(crate) except: Vec<String>,
    /// Print one JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
    /// List the checks, and run none
    #[arg(long)]
    pub(crate) list: bool,
    /// Count a SHOULD like a MUST
    #[arg(long)]
    pub(crate) strict: bool,
    /// Run the checks that wait long, too
    #[arg(long)]
    pub(crate) slow: bool,
    /// Makes all names of the run; random if it is not given
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Checks at one time
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) jobs: Option<u16>,
    /// How long one word of the other side is waited for
    #[arg(long, value_name = "SECS", default_value = "10", value_parser = seconds)]
    pub(crate) patience: Duration,
}

/// How to drive a server.
#[derive(Debug, Args)]
pub(crate) struct ServerArgs {
    /// Where it is: HOST:PORT
    pub(crate) server: String,
    /// Connect with TLS
    #[arg(long)]
    pub(crate) tls: bool,
    /// Connect with TLS, and trust the certificates in this PEM file alone
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// What the names of made up users, devices and groups begin with
    #[arg(long, value_name = "TEXT", default_value = "conform-")]
    pub(crate) user_prefix: String,
    /// Where anybody is not let in: users that may come in, four at least
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) users: Vec<UserId>,
    /// The password of all of them
    #[arg(long, env = "PACKETBOAT_PASSWORD", hide_env_values = true, requires = "users")]
    pub(crate) password: Option<String>,
    /// The token of each of them, in their order
    #[arg(
        long,
        env = "PACKETBOAT_TOKENS",
        hide_env_values = true,
        value_delimiter = ',',
        requires = "users",
        conflicts_with = "password"
    )]
    pub(crate) tokens: Vec<String>,
    /// The operator's time for a handshake
    #[arg(long, value_name = "MS", default_value_t = 10_000)]
    pub(crate) handshake_ms: u32,
    /// The operator's time until a delivery is sent again
    #[arg(long, value_name = "MS", default_value_t = 5_000)]
    pub(crate) retry_ms: u32,
    /// How often the operator has it sent again
    #[arg(long, value_name = "N", default_value_t = 5,
          value_parser = clap::value_parser!(u32).range(0..=16))]
    pub(crate) retries: u32,
    /// How many devices of a user the operator allows; without it, that is not checked
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) devices_max: Option<u32>,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

/// How to drive a client.
#[derive(Debug, Args)]
pub(crate) struct ClientArgs {
    /// Where to listen; port 0 is any
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,
    #[command(flatten)]
    pub(crate) run: RunArgs,
    /// The client, started once or more for each check; without it, clients are waited for
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.1..=600.0).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("0.1 to 600 seconds are needed".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn what_is_driven_is_told_with_what_is_run() {
        let typed = "packetboat-conformance server boat:7582 --only F-3,frames --jobs 2";
        let line = CommandLine::try_parse_from(typed.split(' ')).unwrap();
        let Command::Server(args) = line.command else { panic!("no server") };
        assert_eq!((args.server.as_str(), args.run.jobs), ("boat:7582", Some(2)));
        assert_eq!(args.run.only, ["F-3", "frames"]);
        let typed = "packetboat-conformance client --json -- ./client --quiet";
        let line = CommandLine::try_parse_from(typed.split(' ')).unwrap();
        let Command::Client(args) = line.command else { panic!("no client") };
        assert!(args.run.json);
        assert_eq!(args.command, ["./client", "--quiet"]);
    }
}
