//! A session's bounded queue of what the hub has for it. Pushing never waits: what finds no room
//! is dropped and said so, and the session turns to the log. Must never be locked across an await,
//! nor hold room for mail while there is none.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use packetboat_proto::code::CloseCode;
use packetboat_proto::id::{ChatId, DeviceId, SessionId, UserId};
use packetboat_proto::packet::CursorMoved;
use packetboat_proto::planted::{self, Bug};

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
    /// The whole frame of any other notice.
    Notice(Bytes),
    /// The whole frame that tells of a user's presence.
    Presence(UserId, Bytes),
    /// The whole frame that tells how many listen to a room.
    RoomCount(ChatId, Bytes),
    /// The whole frame that tells how far the user's own state is.
    Own(Bytes),
    /// The whole frame that tells that receipts of a group have moved.
    Receipts(ChatId, Bytes),
}

impl Hint {
    /// Whether it says all that an earlier one said.
    fn replaces(&self, earlier: &Self) -> bool {
        match (self, earlier) {
            (Self::Presence(user, _), Self::Presence(other, _)) => user == other,
            (Self::RoomCount(room, _), Self::RoomCount(other, _))
            | (Self::Receipts(room, _), Self::Receipts(other, _)) => room == other,
            (Self::Own(_), Self::Own(_)) => true,
            _ => false,
        }
    }
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
    /// Rooms that are over, behind their last entries: no more than the session is in.
    pub rooms_over: Vec<ChatId>,
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

/// What a session is woken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// The server stops. It is told once.
    Drain,
    /// There is mail to take, or a reason to end.
    Mail,
}

/// Which mail a session would take now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// None.
    Nothing,
    /// Only the reason to end.
    Eviction,
    /// All.
    Everything,
}

/// A session's bounded queue.
#[derive(Debug)]
pub struct Mailbox {
    session: SessionId,
    /// Once the session has it.
    device: OnceLock<DeviceId>,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    pile: Option<Box<Pile>>,
    drain: bool,
    session: Option<Waker>,
}

#[derive(Debug, Default)]
struct Pile {
    mail: Mail,
    /// Bytes of the frames in it.
    bytes: usize,
}

impl Mailbox {
    /// A session's, and empty.
    pub fn new(session: SessionId) -> Self {
        Self { session, device: OnceLock::new(), waiting: Mutex::default() }
    }

    /// Whose it is.
    pub const fn session(&self) -> SessionId {
        self.session
    }

    /// The device of the session, once it has one.
    pub fn device(&self) -> Option<&DeviceId> {
        self.device.get()
    }

    /// The session has its device now. It never gets another.
    pub fn set_device(&self, device: &DeviceId) {
        self.device.get_or_init(|| device.clone());
    }

    /// Leaves an entry, if there is room within the limits.
    pub fn push(&self, delivery: &Arc<Delivery>, limits: MailboxLimits) -> Push {
        self.leave(|Pile { mail, bytes }| {
            let filled = *bytes + delivery.frame.len();
            let count = mail.deliveries.len();
            // Once one is lost, so is all that follows: a smaller one that still fitted would be
            // taken for the next of a chat whose lost one nobody has noticed yet.
            let fits = count == 0 || (count < limits.entries && filled <= limits.bytes);
            if !fits || mail.entries_lost {
                let first = !mail.entries_lost;
                mail.entries_lost = !planted::is(Bug::OverflowForgotten);
                return if first { Push::Overflowed } else { Push::Lost };
            }
            mail.deliveries.push_back(Arc::clone(delivery));
            *bytes = filled;
            Push::Taken
        })
    }

    /// Leaves a hint, if there is room; cursors of the same user and chat become one.
    pub fn hint(&self, hint: Hint) -> Push {
        self.leave(|Pile { mail, .. }| {
            if let (Hint::Cursor(new), Some(Hint::Cursor(last))) = (&hint, mail.hints.back_mut())
                && new.chat == last.chat
                && new.user == last.user
            {
                last.delivered = last.delivered.max(new.delivered);
                last.read = last.read.max(new.read);
                return Push::Taken;
            }
            // A later word on the same takes the place of the earlier one.
            if let Some(earlier) = mail.hints.iter_mut().find(|earlier| hint.replaces(earlier)) {
                *earlier = hint;
                return Push::Taken;
            }
            if mail.hints.len() >= HINTS_MAX {
                mail.notices_lost |= !matches!(hint, Hint::Signal(_));
                return Push::Lost;
            }
            mail.hints.push_back(hint);
            Push::Taken
        })
    }

    /// Tells the session that a room that it is in is over.
    pub fn room_over(&self, room: &ChatId) {
        self.leave(|Pile { mail, .. }| {
            mail.rooms_over.push(room.clone());
            Push::Taken
        });
    }

    /// Leaves something, and wakes the session if it is the first since it has looked: from then
    /// on it knows.
    fn leave(&self, put: impl FnOnce(&mut Pile) -> Push) -> Push {
        let mut waiting = self.lock();
        let first = waiting.pile.is_none();
        let push = put(waiting.pile.get_or_insert_default());
        let session = if first { waiting.session.take() } else { None };
        drop(waiting);
        wake(session);
        push
    }

    /// Tells the session to end; the first reason stands.
    pub fn evict(&self, code: CloseCode) {
        let mut waiting = self.lock();
        waiting.pile.get_or_insert_default().mail.evicted.get_or_insert(code);
        let session = waiting.session.take();
        drop(waiting);
        wake(session);
    }

    /// Tells the session that the server stops.
    pub fn drain(&self) {
        let mut waiting = self.lock();
        waiting.drain = true;
        let session = waiting.session.take();
        drop(waiting);
        wake(session);
    }

    /// Takes all that has come.
    pub fn take(&self) -> Mail {
        self.lock().pile.take().map(|pile| pile.mail).unwrap_or_default()
    }

    /// Why the session is to end, if it is.
    pub fn evicted(&self) -> Option<CloseCode> {
        self.lock().pile.as_ref()?.mail.evicted
    }

    /// What there is of what is wanted; or the session is woken when something comes.
    pub fn poll_news(&self, context: &Context<'_>, wanted: Wanted) -> Poll<News> {
        let mut waiting = self.lock();
        if std::mem::take(&mut waiting.drain) {
            return Poll::Ready(News::Drain);
        }
        let there = waiting.pile.as_ref().is_some_and(|pile| match wanted {
            Wanted::Nothing => false,
            Wanted::Eviction => pile.mail.evicted.is_some(),
            Wanted::Everything => true,
        });
        if there {
            return Poll::Ready(News::Mail);
        }
        match &mut waiting.session {
            Some(session) => session.clone_from(context.waker()),
            none => *none = Some(context.waker().clone()),
        }
        Poll::Pending
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Waiting> {
        // Nothing between lock and unlock can panic half-way through a change.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// To be called without the lock: a runtime may run the session at once.
fn wake(session: Option<Waker>) {
    if let Some(session) = session {
        session.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    /// A mailbox with its limits.
    struct Bounded(Mailbox, MailboxLimits);

    impl Bounded {
        fn push(&self, delivery: &Arc<Delivery>) -> Push {
            self.0.push(delivery, self.1)
        }
    }

    impl std::ops::Deref for Bounded {
        type Target = Mailbox;

        fn deref(&self) -> &Mailbox {
            &self.0
        }
    }

    fn mailbox(limits: MailboxLimits) -> Bounded {
        Bounded(Mailbox::new(SessionId::from([1; 16])), limits)
    }

    /// Counts how often it was woken.
    #[derive(Default)]
    struct Alarm(AtomicUsize);

    impl Wake for Alarm {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

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
        let mailbox = mailbox(MailboxLimits { entries: 2, bytes: 100 });
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
        let mailbox = mailbox(MailboxLimits { entries: 9, bytes: 100 });
        assert_eq!(mailbox.push(&delivery(1, 500)), Push::Taken);
        assert_eq!(mailbox.push(&delivery(2, 1)), Push::Overflowed);
        mailbox.take();
        assert_eq!(mailbox.push(&delivery(3, 60)), Push::Taken);
        assert_eq!(mailbox.push(&delivery(4, 40)), Push::Taken);
        assert_eq!(mailbox.push(&delivery(5, 1)), Push::Overflowed);
    }

    #[test]
    fn nothing_is_taken_behind_what_was_lost() {
        let mailbox = mailbox(MailboxLimits { entries: 9, bytes: 100 });
        assert_eq!(mailbox.push(&delivery(1, 10)), Push::Taken);
        assert_eq!(mailbox.push(&delivery(2, 95)), Push::Overflowed);
        assert_eq!(mailbox.push(&delivery(3, 10)), Push::Lost);
        let mail = mailbox.take();
        let seqs: Vec<u64> = mail.deliveries.iter().map(|delivery| delivery.seq).collect();
        assert_eq!((seqs, mail.entries_lost), (vec![1], true));
    }

    #[test]
    fn cursors_of_one_user_and_chat_become_one() {
        let mailbox = mailbox(MailboxLimits { entries: 1, bytes: 1 });
        for delivered in [3, 5, 4] {
            mailbox.hint(cursor("dm:a:b", delivered));
        }
        let hints = mailbox.take().hints;
        assert!(matches!(&hints[0], Hint::Cursor(moved) if moved.delivered == 5));
        assert_eq!(hints.len(), 1);
    }

    #[test]
    fn a_lost_notice_is_told_and_a_lost_signal_is_not() {
        let mailbox = mailbox(MailboxLimits { entries: 1, bytes: 1 });
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
        let mailbox = mailbox(MailboxLimits { entries: 1, bytes: 1 });
        mailbox.evict(CloseCode::Replaced);
        mailbox.evict(CloseCode::ShuttingDown);
        assert_eq!(mailbox.take().evicted, Some(CloseCode::Replaced));
    }

    #[test]
    fn a_session_is_woken_once_for_all_that_comes_before_it_looks() {
        let mailbox = mailbox(MailboxLimits { entries: 9, bytes: 100 });
        let alarm = Arc::new(Alarm::default());
        let waker = Waker::from(Arc::clone(&alarm));
        let look = || mailbox.poll_news(&Context::from_waker(&waker), Wanted::Everything);
        assert_eq!(look(), Poll::Pending);
        for seq in 1..=3 {
            mailbox.push(&delivery(seq, 1));
        }
        mailbox.hint(cursor("dm:a:b", 1));
        assert_eq!((alarm.0.load(Ordering::Relaxed), look()), (1, Poll::Ready(News::Mail)));
        assert_eq!(mailbox.take().deliveries.len(), 3);
        assert_eq!(look(), Poll::Pending);
        mailbox.push(&delivery(4, 1));
        assert_eq!((alarm.0.load(Ordering::Relaxed), look()), (2, Poll::Ready(News::Mail)));
    }

    #[test]
    fn a_session_without_room_is_woken_to_end_and_not_for_mail() {
        let mailbox = mailbox(MailboxLimits { entries: 9, bytes: 100 });
        let alarm = Arc::new(Alarm::default());
        let waker = Waker::from(Arc::clone(&alarm));
        let look = |wanted| mailbox.poll_news(&Context::from_waker(&waker), wanted);
        mailbox.push(&delivery(1, 1));
        assert_eq!(look(Wanted::Nothing), Poll::Pending);
        assert_eq!(look(Wanted::Eviction), Poll::Pending);
        mailbox.push(&delivery(2, 1));
        assert_eq!(alarm.0.load(Ordering::Relaxed), 0);
        mailbox.evict(CloseCode::Replaced);
        assert_eq!(alarm.0.load(Ordering::Relaxed), 1);
        assert_eq!(look(Wanted::Eviction), Poll::Ready(News::Mail));
        assert_eq!(look(Wanted::Nothing), Poll::Pending);
    }

    #[test]
    fn the_end_of_the_server_is_told_once_whatever_is_wanted() {
        let mailbox = mailbox(MailboxLimits { entries: 9, bytes: 100 });
        let look = || mailbox.poll_news(&Context::from_waker(Waker::noop()), Wanted::Nothing);
        assert_eq!(look(), Poll::Pending);
        mailbox.drain();
        assert_eq!((look(), look()), (Poll::Ready(News::Drain), Poll::Pending));
    }
}
