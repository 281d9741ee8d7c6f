//! Carries out what `flow` decides: one task, one timer, one stream. Must never decide anything
//! itself, nor wait for one thing while another could go on.

mod place;

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use packetboat_proto::code::CloseCode;
use packetboat_proto::codec::FrameCodec;
use packetboat_proto::frame::put_with;
use packetboat_proto::id::{DeviceId, SessionId, UserId};
use packetboat_proto::packet::{Hello, Kind, Packet, Verdict};
use packetboat_proto::time::Time;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::yield_now;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::codec::Decoder;
use tracing::field::display;
use tracing::{debug, info};

use crate::auth::ticket::Bearer;
use crate::hub::mailbox::{Mail, News, Wanted};
use crate::hub::policy::Connected;
use crate::store::{Author, Claimed, Store};

use super::answers::answer;
use super::bookends::reason_of;
use super::flow::Flow;
use super::house::House;
use super::port::{Action, Guest, Input, Work};
use super::transport::{Moved, Transport};

use self::place::{Place, Who};

/// Packets taken before other sessions get their turn.
pub const PACKETS_PER_TURN: usize = 64;

/// Bytes read before other sessions get their turn: the runtime counts reads, not what is in them.
pub const BYTES_PER_TURN: u32 = 64 * 1024;

thread_local! {
    /// Holds no action between two polls: one for each thread is enough.
    static ACTIONS: RefCell<Vec<Action>> = const { RefCell::new(Vec::new()) };
}

/// A connection that has been taken.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// When: the time for a handshake counts from here on.
    pub since: Time,
    /// From where. The log says it once, with the name that the session has in it from then on.
    pub peer: Option<SocketAddr>,
}

/// Runs a connection to its end.
///
/// Most connections are idle at most times, and what this future holds is what they cost: all of
/// it stands once in `Task`, and what only the end needs is made at the end.
pub fn run<T, S>(
    stream: T,
    house: Arc<House<S>>,
    arrival: Arrival,
) -> impl Future<Output = ()> + Send
where
    T: AsyncRead + AsyncWrite + Send + Unpin,
    S: Store,
{
    let mut task = Task::new(stream, house, arrival);
    async move {
        let mut timer = pin!(sleep_until(task.deadline()));
        let ending = loop {
            match poll_fn(|context| task.poll(context, timer.as_mut())).await {
                Step::Pause => yield_now().await,
                Step::End(ending) => break ending,
            }
        };
        Box::pin(task.end(ending)).await;
    }
}

type Pending = Pin<Box<dyn Future<Output = Input> + Send>>;

/// How a connection ends.
#[derive(Clone, Copy, Debug)]
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

/// What comes of a task that was polled.
enum Step {
    /// Others are to have their turn.
    Pause,
    /// It is over.
    End(Ending),
}

/// What a session waits for besides.
#[derive(Clone, Copy)]
struct Wait {
    may_read: bool,
    wanted: Wanted,
}

struct Task<T, S: Store> {
    flow: Flow,
    codec: FrameCodec,
    transport: Transport<T>,
    place: Place<S>,
    work: Vec<Pending>,
    ending: Option<Ending>,
    /// Bytes read since others had their turn.
    read: u32,
    /// `None`: it is its turn.
    waits: Option<Wait>,
}

impl<T, S> Task<T, S>
where
    T: AsyncRead + AsyncWrite + Send + Unpin,
    S: Store,
{
    fn new(stream: T, house: Arc<House<S>>, arrival: Arrival) -> Self {
        let session = (house.new_session)();
        let (rules, metrics) = (Arc::clone(&house.rules), Arc::clone(&house.metrics));
        Self {
            flow: Flow::new(arrival.since, session, rules, metrics),
            codec: FrameCodec::server(),
            transport: Transport::new(stream),
            place: Place { mailbox: house.hub.enter(session), house, who: Who::From(arrival.peer) },
            work: Vec::new(),
            ending: None,
            read: 0,
            waits: None,
        }
    }

    fn poll(&mut self, context: &mut Context<'_>, timer: Pin<&mut Sleep>) -> Poll<Step> {
        let mut actions = ACTIONS.take();
        let step = self.poll_with(&mut actions, context, timer);
        // Kept for its room, unless a burst has made it large.
        if actions.capacity() <= PACKETS_PER_TURN {
            ACTIONS.set(actions);
        }
        step
    }

    fn poll_with(
        &mut self,
        actions: &mut Vec<Action>,
        context: &mut Context<'_>,
        mut timer: Pin<&mut Sleep>,
    ) -> Poll<Step> {
        loop {
            let wait = if let Some(wait) = self.waits {
                wait
            } else {
                let more = self.turn(actions);
                if let Some(ending) = self.ending {
                    return Poll::Ready(Step::End(ending));
                }
                if more || self.read > BYTES_PER_TURN {
                    self.read = 0;
                    return Poll::Ready(Step::Pause);
                }
                if self.work.is_empty() {
                    self.work = Vec::new();
                }
                self.set(timer.as_mut());
                let wait = self.wait();
                *self.waits.insert(wait)
            };
            let event = ready!(self.poll_event(wait, context, timer.as_mut()));
            self.waits = None;
            self.take(event, actions);
        }
    }

    /// When there is something to do even if nothing happens.
    fn deadline(&self) -> Instant {
        self.flow.deadline().map_or_else(Instant::now, |at| self.place.house.clock.instant(at))
    }

    async fn end(&mut self, ending: Ending) {
        if let Ending::Goodbye = ending {
            self.transport.close().await;
        }
        let Place { house, .. } = &self.place;
        if self.flow.was_open() {
            house.metrics.sessions_ended.one();
        }
        self.place.leave();
        if let (true, Who::Named(user, device)) = (self.flow.was_open(), &self.place.who)
            && let Err(error) = house.store.release(user.clone(), device.clone()).await
        {
            debug!(%error, "when the user was last seen is not noted");
        }
    }

    /// Takes what has come, as far as there is room for what follows from it. Whether there was
    /// more than one turn may take.
    fn turn(&mut self, actions: &mut Vec<Action>) -> bool {
        // Not left to the timer alone: who always has something to read would never let it fire.
        self.flow.handle(self.place.house.clock.now(), Input::Tick, actions);
        self.perform(actions);
        let more = self.take_packets(actions);
        self.take_mail(actions);
        self.flow.settle(self.has_room(), actions);
        self.perform(actions);
        if self.has_room() {
            let (now, free) = (self.place.house.clock.now(), self.transport.waiting() == 0);
            self.flow.transfer(now, free, actions);
            self.perform(actions);
        }
        self.transport.tidy();
        more
    }

    fn take_packets(&mut self, actions: &mut Vec<Action>) -> bool {
        let now = self.place.house.clock.now();
        for _ in 0..PACKETS_PER_TURN {
            if !self.has_room() || !self.flow.wants_packet(now) || self.flow.is_closed() {
                return false;
            }
            let Some(inbox) = self.transport.inbox() else { return false };
            let input = match self.codec.decode(inbox) {
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
            self.flow.handle(now, input, actions);
            self.perform(actions);
        }
        true
    }

    fn take_mail(&mut self, actions: &mut Vec<Action>) {
        if !self.flow.is_open() {
            return;
        }
        let now = self.place.house.clock.now();
        if !self.has_room() {
            // The rest of the mail waits, but a peer that reads nothing is not to keep its place.
            if let Some(code) = self.place.mailbox.evicted() {
                self.flow.handle(now, Input::Evicted(code), actions);
                self.perform(actions);
            }
            return;
        }
        let Mail { deliveries, hints, rooms_over, entries_lost, notices_lost, evicted } =
            self.place.mailbox.take();
        let inputs = deliveries.into_iter().map(Input::Pushed);
        let inputs = inputs.chain(entries_lost.then_some(Input::EntriesLost));
        let inputs = inputs.chain(rooms_over.into_iter().map(Input::RoomOver));
        let inputs = inputs.chain(hints.into_iter().map(Input::Hint));
        let inputs = inputs.chain(notices_lost.then_some(Input::NoticesLost));
        for input in inputs.chain(evicted.map(Input::Evicted)) {
            self.flow.handle(now, input, actions);
        }
        self.perform(actions);
    }

    fn has_room(&self) -> bool {
        self.transport.waiting() < self.place.house.out_bytes
    }

    /// What is to be waited for now.
    fn wait(&mut self) -> Wait {
        let wants_packet = self.flow.wants_packet(self.place.house.clock.now());
        let (open, room) = (self.flow.is_open(), self.has_room());
        if open && !wants_packet {
            self.place.house.metrics.reads_paused.one();
        }
        if !room {
            self.place.house.metrics.outboxes_full.one();
        }
        let wanted = match (open, room) {
            (false, _) => Wanted::Nothing,
            (true, false) => Wanted::Eviction,
            (true, true) => Wanted::Everything,
        };
        Wait { may_read: room && wants_packet, wanted }
    }

    /// Sees to it that the timer fires by the deadline. One that fires too early does no harm, and
    /// most deadlines only move away.
    fn set(&self, mut timer: Pin<&mut Sleep>) {
        let deadline = self.deadline();
        if deadline < timer.deadline() || timer.is_elapsed() {
            timer.as_mut().reset(deadline);
        }
    }

    fn poll_event(
        &mut self,
        wait: Wait,
        context: &mut Context<'_>,
        timer: Pin<&mut Sleep>,
    ) -> Poll<Event> {
        if let Poll::Ready(input) = self.poll_work(context) {
            return Poll::Ready(Event::Done(input));
        }
        if let Poll::Ready(news) = self.place.mailbox.poll_news(context, wait.wanted) {
            return Poll::Ready(match news {
                News::Drain => Event::Drain,
                News::Mail => Event::Mail,
            });
        }
        if let Poll::Ready(moved) = self.transport.poll_progress(context, wait.may_read) {
            return Poll::Ready(match moved {
                // Only while nothing is read do bytes that go out show that the peer is there:
                // the system takes many of them for one that is not.
                Ok(Moved::Out(_)) if wait.may_read => Event::Wrote,
                moved => Event::Moved(moved),
            });
        }
        timer.poll(context).map(|()| Event::Deadline)
    }

    /// There are few pieces of work at a time: each is asked whether it is done.
    fn poll_work(&mut self, context: &mut Context<'_>) -> Poll<Input> {
        for at in 0..self.work.len() {
            if let Poll::Ready(input) = self.work[at].as_mut().poll(context) {
                drop(self.work.remove(at));
                return Poll::Ready(input);
            }
        }
        Poll::Pending
    }

    fn take(&mut self, event: Event, actions: &mut Vec<Action>) {
        let now = self.place.house.clock.now();
        let input = match event {
            Event::Mail | Event::Wrote => return,
            // Its seat was given to another, or refused it, before the claim was answered.
            Event::Done(input @ Input::Claimed(..)) => {
                self.place.mailbox.evicted().map_or(input, Input::Evicted)
            }
            Event::Done(input) => input,
            Event::Drain => Input::Drain,
            Event::Deadline => Input::Tick,
            Event::Moved(Ok(Moved::In(0))) => Input::Left,
            Event::Moved(Ok(Moved::In(bytes))) => {
                self.read = self.read.saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
                Input::Heard
            }
            Event::Moved(Ok(Moved::Out(_))) => Input::Heard,
            Event::Moved(Err(error)) => {
                debug!(session = %self.session(), %error, "the connection broke");
                self.ending = Some(Ending::Gone);
                return;
            }
        };
        self.flow.handle(now, input, actions);
        self.perform(actions);
    }

    fn perform(&mut self, actions: &mut Vec<Action>) {
        for action in actions.drain(..) {
            self.perform_one(action);
        }
    }

    fn perform_one(&mut self, action: Action) {
        match action {
            Action::Write(packet) => packet.put(self.transport.outbox()),
            Action::WriteFrame(frame) => self.transport.outbox().extend_from_slice(&frame),
            Action::Deliver(entry) => {
                let out = self.transport.outbox();
                put_with(out, Kind::Deliver as u8, |body| body.extend_from_slice(&entry));
            }
            Action::SetBodyMax(bytes) => self.codec.set_body_max(bytes),
            Action::Relay(signal) => {
                let (user, _) = self.who();
                self.place.house.hub.relay(&user, self.session(), signal);
            }
            Action::Close(verdict) => self.say_goodbye(verdict),
            Action::Hangup => self.ending = Some(Ending::Goodbye),
            Action::Check(hello) => self.check(hello),
            Action::Start(work) => self.start(work),
        }
    }

    fn say_goodbye(&mut self, verdict: Verdict) {
        let code = verdict.close_code().map(CloseCode::name).unwrap_or_default();
        let (session, peer) = (self.session(), self.place.who.peer().map(display));
        info!(%session, peer, code, reason = verdict.reason, "goodbye");
        Packet::Goodbye(verdict).put(self.transport.outbox());
        self.ending = Some(Ending::Goodbye);
    }

    fn check(&mut self, hello: Hello) {
        let house = Arc::clone(&self.place.house);
        let (session, from) = (self.session(), self.place.who.peer());
        let (Hello { user, device, client, .. }, peer) = (&hello, from.map(display));
        info!(%session, peer, %user, %device, client, "hello");
        self.place.who = Who::Named(user.clone(), device.clone());
        let address = from.map(|from| from.ip().to_canonical());
        self.work
            .push(Box::pin(async move { Input::Checked(admit(&house, hello, address).await) }));
    }

    fn start(&mut self, work: Work) {
        let house = Arc::clone(&self.place.house);
        let (user, device) = self.who();
        let session = self.session();
        self.work.push(Box::pin(async move {
            let store = &house.store;
            match work {
                Work::Claim(claim, admitted) => {
                    let claimed = store.claim(claim).await;
                    let now_ms = house.clock.wall_ms();
                    let bearer = Bearer { user: &user, device: &device };
                    let with_ticket = |claimed: Claimed| {
                        let ticket = house.doorman.ticket(bearer, admitted, claimed.number, now_ms);
                        (claimed, ticket.map(|ticket| (ticket.bytes, ticket.expires_ms)))
                    };
                    Input::Claimed(claimed.map(with_ticket), now_ms)
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
                    Input::Answered(answer(&house, user, device, session, operation).await)
                }
                Work::Transfer(operation) => {
                    Input::Transferred(answer(&house, user, device, session, operation).await)
                }
            }
        }));
    }

    fn session(&self) -> SessionId {
        self.place.mailbox.session()
    }

    fn who(&self) -> (UserId, DeviceId) {
        match &self.place.who {
            Who::Named(user, device) => (user.clone(), device.clone()),
            Who::From(_) => unreachable!("flow asks for nothing before the hello"),
        }
    }
}

/// Whether the user of a hello may come in on that device, by its credential and by the others that
/// are connected.
async fn admit<S: Store>(
    house: &House<S>,
    hello: Hello,
    address: Option<IpAddr>,
) -> Result<Guest, (CloseCode, String)> {
    let Hello { user, device, credential, platform, .. } = hello;
    let admitted = house.doorman.admit(&user, &device, &credential, house.clock.wall_ms()).await;
    let admitted = admitted.map_err(|error| (error.close_code(), error.to_string()))?;
    if house.hub.turns_away(&user, Connected { device: &device, platform: &platform }) {
        let code = CloseCode::AnotherDevice;
        return Err((code, reason_of(code).to_owned()));
    }
    Ok(Guest { admitted, address })
}

#[cfg(test)]
mod tests;
