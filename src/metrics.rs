//! What the server counts: traffic, and every time a bound is hit. Must never be read to decide
//! anything.

use std::sync::atomic::{AtomicU64, Ordering};

/// Declares the counters once: their names and what they count.
macro_rules! counters {
    ($($(#[doc = $doc:literal])* $name:ident,)*) => {
        /// The counters of one server.
        #[derive(Debug, Default)]
        pub struct Metrics {
            $($(#[doc = $doc])* pub $name: Counter,)*
        }

        impl Metrics {
            /// Every counter by name, in order of declaration.
            pub fn all(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name.get()),)*]
            }
        }
    };
}

counters! {
    /// Connections taken.
    connections_accepted,
    /// Connections turned away: as many as there may be.
    connections_refused,
    /// Times that a connection could not be taken, such as for want of descriptors.
    accepts_failed,
    /// Sessions opened.
    sessions_opened,
    /// Sessions ended, for whatever reason.
    sessions_ended,
    /// Handshakes that did not end in time.
    handshake_timeouts,
    /// Credentials refused.
    credentials_refused,
    /// Sessions ended because nothing was heard.
    heartbeat_timeouts,
    /// Sessions ended because deliveries were not acknowledged.
    ack_timeouts,
    /// Sessions ended because too much was asked.
    rate_closes,
    /// Sessions that a newer one of the same device replaced.
    sessions_replaced,
    /// Sessions that one of another device of the user displaced, by the operator's policy.
    sessions_displaced,
    /// Sessions whose device was logged out.
    sessions_logged_out,
    /// Connections ended because of bytes that are no packet for their state.
    protocol_errors,
    /// Sends taken from clients.
    sends,
    /// Sends answered with `Accepted`.
    accepted,
    /// Sends answered with `Rejected`.
    rejected,
    /// Deliveries written, live or from the log.
    deliveries,
    /// Rounds of deliveries sent again.
    retries,
    /// Times that a full window turned a chat of a session to catching up.
    windows_full,
    /// Times that a full mailbox turned a session to catching up.
    mailbox_overflows,
    /// Notices that a full mailbox had no room for.
    hints_dropped,
    /// Signals dropped: too many, or too large a group.
    signals_dropped,
    /// Times that reading from a socket paused because of the session's own bounds.
    reads_paused,
    /// Times that nothing more was taken for a peer until it reads what waits for it.
    outboxes_full,
    /// Files that came to be whole.
    files_completed,
    /// Bytes of files taken.
    file_bytes_taken,
    /// Bytes of files given.
    file_bytes_given,
    /// Uploads whose bytes were not those announced.
    file_hash_mismatches,
    /// Files removed because they stood in no chat.
    files_collected,
    /// Entries that expired, and messages that were sent at their time or could not be.
    due_done,
    /// Searches answered.
    searches,
    /// Entries that the index of search was told of.
    search_entries_read,
    /// Commits of the index.
    search_commits,
    /// Hints for the index that its full queue had no room for: it looks at all chats then.
    search_hints_dropped,
    /// Times that the index could not be fed, or read, for a while.
    search_failures,
    /// Devices refused: the user has as many as may be, or another one is connected that stays.
    devices_refused,
    /// Devices forgotten: they were not seen for long.
    devices_forgotten,
}

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Counts one.
    pub fn one(&self) {
        self.add(1);
    }

    /// Counts so many.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// The count.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
