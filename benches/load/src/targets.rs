//! The targets by name. A new adapter gets its line here. Must never start one.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::error::LoadError;
use crate::place::Where;
use crate::program::{EJABBERD, MOSQUITTO, RUMQTTD};
use crate::target::Target;
use crate::target::ejabberd::Ejabberd;
use crate::target::mosquitto::Mosquitto;
use crate::target::packetboat::Packetboat;
use crate::target::relay::RelayTarget;
use crate::target::rumqttd::Rumqttd;

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TargetName {
    /// The server of this project
    Packetboat,
    /// A bare relay in memory
    Raw,
    /// A bare relay with one write and one fdatasync for each batch
    RawFsync,
    /// mosquitto 2, a broker of MQTT; acknowledges from memory
    Mosquitto,
    /// rumqttd 0.20, a broker of MQTT; all in memory
    Rumqttd,
    /// ejabberd, a server of XMPP; acknowledges before the disk has it
    Ejabberd,
}

impl TargetName {
    /// The target of that name, as it was said where it is.
    pub fn target(self, place: &Where) -> Result<Box<dyn Target>, LoadError> {
        Ok(match self {
            Self::Packetboat => Box::new(packetboat(place)?),
            Self::Raw => Box::new(relay(place, false)?),
            Self::RawFsync => Box::new(relay(place, true)?),
            Self::Mosquitto => {
                Box::new(Mosquitto { program: MOSQUITTO.find(place.mosquitto.as_deref())? })
            }
            Self::Rumqttd => Box::new(Rumqttd { program: RUMQTTD.find(place.rumqttd.as_deref())? }),
            Self::Ejabberd => {
                Box::new(Ejabberd { program: EJABBERD.find(place.ejabberdctl.as_deref())? })
            }
        })
    }
}

/// The targets of a comparison.
pub struct Chosen {
    /// What is measured.
    pub targets: Vec<Box<dyn Target>>,
    /// Why each of the others is not.
    pub left_out: Vec<String>,
}

/// The targets that were named; if none was, all of them, but for peers that are not installed.
pub fn chosen(names: &[TargetName], place: &Where) -> Result<Chosen, LoadError> {
    if names.is_empty() {
        let all = TargetName::value_variants().iter();
        return here(all.map(|name| name.target(place)));
    }
    let targets: Result<_, _> = names.iter().map(|name| name.target(place)).collect();
    Ok(Chosen { targets: targets?, left_out: Vec::new() })
}

fn here(
    all: impl Iterator<Item = Result<Box<dyn Target>, LoadError>>,
) -> Result<Chosen, LoadError> {
    let mut chosen = Chosen { targets: Vec::new(), left_out: Vec::new() };
    for found in all {
        match found {
            Ok(target) => chosen.targets.push(target),
            Err(error @ LoadError::NoPeer { .. }) => chosen.left_out.push(error.to_string()),
            Err(error) => return Err(error),
        }
    }
    Ok(chosen)
}

fn packetboat(place: &Where) -> Result<Packetboat, LoadError> {
    if let Some(address) = place.server {
        return Ok(Packetboat::Running { address, pid: place.server_pid });
    }
    let path = place
        .spawn
        .clone()
        .or_else(beside)
        .ok_or(LoadError::NoProgram { target: "packetboat", option: "--spawn" })?;
    Ok(Packetboat::Program { path, settings: place.settings.clone() })
}

/// The server's program, where both are built.
fn beside() -> Option<PathBuf> {
    let path = std::env::current_exe().ok()?.with_file_name("packetboat");
    path.is_file().then_some(path)
}

fn relay(place: &Where, durable: bool) -> Result<RelayTarget, LoadError> {
    let program = match &place.relay {
        Some(program) => program.clone(),
        None => std::env::current_exe()?,
    };
    Ok(RelayTarget { program, durable, by_frame: place.relay_by_frame })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Where {
        let said = || Some(PathBuf::from("/somewhere"));
        let (mosquitto, rumqttd, ejabberdctl) = (said(), said(), said());
        Where { spawn: said(), mosquitto, rumqttd, ejabberdctl, ..Where::default() }
    }

    fn names(chosen: &Chosen) -> Vec<&str> {
        chosen.targets.iter().map(|target| target.name()).collect()
    }

    #[test]
    fn a_comparison_has_all_targets_unless_some_are_named() {
        let all = chosen(&[], &place()).unwrap();
        let expected = ["packetboat", "raw", "raw-fsync", "mosquitto", "rumqttd", "ejabberd"];
        assert_eq!(names(&all), expected);
        assert!(all.left_out.is_empty());
        let named = chosen(&[TargetName::Ejabberd, TargetName::Raw], &place()).unwrap();
        assert_eq!(names(&named), ["ejabberd", "raw"]);
    }

    #[test]
    fn peers_that_are_not_installed_are_left_out_and_told_but_nothing_else_is() {
        let missing = || LoadError::NoPeer {
            target: "mosquitto",
            program: "mosquitto",
            install: "install it",
            option: "--mosquitto",
        };
        let raw = || TargetName::Raw.target(&place());
        let chosen = here([raw(), Err(missing())].into_iter()).unwrap();
        assert_eq!(names(&chosen), ["raw"]);
        assert_eq!(chosen.left_out, [missing().to_string()]);
        assert!(here([raw(), Err(LoadError::NoPid)].into_iter()).is_err());
    }
}
