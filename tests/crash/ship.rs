//! The server's binary as a process: launched on any port, killed, launched again on its store.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{ExitStatus, Output, Stdio};

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// A server's process and the folder of its store.
pub struct Ship {
    folder: TempDir,
    process: Child,
    address: SocketAddr,
}

impl Ship {
    /// Launched on an empty store.
    pub async fn launch() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (process, address) = start(folder.path().join("data")).await;
        Self { folder, process, address }
    }

    /// Launched on an empty store, with so many descriptors.
    pub async fn launch_with_descriptors(count: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bare = command(folder.path().join("data"));
        let mut limited = Command::new("sh");
        limited.args(["-c", &format!("ulimit -n {count} && exec \"$0\" \"$@\"")]);
        limited.arg(bare.as_std().get_program()).args(bare.as_std().get_args());
        limited.kill_on_drop(true).stdin(Stdio::null());
        let (process, address) = started(limited).await;
        Self { folder, process, address }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Kills it with -9.
    pub async fn kill(&mut self) {
        self.process.kill().await.unwrap();
    }

    /// Asks it to stop, and says how it ended.
    pub async fn terminate(&mut self) -> ExitStatus {
        let id = self.process.id().expect("it runs").to_string();
        let asked = Command::new("kill").args(["-TERM", &id]).status().await.unwrap();
        assert!(asked.success());
        self.process.wait().await.unwrap()
    }

    /// Launched again on the same store, on whatever port there is.
    pub async fn relaunch(&mut self) {
        (self.process, self.address) = start(self.folder.path().join("data")).await;
    }

    /// What another one says that is launched on the same store meanwhile.
    pub async fn second(&self) -> Output {
        command(self.folder.path().join("data")).output().await.unwrap()
    }
}

fn command(data: PathBuf) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_packetboat"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--log", "error", "--data"]).arg(data);
    command.kill_on_drop(true).stdin(Stdio::null());
    command
}

async fn start(data: PathBuf) -> (Child, SocketAddr) {
    started(command(data)).await
}

async fn started(mut command: Command) -> (Child, SocketAddr) {
    let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let first = lines.next_line().await.unwrap().expect("the server says where it listens");
    let address = first.split_whitespace().find_map(|word| word.parse().ok());
    (process, address.expect("its first line names the address"))
}
