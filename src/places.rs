//! How many connections there may be: as many as the operator set, if the system gives as many
//! descriptors. Must never keep a server from starting.

/// Descriptors that are kept for other things than connections: the store, the addresses, the
/// log, operators, and whoever is being turned away.
pub const DESCRIPTORS_RESERVED: usize = 256;

/// The connections that there may be: `wanted`, or fewer, with a warning, where the soft limit of
/// descriptors does not allow so many.
pub fn affordable(wanted: usize) -> usize {
    let limit = descriptors_max();
    let places = fitting(wanted, limit);
    if let Some(limit) = limit.filter(|_| places < wanted) {
        tracing::warn!(
            connections_max = wanted,
            descriptors = limit,
            places,
            "fewer connections are taken than listen.connections_max allows: the process may open \
             too few files. Raise its limit (LimitNOFILE, ulimit -n) to {} or more, or lower \
             listen.connections_max",
            wanted.saturating_add(DESCRIPTORS_RESERVED)
        );
    }
    places
}

/// Lets the process open as many files as `wanted` connections need, as far as its hard limit
/// allows: the soft one is often 1,024, for the sake of programs that no server is.
pub fn raise_limit(wanted: usize) {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let needed = u64::try_from(wanted.saturating_add(DESCRIPTORS_RESERVED)).ok();
        let mut limit = getrlimit(Resource::Nofile);
        let allowed = match (needed, limit.maximum) {
            (Some(needed), Some(hard)) => Some(needed.min(hard)),
            (needed, hard) => needed.or(hard),
        };
        if limit.current.zip(allowed).is_some_and(|(current, allowed)| current < allowed) {
            limit.current = allowed;
            if let Err(error) = setrlimit(Resource::Nofile, limit) {
                tracing::debug!(%error, "the limit of open files stays");
            }
        }
    }
    #[cfg(not(unix))]
    let _ = wanted;
}

fn fitting(wanted: usize, limit: Option<usize>) -> usize {
    let places = limit.map_or(usize::MAX, |limit| limit.saturating_sub(DESCRIPTORS_RESERVED));
    wanted.min(places.max(1))
}

/// The soft limit; `None` if there is none.
#[cfg(unix)]
fn descriptors_max() -> Option<usize> {
    use rustix::process::{Resource, getrlimit};
    getrlimit(Resource::Nofile).current.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX))
}

#[cfg(not(unix))]
fn descriptors_max() -> Option<usize> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_leave_the_reserve_free() {
        assert_eq!(fitting(100_000, Some(1_024)), 768);
        assert_eq!(fitting(768, Some(1_024)), 768);
        assert_eq!(fitting(769, Some(1_024)), 768);
        assert_eq!(fitting(10, Some(1_024)), 10);
        assert_eq!(fitting(100_000, None), 100_000);
    }

    #[test]
    fn there_is_always_a_place() {
        assert_eq!(fitting(100, Some(DESCRIPTORS_RESERVED)), 1);
        assert_eq!(fitting(100, Some(0)), 1);
    }
}
