//! The bare relays that show what the machine can do: frames by receiver, one thread that takes
//! all that came in while it wrote, and for `raw-fsync` one write and one fdatasync for each batch.
//! No accounts, no dedup, no order, no protobuf. Must never become a server that one would use.

pub mod frame;
mod journal;
mod router;
mod session;

use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use clap::Args;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use self::journal::Journal;
use self::router::{Inlet, Router};

/// What the first line says before the address.
pub const GREETING: &str = "relay listens on ";

/// The settings of a relay.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Relay {
    /// Write each batch to this file, followed by an fdatasync, before anything of it is accepted
    /// or delivered; what the file holds is delivered again after a restart
    #[arg(long, value_name = "FILE")]
    pub durable: Option<PathBuf>,
    /// Hand every frame from task to task by itself, as a relay does that was not made for speed
    #[arg(long)]
    pub by_frame: bool,
    /// Threads that read and write sockets
    #[arg(long, default_value_t = 1)]
    pub threads: usize,
}

impl Relay {
    /// Runs until SIGTERM.
    pub fn run(&self) -> io::Result<()> {
        let (journal, kept) = match &self.durable {
            Some(path) => Journal::open(path).map(|(journal, kept)| (Some(journal), kept))?,
            None => (None, Vec::new()),
        };
        let inlet = Arc::new(Inlet::new(self.by_frame));
        let router = Router::new(Arc::clone(&inlet), journal, &kept);
        thread::Builder::new().name("router".to_owned()).spawn(move || {
            if let Err(error) = router.run() {
                // What was not written must not be accepted: this is the end.
                eprintln!("relay: {error}");
                std::process::exit(1);
            }
        })?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(self.threads.max(1))
            .enable_all()
            .build()?;
        runtime.block_on(listen(inlet))
    }
}

async fn listen(inlet: Arc<Inlet>) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let mut out = io::stdout();
    writeln!(out, "{GREETING}{}", listener.local_addr()?)?;
    out.flush()?;
    let mut terminated = signal(SignalKind::terminate())?;
    let mut sessions = 0_u32;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = terminated.recv() => return Ok(()),
        };
        let (stream, _) = accepted?;
        stream.set_nodelay(true)?;
        tokio::spawn(session::run(stream, sessions, Arc::clone(&inlet)));
        sessions = sessions.wrapping_add(1);
    }
}
