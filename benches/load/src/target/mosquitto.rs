//! mosquitto 2, an MQTT broker. It acknowledges from memory: what it keeps it writes to its file
//! every half an hour and when it ends well. Must never be held back by a limit of its
//! configuration.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::mqtt::MqttWire;
use super::{Nature, Target};
use crate::error::LoadError;
use crate::process::Server;
use crate::wire::{Login, Wire};

/// Messages that one client may leave unanswered. Its own 20 would be its bottleneck, and with no
/// limit at all packet ids would come round to those that still wait, in a long queue.
const INFLIGHT: u32 = 1_000;

/// The broker.
#[derive(Clone, Debug)]
pub struct Mosquitto {
    /// Its program.
    pub program: PathBuf,
}

impl Target for Mosquitto {
    fn name(&self) -> &'static str {
        "mosquitto"
    }

    fn nature(&self) -> Nature {
        Nature { durable: false, knows_only_who_came: true, is_messenger: false }
    }

    fn start(&self, folder: &Path) -> Result<Server, LoadError> {
        Server::spawn_on_free_port(folder, |address| {
            let file = folder.join("mosquitto.conf");
            fs::write(&file, configuration(folder, address))?;
            let mut command = Command::new(&self.program);
            command.arg("-c").arg(file);
            Ok(command)
        })
    }

    fn wire(&self, salt: u64, login: Login) -> Box<dyn Wire> {
        Box::new(MqttWire::new(salt, login))
    }
}

/// As Debian installs it, but for a listener and a folder of its own, with its limits lifted and
/// without a log.
fn configuration(folder: &Path, address: SocketAddr) -> String {
    let (ip, port) = (address.ip(), address.port());
    let folder = folder.display();
    format!(
        "\
# Started as root it would give up root, and could not write into this folder any more.
user root
listener {port} {ip}
allow_anonymous true
max_connections -1
set_tcp_nodelay true
# As a stock install does: all that it keeps for clients who are away is written to one file, at
# intervals of 1,800 s (the default) and when it ends.
persistence true
persistence_location {folder}/
max_inflight_messages {INFLIGHT}
max_queued_messages 0
max_queued_bytes 0
log_dest stderr
log_type error
"
    )
}
