//! What can be typed. Must never do it.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{ArgGroup, Parser, value_parser};

use crate::target::loopback;
use crate::work::Work;

/// Puts load on a Packetboat server on this machine, and says what it took
#[derive(Clone, Debug, PartialEq, Eq, Parser)]
#[command(name = "packetboat-load", version, group(ArgGroup::new("target").required(true)))]
pub struct Args {
    /// A server that runs already, with open authentication; a loopback address
    #[arg(long, value_name = "HOST:PORT", value_parser = loopback, group = "target")]
    pub server: Option<SocketAddr>,
    /// Its process, to see what it uses
    #[arg(long, value_name = "PID", conflicts_with = "spawn")]
    pub server_pid: Option<u32>,
    /// The server's program, started for each run with an empty store under TMPDIR
    #[arg(long, value_name = "PROGRAM", group = "target")]
    pub spawn: Option<PathBuf>,
    /// A setting of the server that is started; may come more than once
    #[arg(long = "set", value_name = "KEY=VALUE", conflicts_with = "server")]
    pub settings: Vec<String>,
    /// How often the work is done
    #[arg(long, default_value_t = 1, global = true,
          value_parser = value_parser!(u32).range(1..=99))]
    pub runs: u32,
    /// Print one JSON object
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do
    #[command(subcommand)]
    pub work: Work,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::idle::Idle;
    use crate::work::pairs::Pairs;
    use clap::error::ErrorKind;

    fn parse(line: &str) -> Result<Args, clap::Error> {
        Args::try_parse_from(["packetboat-load"].into_iter().chain(line.split_whitespace()))
    }

    #[test]
    fn the_commands_of_the_page_are_understood() {
        let args =
            parse("--server localhost:7582 pairs --pairs 5 --window 6 --bytes 70 --seconds 8");
        let args = args.unwrap();
        assert_eq!(args.server, Some("127.0.0.1:7582".parse().unwrap()));
        let pairs = Pairs { pairs: 5, window: 6, bytes: 70, seconds: 8 };
        assert_eq!((args.work, args.runs, args.json), (Work::Pairs(pairs), 1, false));

        let line = "--spawn ./packetboat --set a.b=1 --runs 3 idle --connections 9 --json";
        let args = parse(line).unwrap();
        assert_eq!(args.spawn, Some("./packetboat".into()));
        assert_eq!((args.runs, args.json), (3, true));
        let idle = Idle { connections: 9, hold: 5, heartbeat_ms: 0 };
        assert_eq!((args.work, args.settings), (Work::Idle(idle), vec!["a.b=1".to_owned()]));
    }

    #[test]
    fn a_server_elsewhere_is_refused_and_told_why() {
        let error = parse("--server 192.0.2.1:7582 pairs").unwrap_err().to_string();
        assert!(error.contains("192.0.2.1 is not a loopback address"), "{error}");
    }

    #[test]
    fn there_is_one_server_and_its_process_belongs_to_it() {
        for (line, kind) in [
            ("pairs", ErrorKind::MissingRequiredArgument),
            ("--server 127.0.0.1:1 --spawn x pairs", ErrorKind::ArgumentConflict),
            ("--spawn x --server-pid 7 idle", ErrorKind::ArgumentConflict),
            ("--server 127.0.0.1:1 --set a.b=1 idle", ErrorKind::ArgumentConflict),
            ("--server 127.0.0.1:1", ErrorKind::MissingSubcommand),
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
            "idle --connections 0",
            "offline --messages 0",
            "--runs 0 pairs",
        ] {
            let error = parse(&format!("--spawn x {work}")).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ValueValidation, "{work}");
        }
    }
}
