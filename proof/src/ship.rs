//! The server's binary as a process: launched on any port, killed, launched again on its store.
//! Must never end a process but by its id.

use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};

use thiserror::Error;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};

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
        command.arg(&self.data).args(&self.args).envs(self.env.iter().cloned());
        command.kill_on_drop(true).stdin(Stdio::null());
        command
    }

    /// Launches it, and waits until it listens.
    pub async fn launch(&self) -> Result<Ship, LaunchError> {
        Ship::of(self.command()).await
    }
}

impl Ship {
    /// Of a command that becomes a server, whose output and errors are heard here.
    pub async fn of(mut command: Command) -> Result<Self, LaunchError> {
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let stdout = process.stdout.take().expect("it is piped");
        let first = BufReader::new(stdout).lines().next_line().await?;
        let Some(line) = first else {
            let mut stderr = String::new();
            process.stderr.take().expect("it is piped").read_to_string(&mut stderr).await?;
            return Err(LaunchError::Ended { status: process.wait().await?, stderr });
        };
        let address = line.split_whitespace().find_map(|word| word.parse().ok());
        let address = address.ok_or(LaunchError::NoAddress { line })?;
        Ok(Self { process, address })
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
    pub async fn ask_to_stop(&self) -> io::Result<()> {
        let Some(id) = self.id() else { return Ok(()) };
        Command::new("kill").args(["-TERM", &id.to_string()]).status().await?;
        Ok(())
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
