//! `send-file`, `save-file`, `file-state`, `files`: what is uploaded and saved, and how far it
//! is. Must never write where a name from elsewhere says, but by its last part.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use packetboat_client::proto::code::RejectCode;
use packetboat_client::{
    ChatId, Client, Content, Context, Edge, FileError, FileSent, RequestError, Upload,
};

use super::picture;
use super::send::{Drafts, post};
use crate::account::Account;
use crate::command::file::{FileCommand, SaveFileArgs, SendFileArgs};
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
    if out.is_json() || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = "{msg} [{bar:30}] {bytes} of {total_bytes}, {eta}";
    let style = ProgressStyle::with_template(style).expect("the template is sound");
    ProgressBar::new(size).with_style(style).with_message(crate::clean::line(name))
}

/// Does it as the visit asks: what has come over already does not come again. Bytes that are not
/// those that were announced will not be by asking again: the client has tried that.
async fn persist(
    visit: &mut Visit,
    work: impl AsyncFn(&Client) -> Result<(), FileError>,
) -> Result<(), Failure> {
    let ask = async |client: &Client| match work(client).await {
        Err(FileError::Request(error)) if may_pass(&error) => Err(error),
        outcome => Ok(outcome),
    };
    Ok(visit.ask(ask).await??)
}

/// Whether what was in the way may be gone the next time.
fn may_pass(error: &RequestError) -> bool {
    match error {
        RequestError::Closed(_) | RequestError::Disconnected | RequestError::Timeout => true,
        RequestError::Refused(verdict) => verdict.reject_code() != Some(RejectCode::HashMismatch),
        RequestError::Unexpected | RequestError::TooMany { .. } | RequestError::TooLong { .. } => {
            false
        }
    }
}

async fn announced(args: &SendFileArgs) -> Result<Upload, Failure> {
    let guessed = media_type(&args.path);
    let media_type = args.media_type.as_deref().unwrap_or(guessed);
    let mut upload = Upload::of_path(&args.path, media_type).await?;
    if let Some(path) = &args.thumbnail {
        upload.thumbnail = picture::read(path).await.map_err(Failure::Input)?;
    }
    Ok(upload)
}

/// Does what is asked of files.
pub(crate) async fn run(
    account: &Account,
    command: FileCommand,
    timeout: Option<Duration>,
    out: &mut Out,
) -> Result<(), Failure> {
    match command {
        FileCommand::SendFile(args) => send(account, &args, timeout, out).await,
        FileCommand::SaveFile(args) => {
            visit(account, timeout, async |visit| save(visit, account, args, out).await).await
        }
        FileCommand::FileState { chat, seq } => {
            let chat = chat.chat(&account.user);
            visit(account, timeout, async |visit| state(visit, &chat, seq, out).await).await
        }
        FileCommand::Files => visit(account, timeout, async |visit| files(visit, out).await).await,
    }
}

/// Uploads a file and sends it.
async fn send(
    account: &Account,
    args: &SendFileArgs,
    timeout: Option<Duration>,
    out: &mut Out,
) -> Result<(), Failure> {
    let upload = announced(args).await?;
    let context = Context { reply_to: args.reply_to, ..Context::default() };
    let content =
        Content::File(upload.sent(&args.caption)).encode_in(&args.context.in_context(context));
    // What the server would refuse all the same is refused here with a better sentence.
    Content::decode(&content, usize::MAX).map_err(|error| Failure::Usage(error.to_string()))?;
    let bar = bar(upload.size, &upload.name, out);
    visit(account, timeout, async |visit| {
        persist(visit, async |client| {
            client.upload_path(&upload, &args.path, |have| bar.set_position(have)).await
        })
        .await
    })
    .await?;
    bar.finish_and_clear();
    let chat = args.target.chat(&account.user);
    post(account, &chat, Drafts::One(Some(content)), timeout, out).await
}

/// The file that a message of a chat has.
async fn sent(visit: &mut Visit, chat: &ChatId, seq: u64) -> Result<FileSent, Failure> {
    let sent = visit.ask(async |client| sent_in(client, chat, seq).await).await?;
    sent.ok_or_else(|| Failure::Usage(NO_FILE.to_owned()))
}

/// Saves the file that a message has.
async fn save(
    visit: &mut Visit,
    account: &Account,
    args: SaveFileArgs,
    out: &mut Out,
) -> Result<(), Failure> {
    let chat = args.chat.chat(&account.user);
    let sent = sent(visit, &chat, args.seq).await?;
    if args.thumbnail {
        return save_thumbnail(visit, &chat, sent, args.path, out).await;
    }
    let place = place(args.path, &sent);
    let bar = bar(sent.size, &sent.name, out);
    persist(visit, async |client| {
        client.save_file(&sent, Some(&chat), &place, |have| bar.set_position(have)).await
    })
    .await?;
    bar.finish_and_clear();
    out.put(|| json::saved(&sent, &place), || text::saved(&sent, &place))
}

/// Saves the small picture of a file, unless there is something in its place.
async fn save_thumbnail(
    visit: &mut Visit,
    chat: &ChatId,
    sent: FileSent,
    path: Option<PathBuf>,
    out: &mut Out,
) -> Result<(), Failure> {
    let ask = async |client: &Client| client.thumbnail(sent.file, Some(chat.clone())).await;
    let small = visit.ask(ask).await?;
    if small.is_empty() {
        return Err(Failure::Usage("there is no small picture of that file".to_owned()));
    }
    let name = format!("{}{}", sent.name, picture::ENDING);
    let place = place(path, &FileSent { name, ..sent.clone() });
    picture::save(&place, &small).await.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => FileError::Exists(place.clone()),
        _ => FileError::from(error),
    })?;
    let size = small.len();
    out.put(|| json::thumbnail(&sent, size, &place), || text::thumbnail(size, &place))
}

/// Tells how the file that a message has stands.
async fn state(visit: &mut Visit, chat: &ChatId, seq: u64, out: &mut Out) -> Result<(), Failure> {
    let sent = sent(visit, chat, seq).await?;
    let ask = async |client: &Client| client.file_state(sent.file, Some(chat.clone())).await;
    let state = visit.ask(ask).await?;
    out.put(|| json::file(&state), || text::file(&state))
}

/// Lists the user's own files, and what they count for.
async fn files(visit: &mut Visit, out: &mut Out) -> Result<(), Failure> {
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
    use packetboat_client::Verdict;
    use packetboat_client::proto::packet::{Answer, FileState, Operation, Packet};

    use super::*;
    use crate::fake::{Fake, response};

    #[tokio::test]
    async fn a_file_that_is_another_one_is_given_up_though_there_is_time_left() {
        let (server, account) = Fake::start().await;
        let (mut begun, mut put) = (0, 0);
        let serving = server.serve(|packet| {
            let Packet::Request(request) = packet else { return Vec::new() };
            let answer = match request.operation.unwrap() {
                Operation::FileBegin(begin) => {
                    begun += 1;
                    Ok(Answer::FileBegin(FileState {
                        file: begin.file,
                        size: begin.size,
                        have: 0,
                        complete: false,
                        media_type: begin.media_type,
                        sha256: begin.sha256,
                        thumbnail_bytes: 0,
                    }))
                }
                Operation::FilePut(_) => {
                    put += 1;
                    Err(Verdict::reject(RejectCode::HashMismatch, "it is another one", 0))
                }
                other => panic!("{other:?}"),
            };
            vec![response(request.id, answer)]
        });
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, "hi").unwrap();
        let upload = Upload::of_path(file.path(), "text/plain").await.unwrap();
        let path = file.path();
        let uploading = visit(&account, Some(Duration::from_secs(10)), async |visit| {
            persist(visit, async |client| client.upload_path(&upload, path, |_| ()).await).await
        });
        let both = async { tokio::join!(serving, uploading).1 };
        let failure = tokio::time::timeout(Duration::from_secs(20), both).await.unwrap();
        let said = failure.unwrap_err().to_string();
        assert_eq!(said, "refused: HASH_MISMATCH: it is another one");
        assert_eq!((begun, put), (2, 2), "the client itself tries once more");
    }

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
