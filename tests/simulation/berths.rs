//! Which of a user's devices may be connected at a time, and which are forgotten since they were
//! not seen for long. Where devices part, never two of them are there at rest, and who is not there
//! was told why; nobody is forgotten before its time. Must never judge a device that may have been
//! logged out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use packetboat::hub::policy::{AtOnce, Connected, DevicePolicy, Wins};
use packetboat_proof::history::Device;
use packetboat_proto::code::CloseCode;
use packetboat_proto::id::DeviceId;
use tokio::time::Instant;

/// How long before it hears of it a device may have been noted as seen.
const ON_ITS_WAY: Duration = Duration::from_secs(10);

/// The devices of a run.
#[derive(Clone, Default)]
pub struct Berths(Arc<Mutex<Book>>);

#[derive(Default)]
struct Book {
    policy: DevicePolicy,
    /// When each that is known for certain was last let in.
    seen: BTreeMap<Device, Instant>,
    /// Who may have been logged out, and does not know it: an app may be late with its news.
    doubted: BTreeSet<Device>,
    /// Who was forgotten: last seen, and let in again or told of it.
    forgotten: Vec<(Device, Instant, Instant)>,
    /// How often one was told that another stays.
    parted: u64,
    wrong: Vec<String>,
}

/// How a device is at rest.
#[derive(Debug)]
pub struct Moored {
    /// Which.
    pub name: DeviceId,
    /// What it runs on.
    pub platform: String,
    /// Why it is not there; `None`: it is.
    pub away: Option<CloseCode>,
}

impl Moored {
    fn parts_from(&self, other: &Self, policy: DevicePolicy) -> bool {
        policy.parts(self.connected(), other.connected())
    }

    fn connected(&self) -> Connected<'_> {
        Connected { device: &self.name, platform: &self.platform }
    }
}

impl Berths {
    /// Under a policy.
    pub fn under(policy: DevicePolicy) -> Self {
        Self(Arc::new(Mutex::new(Book { policy, ..Book::default() })))
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().expect("no panic")
    }

    /// A device is let in; whether it was forgotten since.
    pub fn let_in(&self, device: &Device, is_new: bool) -> bool {
        let now = Instant::now();
        let mut book = self.book();
        if book.doubted.contains(device) {
            return false;
        }
        let before = book.seen.insert(device.clone(), now);
        let Some(before) = before.filter(|_| is_new) else { return false };
        book.forgotten.push((device.clone(), before, now));
        true
    }

    /// A device was told that it is logged out: if no user may have done that, it was forgotten.
    pub fn logged_out(&self, device: &Device) {
        let mut book = self.book();
        if book.doubted.contains(device) {
            return;
        }
        if let Some(before) = book.seen.remove(device) {
            book.forgotten.push((device.clone(), before, Instant::now()));
        }
    }

    /// A device may be logged out from now on.
    pub fn doubt(&self, device: &Device) {
        let mut book = self.book();
        book.seen.remove(device);
        book.doubted.insert(device.clone());
    }

    /// A device is another one from now on, and nothing is under way that logs it out.
    pub fn begin_anew(&self, device: &Device) {
        let mut book = self.book();
        book.seen.remove(device);
        book.doubted.remove(device);
    }

    /// A device was told that another one stays.
    pub fn turned_away(&self, device: &Device, code: CloseCode) {
        let mut book = self.book();
        book.parted += 1;
        let right = match book.policy.wins {
            Wins::Newest => CloseCode::Displaced,
            Wins::Oldest => CloseCode::AnotherDevice,
        };
        let policy = book.policy;
        if policy.at_once == AtOnce::Any || code != right {
            book.wrong.push(format!("{device} was told {code:?} under {policy:?}"));
        }
    }

    /// How often one was told that another stays.
    pub fn parted(&self) -> u64 {
        self.book().parted
    }

    /// Whether two devices of a user may not be there at a time.
    pub fn part(&self, one: &Moored, other: &Moored) -> bool {
        one.parts_from(other, self.book().policy)
    }

    /// What is wrong with the devices of a user at rest, of which the server says that these are
    /// connected.
    pub fn judge(&self, devices: &[Moored], online: &BTreeSet<DeviceId>) -> Vec<String> {
        let mut wrong = Vec::new();
        let (there, away): (Vec<_>, Vec<_>) =
            devices.iter().partition(|device| device.away.is_none());
        let names: BTreeSet<_> = there.iter().map(|device| device.name.clone()).collect();
        if *online != names {
            wrong.push(format!("{names:?} are there, and the server says {online:?}"));
        }
        for (at, one) in there.iter().enumerate() {
            for other in there[at + 1..].iter().filter(|other| self.part(one, other)) {
                wrong.push(format!("{one:?} is there, and so is {other:?}"));
            }
        }
        for one in away {
            if !there.iter().any(|other| self.part(one, other)) {
                wrong.push(format!(
                    "{one:?} was turned away, and none of {names:?} stands in its way"
                ));
            }
        }
        wrong
    }

    /// What was wrong on the way, when the wall's clock came so far from one time to another.
    pub fn judge_forgotten(
        &self,
        forget: Duration,
        came: impl Fn(Instant, Instant) -> Duration,
    ) -> Vec<String> {
        let book = self.book();
        let mut wrong = book.wrong.clone();
        for (device, from, to) in &book.forgotten {
            let most = came(from.checked_sub(ON_ITS_WAY).unwrap_or(*from), *to);
            if most < forget {
                wrong.push(format!("{device} was forgotten after at most {} s", most.as_secs()));
            }
        }
        wrong
    }

    /// How many were forgotten, and came again.
    pub fn forgotten(&self) -> u64 {
        self.book().forgotten.len() as u64
    }
}
