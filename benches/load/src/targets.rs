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

/// All targets that are here; and why each of the others is left out.
pub fn all(place: &Where) -> Result<(Vec<Box<dyn Target>>, Vec<LoadError>), LoadError> {
    let (mut here, mut left_out) = (Vec::new(), Vec::new());
    for name in TargetName::value_variants() {
        match name.target(place) {
            Ok(target) => here.push(target),
            Err(error @ LoadError::NoPeer { .. }) => left_out.push(error),
            Err(error) => return Err(error),
        }
    }
    Ok((here, left_out))
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
