//! A server's process with the shim in it, and the shim itself, made of `shim.c`. What the process
//! says on its standard error is kept in a file. Must never end a process but by its id.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use thiserror::Error;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::engine::Engine;

/// How long a server may take to say where it listens, or that it does not start.
const START_TIME_MAX: Duration = Duration::from_secs(30);
/// How long a server may take to end in order.
const STOP_TIME_MAX: Duration = Duration::from_secs(30);

/// Makes the shim, in a folder.
pub fn build_shim(folder: &Path) -> PathBuf {
    let shim = folder.join("shim.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/powercut/shim.c");
    let mut cc = std::process::Command::new("cc");
    cc.args(["-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o"]);
    let made = cc.arg(&shim).args([source, "-ldl"]).status();
    assert!(made.expect("there is a C compiler `cc`").success(), "the shim can be compiled");
    shim
}

/// How a server is recorded, and what is done to it.
#[derive(Clone, Debug, Default)]
pub struct Orders {
    /// The backend of the store.
    pub engine: Engine,
    /// What is recorded goes there; nothing is if there is none.
    pub record: Option<Record>,
    /// What the server is told in the end.
    pub more: &'static [&'static str],
    /// A call that fails: `SHIM_FAIL`.
    pub fail: Option<String>,
    /// A call at which the process is killed: `SHIM_KILL`.
    pub kill: Option<String>,
    /// A bug that is planted.
    pub plant: Option<String>,
}

/// Where a recording goes.
#[derive(Clone, Debug)]
pub struct Record {
    /// The shim.
    pub shim: PathBuf,
    /// The log.
    pub log: PathBuf,
    /// Microseconds that a sync takes.
    pub sync_us: u32,
}

/// Why a process is no server, and has not ended either.
#[derive(Debug, Error)]
pub enum LaunchError {
    /// It says nothing.
    #[error("the server neither starts nor says why not, for {} s", START_TIME_MAX.as_secs())]
    Silent,
    /// It says something else first.
    #[error("the server does not say where it listens, but {line:?}")]
    Strange {
        /// What it says.
        line: String,
    },
}

/// A server's process.
pub struct Vessel {
    process: Child,
    stderr: PathBuf,
    /// Where it listens; `None` if it ended before it said so.
    pub address: Option<SocketAddr>,
}

impl Vessel {
    /// Starts a server on the store in `root/data`.
    pub async fn launch(root: &Path, orders: &Orders) -> Result<Self, LaunchError> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_packetboat"));
        let filter =
            if orders.record.is_some() { "error,packetboat::store=debug" } else { "error" };
        command.args(["serve", "--listen", "127.0.0.1:0", "--log", filter, "--data"]);
        command
            .arg(root.join("data"))
            .args(orders.engine.settings())
            .args(orders.more)
            .kill_on_drop(true)
            .stdin(Stdio::null());
        if let Some(record) = &orders.record {
            command.env("LD_PRELOAD", &record.shim).env("SHIM_ROOT", root);
            command.env("SHIM_LOG", &record.log).env("SHIM_SYNC_US", record.sync_us.to_string());
        }
        let set = [
            ("SHIM_FAIL", &orders.fail),
            ("SHIM_KILL", &orders.kill),
            ("PACKETBOAT_PLANT", &orders.plant),
        ];
        command.envs(set.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?))));
        let stderr = root.join("stderr");
        command.stderr(std::fs::File::create(&stderr).unwrap());
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let stdout = process.stdout.take().expect("it is piped");
        let mut lines = BufReader::new(stdout).lines();
        let first = timeout(START_TIME_MAX, lines.next_line()).await;
        let first = first.map_err(|_| LaunchError::Silent)?;
        let first = first.map_err(|error| LaunchError::Strange { line: error.to_string() })?;
        let where_of = |line: String| {
            let found = line.split_whitespace().find_map(|word| word.parse().ok());
            found.ok_or(LaunchError::Strange { line })
        };
        let address = first.map(where_of).transpose()?;
        Ok(Self { process, stderr, address })
    }

    /// Kills it with -9.
    pub async fn kill(&mut self) {
        self.process.kill().await.unwrap();
    }

    /// It has ended.
    pub fn has_ended(&mut self) -> bool {
        self.process.try_wait().unwrap().is_some()
    }

    /// Asks it to stop, in order, and waits for its end.
    pub async fn stop(&mut self) -> Option<ExitStatus> {
        if let Some(id) = self.process.id() {
            let mut kill = Command::new("kill");
            // It may end by itself meanwhile.
            kill.args(["-TERM", &id.to_string()]).stderr(Stdio::null()).status().await.unwrap();
        }
        self.end(STOP_TIME_MAX).await
    }

    /// Waits for its end; `None` if it has not come in time.
    pub async fn end(&mut self, time: Duration) -> Option<ExitStatus> {
        timeout(time, self.process.wait()).await.ok().map(Result::unwrap)
    }

    /// What it said on its standard error.
    pub fn said(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.stderr).unwrap()).into_owned()
    }
}
