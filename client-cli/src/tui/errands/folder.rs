//! What is in a folder, so that a path can be completed. Must never offer a name that a terminal
//! would obey.

use std::io;
use std::path::{Path, PathBuf};

use crate::clean;
use crate::view::{Answer, Paths};

/// Names that are offered.
const NAMES_MAX: usize = 1_000;
/// What stands for the user's own folder.
const HOME: &str = "~/";

/// A path as it was written, where the system finds it.
pub(super) fn place(path: &Path) -> PathBuf {
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty());
    match (path.strip_prefix(HOME), home) {
        (Ok(within), Some(home)) => Path::new(&home).join(within),
        _ => path.to_owned(),
    }
}

/// What is in a folder and begins as what is written. Of one that cannot be read nothing is known.
pub(super) async fn list(mut paths: Paths) -> Answer {
    let folder = paths.folder.as_str();
    let at = if folder.is_empty() { PathBuf::from(".") } else { place(Path::new(folder)) };
    (paths.names, paths.more) = names(&at, &paths.start).await.unwrap_or_default();
    Answer::Paths(paths)
}

/// The names that begin so, as far as they are offered, and whether there are more. What is hidden
/// is for who begins with its dot.
async fn names(folder: &Path, start: &str) -> io::Result<(Vec<String>, bool)> {
    let (mut names, mut more) = (Vec::new(), false);
    let mut entries = tokio::fs::read_dir(folder).await?;
    while let Some(entry) = entries.next_entry().await? {
        let Ok(name) = entry.file_name().into_string() else { continue };
        let is_hidden = name.starts_with('.') && !start.starts_with('.');
        if !name.starts_with(start) || is_hidden || clean::line(&name) != name {
            continue;
        }
        if names.len() >= NAMES_MAX {
            more = true;
            break;
        }
        let is_folder = tokio::fs::metadata(entry.path()).await.is_ok_and(|found| found.is_dir());
        names.push(if is_folder { format!("{name}/") } else { name });
    }
    names.sort();
    Ok((names, more))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_folder_is_listed_without_what_a_terminal_obeys() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b c.png", "a.txt", "evil\x1b[2J"] {
            std::fs::write(folder.path().join(name), "x").unwrap();
        }
        std::fs::create_dir(folder.path().join("docs")).unwrap();
        let path = format!("{}/", folder.path().display());
        std::fs::write(folder.path().join(".hidden"), "x").unwrap();
        let names = async |folder: &str, start: &str| {
            let Answer::Paths(paths) = list(Paths::asked(folder, start)).await else { panic!() };
            assert_eq!((paths.folder.as_str(), paths.start.as_str()), (folder, start));
            assert!(!paths.more);
            paths.names.join(" ")
        };
        assert_eq!(names(&path, "").await, "a.txt b c.png docs/");
        assert_eq!(names(&path, "b ").await, "b c.png");
        assert_eq!(names(&path, ".").await, ".hidden");
        assert_eq!(names(&format!("{path}none/"), "").await, "");
    }

    #[tokio::test]
    async fn of_a_large_folder_what_begins_as_is_written_is_found() {
        let folder = tempfile::tempdir().unwrap();
        for at in 0..=NAMES_MAX {
            std::fs::write(folder.path().join(format!("a{at}")), "").unwrap();
        }
        std::fs::write(folder.path().join("the one"), "").unwrap();
        let path = format!("{}/", folder.path().display());
        let list = async |start| match list(Paths::asked(&path, start)).await {
            Answer::Paths(paths) => (paths.names.len(), paths.more),
            other => panic!("{other:?}"),
        };
        assert_eq!(list("").await, (NAMES_MAX, true));
        assert_eq!(list("a").await, (NAMES_MAX, true));
        assert_eq!(list("th").await, (1, false));
    }

    #[test]
    fn the_own_folder_is_found() {
        let home = PathBuf::from(std::env::var_os("HOME").unwrap());
        assert_eq!(place(Path::new("~/a/b")), home.join("a/b"));
        assert_eq!(place(Path::new("a~/b")), PathBuf::from("a~/b"));
    }
}
