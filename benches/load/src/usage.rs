//! What a process uses, as the system tells it. Must never look at a process that it was not told.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::{Resource, getrlimit};

use crate::error::LoadError;
use crate::figure::{Outcome, float};

/// Descriptors that a process has beside its connections.
const DESCRIPTORS_BESIDE: u64 = 32;
/// The figure of the generator's own processor time.
pub const LOAD_CPU: &str = "load_cpu_percent";

/// Measures the processor time of the generator and of the server from its start on.
#[derive(Debug)]
pub struct Meter {
    pid: Option<u32>,
    since: Instant,
    load: Duration,
    server: Duration,
}

impl Meter {
    /// Starts, with the server's process if it is known.
    pub fn start(pid: Option<u32>) -> Result<Self, LoadError> {
        let (load, server) = both(pid)?;
        Ok(Self { pid, since: Instant::now(), load, server })
    }

    /// What was used since the start.
    pub fn read(&self) -> Result<Used, LoadError> {
        let time = self.since.elapsed();
        let (load, server) = both(self.pid)?;
        let (load, server) = (load.saturating_sub(self.load), server.saturating_sub(self.server));
        Ok(Used { time, load, server: self.pid.map(|_| server) })
    }
}

/// The processor time that was used in some time.
#[derive(Clone, Copy, Debug)]
pub struct Used {
    time: Duration,
    load: Duration,
    server: Option<Duration>,
}

impl Used {
    /// Adds it in per cent of one processor, the server's also for each of so many
    /// messages or sessions.
    pub fn put(&self, outcome: &mut Outcome, messages: u64) {
        outcome.add(LOAD_CPU, "%", self.percent(self.load));
        if let Some(server) = self.server {
            outcome.add("server_cpu_percent", "%", self.percent(server));
            let each = server.as_secs_f64() * 1e6 / float(messages.max(1));
            outcome.add("server_cpu_each", "us", each);
        }
    }

    /// The server's, in per cent of one processor.
    pub fn server_percent(&self) -> f64 {
        self.percent(self.server.unwrap_or_default())
    }

    fn percent(&self, cpu: Duration) -> f64 {
        100.0 * cpu.as_secs_f64() / self.time.as_secs_f64().max(f64::EPSILON)
    }
}

fn both(pid: Option<u32>) -> Result<(Duration, Duration), LoadError> {
    let server = pid.map(cpu).transpose()?;
    Ok((cpu(std::process::id())?, server.unwrap_or_default()))
}

/// Makes sure that this process may have so many connections.
pub fn check_descriptors(connections: u64) -> Result<(), LoadError> {
    let wanted = connections + DESCRIPTORS_BESIDE;
    match getrlimit(Resource::Nofile).current {
        Some(allowed) if allowed < wanted => Err(LoadError::Descriptors { wanted, allowed }),
        _ => Ok(()),
    }
}

/// The processor time that a process has used, in its own code and in the system's for it.
pub fn cpu(pid: u32) -> Result<Duration, LoadError> {
    let ticks = parsed(pid, "stat", ticks)?;
    let a_second = rustix::param::clock_ticks_per_second().max(1);
    Ok(Duration::from_millis(ticks.saturating_mul(1_000) / a_second))
}

/// The memory that a process has resident, in bytes.
pub fn resident(pid: u32) -> Result<u64, LoadError> {
    parsed(pid, "status", resident_bytes)
}

fn parsed(pid: u32, file: &str, parse: impl FnOnce(&str) -> Option<u64>) -> Result<u64, LoadError> {
    let path = format!("/proc/{pid}/{file}");
    match fs::read_to_string(&path) {
        Ok(text) => parse(&text).ok_or_else(|| LoadError::Proc {
            path,
            source: std::io::Error::other("it does not say what it should"),
        }),
        Err(source) => Err(LoadError::Proc { path, source }),
    }
}

/// User and system time of a `stat` line, in clock ticks. The name in it may hold anything.
fn ticks(stat: &str) -> Option<u64> {
    const USER_AFTER_NAME: usize = 11;
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace().skip(USER_AFTER_NAME);
    let mut next = || fields.next()?.parse::<u64>().ok();
    Some(next()? + next()?)
}

fn resident_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_times_of_a_stat_line_are_found_behind_any_name() {
        let line = "7 (a) b (c)) S 1 7 7 0 -1 4194560 9 0 0 0 120 34 5 6 20 0 3 0 99";
        assert_eq!(ticks(line), Some(154));
        assert_eq!(ticks("7 (a) S 1"), None);
    }

    #[test]
    fn the_resident_memory_is_read_in_bytes() {
        assert_eq!(resident_bytes("Name:\tx\nVmRSS:\t    1234 kB\nVmData: 1 kB"), Some(1_263_616));
        assert_eq!(resident_bytes("Name:\tx"), None);
    }

    #[test]
    fn this_process_has_memory() {
        assert!(resident(std::process::id()).unwrap() > 0);
        assert!(cpu(std::process::id()).is_ok());
        assert!(resident(u32::MAX).is_err());
    }
}
