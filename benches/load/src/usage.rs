//! What a process uses, as the system tells it, and what the rest of the machine did meanwhile.
//! Must never look at a process that it was not told.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Resource, getrlimit};

use crate::error::LoadError;
use crate::figure::{Outcome, float};

/// Descriptors that a process has beside its connections.
const DESCRIPTORS_BESIDE: u64 = 32;
/// The figure of the generator's own processor time.
pub const LOAD_CPU: &str = "load_cpu_percent";

/// From so many per cent of a processor on, the generator may be what is measured: it has one
/// thread.
const LOAD_CPU_HIGH: f64 = 90.0;
/// So much of a processor that others use is noise.
const OTHER_CPU_HIGH: f64 = 15.0;
/// So much of a processor that the machine's host takes away is noise.
const STOLEN_CPU_HIGH: f64 = 5.0;
/// Within less than this, shares of processors are not judged: they are told in ticks of 10 ms.
const JUDGED_FROM: Duration = Duration::from_millis(500);

/// Measures the processor time of the generator, the server and the machine from its start on.
#[derive(Debug)]
pub struct Meter {
    pid: Option<u32>,
    since: Instant,
    before: Spent,
}

/// Processor time spent since each began.
#[derive(Clone, Copy, Debug, Default)]
struct Spent {
    load: Duration,
    server: Duration,
    machine: Machine,
}

/// Processor time of all processors since the machine began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Machine {
    busy: Duration,
    stolen: Duration,
}

impl Spent {
    fn now(pid: Option<u32>) -> Result<Self, LoadError> {
        let server = pid.map(cpu).transpose()?.unwrap_or_default();
        let machine = parsed("/proc/stat".to_owned(), machine)?;
        Ok(Self { load: cpu(std::process::id())?, server, machine })
    }
}

impl Meter {
    /// Starts, with the server's process if it is known.
    pub fn start(pid: Option<u32>) -> Result<Self, LoadError> {
        Ok(Self { pid, since: Instant::now(), before: Spent::now(pid)? })
    }

    /// What was used since the start.
    pub fn read(&self) -> Result<Used, LoadError> {
        let (time, now, before) = (self.since.elapsed(), Spent::now(self.pid)?, self.before);
        let load = now.load.saturating_sub(before.load);
        let server = now.server.saturating_sub(before.server);
        let busy = now.machine.busy.saturating_sub(before.machine.busy);
        Ok(Used {
            time,
            load,
            server: self.pid.map(|_| server),
            other: busy.saturating_sub(load + server),
            stolen: now.machine.stolen.saturating_sub(before.machine.stolen),
            resident: self.pid.map(resident).transpose()?,
        })
    }
}

/// The processor time that was used in some time.
#[derive(Clone, Copy, Debug)]
pub struct Used {
    time: Duration,
    load: Duration,
    server: Option<Duration>,
    /// Of the rest of the machine; the server's too, if its process is not known.
    other: Duration,
    stolen: Duration,
    resident: Option<u64>,
}

impl Used {
    /// Adds it in per cent of one processor, the server's also for each of so many
    /// messages or sessions, and what makes the figures doubtful.
    pub fn put(&self, outcome: &mut Outcome, messages: u64) {
        if let Some(server) = self.server {
            let each = server.as_secs_f64() * 1e6 / float(messages.max(1));
            outcome.add("server_cpu_each", "us", each);
            outcome.add("server_cpu_percent", "%", self.percent(server));
        }
        if let Some(resident) = self.resident {
            outcome.add("server_rss", "MiB", mib(resident));
        }
        outcome.add(LOAD_CPU, "%", self.percent(self.load));
        if self.server.is_some() {
            outcome.add("other_cpu_percent", "%", self.percent(self.other));
        }
        self.judge(outcome);
    }

    /// Adds only what makes figures doubtful.
    pub fn judge(&self, outcome: &mut Outcome) {
        if self.time >= JUDGED_FROM {
            outcome.doubts.extend(self.doubts());
        }
    }

    fn doubts(&self) -> Vec<String> {
        let mut doubts = Vec::new();
        let (load, other) = (self.percent(self.load), self.percent(self.other));
        let stolen = self.percent(self.stolen);
        if load >= LOAD_CPU_HIGH {
            doubts.push(format!("the generator was at its own limit ({load:.0} % of one core)"));
        }
        if other >= OTHER_CPU_HIGH && self.server.is_some() {
            doubts.push(format!("other processes used {other:.0} % of one core"));
        }
        if stolen >= STOLEN_CPU_HIGH {
            doubts.push(format!("the host took {stolen:.0} % of one core away"));
        }
        doubts
    }

    /// The server's, in per cent of one processor.
    pub fn server_percent(&self) -> f64 {
        self.percent(self.server.unwrap_or_default())
    }

    fn percent(&self, cpu: Duration) -> f64 {
        100.0 * cpu.as_secs_f64() / self.time.as_secs_f64().max(f64::EPSILON)
    }
}

/// Bytes as MiB.
pub const fn mib(bytes: u64) -> f64 {
    float(bytes) / 1024.0 / 1024.0
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
    parsed(format!("/proc/{pid}/stat"), ticks).map(time)
}

/// The memory that a process has resident, in bytes.
pub fn resident(pid: u32) -> Result<u64, LoadError> {
    parsed(format!("/proc/{pid}/status"), resident_bytes)
}

/// How many descriptors a process has open.
pub fn descriptors(pid: u32) -> Result<usize, LoadError> {
    let path = format!("/proc/{pid}/fd");
    fs::read_dir(&path).map(Iterator::count).map_err(|source| LoadError::Proc { path, source })
}

/// What a folder takes of the disk, in bytes. What goes while it is looked at counts as gone.
pub fn on_disk(folder: &Path) -> u64 {
    const BLOCK_BYTES: u64 = 512;
    use std::os::unix::fs::MetadataExt;
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let sizes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(found) if found.is_dir() => on_disk(&entry.path()),
        Ok(found) => found.blocks() * BLOCK_BYTES,
        Err(_) => 0,
    });
    sizes.sum()
}

fn parsed<T>(path: String, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, LoadError> {
    match fs::read_to_string(&path) {
        Ok(text) => parse(&text).ok_or_else(|| LoadError::Proc {
            path,
            source: std::io::Error::other("it does not say what it should"),
        }),
        Err(source) => Err(LoadError::Proc { path, source }),
    }
}

fn time(ticks: u64) -> Duration {
    let a_second = rustix::param::clock_ticks_per_second().max(1);
    Duration::from_millis(ticks.saturating_mul(1_000) / a_second)
}

/// The first line of `/proc/stat`. What interrupts took is left out: the system counts it to
/// nobody, or to whom it interrupted.
fn machine(stat: &str) -> Option<Machine> {
    let fields = stat.lines().next()?.strip_prefix("cpu ")?;
    let ticks: Option<Vec<u64>> =
        fields.split_ascii_whitespace().map(|field| field.parse().ok()).collect();
    let [user, nice, system, _idle, _wait, _irq, _softirq, stolen, ..] = ticks?[..] else {
        return None;
    };
    Some(Machine { busy: time(user + nice + system), stolen: time(stolen) })
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
    fn the_machine_is_busy_with_what_is_neither_idle_nor_interrupts() {
        let stat = "cpu  10 20 30 999 9 5 6 70 0 0\ncpu0 1 2 3 4 5 6 7 8 0 0\n";
        assert_eq!(machine(stat), Some(Machine { busy: time(60), stolen: time(70) }));
        assert_eq!(machine("cpu  1 2 3"), None);
    }

    fn used(load: u64, other: u64, stolen: u64) -> Used {
        let ms = Duration::from_millis;
        let (load, other, stolen) = (ms(load), ms(other), ms(stolen));
        Used { time: ms(1_000), load, server: Some(ms(9)), other, stolen, resident: None }
    }

    #[test]
    fn a_busy_generator_other_processes_and_a_busy_host_make_figures_doubtful() {
        assert!(used(800, 100, 40).doubts().is_empty());
        let doubts = used(950, 300, 70).doubts();
        assert_eq!(
            doubts,
            [
                "the generator was at its own limit (95 % of one core)",
                "other processes used 30 % of one core",
                "the host took 7 % of one core away",
            ]
        );
    }

    #[test]
    fn a_folder_takes_what_its_files_take() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("inner")).unwrap();
        fs::write(folder.path().join("inner/file"), vec![7; 100_000]).unwrap();
        assert!(on_disk(folder.path()) >= 100_000);
        assert_eq!(on_disk(&folder.path().join("nothing")), 0);
    }

    #[test]
    fn this_process_has_memory() {
        assert!(descriptors(std::process::id()).unwrap() >= 3);
        assert!(resident(std::process::id()).unwrap() > 0);
        assert!(cpu(std::process::id()).is_ok());
        assert!(resident(u32::MAX).is_err());
    }
}
