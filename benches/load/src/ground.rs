//! What every work is given: a server that it may end and start again, a clock, and names that
//! were never used before. Must never know of a work.

use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::clock::Clock;
use crate::error::LoadError;
use crate::fleet::{Fleet, Token};
use crate::process::Server;
use crate::stop::Stop;
use crate::target::{Nature, Target};
use crate::usage::check_descriptors;
use crate::wire::{Event, Login, WireError};

/// Connections that are being opened at one time.
pub const OPENING_AT_ONCE: usize = 64;
/// How long one may take.
const OPENING_MAX: Duration = Duration::from_mins(1);
/// How long the server may take to notice that connections have gone.
const CLOSING_MAX: Duration = Duration::from_secs(30);
/// How often that is looked at.
const LOOKING: Duration = Duration::from_millis(5);

/// What a work is given for one run.
pub struct Ground<'a> {
    /// What is measured.
    pub target: &'a dyn Target,
    /// The clock of this run.
    pub clock: Clock,
    /// What makes the names of this run new.
    pub salt: u64,
    stop: Stop,
    folder: TempDir,
    server: Option<Server>,
}

impl<'a> Ground<'a> {
    /// Starts the server on an empty folder.
    pub fn new(target: &'a dyn Target, stop: Stop) -> Result<Self, LoadError> {
        let mut salt = [0; 8];
        getrandom::fill(&mut salt).expect("the system has a source of random bytes");
        let folder = tempfile::tempdir()?;
        let server = Some(target.start(folder.path())?);
        let salt = u64::from_be_bytes(salt);
        Ok(Self { target, clock: Clock::start(), salt, stop, folder, server })
    }

    /// The server.
    pub const fn server(&self) -> &Server {
        self.server.as_ref().expect("it runs, but within `restart`")
    }

    /// What the target promises.
    pub fn nature(&self) -> Nature {
        self.target.nature()
    }

    /// The server's process, for a work that needs it.
    pub fn pid(&self) -> Result<u32, LoadError> {
        self.server().pid().ok_or(LoadError::NoPid)
    }

    /// Where the server keeps what it keeps.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Connections to the server, none yet; there will be so many.
    pub fn fleet(&self, connections: u64) -> Result<Fleet, LoadError> {
        check_descriptors(connections)?;
        Fleet::new(self.server().address(), self.stop.clone())
    }

    /// Makes users known who have not connected, where a target needs that: those below `count`.
    pub fn prepare(&self, count: u32) -> Result<(), LoadError> {
        self.target.prepare(self.server(), count)
    }

    /// Opens a connection for each, a few at a time, and waits until all are open.
    pub fn open(&self, fleet: &mut Fleet, logins: &[Login]) -> Result<Vec<Token>, LoadError> {
        let (mut tokens, mut ready) = (Vec::with_capacity(logins.len()), 0);
        let mut logins = logins.iter();
        let mut left = logins.len();
        let begun = Instant::now();
        while left > 0 {
            while tokens.len() - ready < OPENING_AT_ONCE
                && let Some(login) = logins.next()
            {
                tokens.push(fleet.open(self.target.wire(self.salt, *login))?);
            }
            let before = ready;
            fleet.turn(Duration::MAX, &mut |_, event| {
                ready += usize::from(matches!(event, Event::Ready));
            })?;
            left -= ready - before;
            in_time(begun, OPENING_MAX, "opening connections")?;
        }
        Ok(tokens)
    }

    /// Waits until so many things that a wire was asked to make are made.
    pub fn await_done(
        fleet: &mut Fleet,
        awaited: u32,
        at_most: Duration,
        what: &'static str,
    ) -> Result<(), LoadError> {
        let (mut done, mut refused, begun) = (0, None, Instant::now());
        while done < awaited {
            fleet.turn(Duration::MAX, &mut |_, event| match event {
                Event::Done => done += 1,
                Event::Rejected { reason, .. } => refused = Some(reason),
                _ => {}
            })?;
            if let Some(reason) = refused {
                return Err(WireError(reason).into());
            }
            in_time(begun, at_most, what)?;
        }
        Ok(())
    }

    /// Connects each and lets it go again, so that the server knows them, where it must.
    pub fn introduce(&self, users: impl Iterator<Item = u32>) -> Result<(), LoadError> {
        if !self.nature().knows_only_who_came {
            return Ok(());
        }
        let logins: Vec<Login> = users.map(Login::of).collect();
        let mut fleet = self.fleet(logins.len() as u64)?;
        let tokens = self.open(&mut fleet, &logins)?;
        Self::close(&mut fleet, &tokens)
    }

    /// Says goodbye on each, and waits until the server has closed.
    pub fn close(fleet: &mut Fleet, tokens: &[Token]) -> Result<(), LoadError> {
        fleet.expect_ends();
        fleet.tick();
        for token in tokens {
            let (wire, out) = fleet.put(*token);
            wire.leave(out);
        }
        fleet.flush()?;
        for token in tokens {
            fleet.finish(*token);
        }
        let (mut gone, begun) = (0, Instant::now());
        while gone < tokens.len() {
            let count = &mut gone;
            fleet.turn(Duration::MAX, &mut |_, event| {
                *count += usize::from(matches!(event, Event::Gone));
            })?;
            in_time(begun, CLOSING_MAX, "closing connections")?;
        }
        Ok(())
    }

    /// Kills the server as `kill -9` does.
    pub fn kill(&mut self) -> Result<(), LoadError> {
        self.server.take().map_or(Ok(()), Server::kill)
    }

    /// Starts the server again on what is in its folder.
    pub fn start_again(&mut self) -> Result<(), LoadError> {
        self.server = Some(self.target.start(self.folder.path())?);
        Ok(())
    }

    /// Waits until the server has no more than so many descriptors, if it can be seen.
    pub fn await_descriptors(&self, at_most: usize) -> Result<(), LoadError> {
        let (pid, begun) = (self.pid()?, Instant::now());
        while crate::usage::descriptors(pid)? > at_most {
            in_time(begun, CLOSING_MAX, "the server's closing of connections")?;
            std::thread::sleep(LOOKING);
        }
        Ok(())
    }

    /// Ends the server. Whether it ended well.
    pub fn end(mut self) -> bool {
        self.server.take().is_none_or(Server::stop)
    }
}

/// Fails once it has taken too long.
pub fn in_time(begun: Instant, at_most: Duration, what: &'static str) -> Result<(), LoadError> {
    if begun.elapsed() > at_most {
        return Err(LoadError::Late { what, secs: at_most.as_secs() });
    }
    Ok(())
}
