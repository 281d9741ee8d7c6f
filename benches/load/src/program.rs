//! The programs of the peers: what they are called, where they are found, and how one gets them.
//! Must never start one, nor install one.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::error::LoadError;

/// Where programs stand that are not in everybody's PATH.
const BESIDE_PATH: &str = "/usr/sbin";
/// Where cargo puts them, from the home folder on.
const CARGO: &str = ".cargo/bin";

/// The program of a peer.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// The target.
    pub target: &'static str,
    /// What it is called.
    pub name: &'static str,
    /// How one gets it.
    pub install: &'static str,
    /// The option that names it.
    pub option: &'static str,
}

/// mosquitto's.
pub const MOSQUITTO: Program = Program {
    target: "mosquitto",
    name: "mosquitto",
    install: "install the package mosquitto (apt-get install mosquitto)",
    option: "--mosquitto",
};
/// rumqttd's.
pub const RUMQTTD: Program = Program {
    target: "rumqttd",
    name: "rumqttd",
    install: "install the package rumqttd (cargo install rumqttd --version 0.20.0)",
    option: "--rumqttd",
};
/// ejabberd's.
pub const EJABBERD: Program = Program {
    target: "ejabberd",
    name: "ejabberdctl",
    install: "install the package ejabberd (apt-get install ejabberd)",
    option: "--ejabberdctl",
};

impl Program {
    /// Where it is: as it was said, or where programs are.
    pub fn find(&self, said: Option<&Path>) -> Result<PathBuf, LoadError> {
        if let Some(path) = said {
            return Ok(path.to_owned());
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        let home = std::env::home_dir().unwrap_or_default();
        self.find_in(&path, &home).ok_or(LoadError::NoPeer {
            target: self.target,
            program: self.name,
            install: self.install,
            option: self.option,
        })
    }

    fn find_in(&self, path: &OsStr, home: &Path) -> Option<PathBuf> {
        let folders = std::env::split_paths(path);
        let folders = folders.chain([PathBuf::from(BESIDE_PATH), home.join(CARGO)]);
        folders.map(|folder| folder.join(self.name)).find(|program| program.is_file())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: Program = Program {
        target: "peer",
        name: "a-peer-of-nobody",
        install: "install the package peer",
        option: "--peer",
    };

    #[test]
    fn a_program_is_found_in_the_path_and_where_cargo_puts_it() {
        let (path, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        assert_eq!(PEER.find_in(path.path().as_os_str(), home.path()), None);
        std::fs::create_dir_all(home.path().join(CARGO)).unwrap();
        for folder in [home.path().join(CARGO), path.path().to_owned()] {
            let program = folder.join(PEER.name);
            std::fs::write(&program, "").unwrap();
            assert_eq!(PEER.find_in(path.path().as_os_str(), home.path()), Some(program));
        }
    }

    #[test]
    fn what_is_said_is_taken_and_what_is_missing_is_told_with_how_to_get_it() {
        let said = Path::new("/there/it/is");
        assert_eq!(PEER.find(Some(said)).unwrap(), said);
        let error = PEER.find(None).unwrap_err().to_string();
        let expected = "no program a-peer-of-nobody is found for peer: install the package peer, \
                        or name it with --peer";
        assert_eq!(error, expected);
    }
}
