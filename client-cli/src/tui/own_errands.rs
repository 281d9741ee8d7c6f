//! Sets what the user wants set for itself, reads what its other devices have set, and watches what
//! is shown: one after the other, so that the last draft of a chat is the last, and what was opened
//! last is watched. Must never make the view wait.

use std::time::Duration;

use packetboat_client::{Client, OwnState, RequestError, SeqRange};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use crate::patience::Pauses;
use crate::script::follow::until;
use crate::view::{Answer, Effect};

/// Errands that may wait.
const ERRANDS_MAX: usize = 64;
/// How long the last errands may take once the user quits.
const FINISH_TIMEOUT: Duration = Duration::from_secs(1);

/// Runs the errands of the user's own state.
pub(super) struct OwnErrands {
    errands: mpsc::Sender<Effect>,
    running: JoinHandle<()>,
    answers: mpsc::Sender<Answer>,
}

impl OwnErrands {
    pub(super) fn start(client: Client, answers: mpsc::Sender<Answer>) -> Self {
        let (errands, received) = mpsc::channel(ERRANDS_MAX);
        let running = tokio::spawn(run_all(client, received, answers.clone()));
        Self { errands, running, answers }
    }

    /// Starts one.
    pub(super) fn run(&self, effect: Effect) {
        if self.errands.try_send(effect).is_err() {
            // A full view learns it from the next one that fails.
            drop(self.answers.try_send(Answer::Failed("that was too much at once".to_owned())));
        }
    }
}

impl OwnErrands {
    /// Does what is left to do, but not for long: without a connection it cannot be done.
    pub(super) async fn finish(self) {
        let Self { errands, mut running, answers } = self;
        drop((errands, answers));
        if timeout(FINISH_TIMEOUT, &mut running).await.is_err() {
            running.abort();
        }
    }
}

async fn run_all(
    client: Client,
    mut errands: mpsc::Receiver<Effect>,
    answers: mpsc::Sender<Answer>,
) {
    let (mut own, mut again) = (OwnState::default(), None);
    let (mut pauses, mut told) = (Pauses::default(), None);
    loop {
        let errand = tokio::select! {
            errand = errands.recv() => errand,
            () = until(again) => Some(Effect::SyncOwn),
        };
        let Some(errand) = errand else { return };
        let syncs = errand == Effect::SyncOwn;
        let done = run(&client, &mut own, errand).await;
        let failed = done.as_ref().err().map(ToString::to_string);
        let mut is_news = true;
        if syncs {
            // What is deleted is shown as long as that is not known.
            let pause = done.as_ref().err().and_then(|error| pauses.before_again(error));
            again = pause.map(|pause| Instant::now() + pause);
            if done.is_ok() {
                pauses = Pauses::default();
            }
            // Nobody has asked to be told, and what covers other words is said once.
            is_news = failed.is_none() || told != failed;
            told.clone_from(&failed);
        }
        let answer = done.unwrap_or_else(|_| failed.map(Answer::Failed));
        if let Some(answer) = answer.filter(|_| is_news) {
            // A view that is gone does not want to know.
            drop(answers.send(answer).await);
        }
    }
}

async fn run(
    client: &Client,
    own: &mut OwnState,
    errand: Effect,
) -> Result<Option<Answer>, RequestError> {
    let told = match errand {
        Effect::Mark(marks) => {
            client.set_marks(marks).await?;
            "set, on all of your devices"
        }
        Effect::KeepDraft(draft) => {
            client.set_draft(draft).await?;
            return Ok(None);
        }
        Effect::Hide { chat, seq } => {
            client.hide(&chat, SeqRange::new(seq, seq).into_iter().collect()).await?;
            "deleted for you alone"
        }
        Effect::Watch { add, remove } => {
            return Ok(Some(Answer::Presence(client.watch(add, remove).await?)));
        }
        Effect::WatchReceipts { add, remove } => {
            client.watch_receipts(Vec::new(), remove).await?;
            // Of a group where they are hidden, or which is not the user's any more, nothing is
            // told, and nobody has asked.
            drop(client.watch_receipts(add, Vec::new()).await);
            return Ok(None);
        }
        _ => {
            client.sync_own(own).await?;
            return Ok(Some(Answer::Own(own.clone())));
        }
    };
    Ok(Some(Answer::Told(told.to_owned())))
}

#[cfg(test)]
mod tests {
    use packetboat_client::{ChatDraft, Config, Credential};

    use super::*;

    #[tokio::test]
    async fn a_draft_that_cannot_be_kept_does_not_hold_up_who_quits() {
        let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let server = nobody.local_addr().unwrap().to_string();
        let (user, device) = ("bob".parse().unwrap(), "cli".parse().unwrap());
        let credential = Credential::Password("secret".into());
        let config = Config::new(server, user, device, credential);
        let (client, _events) = Client::start(config).unwrap();
        let (answers, _received) = mpsc::channel(1);
        let own = OwnErrands::start(client, answers);
        let (chat, text) = ("dm:alice:bob".parse().unwrap(), "Dear".to_owned());
        own.run(Effect::KeepDraft(ChatDraft { chat, text, reply_to: 0 }));
        timeout(10 * FINISH_TIMEOUT, own.finish()).await.expect("it ends in its time");
    }
}
