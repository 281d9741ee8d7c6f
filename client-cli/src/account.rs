//! Whose session it is, and on which server. Must never show a credential.

use std::io::Read;
use std::path::Path;

use packetboat_client::proto::limits::{
    DEVICE_NAME_BYTES_MAX, PASSWORD_BYTES_MAX, PORT_PLAIN, PORT_TLS,
};
use packetboat_client::{Config, Credential, DeviceId, TlsConfig, UserId};

use crate::command::AccountArgs;
use crate::failure::Failure;

/// The host, if none is named.
const HOST_DEFAULT: &str = "127.0.0.1";
/// The device that takes messages, if none is named.
const DEVICE_DEFAULT: &str = "cli";
/// What the devices of commands are called, before their number.
const COMMANDS_PREFIX: &str = "cli-once-";
/// Devices of a user that its commands share: few, since a server bounds them.
pub(crate) const COMMANDS_DEVICES: u8 = 8;

/// A device that commands share, by chance.
pub(crate) fn commands_device(chance: u8) -> DeviceId {
    let device = format!("{COMMANDS_PREFIX}{}", chance % COMMANDS_DEVICES);
    device.parse().expect("letters, digits and hyphens are a device id")
}

/// Whether commands share this device: nobody chats on it.
pub(crate) fn is_of_commands(device: &DeviceId) -> bool {
    let number = device.as_str().strip_prefix(COMMANDS_PREFIX);
    number
        .and_then(|number| number.parse().ok())
        .is_some_and(|number: u8| number < COMMANDS_DEVICES)
}

/// Who connects where.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    /// The server, `host:port`.
    pub(crate) server: String,
    /// The user.
    pub(crate) user: UserId,
    /// The device, if one is named.
    pub(crate) device: Option<DeviceId>,
    credential: Credential,
    tls: Option<TlsConfig>,
}

impl Account {
    /// What the command line says, and where it is silent the environment.
    pub(crate) fn new(args: AccountArgs) -> Result<Self, Failure> {
        let user = match args.user {
            Some(user) => user,
            None => login(std::env::var("USER").ok().as_deref())?,
        };
        let credential = match (args.token, args.password_file) {
            (Some(token), _) => Credential::Token(token),
            (None, Some(path)) => Credential::Password(password(&path)?),
            (None, None) => Credential::Open,
        };
        let tls = match args.ca {
            Some(path) => Some(TlsConfig::pem_file(path)),
            None => args.tls.then(TlsConfig::system),
        };
        let server = address(args.server.as_deref(), tls.is_some())?;
        Ok(Self { server, user, device: args.device, credential, tls })
    }

    /// The device that takes messages.
    pub(crate) fn device(&self) -> DeviceId {
        let default = || DEVICE_DEFAULT.parse().expect("the default device is a device id");
        self.device.clone().unwrap_or_else(default)
    }

    /// The device of a command that takes no messages: the one that is named, or one that commands
    /// share.
    pub(crate) fn visiting(&self, chance: u8) -> Config {
        let Some(device) = &self.device else {
            let mut config = self.config(commands_device(chance));
            // Where a server lets one device of each platform in, a command ends no chat.
            config.platform = format!("{} commands", config.platform);
            return config;
        };
        self.config(device.clone())
    }

    /// What a client of this account needs to know.
    pub(crate) fn config(&self, device: DeviceId) -> Config {
        let credential = self.credential.clone();
        let mut config = Config::new(self.server.clone(), self.user.clone(), device, credential);
        config.tls.clone_from(&self.tls);
        config.device_name = machine();
        concat!("packetboat-cli/", env!("CARGO_PKG_VERSION")).clone_into(&mut config.software);
        config
    }
}

/// What the machine is called, as far as the environment says it.
fn machine() -> String {
    let name = std::env::var("HOSTNAME").unwrap_or_default();
    if name.len() <= DEVICE_NAME_BYTES_MAX { name } else { String::new() }
}

fn login(name: Option<&str>) -> Result<UserId, Failure> {
    name.and_then(|name| UserId::new(name).ok())
        .ok_or_else(|| Failure::Usage("who are you? Name a user with --user".to_owned()))
}

/// The server's address, with the port that it has by default.
fn address(server: Option<&str>, tls: bool) -> Result<String, Failure> {
    let port = if tls { PORT_TLS } else { PORT_PLAIN };
    let server = server.unwrap_or(HOST_DEFAULT);
    let (host, named) = match server.rsplit_once(':') {
        // An IPv6 address without a port, in brackets or bare.
        Some((rest, last))
            if last.ends_with(']') || (rest.contains(':') && !rest.ends_with(']')) =>
        {
            (server, None)
        }
        Some((host, port)) => (host, Some(port)),
        None => (server, None),
    };
    let wrong = || Failure::Usage(format!("{server:?} is no server: HOST or HOST:PORT is needed"));
    let port = match named {
        Some(named) => named.parse().map_err(|_| wrong())?,
        None => port,
    };
    if host.is_empty() || host.contains(char::is_whitespace) {
        return Err(wrong());
    }
    let bare = host.contains(':') && !host.starts_with('[');
    Ok(if bare { format!("[{host}]:{port}") } else { format!("{host}:{port}") })
}

/// The first line of a file.
fn password(path: &Path) -> Result<String, Failure> {
    let failed = |error| Failure::PasswordFile { path: path.to_owned(), error };
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut text = String::new();
    // One byte over the limit and a line's end are enough to tell that it is too long.
    file.take(PASSWORD_BYTES_MAX as u64 + 3).read_to_string(&mut text).map_err(failed)?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::io::Write;

    use clap::Parser;

    use crate::command::CommandLine;

    #[test]
    fn a_server_has_a_port() {
        let address = |server, tls| address(server, tls).unwrap();
        assert_eq!(address(None, false), "127.0.0.1:7582");
        assert_eq!(address(None, true), "127.0.0.1:7583");
        assert_eq!(address(Some("boat"), true), "boat:7583");
        assert_eq!(address(Some("boat:1"), true), "boat:1");
        assert_eq!(address(Some("[::1]:9"), false), "[::1]:9");
        assert_eq!(address(Some("[::1]"), false), "[::1]:7582");
        assert_eq!(address(Some("::1"), false), "[::1]:7582");
    }

    #[test]
    fn commands_share_a_few_devices_of_a_platform_of_their_own() {
        let words = ["packetboat-cli", "--user", "ann"];
        let args = CommandLine::try_parse_from(words).unwrap().account;
        let account = Account::new(args).unwrap();
        let shared: HashSet<DeviceId> = (0..=u8::MAX).map(commands_device).collect();
        assert_eq!(shared.len(), usize::from(COMMANDS_DEVICES));
        assert!(shared.iter().all(is_of_commands));
        for other in ["cli", "cli-once-", "cli-once-8", "cli-once-x", "cli-once-3-4"] {
            assert!(!is_of_commands(&other.parse().unwrap()), "{other}");
        }
        let (visit, chat) = (account.visiting(3), account.config(account.device()));
        assert_eq!((visit.device.as_str(), chat.device.as_str()), ("cli-once-3", "cli"));
        assert_ne!(visit.platform, chat.platform);
        assert!(visit.check().is_ok());
        let named = Account { device: Some(chat.device.clone()), ..account }.visiting(3);
        assert_eq!((named.device, named.platform), (chat.device, chat.platform));
    }

    #[test]
    fn what_is_no_server_is_wrong_usage() {
        for server in ["", ":1", "boat:", "boat:x", "boat:70000", "a b"] {
            let error = address(Some(server), false).unwrap_err();
            assert!(matches!(error, Failure::Usage(_)), "{server:?}");
        }
    }

    #[test]
    fn a_login_name_that_is_no_user_is_wrong_usage() {
        assert_eq!(login(Some("alice")).unwrap().as_str(), "alice");
        assert!(matches!(login(Some("al ice")), Err(Failure::Usage(_))));
        assert!(matches!(login(None), Err(Failure::Usage(_))));
    }

    #[test]
    fn the_password_is_the_first_line() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        write!(file, "hunter2 \r\nnot this").unwrap();
        assert_eq!(password(file.path()).unwrap(), "hunter2 ");
        let missing = password(Path::new("/nowhere/password")).unwrap_err();
        assert!(missing.to_string().contains("/nowhere/password"));
    }

    #[test]
    fn a_password_that_is_too_long_is_not_cut_to_fit() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        write!(file, "{}", "x".repeat(PASSWORD_BYTES_MAX + 100)).unwrap();
        assert!(password(file.path()).unwrap().len() > PASSWORD_BYTES_MAX);
    }
}
