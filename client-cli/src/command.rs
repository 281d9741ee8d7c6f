//! The command line, parsed and nothing else. Must never read a file, nor show a credential.

pub(crate) mod change;
pub(crate) mod contact;
pub(crate) mod context;
pub(crate) mod device;
pub(crate) mod file;
pub(crate) mod group;
pub(crate) mod keys;
pub(crate) mod own;
pub(crate) mod presence;
pub(crate) mod receipt;
pub(crate) mod recv;
pub(crate) mod room;
pub(crate) mod schedule;
pub(crate) mod search;
pub(crate) mod send;
pub(crate) mod target;
pub(crate) mod wait;

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use packetboat_client::{DeviceId, UserId};

use self::change::ChangeCommand;
use self::contact::ContactCommand;
use self::device::DeviceCommand;
use self::file::FileCommand;
use self::group::GroupCommand;
use self::keys::KeysCommand;
use self::own::OwnCommand;
use self::presence::PresenceCommand;
use self::receipt::ReceiptCommand;
use self::recv::{RecvArgs, StartArgs, StartAt};
use self::room::RoomCommand;
use self::schedule::ScheduleCommand;
use self::search::SearchArgs;
use self::send::SendArgs;
use self::target::Target;

/// Entries that one `history` may ask for.
const HISTORY_LIMIT_MAX: i64 = 10_000;
/// Chats that `chats` lists; where there are more, that is said.
pub(crate) const CHATS_LISTED_MAX: u32 = 10_000;
/// The longest time that may be waited, in seconds: some three years.
const TIMEOUT_SECS_MAX: f64 = 1e8;

/// Chat over Packetboat by hand and in scripts.
///
/// A TARGET is a user (the direct chat with them), `#crew` or `group:crew` (a group), `%lobby` or
/// `room:lobby` (a room), or any other chat id. Without a command it is `chat`. Exits with 0 when
/// done, 1 when it failed (the reason is on stderr), 2 for wrong usage.
#[derive(Debug, Parser)]
#[command(name = "packetboat-cli", version, propagate_version = true, max_term_width = 80)]
pub(crate) struct CommandLine {
    #[command(flatten)]
    pub(crate) account: AccountArgs,
    /// Print JSON, one object a line.
    ///
    /// Each has a `type`. A command that prints nothing without it, since nothing is to be said but
    /// that it is done, prints `{"type":"done","command":…}` with what it was done to. The types
    /// and their fields are listed in docs/CLI.md.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// How long to try. Without it a command fails when the server cannot be reached at once, or
    /// cannot answer for now; `--follow` waits for it in any case.
    ///
    /// For `send`: how long to wait for an answer, over as many connections as it takes (30 once
    /// there was a connection). For `recv`: how long to wait for messages.
    #[arg(long, global = true, value_name = "SECS", value_parser = seconds)]
    pub(crate) timeout: Option<Duration>,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// Whose session, on which server.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct AccountArgs {
    /// The server [default: 127.0.0.1, port 7582, with TLS 7583].
    #[arg(long, global = true, value_name = "HOST[:PORT]", env = "PACKETBOAT_SERVER")]
    pub(crate) server: Option<String>,
    /// The user [default: $USER].
    #[arg(
        id = "account_user",
        long = "user",
        value_name = "USER",
        global = true,
        env = "PACKETBOAT_USER"
    )]
    pub(crate) user: Option<UserId>,
    /// The device: what has had messages, each on its own, and what may be connected once.
    ///
    /// `chat` and `recv` are by default the device `cli`: what one of them has had, the other
    /// is not given again. All other commands are by default on devices that they share,
    /// `cli-once-0` to `cli-once-7`, which take no messages, so they disturb nothing.
    ///
    /// Unless the server lets one device of a user be connected at a time: there a command
    /// ends the open `chat`, or is refused beside it; use the slash commands of `chat`. Where
    /// it lets in one of each platform, commands are a platform of their own, and end one
    /// another only.
    #[arg(
        id = "account_device",
        long = "device",
        value_name = "DEVICE",
        global = true,
        env = "PACKETBOAT_DEVICE"
    )]
    pub(crate) device: Option<DeviceId>,
    /// A token that shows who the user is.
    #[arg(long, global = true, env = "PACKETBOAT_TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
    /// A file whose first line is the user's password.
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "PACKETBOAT_PASSWORD_FILE",
        conflicts_with = "token"
    )]
    pub(crate) password_file: Option<PathBuf>,
    /// Connect with TLS.
    #[arg(long, global = true, env = "PACKETBOAT_TLS", value_parser = FalseyValueParser::new())]
    pub(crate) tls: bool,
    /// Connect with TLS, and trust the certificates in this PEM file alone.
    #[arg(long, global = true, value_name = "FILE", env = "PACKETBOAT_CA")]
    pub(crate) ca: Option<PathBuf>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Chat in the terminal.
    Chat {
        /// The chat to open first.
        target: Option<Target>,
        #[command(flatten)]
        start: StartArgs,
    },
    /// Send a message, or one for each line of stdin.
    Send(SendArgs),
    /// Print the messages that the device has not had yet, and those that come.
    ///
    /// Ends when there are no more; with --count, when so many were printed; with --follow, never.
    /// With --timeout it waits no longer than that, and fails if --count was not reached. What was
    /// printed is acknowledged, so that the device is not given it again.
    ///
    /// Without --count and --follow it learns from the list of chats (as `chats` prints it) whether
    /// there are more. A group that the user has left is not in that list, so it is not waited for:
    /// what was said there before may be printed by this run or by the next.
    Recv(RecvArgs),
    /// Print a chat's messages, the oldest first.
    History {
        /// Which chat.
        chat: Target,
        /// How many.
        #[arg(long, default_value_t = 50,
              value_parser = clap::value_parser!(u32).range(1..=HISTORY_LIMIT_MAX))]
        limit: u32,
        /// The last ones before this one, instead of the last of all.
        #[arg(long, value_name = "SEQ", conflicts_with = "after",
              value_parser = clap::value_parser!(u64).range(1..))]
        before: Option<u64>,
        /// The first ones after this one.
        #[arg(long, value_name = "SEQ")]
        after: Option<u64>,
    },
    /// Find messages by their words in all of your chats, the newest first.
    ///
    /// The server must have search switched on. What was just sent is found a moment later.
    Search(SearchArgs),
    #[command(flatten)]
    File(FileCommand),
    /// List the user's chats, the liveliest first.
    ///
    /// In the column @ it says how many unread messages mention the user; marks and topic, where
    /// there are any, stand below.
    Chats {
        /// Only these, in this order; also those that the list does not have, such as a group that
        /// the user has left.
        #[arg(value_name = "CHAT", conflicts_with = "recent")]
        chats: Vec<Target>,
        /// Only so many, at most 10,000, each with the last message if it is not long.
        #[arg(long, value_name = "COUNT",
              value_parser = clap::value_parser!(u32).range(1..=i64::from(CHATS_LISTED_MAX)))]
        recent: Option<u32>,
    },
    #[command(flatten)]
    Own(OwnCommand),
    #[command(flatten)]
    Change(ChangeCommand),
    #[command(flatten)]
    Receipt(ReceiptCommand),
    /// Publish and claim public keys, for programs that encrypt.
    #[command(subcommand)]
    Keys(KeysCommand),
    #[command(flatten)]
    Schedule(ScheduleCommand),
    /// Make and change groups.
    #[command(subcommand)]
    Group(GroupCommand),
    /// Open, change and hear rooms.
    #[command(subcommand)]
    Room(RoomCommand),
    /// Know users, name them, block them.
    #[command(subcommand)]
    Contact(ContactCommand),
    #[command(flatten)]
    Device(DeviceCommand),
    #[command(flatten)]
    Presence(PresenceCommand),
    /// Measure the time to the server and back.
    Ping {
        /// How many times.
        #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..))]
        count: u32,
    },
    /// Print the completions for a shell.
    Completions {
        /// Which shell.
        shell: Shell,
    },
}

impl Default for Command {
    fn default() -> Self {
        Self::Chat { target: None, start: StartArgs { start: StartAt(None) } }
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    if (0.0..=TIMEOUT_SECS_MAX).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err(format!("must be 0 to {TIMEOUT_SECS_MAX} seconds"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cells::width;
    use clap::CommandFactory;
    use clap::error::ErrorKind;

    fn parse(line: &str) -> Result<CommandLine, clap::Error> {
        CommandLine::try_parse_from(line.split(' '))
    }

    #[test]
    fn the_command_line_is_sound() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn options_of_the_connection_may_stand_anywhere() {
        for line in [
            "packetboat-cli --user alice --json send bob hi",
            "packetboat-cli send --user alice bob --json hi",
            "packetboat-cli send bob hi --json --user alice",
        ] {
            let parsed = parse(line).unwrap();
            assert!(parsed.json);
            assert_eq!(parsed.account.user, Some(UserId::new("alice").unwrap()));
        }
    }

    /// The arguments of a command and of all below it that are not those of every command.
    fn own_arguments(command: &clap::Command, found: &mut Vec<(String, String)>) {
        let own = command.get_arguments().filter(|arg| !arg.is_global_set());
        let named = |arg: &clap::Arg| (command.get_name().to_owned(), arg.get_id().to_string());
        found.extend(own.map(named));
        for below in command.get_subcommands() {
            own_arguments(below, found);
        }
    }

    #[test]
    fn who_is_named_by_a_command_is_not_taken_for_who_gives_it() {
        let command = CommandLine::command();
        let global = command.get_arguments().filter(|arg| arg.is_global_set());
        let global: Vec<String> = global.map(|arg| arg.get_id().to_string()).collect();
        assert!(global.len() > 8, "{global:?}");
        let mut own = Vec::new();
        own_arguments(&command, &mut own);
        assert!(own.len() > 50, "{own:?}");
        for (command, id) in own {
            assert!(!global.contains(&id), "{command}: {id} would be the one of every command");
        }
        for line in [
            "packetboat-cli --user ann contact add bob",
            "packetboat-cli group hand-over crew bob --user ann",
            "packetboat-cli --user ann keys claim bob phone",
        ] {
            let account = parse(line).unwrap().account;
            assert_eq!((account.user, account.device), (UserId::new("ann").ok(), None), "{line}");
        }
    }

    #[test]
    fn a_text_may_start_with_a_hyphen() {
        for text in ["-", "-1", "--", "-x"] {
            let words = ["packetboat-cli", "send", "bob", "--", text];
            let parsed = CommandLine::try_parse_from(words).unwrap();
            assert!(matches!(parsed.command, Some(Command::Send(sent)) if sent.text == text));
        }
        let parsed = parse("packetboat-cli send bob -").unwrap();
        assert!(matches!(parsed.command, Some(Command::Send(sent)) if sent.text == "-"));
    }

    #[test]
    fn bad_values_are_wrong_usage() {
        for line in [
            "packetboat-cli --user a/b chats",
            "packetboat-cli --timeout -1 chats",
            "packetboat-cli --timeout nan chats",
            "packetboat-cli send bob",
            "packetboat-cli send bob hi --expires-after soon",
            "packetboat-cli schedule bob hi",
            "packetboat-cli schedule bob hi --in 2h --at 2026-11-23T09:00",
            "packetboat-cli schedule bob hi --at noon",
            "packetboat-cli unschedule bob 12",
            "packetboat-cli send-file bob",
            "packetboat-cli save-file bob 0",
            "packetboat-cli recv --count 0",
            "packetboat-cli recv --start 0",
            "packetboat-cli history bob --before 3 --after 4",
            "packetboat-cli history bob --limit 10001",
            "packetboat-cli search",
            "packetboat-cli search tide --limit 0",
            "packetboat-cli chats --recent 0",
            "packetboat-cli chats --recent 10001",
            "packetboat-cli chats bob --recent 1",
            "packetboat-cli presence",
            "packetboat-cli receipts bob --count 1",
            "packetboat-cli receipts bob --first 0",
            "packetboat-cli read bob 0",
            "packetboat-cli signal bob shouting",
            "packetboat-cli draft bob --reply-to 3",
            "packetboat-cli quiet bob 5 --off",
            "packetboat-cli pin-chat bob 0",
            "packetboat-cli hide bob",
            "packetboat-cli hide bob 0",
            "packetboat-cli group add crew",
            "packetboat-cli room mute lobby",
            "packetboat-cli contact add",
            "packetboat-cli contact block a/b",
            "packetboat-cli log-out",
            "packetboat-cli log-out phone --others",
            "packetboat-cli room open lobby --keep 1001",
            "packetboat-cli status hi --visible-to some",
            "packetboat-cli --token t --password-file f chats",
            "packetboat-cli chad",
        ] {
            let error = parse(line).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{line}: {error}");
        }
    }

    #[test]
    fn more_chats_than_are_listed_are_refused_by_the_number_that_is() {
        assert!(parse("packetboat-cli chats --recent 10000").is_ok());
        let error = parse("packetboat-cli chats --recent 20000").unwrap_err().to_string();
        assert!(error.contains(&CHATS_LISTED_MAX.to_string()), "{error}");
    }

    #[test]
    fn a_room_is_named_as_people_name_it() {
        for line in ["packetboat-cli room open %lobby --keep 5", "packetboat-cli room state lobby"]
        {
            let parsed = parse(line).unwrap();
            let Some(Command::Room(RoomCommand::Open { room, .. } | RoomCommand::State { room })) =
                parsed.command
            else {
                panic!("{line}")
            };
            assert_eq!(room.as_str(), "room:lobby");
        }
        let parsed = parse("packetboat-cli recv --room lobby --room hall --count 2").unwrap();
        assert!(matches!(parsed.command, Some(Command::Recv(args)) if args.room.len() == 2));
    }

    #[test]
    fn without_a_command_it_is_chat() {
        let command = parse("packetboat-cli --user alice").unwrap().command;
        assert!(matches!(command.unwrap_or_default(), Command::Chat { target: None, .. }));
    }

    #[test]
    fn recv_says_that_groups_left_are_not_waited_for() {
        let help = parse("packetboat-cli recv --help").unwrap_err().to_string();
        assert!(help.contains("has left"), "{help}");
    }

    /// Each command below this one that has none below it, by its words.
    fn commands(command: &clap::Command, above: &str, found: &mut Vec<String>) {
        for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
            let words = format!("{above} {}", below.get_name());
            if below.has_subcommands() {
                commands(below, &words, found);
            } else {
                found.push(words.trim_start().to_owned());
            }
        }
    }

    /// Lines of the help that a terminal of 80 columns has no room for.
    fn too_wide(command: &mut clap::Command, found: &mut Vec<String>) {
        for help in [command.render_long_help(), command.render_help()] {
            let help = help.to_string();
            let wide = help.lines().filter(|line| width(line) > 80);
            found.extend(wide.map(|line| format!("{}: {line}", command.get_name())));
        }
        command.get_subcommands_mut().for_each(|below| too_wide(below, found));
    }

    #[test]
    fn help_fits_a_terminal_of_80_columns() {
        let (mut command, mut wide) = (CommandLine::command(), Vec::new());
        command.build();
        too_wide(&mut command, &mut wide);
        assert!(wide.is_empty(), "{wide:#?}");
        let mut word = clap::Command::new("word").about("w".repeat(81));
        too_wide(&mut word, &mut wide);
        assert!(!wide.is_empty(), "a word of 81 letters fits nowhere");
    }

    #[test]
    fn every_command_and_no_other_is_in_the_table_of_the_docs() {
        let docs = include_str!("../../docs/CLI.md");
        let mut all = Vec::new();
        commands(&CommandLine::command(), "", &mut all);
        assert!(all.len() > 60, "{all:?}");
        let table = docs.lines().skip_while(|line| !line.starts_with("| What | Command "));
        let rows = table.take_while(|line| line.starts_with('|'));
        let cells = rows.filter_map(|row| row.split('|').nth(2));
        let named: Vec<&str> = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
        assert!(named.len() > 60, "{named:?}");
        let named = named.iter().map(|words| words.split(" --").next().unwrap_or(words));
        let named: std::collections::BTreeSet<&str> = named.collect();
        assert_eq!(named, all.iter().map(String::as_str).collect(), "docs/CLI.md and the commands");
    }

    #[test]
    fn what_follows_may_be_counted_and_nothing_else() {
        assert!(parse("packetboat-cli presence bob --follow --count 2").is_ok());
        assert!(parse("packetboat-cli receipts #crew --follow").is_ok());
        assert!(parse("packetboat-cli presence bob --count 2").is_err());
    }

    #[test]
    fn help_is_no_failure() {
        let error = parse("packetboat-cli --help").unwrap_err();
        assert_eq!((error.kind(), error.exit_code()), (ErrorKind::DisplayHelp, 0));
    }
}
