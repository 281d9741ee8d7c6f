//! The slash commands about files. Must never open one: that is done elsewhere.

use std::path::PathBuf;

use packetboat_client::ChatId;

use super::say::said_at;

/// What is done about files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Files {
    /// Show the user's own.
    List,
    /// Upload one that is to be sent to a chat.
    Send(ChatId, Attach),
    /// Save the file that a message has.
    Save(Place),
    /// Save the small picture of the file that a message has.
    Thumbnail(Place),
}

/// A file that is to be sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attach {
    /// Which.
    pub(crate) path: PathBuf,
    /// Its media type; `None`: by its name.
    pub(crate) media_type: Option<String>,
    /// Where a small picture of it is.
    pub(crate) thumbnail: Option<PathBuf>,
    /// Words to go with it.
    pub(crate) caption: String,
    /// How long it stays, in milliseconds; 0: for good.
    pub(crate) expires_after_ms: u64,
}

/// The file of a message, and where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// In which chat.
    pub(crate) chat: ChatId,
    /// Which message.
    pub(crate) seq: u64,
    /// A folder or a name; `None`: its own name, here.
    pub(crate) path: Option<PathBuf>,
}

/// What stands before a media type.
pub(crate) const TYPE: &str = "type=";
/// What stands before the path of a small picture.
pub(crate) const THUMB: &str = "thumb=";
/// What stands between a path and a caption.
const CAPTION: &str = " -- ";

/// What `/file rest` sends.
pub(super) fn attach(rest: &str) -> Option<Attach> {
    let mut attach = Attach::default();
    let mut rest = rest;
    loop {
        let (word, behind) = rest.split_once(' ').unwrap_or((rest, ""));
        if let Some(media_type) = word.strip_prefix(TYPE) {
            attach.media_type = Some(media_type.to_owned());
        } else if let Some(path) = word.strip_prefix(THUMB) {
            attach.thumbnail = Some(path.into());
        } else {
            break;
        }
        rest = behind.trim_start();
    }
    let (path, caption) = rest.split_once(CAPTION).unwrap_or((rest, ""));
    (attach.path, attach.caption) = (path.trim().into(), caption.trim().to_owned());
    (!path.trim().is_empty()).then_some(attach)
}

/// Where in a line, which is written up to here, a path is that a command takes.
pub(super) fn path_at(before: &str) -> Option<usize> {
    if let Some(at) = said_at(before) {
        return path_at(&before[at..]).map(|path| at + path);
    }
    let (verb, rest) = before.strip_prefix('/')?.split_once(' ')?;
    let words = match verb {
        "save" | "thumb" => rest.split_once(' ')?.1,
        "file" if rest.contains(CAPTION) => return None,
        "file" => rest,
        _ => return None,
    };
    let mut path = words.trim_start();
    while verb == "file" && (path.starts_with(TYPE) || path.starts_with(THUMB)) {
        match (path.split_once(' '), path.strip_prefix(THUMB)) {
            (Some((_, behind)), _) => path = behind.trim_start(),
            (None, Some(thumb)) => return Some(before.len() - thumb.len()),
            (None, None) => return None,
        }
    }
    Some(before.len() - path.len())
}

/// Whether a path that is written behind `line` is taken as it is.
pub(super) fn takes_path(line: &str, path: &str) -> bool {
    if line.ends_with(THUMB) {
        return !path.contains(char::is_whitespace);
    }
    if line.starts_with("/file ") {
        let alone = Attach { path: path.into(), ..Attach::default() };
        return attach(path) == Some(alone);
    }
    path.trim() == path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_goes_with_its_caption_its_type_and_its_small_picture() {
        let plain = |path: &str| Attach { path: path.into(), ..Attach::default() };
        assert_eq!(attach("a b.png"), Some(plain("a b.png")));
        assert_eq!(
            attach("type=image/x  thumb=t.png a b.png -- My  cat -- it"),
            Some(Attach {
                media_type: Some("image/x".into()),
                thumbnail: Some("t.png".into()),
                caption: "My  cat -- it".into(),
                ..plain("a b.png")
            })
        );
        for nothing in ["", "type=a/b", "thumb=x ", " -- caption alone"] {
            assert_eq!(attach(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn a_path_is_found_where_a_command_takes_one() {
        let path = |before: &str| path_at(before).map(|at| before[at..].to_owned());
        for (before, found) in [
            ("/file ", ""),
            ("/file my ca", "my ca"),
            ("/file type=image/png thumb=sm", "sm"),
            ("/file type=image/png thumb=small.png my ca", "my ca"),
            ("/expire 2h /file é/ca", "é/ca"),
            ("/save 1 ~/do", "~/do"),
            ("/thumb #12 ", ""),
        ] {
            assert_eq!(path(before).as_deref(), Some(found), "{before}");
        }
        for none in ["/file", "/file type=im", "/file a -- b", "/save 1", "/open a", "file a", "/"]
        {
            assert_eq!(path(none), None, "{none}");
        }
    }
}
