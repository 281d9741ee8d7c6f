//! What can be typed. Must never do it.

use std::path::PathBuf;

use clap::{Parser, Subcommand, value_parser};

use crate::place::Where;
use crate::relay::Relay;
use crate::sessions::Sessions;
use crate::targets::TargetName;
use crate::work::Work;

/// The works of a comparison: all, as they are by default.
const WORKS: [&str; 10] = [
    "pairs",
    "pace",
    "fanout",
    "idle",
    "reconnect",
    "offline",
    "catchup",
    "kill",
    "restart",
    "growth",
];
/// The same, small: to see that everything works, not to measure.
const SHORT_WORKS: [&str; 10] = [
    "pairs --pairs 4 --window 8 --seconds 1",
    "pace --rate 500 --pairs 4 --seconds 1",
    "fanout --members 30 --absent 200 --senders 2 --window 4 --seconds 1",
    "idle --connections 40 --hold 3 --heartbeat-ms 2000",
    "reconnect --connections 40 --at-once 8",
    "offline --messages 600 --pairs 3 --window 8",
    "catchup --chats 250 --entries 2",
    "kill --pairs 3 --window 8 --seconds 1",
    "restart --messages 600 --pairs 3 --window 8",
    "growth --chats 60,120 --stored 1000 --pairs 5 --window 8 --seconds 1",
];

/// Puts load on a messaging server on this machine, and says what it took
#[derive(Clone, Debug, PartialEq, Eq, Parser)]
#[command(name = "packetboat-load", version)]
pub struct Args {
    /// Where the programs are.
    #[command(flatten)]
    pub place: Where,
    /// What is measured
    #[arg(long, value_enum, default_value = "packetboat", global = true)]
    pub target: TargetName,
    /// How often each work is done
    #[arg(long, default_value_t = 1, global = true,
          value_parser = value_parser!(u32).range(1..=99))]
    pub runs: u32,
    /// Write one JSON object to this file, or print it (-)
    #[arg(long, value_name = "FILE", global = true)]
    pub json: Option<PathBuf>,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// A work.
    #[command(flatten)]
    Work(Work),
    /// Several works over several targets, in turn, with ratios
    Compare(Compare),
    /// Very many sessions of Packetboat in this process, over transports in memory; once
    Sessions(Sessions),
    /// Be a bare relay, which shows what the machine can do
    Relay(Relay),
}

/// A comparison.
#[derive(clap::Args, Clone, Debug, PartialEq, Eq)]
pub struct Compare {
    /// What is measured, in this order within each round; else all, but for peers that are not
    /// installed
    #[arg(long, value_enum, value_delimiter = ',')]
    pub targets: Vec<TargetName>,
    /// A work with its settings, in quotes; may come more than once; else all of them
    #[arg(long = "work", value_name = "WORK", value_parser = work)]
    pub works: Vec<Work>,
    /// All works, but small: to see that everything works, not to measure
    #[arg(long, conflicts_with = "works")]
    pub short: bool,
    /// Write a plot of each figure into this folder, as SVG
    #[arg(long, value_name = "FOLDER")]
    pub plots: Option<PathBuf>,
}

impl Compare {
    /// The works to be done.
    pub fn works(&self) -> Vec<Work> {
        if !self.works.is_empty() {
            return self.works.clone();
        }
        let lines = if self.short { SHORT_WORKS } else { WORKS };
        let parsed = lines.iter().map(|line| work(line).expect("these are works"));
        parsed.collect()
    }
}

#[derive(Parser)]
#[command(no_binary_name = true)]
struct Line {
    #[command(subcommand)]
    work: Work,
}

/// A work with its settings, as one would type it.
pub fn work(line: &str) -> Result<Work, clap::Error> {
    Line::try_parse_from(line.split_whitespace()).map(|line| line.work)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::idle::Idle;
    use crate::work::pairs::Pairs;
    use clap::CommandFactory;
    use clap::error::ErrorKind;

    fn parse(line: &str) -> Result<Args, clap::Error> {
        Args::try_parse_from(["packetboat-load"].into_iter().chain(line.split_whitespace()))
    }

    #[test]
    fn the_commands_make_sense() {
        Args::command().debug_assert();
    }

    #[test]
    fn the_commands_of_the_page_are_understood() {
        let args =
            parse("--server localhost:7582 pairs --pairs 5 --window 6 --bytes 70 --seconds 8");
        let args = args.unwrap();
        assert_eq!(args.place.server, Some("127.0.0.1:7582".parse().unwrap()));
        let pairs = Pairs { pairs: 5, window: 6, bytes: 70, seconds: 8 };
        let command = Command::Work(Work::Pairs(pairs));
        assert_eq!((args.command, args.runs, args.json), (command, 1, None));

        let line = "--spawn ./packetboat --set a.b=1 --runs 3 idle --connections 9 --json -";
        let args = parse(line).unwrap();
        assert_eq!(args.place.spawn, Some("./packetboat".into()));
        assert_eq!((args.runs, args.json), (3, Some("-".into())));
        let idle = Idle { connections: 9, hold: 10, heartbeat_ms: 4_000 };
        assert_eq!(args.command, Command::Work(Work::Idle(idle)));
        assert_eq!(args.place.settings, ["a.b=1"]);
    }

    #[test]
    fn a_comparison_has_all_works_unless_some_are_named() {
        let compare = |args: &[&str]| {
            let args = ["packetboat-load", "compare"].iter().chain(args);
            match Args::try_parse_from(args).unwrap().command {
                Command::Compare(compare) => compare,
                other => panic!("{other:?}"),
            }
        };
        let all = compare(&[]);
        assert_eq!(all.works().len(), WORKS.len());
        assert_eq!(all.targets, []);
        let short: Vec<_> = compare(&["--short"]).works().iter().map(Work::name).collect();
        assert_eq!(short, WORKS);
        let named =
            compare(&["--work", "pairs --pairs 3", "--work", "idle", "--targets", "raw,ejabberd"]);
        assert_eq!(named.targets, [TargetName::Raw, TargetName::Ejabberd]);
        let pairs = Pairs { pairs: 3, window: 64, bytes: 200, seconds: 10 };
        assert_eq!(named.works()[0], Work::Pairs(pairs));
    }

    #[test]
    fn growth_can_leave_the_chats_out() {
        let args = parse("growth --chats --stored 5 --pairs 2").unwrap();
        let Command::Work(Work::Growth(growth)) = args.command else { panic!("{args:?}") };
        assert_eq!((growth.chats, growth.stored), (Vec::new(), 5));
    }

    #[test]
    fn a_server_elsewhere_is_refused_and_told_why() {
        let error = parse("--server 192.0.2.1:7582 pairs").unwrap_err().to_string();
        assert!(error.contains("192.0.2.1 is not a loopback address"), "{error}");
    }

    #[test]
    fn there_is_one_server_and_its_process_belongs_to_it() {
        for (line, kind) in [
            ("--server 127.0.0.1:1 --spawn x pairs", ErrorKind::ArgumentConflict),
            ("--spawn x --server-pid 7 idle", ErrorKind::ArgumentConflict),
            ("--server 127.0.0.1:1 --set a.b=1 idle", ErrorKind::ArgumentConflict),
            ("--target mail pairs", ErrorKind::InvalidValue),
            ("compare --short --work pairs", ErrorKind::ArgumentConflict),
        ] {
            let error = parse(line).unwrap_err();
            assert_eq!(error.kind(), kind, "{line}: {error}");
        }
    }

    #[test]
    fn what_is_out_of_bounds_is_refused() {
        for work in [
            "pairs --pairs 0",
            "pairs --window 1025",
            "pairs --bytes 31",
            "pairs --seconds 0",
            "pace --rate 0",
            "fanout --members 0",
            "idle --connections 0",
            "offline --messages 0",
            "catchup --chats 0",
            "growth --chats 0",
            "--runs 0 pairs",
            "compare --work pears",
        ] {
            let error = parse(&format!("--spawn x {work}")).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ValueValidation, "{work}");
        }
    }
}
