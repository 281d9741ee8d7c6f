//! `packetboat stats`: the numbers of the running server, for people and for machines. Must never
//! open the store: where no server runs, there are none.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};
use thiserror::Error;

use crate::control::socket::{self, ControlError, SOCKET_FILE};
use crate::control::{Question, Reply, Stats};

/// Why there are no numbers.
#[derive(Debug, Error)]
pub enum StatsError {
    /// Nobody to ask.
    #[error("no server runs with its data in {}: name its folder with --data", data.display())]
    NoServer {
        /// The folder.
        data: PathBuf,
    },
    /// The server cannot be asked.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The server does not tell.
    #[error("the server says: {reason}")]
    Refused {
        /// A sentence.
        reason: String,
    },
    /// The answer has no meaning here.
    #[error("the server answered something else than was asked")]
    Confused,
    /// They cannot be shown.
    #[error("the output cannot be written: {0}")]
    Output(#[from] io::Error),
}

/// Asks the server whose store is in `data`, and writes its numbers to `out`: a name and a value
/// a line, or one JSON object.
pub async fn run(data: &Path, json: bool, out: &mut dyn Write) -> Result<(), StatsError> {
    let path = data.join(SOCKET_FILE);
    if !socket::is_served(&path).await? {
        return Err(StatsError::NoServer { data: data.to_owned() });
    }
    let stats = match socket::ask(&path, &Question::Stats).await? {
        Reply::Stats { stats } => stats,
        Reply::Refused { reason } => return Err(StatsError::Refused { reason }),
        Reply::Done | Reply::Users { .. } => return Err(StatsError::Confused),
    };
    Ok(write(&stats, json, out)?)
}

fn write(stats: &Stats, json: bool, out: &mut dyn Write) -> io::Result<()> {
    if json {
        let object = serde_json::to_string(&Object(stats))?;
        return writeln!(out, "{object}");
    }
    stats.iter().try_for_each(|(name, value)| writeln!(out, "{name} {value}"))
}

/// Written as one object, in order.
struct Object<'a>(&'a Stats);

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(json: bool) -> String {
        let mut out = Vec::new();
        let stats = vec![("sends".to_owned(), 3), ("accepted".to_owned(), u64::MAX)];
        write(&stats, json, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn people_get_a_line_for_each_and_machines_one_object() {
        assert_eq!(written(false), "sends 3\naccepted 18446744073709551615\n");
        assert_eq!(written(true), "{\"sends\":3,\"accepted\":18446744073709551615}\n");
    }

    #[tokio::test]
    async fn without_a_server_the_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let mut out = Vec::new();
        let error = run(folder.path(), false, &mut out).await.unwrap_err();
        assert!(matches!(error, StatsError::NoServer { .. }), "{error}");
        assert!(error.to_string().contains(folder.path().to_str().unwrap()), "{error}");
        assert_eq!(out, b"");
    }
}
