//! ejabberd, a server of XMPP. It acknowledges a message once it has handed it on, or put it into
//! Mnesia's tables for those who are away: before the disk has it. Must never be held back by a
//! limit of its configuration, nor listen elsewhere than on this machine.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::xmpp::accounts::register;
use super::xmpp::{HOST, ROOMS, XmppWire};
use super::{Nature, Target};
use crate::error::LoadError;
use crate::process::{Server, free_port};
use crate::wire::{Login, Wire};

/// `ejabberdctl` reads this as a shell reads it, where it looks for the settings of a system. It
/// would start Erlang under the user of its package, and stay as its parent; as it is, the process
/// that is started becomes the server. Erlang's own port is bound to this machine.
const SETTINGS: &str = r#"
EXEC_CMD=as_current_user
ERLANG=$ERL
become_erlang() { exec "$ERLANG" "$@"; }
ERL=become_erlang
ERL_OPTIONS='-kernel inet_dist_use_interface {127,0,0,1} +Q 65536'
"#;
/// Where Erlang looks for names: as the package has it.
const INETRC: &str = "{lookup,[\"file\",\"native\"]}.\n";

/// The server.
#[derive(Clone, Debug)]
pub struct Ejabberd {
    /// Its program `ejabberdctl`.
    pub program: PathBuf,
}

impl Target for Ejabberd {
    fn name(&self) -> &'static str {
        "ejabberd"
    }

    fn nature(&self) -> Nature {
        Nature { durable: false, knows_only_who_came: false, is_messenger: false }
    }

    fn start(&self, folder: &Path) -> Result<Server, LoadError> {
        let (spool, logs) = (folder.join("spool"), folder.join("logs"));
        fs::create_dir_all(&spool)?;
        fs::create_dir_all(&logs)?;
        let (settings, file) = (folder.join("ejabberdctl.cfg"), folder.join("ejabberd.yml"));
        fs::write(&settings, SETTINGS)?;
        fs::write(folder.join("inetrc"), INETRC)?;
        Server::spawn_on_free_port(folder, |address| {
            fs::write(&file, configuration(address))?;
            let mut command = Command::new(&self.program);
            command.arg("--config-dir").arg(folder).arg("--config").arg(&file);
            command.arg("--ctl-config").arg(&settings);
            command.arg("--spool").arg(&spool).arg("--logs").arg(&logs);
            command.args(["--node", "ejabberd@localhost", "foreground-quiet"]);
            // A port of its own spares it the daemon that knows the ports of all.
            command.env("ERL_DIST_PORT", free_port()?.port().to_string());
            // Where it makes its cookie.
            command.env("HOME", folder).current_dir(folder);
            Ok(command)
        })
    }

    fn prepare(&self, server: &Server, count: u32) -> Result<(), LoadError> {
        register(server.address(), count)
    }

    fn wire(&self, _salt: u64, login: Login) -> Box<dyn Wire> {
        Box::new(XmppWire::new(login))
    }
}

/// One host with what a chat needs, all of it in Mnesia, which is the default: no TLS, no contact
/// lists, passwords as they are, and every limit lifted that the works would reach.
fn configuration(address: SocketAddr) -> String {
    let (ip, port) = (address.ip(), address.port());
    format!(
        "\
hosts: [\"{HOST}\"]
loglevel: error
auth_method: [internal]
auth_password_format: plain
registration_timeout: infinity
listen:
  - port: {port}
    ip: \"{ip}\"
    module: ejabberd_c2s
    max_stanza_size: 1048576
    max_fsm_queue: 1000000
    backlog: 1024
shaper_rules:
  lifted: {{infinity: all}}
modules:
  mod_register: {{access: all}}
  mod_ping: {{}}
  mod_stream_mgmt: {{max_ack_queue: infinity}}
  mod_offline: {{access_max_user_messages: lifted}}
  mod_muc:
    host: \"{ROOMS}\"
    access: all
    access_create: all
    max_users: 10000
    max_user_conferences: 1000
    history_size: 0
    default_room_options:
      max_users: 10000
      presence_broadcast: []
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_that_is_started_becomes_the_server() {
        let folder = tempfile::tempdir().unwrap();
        let settings = folder.path().join("settings");
        fs::write(&settings, SETTINGS).unwrap();
        // As `ejabberdctl` does it: it says what Erlang is, reads the settings, and calls it.
        let script = r#"ERL=sh; EXEC_CMD=as_install_user; . "$0"; "$ERL" -c 'echo $$'; echo late"#;
        let mut command = Command::new("sh");
        command.arg("-c").arg(script).arg(&settings).stdout(std::process::Stdio::piped());
        let child = command.spawn().unwrap();
        let id = child.id().to_string();
        let said = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
        assert_eq!(said, format!("{id}\n"));
    }

    #[test]
    fn it_listens_on_this_machine_alone() {
        let file = configuration("127.0.0.1:4567".parse().unwrap());
        assert!(file.contains("  - port: 4567\n    ip: \"127.0.0.1\"\n"), "{file}");
        assert_eq!(file.matches("port:").count(), 1);
    }
}
