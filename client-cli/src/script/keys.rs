//! `keys`: what a device publishes, and what is claimed of others. Must never read more of a file
//! than a key may have.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use packetboat_client::proto::limits::{ONE_TIME_KEY_BYTES_MAX, ONE_TIME_KEYS_MAX};
use packetboat_client::{Client, DeviceKeys, OneTimeKey, PublishKeys, UserId, new_claim};

use crate::account::Account;
use crate::command::keys::KeysCommand;
use crate::failure::Failure;
use crate::format::{json, text};
use crate::out::Out;
use crate::visit::{Visit, visit};

/// Why keys cannot be numbered.
const NO_IDS: &str = "there are no ids left that are higher";

/// Does what is asked of keys.
pub(crate) async fn run(
    account: &Account,
    command: KeysCommand,
    timeout: Option<Duration>,
    out: &mut Out,
) -> Result<(), Failure> {
    // Keys are those of the device that takes messages, not of a visit's.
    let mut owner = account.clone();
    owner.device = Some(account.device());
    let publishes = matches!(command, KeysCommand::Publish { .. } | KeysCommand::Clear);
    visit(if publishes { &owner } else { account }, timeout, async |visit| match &command {
        KeysCommand::Publish { identity, prekey, proof, one_time, first_id } => {
            let keys = PublishKeys {
                identity: key_in(identity)?.into(),
                proof: proof.as_deref().map(key_in).transpose()?.unwrap_or_default().into(),
                prekey: key_in(prekey)?.into(),
                one_time: Vec::new(),
            };
            let first = match first_id {
                Some(first) => *first,
                None => next_id(visit, account).await?,
            };
            publish(visit, PublishKeys { one_time: numbered(one_time, first)?, ..keys }, out).await
        }
        KeysCommand::Clear => publish(visit, PublishKeys::default(), out).await,
        KeysCommand::Show { user } => {
            for keys in all(visit, user).await? {
                out.put(|| json::keys::device(user, &keys), || text::keys::device(user, &keys))?;
            }
            Ok(())
        }
        KeysCommand::Claim { user, device } => {
            let claim = new_claim();
            let ask = async |client: &Client| client.claim_key(claim, user, device).await;
            let bundle = visit.ask(ask).await?;
            out.put(|| json::keys::bundle(&bundle), || text::keys::bundle(&bundle))
        }
    })
    .await
}

/// The bytes of a file, if they may be a key.
fn key_in(path: impl AsRef<Path>) -> Result<Vec<u8>, Failure> {
    let path = path.as_ref();
    let said = |why: String| Failure::Usage(format!("{}: {why}", path.display()));
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| said(error.to_string()))?;
    let most = ONE_TIME_KEY_BYTES_MAX as u64;
    file.take(most + 1).read_to_end(&mut bytes).map_err(|error| said(error.to_string()))?;
    if bytes.is_empty() || bytes.len() > ONE_TIME_KEY_BYTES_MAX {
        return Err(said(format!("a key has 1 to {ONE_TIME_KEY_BYTES_MAX} bytes")));
    }
    Ok(bytes)
}

fn numbered(paths: &[PathBuf], first: u64) -> Result<Vec<OneTimeKey>, Failure> {
    if paths.len() > ONE_TIME_KEYS_MAX as usize {
        return Err(Failure::Usage(format!("a device has at most {ONE_TIME_KEYS_MAX} of them")));
    }
    let last = first.checked_add(paths.len() as u64);
    let ids = first..last.ok_or_else(|| Failure::Usage(NO_IDS.to_owned()))?;
    let one = |(id, path): (u64, &PathBuf)| Ok(OneTimeKey { id, key: key_in(path)?.into() });
    ids.zip(paths).map(one).collect()
}

/// One more than the highest id that this device ever used.
async fn next_id(visit: &mut Visit, account: &Account) -> Result<u64, Failure> {
    let own = all(visit, &account.user).await?;
    let own = own.into_iter().find(|keys| keys.device == account.device());
    let highest = own.and_then(|keys| keys.state).map_or(0, |state| state.highest);
    highest.checked_add(1).ok_or_else(|| Failure::Usage(NO_IDS.to_owned()))
}

async fn all(visit: &mut Visit, user: &UserId) -> Result<Vec<DeviceKeys>, Failure> {
    let mut found: Vec<DeviceKeys> = Vec::new();
    loop {
        let after = found.last().map(|keys| keys.device.clone());
        let page = visit.ask(async |client| client.keys(user, after.clone(), 0).await).await?;
        let empty = page.items.is_empty();
        found.extend(page.items);
        if empty || !page.more {
            return Ok(found);
        }
    }
}

async fn publish(visit: &mut Visit, keys: PublishKeys, out: &mut Out) -> Result<(), Failure> {
    let state = visit.ask(async |client| client.publish_keys(keys.clone()).await).await?;
    out.put(|| json::keys::state(state), || text::keys::state(state))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_numbered_as_long_as_there_are_numbers() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, "k").unwrap();
        let ids = |first| {
            let keys = numbered(&[path.clone(), path.clone()], first);
            keys.map(|keys| keys.iter().map(|key| key.id).collect::<Vec<_>>())
        };
        assert_eq!(ids(7).unwrap(), [7, 8]);
        assert!(matches!(ids(u64::MAX - 1), Err(Failure::Usage(_))));
        assert!(matches!(ids(u64::MAX), Err(Failure::Usage(_))));
        assert!(numbered(&[], u64::MAX).unwrap().is_empty());
    }
}
