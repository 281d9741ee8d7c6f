//! What is in a folder, so that a path can be completed. Must never offer a name that a terminal
//! would obey.

use std::io;
use std::path::{Path, PathBuf};

use crate::clean;
use crate::view::Answer;

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

/// What is in a folder. Of one that cannot be read nothing is known.
pub(super) async fn list(folder: String) -> Answer {
    let at = if folder.is_empty() { PathBuf::from(".") } else { place(Path::new(&folder)) };
    Answer::Paths { names: names(&at).await.unwrap_or_default(), folder }
}

async fn names(folder: &Path) -> io::Result<Vec<String>> {
    let (mut names, mut entries) = (Vec::new(), tokio::fs::read_dir(folder).await?);
    while let Some(entry) = entries.next_entry().await? {
        let Ok(name) = entry.file_name().into_string() else { continue };
        if names.len() >= NAMES_MAX || clean::line(&name) != name {
            continue;
        }
        let is_folder = tokio::fs::metadata(entry.path()).await.is_ok_and(|found| found.is_dir());
        names.push(if is_folder { format!("{name}/") } else { name });
    }
    names.sort();
    Ok(names)
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
        let Answer::Paths { folder, names } = list(path.clone()).await else { panic!() };
        assert_eq!((folder, names.join(" ")), (path.clone(), "a.txt b c.png docs/".to_owned()));
        let Answer::Paths { names, .. } = list(format!("{path}none/")).await else { panic!() };
        assert_eq!(names, [""; 0]);
    }

    #[test]
    fn the_own_folder_is_found() {
        let home = PathBuf::from(std::env::var_os("HOME").unwrap());
        assert_eq!(place(Path::new("~/a/b")), home.join("a/b"));
        assert_eq!(place(Path::new("a~/b")), PathBuf::from("a~/b"));
    }
}
