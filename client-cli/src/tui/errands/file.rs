//! The errands about files, and how far they are. Must never hold up a file to tell of it.

use std::fmt::Display;
use std::io;
use std::path::Path;

use packetboat_client::proto::limits::PAGE_ITEMS_MAX;
use packetboat_client::{ChatId, Client, Content, Context, FileSent, RequestError, Upload};
use tokio::sync::mpsc;

use super::folder;
use crate::format::text::{self, saved};
use crate::script::file::{NO_FILE, media_type, place, sent_in};
use crate::script::picture;
use crate::view::{Answer, Attach, Files, Place};

/// Files that are listed.
const FILES_MAX: usize = 1_000;
/// Cells of the bar that shows how far a file is.
const BAR: usize = 20;

/// Does one.
pub(super) async fn run(client: &Client, answers: &mpsc::Sender<Answer>, errand: Files) -> Answer {
    let done = match errand {
        Files::List => list(client).await.map_err(said),
        Files::Send(chat, attach) => {
            let done = upload(client, answers, chat, &attach).await;
            return done.unwrap_or_else(Answer::NotUploaded);
        }
        Files::Save(place) => save(client, answers, &place).await,
        Files::Thumbnail(place) => thumbnail(client, &place).await,
    };
    done.unwrap_or_else(Answer::Failed)
}

/// The user's own files.
async fn list(client: &Client) -> Result<Answer, RequestError> {
    let (mut lines, mut after) = (Vec::new(), None);
    loop {
        let page = client.files(after, PAGE_ITEMS_MAX).await?;
        lines.extend(page.files.iter().map(text::file));
        after = page.files.last().map(|state| state.file);
        if !page.more || after.is_none() || lines.len() >= FILES_MAX {
            lines.extend(page.more.then(|| "… and more".to_owned()));
            let title = format!("Your files: {}", text::quota(&page));
            return Ok(Answer::Sheet { title, lines });
        }
    }
}

/// What a file is, with its small picture, before it is sent.
async fn announced(attach: &Attach, path: &Path) -> Result<Upload, String> {
    let of_name = media_type(path);
    let media_type = attach.media_type.as_deref().unwrap_or(of_name);
    let mut upload = Upload::of_path(path, media_type).await.map_err(said)?;
    if let Some(small) = &attach.thumbnail {
        upload.thumbnail = picture::read(folder::place(small).as_ref()).await.map_err(said)?;
    }
    Ok(upload)
}

/// Uploads a file, so that it can be sent as any message is.
async fn upload(
    client: &Client,
    answers: &mpsc::Sender<Answer>,
    chat: ChatId,
    attach: &Attach,
) -> Result<Answer, String> {
    let path = folder::place(&attach.path);
    let upload = announced(attach, &path).await?;
    let content = Content::File(upload.sent(&attach.caption));
    let context = Context { expires_after_ms: attach.expires_after_ms, ..Context::default() };
    // What the server would refuse all the same is refused before it is uploaded.
    Content::decode(&content.encode_in(&context), usize::MAX).map_err(said)?;
    let tell = underway(answers, format!("sending {}", upload.name), upload.size);
    client.upload_path(&upload, &path, tell).await.map_err(said)?;
    Ok(Answer::Uploaded { chat, content, context })
}

/// The file that a message has.
async fn sent(client: &Client, of: &Place) -> Result<FileSent, String> {
    let sent = sent_in(client, &of.chat, of.seq).await.map_err(said)?;
    sent.ok_or_else(|| NO_FILE.to_owned())
}

/// Saves the file that a message has.
async fn save(
    client: &Client,
    answers: &mpsc::Sender<Answer>,
    of: &Place,
) -> Result<Answer, String> {
    let sent = sent(client, of).await?;
    let path = place(of.path.as_deref().map(folder::place), &sent);
    let tell = underway(answers, format!("saving {}", sent.name), sent.size);
    client.save_file(&sent, Some(&of.chat), &path, tell).await.map_err(said)?;
    Ok(Answer::Told(saved(&sent, &path)))
}

/// Saves the small picture of the file that a message has. What is there already is not touched.
async fn thumbnail(client: &Client, of: &Place) -> Result<Answer, String> {
    let sent = sent(client, of).await?;
    let bytes = client.thumbnail(sent.file, Some(of.chat.clone())).await.map_err(said)?;
    if bytes.is_empty() {
        return Err(format!("{} has no small picture", sent.name));
    }
    let named = FileSent { name: format!("{}{}", sent.name, picture::ENDING), ..sent };
    let path = place(of.path.as_deref().map(folder::place), &named);
    let told = |error: io::Error| format!("{}: {error}", path.display());
    picture::save(&path, &bytes).await.map_err(told)?;
    let size = bytes.len() as u64;
    Ok(Answer::Told(saved(&FileSent { size, ..named }, &path)))
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
            drop(answers.try_send(Answer::Underway(format!("{} {what}", bar(parts)))));
        }
    }
}

/// How many of a hundred parts are done, such as `[#####               ]  25 %`.
fn bar(parts: u128) -> String {
    let done = usize::try_from(parts * BAR as u128 / 100).unwrap_or(BAR).min(BAR);
    format!("[{}{}] {parts:>3} %", "#".repeat(done), " ".repeat(BAR - done))
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
        let parts = [(0, "  0"), (0, "  1"), (10, " 50"), (20, "100")];
        let wanted = parts.map(|(done, part)| {
            format!("[{}{}] {part} % sending a", "#".repeat(done), " ".repeat(BAR - done))
        });
        assert_eq!(told, wanted);
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
