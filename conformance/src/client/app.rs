//! A client's process: told by its environment where and who, by its standard input what to send;
//! it says on its standard output what it received. Must never outlive its check.

use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use packetboat_proto::id::UserId;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::outcome::{Checked, fail};

/// A client that runs.
pub(super) struct App {
    process: Child,
    input: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
}

impl App {
    /// Starts it, as that user, to write to that peer.
    pub(super) fn start(
        command: &[OsString],
        server: SocketAddr,
        [user, peer]: [&UserId; 2],
    ) -> io::Result<Self> {
        let mut command_line = command.iter();
        let program = command_line.next().ok_or(io::ErrorKind::NotFound)?;
        let mut process = Command::new(program)
            .args(command_line)
            .env("PACKETBOAT_SERVER", server.to_string())
            .env("PACKETBOAT_USER", user.as_str())
            .env("PACKETBOAT_PEER", peer.as_str())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let input = process.stdin.take();
        let output = process.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(Self { process, input, lines: BufReader::new(output).lines() })
    }

    /// Tells it to send a text.
    pub(super) async fn tell(&mut self, text: &str) -> Checked {
        let Some(input) = &mut self.input else {
            return fail("an input that is open", "one that was closed");
        };
        // Without a bound of its own: a client may hold its input back; a check has its bound.
        match input.write_all(format!("{text}\n").as_bytes()).await {
            Ok(()) => Ok(()),
            Err(error) => fail("a client that reads its input", error),
        }
    }

    /// The next line that it says.
    pub(super) async fn line(&mut self, patience: Duration) -> Checked<String> {
        match timeout(patience, self.lines.next_line()).await {
            Ok(Ok(Some(line))) => Ok(line),
            Ok(Ok(None)) => fail("a line from the client", "the end of its output"),
            Ok(Err(error)) => fail("a line from the client", error),
            Err(_) => fail("a line from the client", format_args!("none for {patience:?}")),
        }
    }

    /// Tells it that there is nothing more to send.
    pub(super) fn no_more(&mut self) {
        self.input = None;
    }

    /// It ends by itself.
    pub(super) async fn ended(&mut self, patience: Duration) -> Checked {
        match timeout(patience, self.process.wait()).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => fail("a client that ends", error),
            Err(_) => fail("a client that ends", format_args!("it runs for {patience:?} more")),
        }
    }
}
