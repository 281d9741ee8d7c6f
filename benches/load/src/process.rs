//! The process of what is measured: started for a run, ended after it, or killed within it. Must
//! never be on another machine, nor outlive this process's own end.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::error::LoadError;

/// How long a server may take to start.
const STARTING_MAX: Duration = Duration::from_mins(2);
/// How long it may take to end before it is killed.
const ENDING_MAX: Duration = Duration::from_secs(40);
/// How often it is looked at while waiting for that.
const LOOKING: Duration = Duration::from_millis(2);
/// How often a server that ends while it starts is started on another port.
const PORTS_TRIED: u32 = 5;
/// The file for what a server says that is not asked to say its address.
const WORDS: &str = "said";
/// Bytes of its last words that are told.
const WORDS_MAX: usize = 2_000;

/// A server, its process known or not.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    pid: Option<u32>,
    child: Option<Child>,
    /// It knows no better end than that of the signal.
    dies_of_it: bool,
}

impl Server {
    /// One that runs already, and is not ended.
    pub const fn external(address: SocketAddr, pid: Option<u32>) -> Self {
        Self { address, pid, child: None, dies_of_it: false }
    }

    /// Starts one, and waits for the first line that it prints, which tells its address.
    pub fn spawn(
        mut command: Command,
        address: impl FnOnce(&str) -> Option<SocketAddr>,
    ) -> Result<Self, LoadError> {
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut server = Self::child(command)?;
        let child = server.child.as_mut().expect("it was just started");
        let stdout = child.stdout.take().expect("it was asked for");
        let (told, line) = mpsc::channel();
        thread::spawn(move || {
            let mut stdout = BufReader::new(stdout);
            let mut line = String::new();
            let read = stdout.read_line(&mut line).map(|_| line);
            // The one who waits may have given up.
            drop(told.send(read));
            // The server may go on writing.
            drop(stdout.read_to_end(&mut Vec::new()));
        });
        let late = LoadError::Late { what: "the server's start", secs: STARTING_MAX.as_secs() };
        let line = line.recv_timeout(STARTING_MAX).map_err(|_| late)??;
        server.address = address(&line).ok_or(LoadError::NoAddress { line })?;
        Ok(server)
    }

    /// Starts one that listens on an address it was told, and waits until it does. What it says
    /// is kept in a file.
    fn spawn_at(mut command: Command, address: SocketAddr, log: &Path) -> Result<Self, LoadError> {
        let words = File::create(log)?;
        command.stdin(Stdio::null()).stdout(words.try_clone()?).stderr(words);
        let mut server = Self::child(command)?;
        server.address = address;
        let begun = Instant::now();
        while TcpStream::connect(address).is_err() {
            if server.has_ended() {
                let words = fs::read(log).unwrap_or_default();
                let words =
                    String::from_utf8_lossy(&words[words.len().saturating_sub(WORDS_MAX)..]);
                return Err(LoadError::Ended { words: words.trim().to_owned() });
            }
            if begun.elapsed() > STARTING_MAX {
                let secs = STARTING_MAX.as_secs();
                return Err(LoadError::Late { what: "the server's start", secs });
            }
            thread::sleep(LOOKING);
        }
        Ok(server)
    }

    /// Starts one that cannot choose a port itself, with the command for a port that is free; on
    /// another one if it ends at once, as when somebody was faster. What it says goes into a file
    /// of its folder, and is told if it does not start.
    pub fn spawn_on_free_port(
        folder: &Path,
        mut command: impl FnMut(SocketAddr) -> Result<Command, LoadError>,
    ) -> Result<Self, LoadError> {
        let (log, mut tried) = (folder.join(WORDS), 1);
        loop {
            let address = free_port()?;
            match Self::spawn_at(command(address)?, address, &log) {
                Err(LoadError::Ended { .. }) if tried < PORTS_TRIED => tried += 1,
                other => return other,
            }
        }
    }

    /// It has no end of its own: to die of SIGTERM is to end well.
    #[must_use]
    pub const fn dying_of_a_signal(mut self) -> Self {
        self.dies_of_it = true;
        self
    }

    fn child(mut command: Command) -> Result<Self, LoadError> {
        let spawned = command.spawn();
        let path = || command.get_program().into();
        let child = spawned.map_err(|source| LoadError::Spawn { path: path(), source })?;
        let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
        Ok(Self { address, pid: Some(child.id()), child: Some(child), dies_of_it: false })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process, if known.
    pub const fn pid(&self) -> Option<u32> {
        self.pid
    }

    fn has_ended(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(Some(_))))
    }

    /// Asks it to end and waits; kills it if it does not. Whether it ended by itself and well.
    pub fn stop(mut self) -> bool {
        let Some(mut child) = self.child.take() else { return true };
        let asked = signal(&child, Signal::TERM);
        let begun = Instant::now();
        while begun.elapsed() < ENDING_MAX {
            if let Ok(Some(status)) = child.try_wait() {
                let died = self.dies_of_it && status.signal() == Some(Signal::TERM.as_raw());
                return asked && (status.success() || died);
            }
            thread::sleep(LOOKING);
        }
        self.child = Some(child);
        false
    }

    /// Kills it as `kill -9` does, and waits until it is gone.
    pub fn kill(mut self) -> Result<(), LoadError> {
        match self.child.take() {
            Some(mut child) => {
                child.kill()?;
                child.wait()?;
                Ok(())
            }
            None => Err(LoadError::NotOurs),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It may have ended already.
            drop(child.kill());
            drop(child.wait());
        }
    }
}

fn signal(child: &Child, signal: Signal) -> bool {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| kill_process(pid, signal).is_ok())
}

/// A port of this machine that nobody has at the moment, for servers that cannot choose one.
pub fn free_port() -> Result<SocketAddr, LoadError> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
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
    fn a_server_that_says_nothing_of_an_address_is_ended() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo hello; exec sleep 600"]);
        let error = Server::spawn(command, |_| None).unwrap_err();
        assert!(matches!(error, LoadError::NoAddress { line } if line == "hello\n"));
    }

    #[test]
    fn one_that_ends_at_once_is_tried_on_other_ports_and_its_last_words_are_told() {
        let (folder, mut ports) = (tempfile::tempdir().unwrap(), Vec::new());
        let error = Server::spawn_on_free_port(folder.path(), |address| {
            ports.push(address);
            let mut command = Command::new("sh");
            command.args(["-c", "echo no; echo port >&2; exit 1"]);
            Ok(command)
        });
        let words = error.unwrap_err().to_string();
        assert!(words.ends_with(": no\nport"), "{words}");
        assert_eq!(ports.len(), PORTS_TRIED as usize);
    }

    #[test]
    fn to_die_of_the_signal_is_a_good_end_only_for_those_who_know_no_better() {
        let start = || {
            let mut command = Command::new("sh");
            command.args(["-c", "echo 127.0.0.1:9; exec sleep 600"]);
            Server::spawn(command, |line| loopback(line.trim_end()).ok()).unwrap()
        };
        assert!(!start().stop());
        assert!(start().dying_of_a_signal().stop());
    }
}
