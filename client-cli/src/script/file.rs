//! `send-file`, `save-file`, `files`: what is uploaded and saved, and how far it is. Must never
//! write where a name from elsewhere says, but by its last part.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use indicatif::{ProgressBar, ProgressStyle};
use packetboat_client::{
    ChatId, Client, Content, Edge, FileError, FileSent, RequestError, SendError, Upload,
};
use packetboat_proto::limits::FILE_THUMBNAIL_BYTES_MAX;

use crate::account::Account;
use crate::command::file::{SaveFileArgs, SendFileArgs};
use crate::failure::Failure;
use crate::format::{content, json, text};
use crate::out::Out;
use crate::visit::{Visit, visit};

/// The media types of the endings of names.
const TYPES: &[(&str, &str)] = &[
    ("aac", "audio/aac"),
    ("avif", "image/avif"),
    ("csv", "text/csv"),
    ("flac", "audio/flac"),
    ("gif", "image/gif"),
    ("html", "text/html"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("json", "application/json"),
    ("m4a", "audio/mp4"),
    ("md", "text/markdown"),
    ("mov", "video/quicktime"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("oga", "audio/ogg"),
    ("ogg", "audio/ogg"),
    ("opus", "audio/ogg"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("svg", "image/svg+xml"),
    ("txt", "text/plain"),
    ("wav", "audio/wav"),
    ("webm", "video/webm"),
    ("webp", "image/webp"),
    ("zip", "application/zip"),
];

/// The media type of a file by its name.
pub(crate) fn media_type(path: &Path) -> &'static str {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let known = TYPES.iter().find(|(known, _)| known.eq_ignore_ascii_case(ending));
    known.map_or("application/octet-stream", |(_, media_type)| media_type)
}

/// Where a file is to be saved: at a path, in a folder, or here.
pub(crate) fn place(path: Option<PathBuf>, sent: &FileSent) -> PathBuf {
    match path {
        Some(folder) if folder.is_dir() => folder.join(&sent.name),
        Some(path) => path,
        None => PathBuf::from(&sent.name),
    }
}

/// Why an entry has no file to be saved.
pub(crate) const NO_FILE: &str = "that message has no file";

/// The file that an entry of a chat has.
pub(crate) async fn sent_in(
    client: &Client,
    chat: &ChatId,
    seq: u64,
) -> Result<Option<FileSent>, RequestError> {
    let page = client.history(chat, Edge::After(seq - 1), 1).await?;
    let entry = page.items.into_iter().find(|entry| entry.seq == seq);
    Ok(entry.and_then(|entry| match content(&entry) {
        Ok(Content::File(sent)) => Some(sent),
        _ => None,
    }))
}

/// A bar on stderr, if that is a terminal.
fn bar(size: u64, name: &str, out: &Out) -> ProgressBar {
    if out.is_json() || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = "{msg} [{bar:30}] {bytes} of {total_bytes}, {eta}";
    let style = ProgressStyle::with_template(style).expect("the template is sound");
    ProgressBar::new(size).with_style(style).with_message(crate::clean::line(name))
}

/// Does it again over other sessions, if this one is taken away.
async fn persist(
    visit: &mut Visit,
    mut work: impl AsyncFnMut(&Client) -> Result<(), FileError>,
) -> Result<(), Failure> {
    loop {
        match work(visit.client()).await {
            Err(FileError::Request(RequestError::Closed(ending))) => visit.recover(ending).await?,
            outcome => return Ok(outcome?),
        }
    }
}

async fn announced(args: &SendFileArgs) -> Result<Upload, Failure> {
    let guessed = media_type(&args.path);
    let media_type = args.media_type.as_deref().unwrap_or(guessed);
    let mut upload = Upload::of_path(&args.path, media_type).await?;
    if let Some(path) = &args.thumbnail {
        upload.thumbnail = Bytes::from(std::fs::read(path).map_err(Failure::Input)?);
        if upload.thumbnail.len() > FILE_THUMBNAIL_BYTES_MAX {
            let why = format!("a small picture has at most {FILE_THUMBNAIL_BYTES_MAX} bytes");
            return Err(Failure::Usage(why));
        }
    }
    // What the server would refuse all the same is refused here with a better sentence.
    let sent = Content::File(upload.sent(&args.caption));
    Content::decode(&sent.encode(), usize::MAX)
        .map_err(|error| Failure::Usage(error.to_string()))?;
    Ok(upload)
}

/// Uploads a file and sends it.
pub(crate) async fn send(
    account: &Account,
    args: &SendFileArgs,
    timeout: Option<Duration>,
    out: &mut Out,
) -> Result<(), Failure> {
    let upload = announced(args).await?;
    let chat = args.target.chat(&account.user);
    visit(account, timeout, async |visit| {
        let bar = bar(upload.size, &upload.name, out);
        persist(visit, async |client| {
            client.upload_path(&upload, &args.path, |have| bar.set_position(have)).await
        })
        .await?;
        bar.finish_and_clear();
        let (id, sent) = (Client::new_message_id(), Content::File(upload.sent(&args.caption)));
        let accepted = loop {
            let client = visit.client();
            let sending = match client.send_with_id(&chat, id, sent.encode()).await {
                Ok(sending) => sending.await,
                Err(error) => Err(error),
            };
            match sending {
                Err(SendError::Closed { ending, .. }) => visit.recover(ending).await?,
                outcome => break outcome?,
            }
        };
        out.put(|| json::accepted(&accepted, None), || text::accepted(&accepted))
    })
    .await
}

/// Saves the file that a message has.
pub(crate) async fn save(
    account: &Account,
    args: SaveFileArgs,
    timeout: Option<Duration>,
    out: &mut Out,
) -> Result<(), Failure> {
    let SaveFileArgs { chat, seq, path } = args;
    let chat = chat.chat(&account.user);
    visit(account, timeout, async |visit| {
        let sent = visit.ask(async |client| sent_in(client, &chat, seq).await).await?;
        let sent = sent.ok_or_else(|| Failure::Usage(NO_FILE.to_owned()))?;
        let place = place(path, &sent);
        let bar = bar(sent.size, &sent.name, out);
        persist(visit, async |client| {
            client.save_file(&sent, Some(&chat), &place, |have| bar.set_position(have)).await
        })
        .await?;
        bar.finish_and_clear();
        out.put(|| json::saved(&sent, &place), || text::saved(&sent, &place))
    })
    .await
}

/// Lists the user's own files, and what they count for.
pub(crate) async fn files(visit: &mut Visit, out: &mut Out) -> Result<(), Failure> {
    let mut after = None;
    loop {
        let page = visit.ask(async |client| client.files(after, 0).await).await?;
        for state in &page.files {
            out.put(|| json::file(state), || text::file(state))?;
        }
        after = page.files.last().map(|state| state.file);
        if after.is_none() || !page.more {
            return out.put(|| json::quota(&page), || text::quota(&page));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_media_type_is_told_by_the_name() {
        assert_eq!(media_type(Path::new("a/voice.OPUS")), "audio/ogg");
        assert_eq!(media_type(Path::new("x.tar.zip")), "application/zip");
        for unknown in ["x", ".png", "x.", "png"] {
            assert_eq!(media_type(Path::new(unknown)), "application/octet-stream");
        }
    }

    #[test]
    fn a_file_is_saved_in_a_folder_or_under_a_name() {
        let folder = tempfile::tempdir().unwrap();
        let sent = FileSent {
            file: Client::new_file_id(),
            name: "a.png".into(),
            media_type: "image/png".into(),
            size: 1,
            sha256: [0; 32],
            caption: String::new(),
            from: None,
        };
        assert_eq!(place(None, &sent), PathBuf::from("a.png"));
        let within = place(Some(folder.path().to_owned()), &sent);
        assert_eq!(within, folder.path().join("a.png"));
        let named = folder.path().join("b.png");
        assert_eq!(place(Some(named.clone()), &sent), named);
    }
}
