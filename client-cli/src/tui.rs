//! `chat`: joins the view to a terminal and a client. Must never leave the terminal other than it
//! was found, nor decide what is shown.

mod devices;
mod errands;
mod keyboard;
mod later;
mod own_errands;
mod people;
mod screen;
mod search;

use std::io;
use std::time::Duration;

use crossterm::event::{Event as Key, EventStream};
use futures_util::FutureExt;
use packetboat_client::{ChatId, Client, Ending, Event, Events, Start};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use self::errands::Errands;
use self::screen::Screen;
use crate::account::Account;
use crate::clock::{Clock, now_ms};
use crate::failure::Failure;
use crate::stop::Stop;
use crate::view::{Answer, Effect, Input, View};
use crate::visit::close;

/// How often the time is looked at.
const TICK: Duration = Duration::from_secs(1);
/// Inputs that are handled before the screen is painted again.
const BATCH_MAX: usize = 256;

/// Chats until the user quits.
pub(crate) async fn chat(
    account: &Account,
    open: Option<ChatId>,
    start: Option<Start>,
) -> Result<(), Failure> {
    let mut config = account.config(account.device());
    config.start = start;
    let who = format!("{} ({}) to {}", account.user, config.device, account.server);
    let stop = Stop::listen().map_err(Failure::Runtime)?;
    let (client, events) = Client::start(config)?;
    let mut screen = Screen::open().map_err(Failure::Terminal)?;
    let size = screen.size().map_err(Failure::Terminal)?;
    let user = account.user.clone();
    let mut view = View::new(user, who, Clock::system(), Client::new_message_id, size);
    if let Some(chat) = open {
        view.open(chat);
    }
    let (errands, answers) = Errands::start(client.clone());
    let sources =
        Sources { keys: keyboard::read(EventStream::new()), events: Some(events), answers, stop };
    let outcome = run(&mut screen, &mut view, &errands, sources).await;
    screen.close();
    errands.finish().await;
    close(&client).await;
    outcome
}

/// Where inputs come from.
struct Sources {
    keys: mpsc::Receiver<io::Result<Key>>,
    events: Option<Events>,
    answers: mpsc::Receiver<Answer>,
    stop: Stop,
}

async fn run(
    screen: &mut Screen,
    view: &mut View,
    errands: &Errands,
    mut sources: Sources,
) -> Result<(), Failure> {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        screen.paint(view, now_ms()).map_err(Failure::Terminal)?;
        let mut next = tokio::select! {
            input = sources.next() => input?,
            _ = ticks.tick() => Some(Input::Tick),
        };
        for _ in 0..BATCH_MAX {
            let Some(input) = next else {
                view.leave().into_iter().for_each(|effect| errands.run(effect));
                return Ok(());
            };
            for effect in view.handle(now_ms(), input) {
                match effect {
                    Effect::Quit => return Ok(()),
                    Effect::Repaint => screen.clear().map_err(Failure::Terminal)?,
                    Effect::GiveUp(ending) => return Err(Failure::Ended(ending)),
                    effect => errands.run(effect),
                }
            }
            match sources.next().now_or_never() {
                Some(input) => next = input?,
                None => break,
            }
        }
    }
}

impl Sources {
    /// The next input; `None`: it is time to leave. Cancel safe.
    async fn next(&mut self) -> Result<Option<Input>, Failure> {
        loop {
            let input = tokio::select! {
                () = self.stop.told() => return Ok(None),
                key = self.keys.recv() => match key {
                    Some(Ok(key)) => input(key),
                    Some(Err(error)) => return Err(Failure::Terminal(error)),
                    None => return Ok(None),
                },
                event = next_event(&mut self.events) => Some(Input::Net(event)),
                Some(answer) = self.answers.recv() => Some(Input::Answer(answer)),
            };
            if input.is_some() {
                return Ok(input);
            }
        }
    }
}

/// The next event of a client, which says nothing more after its last.
async fn next_event(events: &mut Option<Events>) -> Event {
    let Some(source) = events else { return std::future::pending().await };
    let event = source.next().await.unwrap_or(Event::Closed(Ending::Closed));
    if matches!(event, Event::Closed(_)) {
        *events = None;
    }
    event
}

fn input(key: Key) -> Option<Input> {
    match key {
        Key::Key(key) => Some(Input::Key(key)),
        Key::Paste(text) => Some(Input::Paste(text)),
        Key::Resize(columns, rows) => Some(Input::Resize(columns, rows)),
        Key::FocusGained | Key::FocusLost | Key::Mouse(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::pin::Pin;
    use std::sync::{Arc, Mutex};
    use std::task::{Context, Poll, Waker};

    use futures_util::Stream;

    use super::*;

    /// Wakes only who found it empty first, as the terminal's stream does.
    #[derive(Clone, Default)]
    struct Keys(Arc<Mutex<(VecDeque<Key>, Option<Waker>)>>);

    impl Keys {
        fn press(&self, key: Key) {
            let mut keys = self.0.lock().unwrap();
            keys.0.push_back(key);
            if let Some(waker) = keys.1.take() {
                waker.wake();
            }
        }
    }

    impl Stream for Keys {
        type Item = io::Result<Key>;

        fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            let mut keys = self.0.lock().unwrap();
            if let Some(key) = keys.0.pop_front() {
                return Poll::Ready(Some(Ok(key)));
            }
            keys.1.get_or_insert_with(|| context.waker().clone());
            Poll::Pending
        }
    }

    #[tokio::test]
    async fn a_key_comes_at_once_though_the_sources_were_glanced_at() {
        let keys = Keys::default();
        let (_answers, answers) = mpsc::channel(1);
        let stop = Stop::listen().unwrap();
        let mut sources =
            Sources { keys: keyboard::read(keys.clone()), events: None, answers, stop };
        assert!(sources.next().now_or_never().is_none());
        // Whoever reads the keys has found that there are none.
        while keys.0.lock().unwrap().1.is_none() {
            tokio::task::yield_now().await;
        }
        assert!(sources.next().now_or_never().is_none());
        keys.press(Key::Paste("a".to_owned()));
        let next = tokio::time::timeout(10 * TICK, sources.next()).await;
        let next = next.expect("a key wakes who waits for it").unwrap();
        assert!(matches!(next, Some(Input::Paste(text)) if text == "a"));
    }
}
