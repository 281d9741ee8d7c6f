//! The one thread of a relay that knows who is where. It takes all that came in while it wrote,
//! writes it, and only then hands anything out. Must never wait for a session.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use tokio::sync::Notify;

use super::frame::{
    self, ACCEPTED, Frames, GROUP_BIT, HELLO, JOIN, JOINED, PING, PONG, SEND, WELCOME,
};
use super::journal::Journal;

/// What absent receivers may have waiting, in bytes; a relay is for measuring.
const KEPT_BYTES_MAX: usize = 16 << 30;

/// What a session tells the router.
pub(super) enum Incoming {
    /// It is there.
    Opened { session: u32, outlet: Arc<Outlet> },
    /// Whole frames came.
    Frames { session: u32, bytes: Bytes },
    /// It is gone.
    Closed { session: u32 },
}

/// What came in while the router was at work.
#[derive(Default)]
pub(super) struct Inlet {
    queue: Mutex<Queue>,
    filled: Condvar,
    /// Every frame comes by itself.
    pub(super) by_frame: bool,
}

#[derive(Default)]
struct Queue {
    incoming: Vec<Incoming>,
    /// The router waits.
    is_waited_for: bool,
}

impl Inlet {
    pub(super) fn new(by_frame: bool) -> Self {
        Self { by_frame, ..Self::default() }
    }

    pub(super) fn push(&self, incoming: Incoming) {
        let mut queue = locked(&self.queue);
        queue.incoming.push(incoming);
        if std::mem::take(&mut queue.is_waited_for) {
            drop(queue);
            self.filled.notify_one();
        }
    }

    /// Swaps in an empty list for all that came, after waiting for something to come.
    fn take(&self, batch: &mut Vec<Incoming>) {
        let mut queue = locked(&self.queue);
        while queue.incoming.is_empty() {
            queue.is_waited_for = true;
            queue = self.filled.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        std::mem::swap(batch, &mut queue.incoming);
    }
}

/// What a session is to write.
#[derive(Default)]
pub(super) struct Outlet {
    bytes: Mutex<BytesMut>,
    filled: Notify,
}

impl Outlet {
    fn put(&self, bytes: BytesMut) {
        let mut out = locked(&self.bytes);
        let was_empty = out.is_empty();
        if was_empty {
            *out = bytes;
        } else {
            out.extend_from_slice(&bytes);
        }
        drop(out);
        if was_empty {
            self.filled.notify_one();
        }
    }

    pub(super) fn take(&self) -> BytesMut {
        std::mem::take(&mut *locked(&self.bytes))
    }

    pub(super) async fn filled(&self) {
        self.filled.notified().await;
    }
}

fn locked<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A connected session.
struct Seat {
    outlet: Arc<Outlet>,
    user: Option<u32>,
    /// What goes out with this batch.
    staged: BytesMut,
    is_staged: bool,
}

/// Who is where, and what waits for whom.
#[derive(Default)]
struct Places {
    seats: HashMap<u32, Seat>,
    users: HashMap<u32, u32>,
    groups: HashMap<u32, Vec<u32>>,
    /// For users who are absent.
    kept: HashMap<u32, BytesMut>,
    kept_bytes: usize,
    /// Sessions with something staged.
    staged: Vec<u32>,
    /// What goes to each group with this batch.
    to_groups: HashMap<u32, BytesMut>,
    /// Every frame is handed out by itself.
    by_frame: bool,
    /// Then, what goes out with this batch.
    staged_frames: Vec<(u32, BytesMut)>,
}

/// The thread.
pub(super) struct Router {
    inlet: Arc<Inlet>,
    journal: Option<Journal>,
    places: Places,
}

impl Router {
    pub(super) fn new(inlet: Arc<Inlet>, journal: Option<Journal>, kept: &[u8]) -> Self {
        let mut places = Places { by_frame: inlet.by_frame, ..Places::default() };
        Frames(kept).for_each(|frame| places.deliver(frame));
        places.to_groups.clear();
        Self { inlet, journal, places }
    }

    pub(super) fn run(mut self) -> io::Result<()> {
        let (mut batch, mut written) = (Vec::new(), Vec::new());
        loop {
            self.inlet.take(&mut batch);
            for incoming in batch.drain(..) {
                match incoming {
                    Incoming::Opened { session, outlet } => self.places.open(session, outlet),
                    Incoming::Closed { session } => self.places.close(session),
                    Incoming::Frames { session, bytes } => {
                        let has_message = self.places.take(session, &bytes);
                        if has_message && self.journal.is_some() {
                            written.extend_from_slice(&bytes);
                        }
                    }
                }
            }
            if let Some(journal) = self.journal.as_mut().filter(|_| !written.is_empty()) {
                journal.write(&written)?;
                written.clear();
            }
            self.places.release();
            if self.places.kept_bytes > KEPT_BYTES_MAX {
                return Err(io::Error::other("too much waits for absent receivers"));
            }
        }
    }
}

impl Places {
    fn open(&mut self, session: u32, outlet: Arc<Outlet>) {
        let seat = Seat { outlet, user: None, staged: BytesMut::new(), is_staged: false };
        self.seats.insert(session, seat);
    }

    fn close(&mut self, session: u32) {
        let user = self.seats.remove(&session).and_then(|seat| seat.user);
        if let Some(user) = user.filter(|user| self.users.get(user) == Some(&session)) {
            self.users.remove(&user);
        }
    }

    /// Takes the frames of a session. Whether there was a message among them.
    fn take(&mut self, session: u32, bytes: &[u8]) -> bool {
        let mut has_message = false;
        for frame in Frames(bytes) {
            match frame.kind {
                SEND => {
                    has_message = true;
                    self.deliver(frame);
                    if let Some((_, id, _)) = frame::message(frame.body) {
                        self.stage(session, |out| frame::put(out, ACCEPTED, &[id]));
                    }
                }
                HELLO => self.greet(session, frame.body),
                JOIN => {
                    if let Some((group, _)) = frame::number(frame.body) {
                        self.groups.entry(group).or_default().push(session);
                    }
                    self.stage(session, |out| frame::put(out, JOINED, &[]));
                }
                PING => self.stage(session, |out| frame::put(out, PONG, &[])),
                _ => {}
            }
        }
        has_message
    }

    fn greet(&mut self, session: u32, body: &[u8]) {
        let Some((user, _)) = frame::number(body) else { return };
        if let Some(seat) = self.seats.get_mut(&session) {
            seat.user = Some(user);
            self.users.insert(user, session);
        }
        let kept = self.kept.remove(&user).unwrap_or_default();
        self.kept_bytes -= kept.len();
        self.stage(session, |out| {
            frame::put(out, WELCOME, &[]);
            out.extend_from_slice(&kept);
        });
    }

    fn deliver(&mut self, frame: frame::Frame<'_>) {
        let Some((to, ..)) = frame::message(frame.body) else { return };
        if to & GROUP_BIT != 0 {
            self.to_groups.entry(to).or_default().extend_from_slice(frame.whole);
        } else if let Some(session) = self.users.get(&to).copied() {
            self.stage(session, |out| out.extend_from_slice(frame.whole));
        } else {
            self.kept.entry(to).or_default().extend_from_slice(frame.whole);
            self.kept_bytes += frame.whole.len();
        }
    }

    fn stage(&mut self, session: u32, put: impl FnOnce(&mut BytesMut)) {
        let Some(seat) = self.seats.get_mut(&session) else { return };
        if self.by_frame {
            let mut frame = BytesMut::new();
            put(&mut frame);
            self.staged_frames.push((session, frame));
            return;
        }
        put(&mut seat.staged);
        if !seat.is_staged {
            seat.is_staged = true;
            self.staged.push(session);
        }
    }

    /// Hands out what is staged.
    fn release(&mut self) {
        let mut to_groups = std::mem::take(&mut self.to_groups);
        for (group, bytes) in to_groups.drain() {
            let members = self.groups.get(&group).cloned().unwrap_or_default();
            if self.by_frame {
                for frame in Frames(&bytes) {
                    for session in &members {
                        self.stage(*session, |out| out.extend_from_slice(frame.whole));
                    }
                }
            } else {
                for session in members {
                    self.stage(session, |out| out.extend_from_slice(&bytes));
                }
            }
        }
        for (session, frame) in self.staged_frames.drain(..) {
            if let Some(seat) = self.seats.get(&session) {
                seat.outlet.put(frame);
            }
        }
        for session in self.staged.drain(..) {
            if let Some(seat) = self.seats.get_mut(&session) {
                seat.is_staged = false;
                // An idle session has no buffer: what is handed out goes with the bytes.
                seat.outlet.put(std::mem::take(&mut seat.staged));
            }
        }
    }
}
