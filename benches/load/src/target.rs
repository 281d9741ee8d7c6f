//! The server under load: one that runs already, or one started for a run and ended after it.
//! Must never be on another machine.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::error::LoadError;

/// How long a server may take to start.
const STARTING_MAX: Duration = Duration::from_secs(30);
/// How long it may take to end before it is killed.
const ENDING_MAX: Duration = Duration::from_secs(20);

/// Where the server is.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// A loopback address.
    pub address: SocketAddr,
    /// Its process, if known.
    pub pid: Option<u32>,
}

impl Target {
    /// Its process, for a work that needs it.
    pub fn pid(&self) -> Result<u32, LoadError> {
        self.pid.ok_or(LoadError::NoPid)
    }
}

/// A server of one run, with a store in a temporary folder.
#[derive(Debug)]
pub struct Spawned {
    child: Child,
    /// Held, so that the server may go on writing.
    _stdout: BufReader<ChildStdout>,
    _folder: TempDir,
    target: Target,
}

impl Spawned {
    /// Starts one, and waits until it listens. Should this process panic, it is killed.
    pub async fn start(program: &Path, settings: &[String]) -> Result<Self, LoadError> {
        let failed = |source| LoadError::Spawn { path: program.to_owned(), source };
        let folder = tempfile::tempdir().map_err(failed)?;
        let mut command = Command::new(program);
        command.args(["serve", "--listen", "127.0.0.1:0", "--auth", "open", "--log", "warn"]);
        command.arg("--data").arg(folder.path().join("data"));
        for setting in settings {
            command.args(["--set", setting]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().map_err(failed)?;
        let stdout = child.stdout.take().expect("it was asked for");
        let mut stdout = BufReader::new(stdout);
        let mut line = String::new();
        let read = timeout(STARTING_MAX, stdout.read_line(&mut line)).await;
        let late = LoadError::Late { what: "the server's start", secs: STARTING_MAX.as_secs() };
        read.map_err(|_| late)?.map_err(failed)?;
        let address = greeted(&line).ok_or(LoadError::NoAddress { line })?;
        let target = Target { address, pid: child.id() };
        Ok(Self { child, _stdout: stdout, _folder: folder, target })
    }

    /// Where it is.
    pub const fn target(&self) -> Target {
        self.target
    }

    /// Asks it to end and waits; kills it if it does not. Whether it ended by itself and well.
    pub async fn stop(mut self) -> bool {
        let pid = self.child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        // Without a pid it has ended already, which waiting for it tells.
        let asked = pid.is_none_or(|pid| kill_process(pid, Signal::TERM).is_ok());
        if let Ok(Ok(status)) = timeout(ENDING_MAX, self.child.wait()).await {
            return asked && status.success();
        }
        // Dropping would kill it too, but not wait for it.
        drop(self.child.kill().await);
        false
    }
}

/// The address in the first line of a server's greeting, if it is on this machine.
fn greeted(line: &str) -> Option<SocketAddr> {
    let rest = line.strip_prefix("Packetboat listens on ")?;
    loopback(rest.split_ascii_whitespace().next()?).ok()
}

/// Reads an address, and takes none but this machine's own: a load on others is an attack.
pub fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address = match text.strip_prefix("localhost:") {
        Some(port) => port
            .parse()
            .map(|port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port))
            .map_err(|_| format!("{port:?} is no port")),
        None => text.parse::<SocketAddr>().map_err(|_| {
            format!("{text:?} is no address such as 127.0.0.1:7582, [::1]:7582 or localhost:7582")
        }),
    }?;
    if address.ip().is_loopback() {
        Ok(address)
    } else {
        Err(format!("{} is not a loopback address; load is put on this machine only", address.ip()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_addresses_are_taken() {
        for (text, is) in [
            ("127.0.0.1:7582", "127.0.0.1:7582"),
            ("127.9.8.7:1", "127.9.8.7:1"),
            ("[::1]:9", "[::1]:9"),
            ("localhost:80", "127.0.0.1:80"),
        ] {
            assert_eq!(loopback(text), Ok(is.parse().unwrap()));
        }
    }

    #[test]
    fn other_addresses_are_refused_and_told_why() {
        for text in ["10.0.0.1:7582", "0.0.0.0:7582", "[::]:1", "[::ffff:8.8.8.8]:1"] {
            let refused = loopback(text).unwrap_err();
            assert!(refused.contains("not a loopback address"), "{refused}");
        }
        for text in ["example.org:7582", "127.0.0.1", "localhost:x", "localhost", ""] {
            assert!(loopback(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_address_is_in_the_first_line_of_the_greeting() {
        let line = "Packetboat listens on 127.0.0.1:43211 without TLS.\n";
        assert_eq!(greeted(line), Some("127.0.0.1:43211".parse().unwrap()));
        assert_eq!(greeted("Packetboat listens on 10.0.0.1:1 without TLS.\n"), None);
        assert_eq!(greeted(""), None);
    }
}
