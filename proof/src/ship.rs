//! The server's binary as a process: launched on any port, killed, launched again on its store.
//! Must never end a process but by its id.

use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use thiserror::Error;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// How a server is launched.
#[derive(Clone, Debug)]
pub struct Berth {
    /// The program: the server's, or one that becomes it at the end of `before`.
    pub program: PathBuf,
    /// The folder of its store.
    pub data: PathBuf,
    /// Variables for its environment.
    pub env: Vec<(OsString, OsString)>,
    /// Arguments behind `serve --listen 127.0.0.1:0 --log error --data …`.
    pub args: Vec<OsString>,
}

/// A server that does not come up.
#[derive(Debug, Error)]
pub enum LaunchError {
    /// It could not be started, or not be heard.
    #[error("the server could not be started: {0}")]
    Start(#[from] io::Error),
    /// It ended before it said where it listens.
    #[error("the server ended with {status}, and said: {stderr}")]
    Ended {
        /// How.
        status: ExitStatus,
        /// What it said.
        stderr: String,
    },
    /// Its first line names no address.
    #[error("the server's first line names no address: {line}")]
    NoAddress {
        /// The line.
        line: String,
    },
}

/// A server's process on its way up; killed when it is dropped.
#[derive(Debug)]
pub struct Launching {
    process: Child,
    stdout: Lines<BufReader<ChildStdout>>,
}

/// A server's process; killed when it is dropped.
#[derive(Debug)]
pub struct Ship {
    process: Child,
    address: SocketAddr,
}

impl Berth {
    /// With nothing but the program and the folder.
    pub fn new(program: impl Into<PathBuf>, data: impl Into<PathBuf>) -> Self {
        Self { program: program.into(), data: data.into(), env: Vec::new(), args: Vec::new() }
    }

    /// The command that is run.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["serve", "--listen", "127.0.0.1:0", "--log", "error", "--data"]);
        // A disk that is busy with other tests must not look like one that hangs.
        command.arg(&self.data).args(["--set", "store.stall_ms=300000"]).args(&self.args);
        // What the settings of the shell are is no matter of a test's.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PACKETBOAT_") {
                command.env_remove(name);
            }
        }
        command.envs(self.env.iter().cloned());
        command.kill_on_drop(true).stdin(Stdio::null());
        command
    }

    /// Launches it, and waits until it listens.
    pub async fn launch(&self) -> Result<Ship, LaunchError> {
        Ship::of(self.command()).await
    }

    /// Launches it, and does not wait.
    pub fn begin(&self) -> io::Result<Launching> {
        Launching::of(self.command())
    }
}

impl Launching {
    fn of(mut command: Command) -> io::Result<Self> {
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let stdout = process.stdout.take().expect("it is piped");
        Ok(Self { process, stdout: BufReader::new(stdout).lines() })
    }

    /// Waits until it listens. Cancel safe: it can be killed instead.
    pub async fn listens(&mut self) -> Result<SocketAddr, LaunchError> {
        let Some(line) = self.stdout.next_line().await? else {
            let mut stderr = String::new();
            let pipe = self.process.stderr.as_mut().expect("it is piped");
            pipe.read_to_string(&mut stderr).await?;
            return Err(LaunchError::Ended { status: self.process.wait().await?, stderr });
        };
        let address = line.split_whitespace().find_map(|word| word.parse().ok());
        address.ok_or(LaunchError::NoAddress { line })
    }

    /// Kills it with -9, and waits for its end.
    pub async fn kill(&mut self) -> io::Result<()> {
        self.process.kill().await
    }
}

impl Ship {
    /// Of a command that becomes a server, whose output and errors are heard here.
    pub async fn of(command: Command) -> Result<Self, LaunchError> {
        let mut launching = Launching::of(command)?;
        let address = launching.listens().await?;
        Ok(Self { process: launching.process, address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process id, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.process.id()
    }

    /// Kills it with -9, and waits for its end.
    pub async fn kill(&mut self) -> io::Result<()> {
        self.process.kill().await
    }

    /// Asks it to stop, in order, and does not wait.
    pub fn ask_to_stop(&self) -> io::Result<()> {
        let id = self.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
        match id {
            Some(id) => Ok(kill_process(id, Signal::TERM)?),
            None => Ok(()),
        }
    }

    /// Waits for its end; says how it ended, and what it said on its standard error.
    pub async fn wait(&mut self) -> io::Result<(ExitStatus, String)> {
        let mut stderr = String::new();
        if let Some(mut pipe) = self.process.stderr.take() {
            pipe.read_to_string(&mut stderr).await?;
        }
        Ok((self.process.wait().await?, stderr))
    }
}
