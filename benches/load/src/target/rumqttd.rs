//! rumqttd 0.20, an MQTT broker that holds all in memory: a log for each topic, of which it
//! forgets the oldest part when that is full. It sets no `TCP_NODELAY`, and has no setting for it.
//! Must never be held back by a limit of its configuration.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::mqtt::MqttWire;
use super::{Nature, Target};
use crate::error::LoadError;
use crate::process::Server;
use crate::wire::{Login, Wire};

/// The broker.
#[derive(Clone, Debug)]
pub struct Rumqttd {
    /// Its program.
    pub program: PathBuf,
}

impl Target for Rumqttd {
    fn name(&self) -> &'static str {
        "rumqttd"
    }

    fn nature(&self) -> Nature {
        Nature { durable: false, knows_only_who_came: true, is_messenger: false }
    }

    fn start(&self, folder: &Path) -> Result<Server, LoadError> {
        let server = Server::spawn_on_free_port(folder, |address| {
            let file = folder.join("rumqttd.toml");
            fs::write(&file, configuration(address))?;
            let mut command = Command::new(&self.program);
            command.arg("--quiet").arg("--config").arg(file);
            Ok(command)
        });
        server.map(Server::dying_of_a_signal)
    }

    fn wire(&self, salt: u64, login: Login) -> Box<dyn Wire> {
        Box::new(MqttWire::new(salt, login))
    }
}

/// As `rumqttd generate-config` prints it, with one listener, without its console and meters, and
/// with its limits lifted: connections, the longest message, the pause between two connections
/// (which lasts a millisecond even so: it still waits for its timer).
fn configuration(address: SocketAddr) -> String {
    format!(
        "\
id = 0
[router]
id = 0
max_connections = 30000
max_outgoing_packet_count = 200
max_segment_size = 104857600
max_segment_count = 10
[v4.1]
name = \"v4-1\"
listen = \"{address}\"
next_connection_delay_ms = 0
[v4.1.connections]
connection_timeout_ms = 60000
max_payload_size = 1048576
max_inflight_count = 1000
dynamic_filters = true
"
    )
}
