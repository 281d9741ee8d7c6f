//! The one task that joins the flow to a socket, the app and the clock. Must never decide
//! anything: it carries.

use std::collections::HashMap;
use std::future::pending;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use packetboat_proto::code::CloseCode;
use packetboat_proto::id::ChatId;
use packetboat_proto::packet::Packet;
use packetboat_proto::time::Time;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use crate::command::Command;
use crate::config::Config;
use crate::connect::{Dial, Dialing, Transport};
use crate::event::{Event, Lost, Status};
use crate::flow::{Action, Flow, Input};
use crate::handover::Handover;
use crate::link::{Link, Moved};
use crate::turns::either;

/// Commands taken at once.
const COMMANDS_BATCH: usize = 64;
/// The cursors as they were at the end.
pub(crate) type LastCursors = Arc<OnceLock<HashMap<ChatId, u64>>>;

/// The task of one client.
pub(crate) struct Driver {
    flow: Flow,
    dial: Dial,
    dialing: Option<Dialing>,
    link: Option<Link>,
    /// The last connection, once all is over.
    parting: Option<Link>,
    app: App,
    started: Instant,
    /// The connection is looked at before the app is.
    link_first: bool,
    actions: Vec<Action>,
    events: Vec<Event>,
}

/// The app's side.
struct App {
    commands: mpsc::Receiver<Command>,
    /// Every clone of the client is dropped.
    is_gone: bool,
    batch: Vec<Command>,
    handover: Arc<Handover>,
    status: watch::Sender<Status>,
    last_cursors: LastCursors,
}

/// What woke the task.
enum Woken {
    Dialed(io::Result<Box<dyn Transport>>),
    Moved(Moved),
    Commands,
    App,
    Clock,
}

impl Driver {
    pub(crate) fn new(
        config: Config,
        dial: Dial,
        commands: mpsc::Receiver<Command>,
        handover: Arc<Handover>,
        status: watch::Sender<Status>,
        last_cursors: LastCursors,
    ) -> Self {
        // Only jitter hangs on it: without entropy all clients would come at the same time.
        let seed = config.jitter_seed.or_else(|| getrandom::u64().ok()).unwrap_or_default();
        Self {
            flow: Flow::new(config, seed),
            dial,
            dialing: None,
            link: None,
            parting: None,
            app: App {
                commands,
                is_gone: false,
                batch: Vec::with_capacity(COMMANDS_BATCH),
                handover,
                status,
                last_cursors,
            },
            started: Instant::now(),
            link_first: false,
            actions: Vec::new(),
            events: Vec::new(),
        }
    }

    /// Runs until the client is closed, refused, or forgotten by the app.
    pub(crate) async fn run(mut self) {
        loop {
            self.turn();
            if self.flow.is_over() {
                return self.finish().await;
            }
            if self.app.is_gone && self.app.handover.app_is_gone() {
                let (close, _) = tokio::sync::oneshot::channel();
                self.feed(Input::Command(Command::Close(close)));
                return self.finish().await;
            }
            match self.wake().await {
                Woken::Dialed(Ok(transport)) => self.connected(transport),
                Woken::Dialed(Err(error)) => {
                    self.dialing = None;
                    self.feed(Input::DialFailed(error.to_string()));
                }
                Woken::Moved(Moved::Read(read)) => self.came(read),
                Woken::Commands => self.take_commands(),
                Woken::Moved(Moved::Written) | Woken::App | Woken::Clock => {}
            }
        }
    }

    /// Brings everything up to now: what came, what the app did, what is due, what waits.
    fn turn(&mut self) {
        let doings = self.app.handover.doings();
        self.feed(Input::Doings(doings));
        self.take_frames();
        self.feed(Input::Tick);
        let room = self.link.as_ref().map_or(0, Link::room);
        let now = self.now();
        self.flow.pump(now, room, &mut self.actions);
        self.act();
        self.app.handover.push(&mut self.events);
    }

    /// Waits for whatever comes first.
    async fn wake(&mut self) -> Woken {
        let deadline = self.flow.deadline();
        let deadline = deadline.map(|at| self.started + Duration::from_millis(at.as_ms()));
        let may_read = self.app.handover.room() > 0;
        let crowded = self.link.as_ref().is_some_and(|link| link.room() == 0);
        let app = &mut self.app;
        let listens = !app.is_gone && !crowded;
        let ours = async {
            tokio::select! {
                biased;
                dialed = dialed(&mut self.dialing) => Woken::Dialed(dialed),
                count = app.commands.recv_many(&mut app.batch, COMMANDS_BATCH), if listens => {
                    app.is_gone = count == 0;
                    Woken::Commands
                }
                () = app.handover.changed() => Woken::App,
                () = sleep(deadline) => Woken::Clock,
            }
        };
        // In an order of its own, so that a run with the same inputs is the same; by turns, so
        // that neither the app nor the server keeps the other waiting.
        self.link_first = !self.link_first;
        let moved = async { Woken::Moved(moved(&mut self.link, may_read).await) };
        either(self.link_first, moved, ours).await
    }

    fn connected(&mut self, transport: Box<dyn Transport>) {
        self.dialing = None;
        self.link = Some(Link::new(transport));
        self.feed(Input::Dialed);
    }

    fn came(&mut self, read: io::Result<usize>) {
        self.feed(match read {
            Ok(0) => Input::Lost(Lost::Cut),
            Ok(_) => Input::Heard,
            Err(error) => Input::Lost(Lost::Stream { detail: error.to_string() }),
        });
    }

    fn take_commands(&mut self) {
        // What the app did before it asked is known before it is answered.
        let doings = self.app.handover.doings();
        self.feed(Input::Doings(doings));
        let mut batch = std::mem::take(&mut self.app.batch);
        for command in batch.drain(..) {
            self.feed(Input::Command(command));
        }
        self.app.batch = batch;
    }

    /// Takes in the frames that came, as far as the app has room for what is in them.
    fn take_frames(&mut self) {
        let room = self.app.handover.room();
        if room == 0 {
            return self.feed(Input::Heard);
        }
        while self.events.len() < room {
            let Some(link) = &mut self.link else {
                return;
            };
            let input = match link.next_frame(self.flow.body_max()) {
                Ok(None) => return,
                Ok(Some(frame)) => match Packet::decode(&frame) {
                    Ok(Some(packet)) => Input::Packet(packet),
                    Ok(None) => continue,
                    Err(error) => Input::Broken(error.code(), error.to_string()),
                },
                Err(error) => {
                    let code = error.code().unwrap_or(CloseCode::BadFrame);
                    Input::Broken(code, error.to_string())
                }
            };
            self.feed(input);
        }
    }

    /// Tells everybody that it is over, and lets the last words go out.
    async fn finish(mut self) {
        let first = self.app.last_cursors.set(self.flow.cursors()).is_ok();
        debug_assert!(first, "a client ends once");
        self.app.commands.close();
        while let Ok(command) = self.app.commands.try_recv() {
            self.feed(Input::Command(command));
        }
        self.app.handover.push(&mut self.events);
        self.app.handover.end();
        if let Some(link) = self.parting.take() {
            link.part().await;
        }
    }

    fn now(&self) -> Time {
        let ms = self.started.elapsed().as_millis();
        Time::from_ms(u64::try_from(ms).unwrap_or(u64::MAX))
    }

    fn feed(&mut self, input: Input) {
        let now = self.now();
        self.flow.handle(now, input, &mut self.actions);
        self.act();
    }

    fn act(&mut self) {
        let mut actions = std::mem::take(&mut self.actions);
        for action in actions.drain(..) {
            match action {
                Action::Dial => {
                    self.app.status.send_replace(Status::Connecting);
                    self.dialing = Some(self.dial.dial());
                }
                Action::Write(packet) => {
                    if let Some(link) = &mut self.link {
                        link.put(&packet);
                    }
                }
                Action::HangUp => {
                    self.dialing = None;
                    let link = self.link.take();
                    if self.flow.is_over() {
                        self.parting = link;
                    } else if let Some(link) = link {
                        tokio::spawn(link.part());
                    }
                }
                Action::Tell(event) => self.tell(event),
            }
        }
        self.actions = actions;
    }

    fn tell(&mut self, event: Event) {
        let status = match &event {
            Event::Connected(welcome) => Some(Status::Connected(welcome.clone())),
            Event::Disconnected { why, .. } => Some(Status::Waiting(why.clone())),
            Event::Closed(ending) => Some(Status::Closed(ending.clone())),
            Event::Entry(_)
            | Event::LogReset { .. }
            | Event::Room(_)
            | Event::Notice(_)
            | Event::Signal(_) => None,
        };
        if let Some(status) = status {
            self.app.status.send_replace(status);
        }
        self.events.push(event);
    }
}

async fn moved(link: &mut Option<Link>, may_read: bool) -> Moved {
    match link {
        Some(link) => link.step(may_read).await,
        None => pending().await,
    }
}

async fn dialed(dialing: &mut Option<Dialing>) -> io::Result<Box<dyn Transport>> {
    match dialing {
        Some(dialing) => dialing.await,
        None => pending().await,
    }
}

async fn sleep(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => pending().await,
    }
}

#[cfg(test)]
mod tests;
