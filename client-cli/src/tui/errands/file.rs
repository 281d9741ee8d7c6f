//! The errands about files, and how far they are. Must never hold up a file to tell of it.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use packetboat_client::{ChatId, Client, Upload};
use tokio::sync::mpsc;

use crate::format::text::saved;
use crate::script::file::{NO_FILE, media_type, place, sent_in};
use crate::view::Answer;

/// Uploads a file and sends it.
pub(super) async fn send(
    client: &Client,
    answers: &mpsc::Sender<Answer>,
    chat: &ChatId,
    path: &Path,
) -> Answer {
    let sending = async {
        let upload = Upload::of_path(path, media_type(path)).await.map_err(said)?;
        let tell = underway(answers, format!("sending {}", upload.name), upload.size);
        client.upload_path(&upload, path, tell).await.map_err(said)?;
        let sending = client.send_file(chat, upload.sent("")).await.map_err(said)?;
        sending.await.map_err(said)?;
        Ok(Answer::Told(format!("sent {}", upload.name)))
    };
    sending.await.unwrap_or_else(Answer::Failed)
}

/// Saves the file that a message has.
pub(super) async fn save(
    client: &Client,
    answers: &mpsc::Sender<Answer>,
    chat: &ChatId,
    seq: u64,
    path: Option<PathBuf>,
) -> Answer {
    let saving = async {
        let sent = sent_in(client, chat, seq).await.map_err(said)?;
        let sent = sent.ok_or_else(|| NO_FILE.to_owned())?;
        let place = place(path, &sent);
        let tell = underway(answers, format!("saving {}", sent.name), sent.size);
        client.save_file(&sent, Some(chat), &place, tell).await.map_err(said)?;
        Ok(Answer::Told(saved(&sent, &place)))
    };
    saving.await.unwrap_or_else(Answer::Failed)
}

/// Tells of every further hundredth part.
fn underway(
    answers: &mpsc::Sender<Answer>,
    what: String,
    size: u64,
) -> impl FnMut(u64) + Send + use<> {
    let answers = answers.clone();
    let mut told = None;
    move |have| {
        let parts = u128::from(have) * 100 / u128::from(size.max(1));
        if told.replace(parts) != Some(parts) {
            // The next one tells more, should there be no room for this one.
            drop(answers.try_send(Answer::Underway(format!("{what}: {parts} %"))));
        }
    }
}

fn said(error: impl Display) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_how_far_a_file_is_but_not_for_every_byte() {
        let (answers, mut received) = mpsc::channel(9);
        let mut tell = underway(&answers, "sending a".to_owned(), 1_000);
        [0, 1, 9, 10, 500, 501, 1_000].into_iter().for_each(&mut tell);
        let mut told = Vec::new();
        while let Ok(Answer::Underway(what)) = received.try_recv() {
            told.push(what);
        }
        let parts = ["0", "1", "50", "100"].map(|part| format!("sending a: {part} %"));
        assert_eq!(told, parts);
    }

    #[test]
    fn a_file_goes_on_though_nobody_takes_what_is_told() {
        let (answers, received) = mpsc::channel(1);
        let mut tell = underway(&answers, "saving a".to_owned(), 0);
        (0..9).for_each(&mut tell);
        drop(received);
        tell(u64::MAX);
    }
}
