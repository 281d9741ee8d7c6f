//! The command line of `packetboat`: what can be typed. Must never carry a command out, nor check
//! a setting's value: that is told together with all other mistakes of the configuration.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand, value_parser};
use clap_complete::Shell;
use packetboat_proto::id::UserId;

use crate::config::Sources;
use crate::config::source::FlagValue;

/// Seconds that a token for trying out may live: a year.
const TTL_SECS_MAX: u64 = 366 * 24 * 60 * 60;

const AFTER_HELP: &str = "\
Alone, `packetboat` serves on 127.0.0.1:7582 for anybody on this machine, with its store in ./data.
Settings come from a file (--config), the environment (PACKETBOAT_...) and flags, flags strongest;
`packetboat serve --print-config` prints all of them with their defaults.";

/// An instant-messaging server: accepted means stored, once, in order
#[derive(Debug, Parser)]
#[command(name = "packetboat", version, after_help = AFTER_HELP)]
struct CommandLine {
    #[command(subcommand)]
    command: Option<Command>,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Serve (also without any command)
    Serve(ServeArgs),
    /// Make, change, remove and list the accounts of password authentication
    User(UserArgs),
    /// Print what the running server has now, and what it has counted since its start
    Stats(StatsArgs),
    /// Sign an HS256 token, for trying token authentication out
    Token(TokenArgs),
    /// Print the completions of a shell
    Completions {
        /// Which one
        shell: Shell,
    },
}

/// How to serve.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct ServeArgs {
    /// Address without TLS (listen.plain)
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<String>,
    /// Folder of all that is kept (store.data)
    #[arg(long, value_name = "DIR")]
    pub data: Option<String>,
    /// Who may come in: open, password or token (auth.kind)
    #[arg(long, value_name = "KIND")]
    pub auth: Option<String>,
    /// Certificate chain in PEM form (tls.cert)
    #[arg(long, value_name = "FILE")]
    pub tls_cert: Option<String>,
    /// Its private key in PEM form (tls.key)
    #[arg(long, value_name = "FILE")]
    pub tls_key: Option<String>,
    /// Make a certificate for localhost, for development (tls.dev)
    #[arg(long)]
    pub tls_dev: bool,
    /// Level or filter of the log (log.filter)
    #[arg(long, value_name = "FILTER")]
    pub log: Option<String>,
    /// File with settings
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Any setting; may come more than once
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Print all settings with their defaults, as a file to start from, and stop
    #[arg(long)]
    pub print_config: bool,
    /// Check the configuration and the files that it names, and stop
    #[arg(long)]
    pub check: bool,
}

impl ServeArgs {
    /// Where the settings come from: the named flags are stronger than `--set`.
    pub fn sources(&self) -> Sources {
        let mut flags: Vec<FlagValue> = self.set.iter().map(|text| set_flag(text)).collect();
        let tls_dev = self.tls_dev.then(|| "true".to_owned());
        let named = [
            ("--listen", "listen.plain", &self.listen),
            ("--data", "store.data", &self.data),
            ("--auth", "auth.kind", &self.auth),
            ("--tls-cert", "tls.cert", &self.tls_cert),
            ("--tls-key", "tls.key", &self.tls_key),
            ("--tls-dev", "tls.dev", &tls_dev),
            ("--log", "log.filter", &self.log),
        ];
        flags.extend(named.into_iter().filter_map(|(flag, key, value)| {
            let value = Some(value.clone()?);
            Some(FlagValue { flag: flag.to_owned(), key: key.to_owned(), value })
        }));
        Sources::of_process(self.config.clone(), flags)
    }
}

fn set_flag(text: &str) -> FlagValue {
    let (key, value) = match text.split_once('=') {
        Some((key, value)) => (key.trim(), Some(value.to_owned())),
        None => (text, None),
    };
    FlagValue { flag: format!("--set {key}"), key: key.to_owned(), value }
}

/// Accounts, and where they are.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct UserArgs {
    /// What to do
    #[command(subcommand)]
    pub action: UserAction,
    /// Folder of all that is kept (store.data)
    #[arg(long, value_name = "DIR", global = true)]
    pub data: Option<String>,
    /// File with settings
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
}

impl UserArgs {
    /// Where the settings come from.
    pub fn sources(&self) -> Sources {
        let (data, config) = (self.data.clone(), self.config.clone());
        ServeArgs { data, config, ..ServeArgs::default() }.sources()
    }
}

/// What to do with accounts.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum UserAction {
    /// Make an account
    Add(NewPassword),
    /// Give an account another password
    Passwd(NewPassword),
    /// Remove an account; its chats stay
    Remove {
        /// Whose
        name: UserId,
    },
    /// List the users with an account
    List,
}

/// Whose password, and where it comes from.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct NewPassword {
    /// Whose: 1 to 64 of a-z A-Z 0-9 . _ -
    pub name: UserId,
    /// Read the password from the first line of a file, or of standard input if it is `-`,
    /// and do not ask for it
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
}

/// Whose numbers, and how they are printed.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct StatsArgs {
    /// Folder of all that the server keeps (store.data)
    #[arg(long, value_name = "DIR")]
    pub data: Option<String>,
    /// File with settings
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

impl StatsArgs {
    /// Where the settings come from.
    pub fn sources(&self) -> Sources {
        let (data, config) = (self.data.clone(), self.config.clone());
        ServeArgs { data, config, ..ServeArgs::default() }.sources()
    }
}

/// A token for trying out.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct TokenArgs {
    /// File with the secret that the server checks tokens by
    #[arg(long, value_name = "FILE")]
    pub key_file: PathBuf,
    /// Whose: the claim sub
    #[arg(long, value_name = "NAME")]
    pub user: UserId,
    /// Seconds until it expires
    #[arg(long, value_name = "SECS", value_parser = value_parser!(u64).range(1..=TTL_SECS_MAX))]
    pub ttl: u64,
    /// Whom it is for: the claim aud
    #[arg(long, value_name = "TEXT")]
    pub audience: Option<String>,
}

/// What was typed, the program's name first. `clap::Error::exit` ends the process as it should:
/// with 2 after a mistake, with 0 after `--help`.
pub fn parse<T>(typed: impl IntoIterator<Item = T>) -> Result<Command, clap::Error>
where
    T: Into<OsString> + Clone,
{
    let line = CommandLine::try_parse_from(typed)?;
    Ok(line.command.unwrap_or_else(|| Command::Serve(ServeArgs::default())))
}

/// The completions of a shell.
pub fn completions(shell: Shell) -> Vec<u8> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut CommandLine::command(), "packetboat", &mut text);
    text
}

/// Writes what was asked for. Who reads no further has what it wants: that is no error.
pub fn show(text: &[u8], out: &mut dyn Write) -> io::Result<()> {
    match out.write_all(text).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

#[cfg(test)]
mod tests {
    use clap::error::ErrorKind;

    use super::*;

    fn parsed(line: &str) -> Command {
        parse(line.split(' ')).unwrap()
    }

    fn fault(line: &str) -> ErrorKind {
        parse(line.split(' ')).unwrap_err().kind()
    }

    fn flags(line: &str) -> Vec<(String, String, Option<String>)> {
        let Command::Serve(args) = parsed(line) else { panic!("not to serve") };
        let flags = args.sources().flags.into_iter();
        flags.map(|FlagValue { flag, key, value }| (flag, key, value)).collect()
    }

    #[test]
    fn the_command_line_is_sound() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn alone_it_serves_with_the_defaults() {
        assert_eq!(parsed("packetboat"), Command::Serve(ServeArgs::default()));
        assert_eq!(parsed("packetboat serve"), Command::Serve(ServeArgs::default()));
    }

    #[test]
    fn flags_are_settings_with_the_place_as_it_was_typed() {
        let own = |flag: &str, key: &str, value: Option<&str>| {
            (flag.to_owned(), key.to_owned(), value.map(ToOwned::to_owned))
        };
        let line = "packetboat serve --listen 1.2.3.4:5 --tls-dev --set log.format=json --set x \
                    --data d --auth token --tls-cert c --tls-key k --log debug";
        assert_eq!(
            flags(&line.split_whitespace().collect::<Vec<_>>().join(" ")),
            [
                own("--set log.format", "log.format", Some("json")),
                own("--set x", "x", None),
                own("--listen", "listen.plain", Some("1.2.3.4:5")),
                own("--data", "store.data", Some("d")),
                own("--auth", "auth.kind", Some("token")),
                own("--tls-cert", "tls.cert", Some("c")),
                own("--tls-key", "tls.key", Some("k")),
                own("--tls-dev", "tls.dev", Some("true")),
                own("--log", "log.filter", Some("debug")),
            ]
        );
        for (_, key, _) in flags("packetboat serve --listen a --data b --auth c --log d") {
            assert!(crate::config::table::find(&key).is_some(), "{key}");
        }
    }

    #[test]
    fn accounts_are_named_with_their_folder_before_or_after() {
        for line in ["packetboat user add ann --data d", "packetboat user --data d add ann"] {
            let Command::User(args) = parsed(line) else { panic!("not a user") };
            let name = UserId::new("ann").unwrap();
            assert_eq!(args.action, UserAction::Add(NewPassword { name, password_file: None }));
            assert_eq!(args.sources().flags[0].value.as_deref(), Some("d"));
        }
        assert_eq!(fault("packetboat user add a/b"), ErrorKind::ValueValidation);
        assert_eq!(fault("packetboat user"), ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand);
    }

    #[test]
    fn a_token_needs_its_key_its_user_and_an_end() {
        let line = "packetboat token --key-file k --user ann --ttl 60";
        let Command::Token(args) = parsed(line) else { panic!("not a token") };
        assert_eq!((args.ttl, args.audience), (60, None));
        let bare = fault("packetboat token --key-file k --user ann");
        assert_eq!(bare, ErrorKind::MissingRequiredArgument);
        let zero = fault("packetboat token --key-file k --user ann --ttl 0");
        assert_eq!(zero, ErrorKind::ValueValidation);
    }

    #[test]
    fn a_mistake_in_typing_is_a_mistake_in_usage() {
        for line in ["packetboat sreve", "packetboat serve --lissten x"] {
            let error = parse(line.split(' ')).unwrap_err();
            assert_eq!(error.exit_code(), 2);
        }
        assert_eq!(parse(["packetboat", "--help"]).unwrap_err().exit_code(), 0);
    }

    #[test]
    fn numbers_are_asked_for_by_the_folder() {
        let Command::Stats(args) = parsed("packetboat stats --json --data d") else {
            panic!("no numbers")
        };
        assert!(args.json);
        assert_eq!(args.sources().flags[0].value.as_deref(), Some("d"));
        assert_eq!(parsed("packetboat stats"), Command::Stats(StatsArgs::default()));
    }

    /// Takes nothing.
    struct Full;

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_nobody_reads_to_its_end_is_no_fault_and_a_full_disk_is() {
        let (reader, mut writer) = io::pipe().unwrap();
        drop(reader);
        show(b"settings", &mut writer).unwrap();
        let full = show(b"settings", &mut Full).unwrap_err();
        assert_eq!(full.kind(), io::ErrorKind::StorageFull);
    }

    #[test]
    fn completions_know_the_commands() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let text = String::from_utf8(completions(shell));
            assert!(text.unwrap().contains("print-config"), "{shell}");
        }
    }
}
