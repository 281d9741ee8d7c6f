//! What the checks of a server run on: where it is, who may come in, and names that nobody else
//! has. Must never make a name twice.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use packetboat_proto::id::{ChatId, DeviceId, MessageId, UserId};
use packetboat_proto::packet::{Credential, Hello, Limits, Start};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::outcome::{Checked, Stop, fail, skip};
use crate::stream::{Side, Stream, Transport};
use crate::trust::Tls;

/// Waits from here on are only waited for when the run may be slow.
const SLOW_FROM: Duration = Duration::from_secs(6);
/// On top of what a server may wait by its settings, for a machine that is busy.
pub(super) const MARGIN: Duration = Duration::from_secs(5);

/// Who may come in.
pub enum Accounts {
    /// Anybody: users are made up.
    Open,
    /// These, each with its credential; at least [`ACCOUNTS_LEAST`].
    Given(Vec<(UserId, Credential)>),
}

/// So many users are needed where anybody is not let in.
pub const ACCOUNTS_LEAST: usize = 4;

/// What the operator has set, which no Welcome tells.
#[derive(Clone, Copy, Debug)]
pub struct Operator {
    /// The time for a handshake.
    pub handshake: Duration,
    /// The time until a delivery is sent again.
    pub retry: Duration,
    /// How often it is.
    pub retries: u32,
    /// The devices that a user may have, if it is known.
    pub devices: Option<u32>,
}

impl Default for Operator {
    fn default() -> Self {
        let (handshake, retry) = (Duration::from_secs(10), Duration::from_secs(5));
        Self { handshake, retry, retries: 5, devices: None }
    }
}

/// The server, and the names of this run.
pub struct Bed {
    /// Where it is.
    pub address: SocketAddr,
    /// With TLS, or without.
    pub tls: Option<Tls>,
    /// Who may come in.
    pub accounts: Accounts,
    /// What the names of made up users begin with.
    pub prefix: String,
    /// Makes the names of this run.
    pub seed: u64,
    /// How long one word of the server is waited for.
    pub patience: Duration,
    /// Long waits are waited for too.
    pub slow: bool,
    /// What the operator has set.
    pub operator: Operator,
    /// Names made so far.
    pub names: AtomicU64,
}

impl Bed {
    /// A number that no other name of this run has.
    fn next(&self) -> u64 {
        self.names.fetch_add(1, Ordering::Relaxed)
    }

    /// A name of an id's alphabet that nobody else has.
    pub(super) fn name(&self) -> String {
        format!("{}{:016x}-{}", self.prefix, self.seed, self.next())
    }

    /// Users for a check. The chats among them may have been written to before.
    pub(super) fn users<const N: usize>(&self) -> Checked<[UserId; N]> {
        match &self.accounts {
            Accounts::Open => self.strangers(),
            Accounts::Given(users) if users.len() >= N => {
                Ok(std::array::from_fn(|at| users[at].0.clone()))
            }
            Accounts::Given(users) => {
                skip(format_args!("it needs {N} users, and {} are given", users.len()))
            }
        }
    }

    /// Users that the server has not seen before.
    pub(super) fn strangers<const N: usize>(&self) -> Checked<[UserId; N]> {
        match self.accounts {
            // In order, so that the first of a direct chat's two is the first here.
            Accounts::Open => {
                let run = self.name();
                Ok(std::array::from_fn(|at| user(&format!("{run}{}", letter(at)))))
            }
            Accounts::Given(_) => skip("it needs users that the server has never seen"),
        }
    }

    /// A device that the server has not seen before.
    pub(super) fn device(&self) -> DeviceId {
        DeviceId::new(&self.name()).expect("a name of a run is a device id")
    }

    /// A message id that no other message has.
    pub(super) fn message(&self) -> MessageId {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.seed.to_be_bytes());
        bytes[8..].copy_from_slice(&self.next().to_be_bytes());
        MessageId::from(bytes)
    }

    /// A group that is not there yet.
    pub(super) fn group(&self) -> ChatId {
        ChatId::group(&self.name()).expect("a name of a run is a group's id")
    }

    /// What shows that the user is who they say.
    pub(super) fn credential(&self, user: &UserId) -> Credential {
        match &self.accounts {
            Accounts::Open => Credential::Open,
            Accounts::Given(users) => users
                .iter()
                .find(|(name, _)| name == user)
                .map_or(Credential::Open, |(_, credential)| credential.clone()),
        }
    }

    /// A hello of a new device that starts at what comes from now on.
    pub(super) fn hello(&self, user: &UserId) -> Hello {
        Hello {
            user: user.clone(),
            device: self.device(),
            credential: self.credential(user),
            client: "packetboat-conformance".to_owned(),
            wanted: Limits::default(),
            start: Some(Start::Newest),
            device_name: String::new(),
            platform: String::new(),
        }
    }

    /// A wait that the server decides on is worth it, or the check is skipped.
    pub(super) fn worth(&self, wait: Duration) -> Checked {
        if self.slow || wait < SLOW_FROM {
            return Ok(());
        }
        skip(format_args!("it waits {wait:?}; --slow has it wait"))
    }

    /// A connection, with nothing said.
    pub(super) async fn connect(&self) -> Checked<Stream> {
        let dialing = tokio::time::timeout(self.patience, self.dial());
        let io = match dialing.await {
            Ok(Ok(io)) => io,
            Ok(Err(error)) => return fail("a connection", error),
            Err(_) => return fail("a connection", "none in time"),
        };
        Ok(Stream::new(io, Side::Server, self.patience))
    }

    async fn dial(&self) -> std::io::Result<Box<dyn Transport>> {
        let tcp = TcpStream::connect(self.address).await?;
        tcp.set_nodelay(true)?;
        let Some(tls) = &self.tls else {
            return Ok(Box::new(tcp));
        };
        let connector = TlsConnector::from(tls.config.clone());
        Ok(Box::new(connector.connect(tls.name.clone(), tcp).await?))
    }

    /// Whether names that begin as they are to are ids, with the reason if not.
    pub fn check_names(&self) -> Result<(), String> {
        let longest = format!("{}{:016x}-{:020}a", self.prefix, self.seed, 0);
        match UserId::new(&longest) {
            Ok(_) => Ok(()),
            Err(error) => Err(format!("names cannot begin with {:?}: {error}", self.prefix)),
        }
    }

    /// Whether anybody is there, with the reason if not.
    pub async fn reach(&self) -> Result<(), String> {
        match self.connect().await {
            Ok(_) => Ok(()),
            Err(Stop::Fail { got, .. }) => Err(got),
            Err(Stop::Skip { reason }) => Err(reason),
        }
    }
}

/// A user of that name.
pub(super) fn user(name: &str) -> UserId {
    UserId::new(name).expect("a name of a run is a user id")
}

fn letter(at: usize) -> char {
    char::from(b'a' + u8::try_from(at % 26).expect("a letter's place is small"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bed() -> Bed {
        Bed {
            address: ([127, 0, 0, 1], 1).into(),
            tls: None,
            accounts: Accounts::Open,
            prefix: "t".to_owned(),
            seed: 7,
            patience: Duration::from_secs(1),
            slow: false,
            operator: Operator::default(),
            names: AtomicU64::new(0),
        }
    }

    #[test]
    fn names_are_made_once_and_come_from_the_seed() {
        let [ada, bob] = bed().users().unwrap();
        assert_eq!((ada.as_str(), bob.as_str()), ("t0000000000000007-0a", "t0000000000000007-0b"));
        let bed = bed();
        assert_ne!(bed.device(), bed.device());
        assert_ne!(bed.message(), bed.message());
    }

    #[test]
    fn where_users_are_given_nobody_is_made_up() {
        let given = ["ada", "bob"].map(|name| (user(name), Credential::Password("x".into())));
        let bed = Bed { accounts: Accounts::Given(given.into()), ..bed() };
        let [ada] = bed.users().unwrap();
        assert_eq!(bed.credential(&ada), Credential::Password("x".into()));
        assert!(matches!(bed.users::<3>(), Err(Stop::Skip { .. })));
        assert!(matches!(bed.strangers::<1>(), Err(Stop::Skip { .. })));
        assert!(matches!(bed.worth(Duration::from_secs(9)), Err(Stop::Skip { .. })));
    }
}
