//! Carries out what `flow` decides: one task, one timer, one stream. Must never decide anything
//! itself, nor wait for one thing while another could go on.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use packetboat_proto::code::CloseCode;
use packetboat_proto::codec::FrameCodec;
use packetboat_proto::frame::put_with;
use packetboat_proto::id::{DeviceId, SessionId, UserId};
use packetboat_proto::packet::{Hello, Kind, Packet, Verdict};
use packetboat_proto::time::Time;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::codec::Decoder;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

use crate::hub::mailbox::{Mail, Mailbox};
use crate::store::{Author, Store};

use super::answers::answer;
use super::flow::Flow;
use super::house::House;
use super::port::{Action, Input, Work};
use super::transport::{Moved, Transport};

/// Packets taken before other sessions get their turn.
pub const PACKETS_PER_TURN: usize = 64;

/// Bytes read before other sessions get their turn: the runtime counts reads, not what is in them.
pub const BYTES_PER_TURN: usize = 64 * 1024;

/// Runs a connection to its end. `drain` is cancelled when the server stops.
/// The time for a handshake counts `since` the connection was taken.
pub async fn run<T, S>(stream: T, house: Arc<House<S>>, since: Time, drain: CancellationToken)
where
    T: AsyncRead + AsyncWrite + Send + Unpin,
    S: Store,
{
    let session = (house.new_session)();
    let seat = Seat { session, house: Arc::clone(&house) };
    let mailbox = house.hub.enter(session);
    let task = Task {
        flow: Flow::new(since, session, house.rules, Arc::clone(&house.metrics)),
        codec: FrameCodec::server(),
        transport: Transport::new(stream),
        mailbox,
        who: None,
        session,
        work: FuturesUnordered::new(),
        actions: Vec::new(),
        ending: None,
        drained: false,
        read: 0,
        house: Arc::clone(&house),
    };
    // One of its own, so that sessions do not queue for the lock of one.
    if task.run(drain.child_token()).await {
        house.metrics.sessions_ended.one();
    }
    if let Some(user) = house.hub.leave(session)
        && let Err(error) = house.store.release(user).await
    {
        debug!(%error, "when the user was last seen is not noted");
    }
    drop(seat);
}

/// Takes a session out of the hub even if its task panics: nothing may be pushed to the dead.
struct Seat<S: Store> {
    session: SessionId,
    house: Arc<House<S>>,
}

impl<S: Store> Drop for Seat<S> {
    fn drop(&mut self) {
        self.house.hub.leave(self.session);
    }
}

type Pending = Pin<Box<dyn Future<Output = Input> + Send>>;

/// How a connection ends.
#[derive(Debug)]
enum Ending {
    /// What waits to go out, a goodbye at its end, still goes out.
    Goodbye,
    /// There is nobody to write to.
    Gone,
}

/// What a session waits for.
enum Event {
    Done(Input),
    Mail,
    Moved(std::io::Result<Moved>),
    /// Bytes went out to a peer that is listened to.
    Wrote,
    Deadline,
    Drain,
}

struct Task<T, S: Store> {
    flow: Flow,
    codec: FrameCodec,
    transport: Transport<T>,
    mailbox: Arc<Mailbox>,
    who: Option<(UserId, DeviceId)>,
    session: SessionId,
    work: FuturesUnordered<Pending>,
    actions: Vec<Action>,
    ending: Option<Ending>,
    /// The flow knows that the server stops.
    drained: bool,
    /// Bytes read since others had their turn.
    read: usize,
    house: Arc<House<S>>,
}

impl<T, S> Task<T, S>
where
    T: AsyncRead + AsyncWrite + Send + Unpin,
    S: Store,
{
    /// Whether there was a session.
    async fn run(mut self, drain: CancellationToken) -> bool {
        let mut timer = std::pin::pin!(sleep_until(Instant::now()));
        loop {
            let more = self.turn();
            match self.ending {
                Some(Ending::Goodbye) => {
                    self.transport.close().await;
                    return self.flow.was_open();
                }
                Some(Ending::Gone) => return self.flow.was_open(),
                None => {}
            }
            if more || self.read > BYTES_PER_TURN {
                self.read = 0;
                tokio::task::yield_now().await;
                continue;
            }
            self.set(timer.as_mut());
            let event = self.event(timer.as_mut(), &drain).await;
            self.take(event);
        }
    }

    /// Takes what has come, as far as there is room for what follows from it. Whether there was
    /// more than one turn may take.
    fn turn(&mut self) -> bool {
        // Not left to the timer alone: who always has something to read would never let it fire.
        self.flow.handle(self.house.clock.now(), Input::Tick, &mut self.actions);
        self.perform();
        let more = self.take_packets();
        self.take_mail();
        self.flow.settle(self.has_room(), &mut self.actions);
        self.perform();
        self.transport.tidy();
        more
    }

    fn take_packets(&mut self) -> bool {
        let now = self.house.clock.now();
        for _ in 0..PACKETS_PER_TURN {
            if !self.has_room() || !self.flow.wants_packet(now) || self.flow.is_closed() {
                return false;
            }
            let input = match self.codec.decode(&mut self.transport.inbox) {
                Ok(None) => return false,
                Ok(Some(frame)) => match Packet::decode(&frame) {
                    Ok(Some(packet)) => Input::Packet(packet),
                    Ok(None) => continue,
                    Err(error) => Input::Broken { code: error.code(), reason: error.to_string() },
                },
                Err(error) => match error.code() {
                    Some(code) => Input::Broken { code, reason: error.to_string() },
                    None => return false,
                },
            };
            self.flow.handle(now, input, &mut self.actions);
            self.perform();
        }
        true
    }

    fn take_mail(&mut self) {
        if !self.flow.is_open() {
            return;
        }
        let now = self.house.clock.now();
        if !self.has_room() {
            // The rest of the mail waits, but a peer that reads nothing is not to keep its place.
            if let Some(code) = self.mailbox.evicted() {
                self.flow.handle(now, Input::Evicted(code), &mut self.actions);
                self.perform();
            }
            return;
        }
        let Mail { deliveries, hints, entries_lost, notices_lost, evicted } = self.mailbox.take();
        let inputs = deliveries.into_iter().map(Input::Pushed);
        let inputs = inputs.chain(entries_lost.then_some(Input::EntriesLost));
        let inputs = inputs.chain(hints.into_iter().map(Input::Hint));
        let inputs = inputs.chain(notices_lost.then_some(Input::NoticesLost));
        for input in inputs.chain(evicted.map(Input::Evicted)) {
            self.flow.handle(now, input, &mut self.actions);
        }
        self.perform();
    }

    fn has_room(&self) -> bool {
        self.transport.outbox.len() < self.house.out_bytes
    }

    fn set(&self, mut timer: Pin<&mut Sleep>) {
        if let Some(deadline) = self.flow.deadline() {
            let instant = self.house.clock.instant(deadline);
            if timer.deadline() != instant {
                timer.as_mut().reset(instant);
            }
        }
    }

    async fn event(&mut self, timer: Pin<&mut Sleep>, drain: &CancellationToken) -> Event {
        let now = self.house.clock.now();
        let wants_packet = self.flow.wants_packet(now);
        let may_read = self.has_room() && wants_packet;
        let takes_mail = self.flow.is_open();
        if self.flow.is_open() && !wants_packet {
            self.house.metrics.reads_paused.one();
        }
        if !self.has_room() {
            self.house.metrics.outboxes_full.one();
        }
        tokio::select! {
            biased;
            Some(input) = self.work.next(), if !self.work.is_empty() => Event::Done(input),
            () = drain.cancelled(), if !self.drained => Event::Drain,
            () = self.mailbox.arrived(), if takes_mail => Event::Mail,
            // Only while nothing is read do bytes that go out show that the peer is there: the
            // system takes many of them for one that is not.
            moved = self.transport.progress(may_read) => match moved {
                Ok(Moved::Out(_)) if may_read => Event::Wrote,
                moved => Event::Moved(moved),
            },
            () = timer => Event::Deadline,
        }
    }

    fn take(&mut self, event: Event) {
        let now = self.house.clock.now();
        let input = match event {
            Event::Mail | Event::Wrote => return,
            Event::Done(input) => input,
            Event::Drain => {
                self.drained = true;
                Input::Drain
            }
            Event::Deadline => Input::Tick,
            Event::Moved(Ok(Moved::In(0))) => Input::Left,
            Event::Moved(Ok(Moved::In(bytes))) => {
                self.read += bytes;
                Input::Heard
            }
            Event::Moved(Ok(Moved::Out(_))) => Input::Heard,
            Event::Moved(Err(error)) => {
                debug!(%error, "the connection broke");
                self.ending = Some(Ending::Gone);
                return;
            }
        };
        self.flow.handle(now, input, &mut self.actions);
        self.perform();
    }

    fn perform(&mut self) {
        let mut actions = std::mem::take(&mut self.actions);
        for action in actions.drain(..) {
            self.perform_one(action);
        }
        // Kept for its room, unless a burst has made it large.
        if actions.capacity() <= PACKETS_PER_TURN {
            self.actions = actions;
        }
    }

    fn perform_one(&mut self, action: Action) {
        let out = &mut self.transport.outbox;
        match action {
            Action::Write(packet) => packet.put(out),
            Action::WriteFrame(frame) => out.extend_from_slice(&frame),
            Action::Deliver(entry) => {
                put_with(out, Kind::Deliver as u8, |body| body.extend_from_slice(&entry));
            }
            Action::SetBodyMax(bytes) => self.codec.set_body_max(bytes),
            Action::Relay(signal) => {
                let (user, _) = self.who();
                self.house.hub.relay(&user, self.session, signal);
            }
            Action::Close(verdict) => self.say_goodbye(verdict),
            Action::Hangup => self.ending = Some(Ending::Goodbye),
            Action::Check(hello) => self.check(hello),
            Action::Start(work) => self.start(work),
        }
    }

    fn say_goodbye(&mut self, verdict: Verdict) {
        let code = verdict.close_code().map(CloseCode::name).unwrap_or_default();
        info!(code, reason = verdict.reason, "goodbye");
        Packet::Goodbye(verdict).put(&mut self.transport.outbox);
        self.ending = Some(Ending::Goodbye);
    }

    fn check(&mut self, hello: Hello) {
        let house = Arc::clone(&self.house);
        info!(user = %hello.user, device = %hello.device, client = hello.client, "hello");
        self.who = Some((hello.user.clone(), hello.device.clone()));
        self.work.push(Box::pin(async move {
            let Hello { user, device, credential, .. } = hello;
            let now_ms = house.clock.wall_ms();
            let admitted = house.doorman.admit(&user, &device, &credential, now_ms).await;
            Input::Checked(match admitted {
                Ok(admitted) => Ok(admitted.ticket.map(|ticket| (ticket.bytes, ticket.expires_ms))),
                Err(error) => Err((error.close_code(), error.to_string())),
            })
        }));
    }

    fn start(&mut self, work: Work) {
        let house = Arc::clone(&self.house);
        let (user, device) = self.who();
        let session = self.session;
        self.work.push(Box::pin(async move {
            let store = &house.store;
            match work {
                Work::Claim(claim) => {
                    Input::Claimed(store.claim(claim).await, house.clock.wall_ms())
                }
                Work::Append(drafts) => {
                    Input::Appended(store.append(Author { user, session }, drafts).await)
                }
                Work::Advance(moves) => Input::Advanced(store.advance(user, device, moves).await),
                Work::Scan { after, limit } => {
                    Input::Scanned(store.lagging(user, device, after, limit).await)
                }
                Work::Read(stretches, limit) => {
                    Input::Read(store.stretches(user, stretches, limit).await)
                }
                Work::Ask(operation) => {
                    Input::Answered(answer(&house, user, device, operation).await)
                }
            }
        }));
    }

    fn who(&self) -> (UserId, DeviceId) {
        self.who.clone().expect("flow asks for nothing before the hello")
    }
}

#[cfg(test)]
mod tests;
