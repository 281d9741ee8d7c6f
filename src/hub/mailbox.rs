//! A session's bounded queue of what the hub has for it. Pushing never waits: what finds no room
//! is dropped and said so, and the session turns to the log. Must never be locked across an await.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use packetboat_proto::code::CloseCode;
use packetboat_proto::id::{ChatId, SessionId};
use packetboat_proto::packet::CursorMoved;
use packetboat_proto::planted::{self, Bug};
use tokio::sync::Notify;

/// An entry on its way to sessions, encoded once for all of them.
#[derive(Debug)]
pub struct Delivery {
    /// The chat.
    pub chat: ChatId,
    /// Its place in the chat's log.
    pub seq: u64,
    /// The session that sent it, which has its `Accepted` and is not sent it.
    pub origin: SessionId,
    /// The whole `Deliver` frame.
    pub frame: Bytes,
}

/// What may be lost, and then is said to be.
#[derive(Clone, Debug)]
pub enum Hint {
    /// Somebody's cursors moved.
    Cursor(CursorMoved),
    /// The whole frame of a signal.
    Signal(Bytes),
}

/// The bounds of a mailbox.
#[derive(Clone, Copy, Debug)]
pub struct MailboxLimits {
    /// Deliveries waiting.
    pub entries: usize,
    /// Bytes of their frames, together. One is taken whatever its size.
    pub bytes: usize,
}

/// Hints waiting at most.
pub const HINTS_MAX: usize = 64;

/// All that has come since the last look.
#[derive(Debug, Default)]
pub struct Mail {
    /// Entries, in the order of their logs.
    pub deliveries: VecDeque<Arc<Delivery>>,
    /// Hints.
    pub hints: VecDeque<Hint>,
    /// At least one entry found no room.
    pub entries_lost: bool,
    /// At least one notice found no room.
    pub notices_lost: bool,
    /// The session is to end.
    pub evicted: Option<CloseCode>,
}

/// What became of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Push {
    /// It waits for the session.
    Taken,
    /// There was no room, for the first time since the session looked.
    Overflowed,
    /// There was no room, again.
    Lost,
}

/// A session's bounded queue.
#[derive(Debug)]
pub struct Mailbox {
    limits: MailboxLimits,
    waiting: Mutex<Waiting>,
    wake: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    mail: Mail,
    bytes: usize,
}

impl Mailbox {
    /// An empty one.
    pub fn new(limits: MailboxLimits) -> Self {
        Self { limits, waiting: Mutex::default(), wake: Notify::new() }
    }

    /// Leaves an entry, if there is room.
    pub fn push(&self, delivery: &Arc<Delivery>) -> Push {
        let mut waiting = self.lock();
        let bytes = waiting.bytes + delivery.frame.len();
        let count = waiting.mail.deliveries.len();
        // Once one is lost, so is all that follows: a smaller one that still fitted would be
        // taken for the next of a chat whose lost one nobody has noticed yet.
        let fits = count == 0 || (count < self.limits.entries && bytes <= self.limits.bytes);
        let fits = fits && !waiting.mail.entries_lost;
        if !fits {
            let first = !waiting.mail.entries_lost;
            waiting.mail.entries_lost = !planted::is(Bug::OverflowForgotten);
            return if first { Push::Overflowed } else { Push::Lost };
        }
        waiting.bytes = bytes;
        waiting.mail.deliveries.push_back(Arc::clone(delivery));
        drop(waiting);
        self.wake.notify_one();
        Push::Taken
    }

    /// Leaves a hint, if there is room; cursors of the same user and chat become one.
    pub fn hint(&self, hint: Hint) -> Push {
        let mut waiting = self.lock();
        if let (Hint::Cursor(new), Some(Hint::Cursor(last))) =
            (&hint, waiting.mail.hints.back_mut())
            && new.chat == last.chat
            && new.user == last.user
        {
            last.delivered = last.delivered.max(new.delivered);
            last.read = last.read.max(new.read);
            return Push::Taken;
        }
        if waiting.mail.hints.len() >= HINTS_MAX {
            waiting.mail.notices_lost |= matches!(hint, Hint::Cursor(_));
            return Push::Lost;
        }
        waiting.mail.hints.push_back(hint);
        drop(waiting);
        self.wake.notify_one();
        Push::Taken
    }

    /// Tells the session to end; the first reason stands.
    pub fn evict(&self, code: CloseCode) {
        self.lock().mail.evicted.get_or_insert(code);
        self.wake.notify_one();
    }

    /// Takes all that has come.
    pub fn take(&self) -> Mail {
        let mut waiting = self.lock();
        waiting.bytes = 0;
        std::mem::take(&mut waiting.mail)
    }

    /// Why the session is to end, if it is.
    pub fn evicted(&self) -> Option<CloseCode> {
        self.lock().mail.evicted
    }

    /// Resolves once something has come since the last time.
    pub async fn arrived(&self) {
        self.wake.notified().await;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Waiting> {
        // Nothing between lock and unlock can panic half-way through a change.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use packetboat_proto::id::UserId;

    fn delivery(seq: u64, bytes: usize) -> Arc<Delivery> {
        Arc::new(Delivery {
            chat: ChatId::new("dm:a:b").unwrap(),
            seq,
            origin: SessionId::from([0; 16]),
            frame: vec![0; bytes].into(),
        })
    }

    fn cursor(chat: &str, delivered: u64) -> Hint {
        let (chat, user) = (ChatId::new(chat).unwrap(), UserId::new("b").unwrap());
        Hint::Cursor(CursorMoved { chat, user, delivered, read: 0 })
    }

    #[test]
    fn what_finds_no_room_is_said_to_be_lost_once() {
        let mailbox = Mailbox::new(MailboxLimits { entries: 2, bytes: 100 });
        assert_eq!(mailbox.push(&delivery(1, 10)), Push::Taken);
        assert_eq!(mailbox.push(&delivery(2, 10)), Push::Taken);
        assert_eq!(mailbox.push(&delivery(3, 10)), Push::Overflowed);
        assert_eq!(mailbox.push(&delivery(4, 10)), Push::Lost);
        let mail = mailbox.take();
        assert_eq!(mail.deliveries.len(), 2);
        assert!(mail.entries_lost);
        assert_eq!(mailbox.push(&delivery(5, 10)), Push::Taken);
        assert!(!mailbox.take().entries_lost);
    }

    #[test]
    fn bytes_are_bounded_but_one_entry_always_fits() {
        let mailbox = Mailbox::new(MailboxLimits { entries: 9, bytes: 100 });
        assert_eq!(mailbox.push(&delivery(1, 500)), Push::Taken);
        assert_eq!(mailbox.push(&delivery(2, 1)), Push::Overflowed);
        mailbox.take();
        assert_eq!(mailbox.push(&delivery(3, 60)), Push::Taken);
        assert_eq!(mailbox.push(&delivery(4, 40)), Push::Taken);
        assert_eq!(mailbox.push(&delivery(5, 1)), Push::Overflowed);
    }

    #[test]
    fn nothing_is_taken_behind_what_was_lost() {
        let mailbox = Mailbox::new(MailboxLimits { entries: 9, bytes: 100 });
        assert_eq!(mailbox.push(&delivery(1, 10)), Push::Taken);
        assert_eq!(mailbox.push(&delivery(2, 95)), Push::Overflowed);
        assert_eq!(mailbox.push(&delivery(3, 10)), Push::Lost);
        let mail = mailbox.take();
        let seqs: Vec<u64> = mail.deliveries.iter().map(|delivery| delivery.seq).collect();
        assert_eq!((seqs, mail.entries_lost), (vec![1], true));
    }

    #[test]
    fn cursors_of_one_user_and_chat_become_one() {
        let mailbox = Mailbox::new(MailboxLimits { entries: 1, bytes: 1 });
        for delivered in [3, 5, 4] {
            mailbox.hint(cursor("dm:a:b", delivered));
        }
        let hints = mailbox.take().hints;
        assert!(matches!(&hints[0], Hint::Cursor(moved) if moved.delivered == 5));
        assert_eq!(hints.len(), 1);
    }

    #[test]
    fn a_lost_notice_is_told_and_a_lost_signal_is_not() {
        let mailbox = Mailbox::new(MailboxLimits { entries: 1, bytes: 1 });
        for _ in 0..HINTS_MAX {
            assert_eq!(mailbox.hint(Hint::Signal(Bytes::new())), Push::Taken);
        }
        assert_eq!(mailbox.hint(Hint::Signal(Bytes::new())), Push::Lost);
        let mail = mailbox.take();
        assert!(!mail.notices_lost && !mail.entries_lost);
        for chat in 0..=HINTS_MAX {
            mailbox.hint(cursor(&format!("group:{chat}"), 1));
        }
        assert!(mailbox.take().notices_lost);
    }

    #[test]
    fn the_first_reason_to_end_stands() {
        let mailbox = Mailbox::new(MailboxLimits { entries: 1, bytes: 1 });
        mailbox.evict(CloseCode::Replaced);
        mailbox.evict(CloseCode::ShuttingDown);
        assert_eq!(mailbox.take().evicted, Some(CloseCode::Replaced));
    }
}
