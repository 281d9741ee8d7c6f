//! What this process uses, as the system tells it. Must never guess what it cannot read.

use std::fs;
use std::io;
use std::time::Duration;

/// What this process uses, at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Bytes of memory that are resident.
    pub resident: u64,
    /// Bytes of memory that were ever resident at a time.
    pub resident_most: u64,
    /// Processor time, its own and the system's for it.
    pub cpu: Duration,
}

impl Usage {
    /// Of now.
    pub fn now() -> io::Result<Self> {
        let status = fs::read_to_string("/proc/self/status")?;
        let stat = fs::read_to_string("/proc/self/stat")?;
        let unknown = || io::Error::other("the system does not say what this process uses");
        Ok(Self {
            resident: bytes(&status, "VmRSS:").ok_or_else(unknown)?,
            resident_most: bytes(&status, "VmHWM:").ok_or_else(unknown)?,
            cpu: cpu(&stat).ok_or_else(unknown)?,
        })
    }
}

fn bytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// User and system time of a `stat` line. The name in it may hold anything.
fn cpu(stat: &str) -> Option<Duration> {
    const USER_AFTER_NAME: usize = 11;
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace().skip(USER_AFTER_NAME);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    let ticks = ticks()? + ticks()?;
    let a_second = rustix::param::clock_ticks_per_second().max(1);
    Some(Duration::from_millis(ticks.saturating_mul(1_000) / a_second))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_in_bytes() {
        let status = "VmHWM:\t    2000 kB\nVmRSS:\t    1234 kB\nVmData: 1 kB";
        assert_eq!(bytes(status, "VmRSS:"), Some(1_263_616));
        assert_eq!(bytes(status, "VmHWM:"), Some(2_048_000));
        assert_eq!(bytes("Name:\tx", "VmRSS:"), None);
    }

    #[test]
    fn the_times_of_a_stat_line_are_found_behind_any_name() {
        let line = "7 (a) b (c)) S 1 7 7 0 -1 4194560 9 0 0 0 100 50 5 6 20 0 3 0 99";
        assert!(cpu(line).is_some_and(|time| time > Duration::ZERO));
        assert_eq!(cpu("7 (a) S 1"), None);
    }

    #[test]
    fn this_process_uses_something() {
        let usage = Usage::now().expect("there is a /proc");
        assert!(usage.resident > 0 && usage.resident_most >= usage.resident);
    }
}
