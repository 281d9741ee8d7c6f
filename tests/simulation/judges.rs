//! All that is judged beside the history, each in a file of its own. Must never judge by itself.

use packetboat::hub::policy::DevicePolicy;

use crate::berths::Berths;
use crate::doors::Doors;
use crate::hold::Hold;
use crate::keyring::Keyring;
use crate::lookout::Lookout;
use crate::lounge::Lounge;
use crate::notes::Notes;
use crate::people::People;
use crate::promised::Promised;
use crate::shelf::Shelf;
use crate::spyglass::Spyglass;
use crate::whispers::Whispers;

/// They; clones are the same.
#[derive(Clone)]
pub struct Judges {
    /// What is to be sent later.
    pub promised: Promised,
    /// The room.
    pub lounge: Lounge,
    /// What users set for themselves.
    pub notes: Notes,
    /// Keys.
    pub keyring: Keyring,
    /// Who knows whom, and who blocks whom.
    pub people: People,
    /// Who is there.
    pub lookout: Lookout,
    /// Who types.
    pub whispers: Whispers,
    /// What may be forwarded.
    pub shelf: Shelf,
    /// Who comes in.
    pub doors: Doors,
    /// Which devices are there.
    pub berths: Berths,
    /// Files.
    pub hold: Hold,
    /// What is found by words.
    pub spyglass: Spyglass,
}

/// How often that happened which is judged here: where it never does, nothing is proven.
#[derive(Clone, Debug, Default)]
pub struct Met {
    /// Users who were seen rightly in the end.
    pub seen: u64,
    /// Those of them of whom a notice told so, and no answer.
    pub told: u64,
    /// Signals that were heard.
    pub heard: u64,
    /// Signals that were heard in a group when nobody came or went any more.
    pub in_peace: u64,
    /// Entries that are forwarded from somewhere.
    pub forwarded: u64,
    /// Users who came in by an invitation.
    pub joined: u64,
    /// Users who were listed as asking to come in.
    pub listed: u64,
    /// Mentions that were counted in the end.
    pub mentions: u64,
    /// Steps of receipts that were judged.
    pub receipts: u64,
    /// Devices that were told that another stays.
    pub parted: u64,
    /// Devices that were forgotten, and came again.
    pub forgotten: u64,
    /// Files that somebody had of a log in the end.
    pub had: u64,
    /// Files that somebody was refused in the end.
    pub barred: u64,
    /// Files that were gone in the end.
    pub gone: u64,
    /// Entries that were found by their words in the end.
    pub found: u64,
}

impl Met {
    /// The same of many runs.
    pub fn add(&mut self, other: &Self) {
        for (one, more) in self.all_mut().into_iter().zip(other.clone().all_mut()) {
            *one += *more;
        }
    }

    const fn all_mut(&mut self) -> [&mut u64; 15] {
        let Self { seen, told, heard, in_peace, forwarded, .. } = self;
        let Self { joined, listed, mentions, receipts, parted, forgotten, .. } = self;
        let Self { had, barred, gone, found, .. } = self;
        [
            seen, told, heard, in_peace, forwarded, joined, listed, mentions, receipts, parted,
            forgotten, had, barred, gone, found,
        ]
    }

    /// Whether each happened as often, for each thousand seeds, as it has to: half as often as it
    /// does in 3,000, or more.
    pub fn is_enough(&self, seeds: u64) -> bool {
        let enough = |count: u64, of_thousand: u64| count >= of_thousand * seeds / 1_000;
        enough(self.seen, 1_000)
            && enough(self.told, 500)
            && enough(self.heard, 12_500)
            && enough(self.in_peace, 1_900)
            && enough(self.forwarded, 200)
            && enough(self.joined, 20)
            && enough(self.listed, 250)
            && enough(self.mentions, 200)
            && enough(self.receipts, 5_000)
            && enough(self.parted, 1_000)
            && enough(self.forgotten, 50)
            && enough(self.had, 150)
            && enough(self.barred, 200)
            && enough(self.gone, 300)
            && enough(self.found, 4_000)
    }
}

impl Judges {
    /// Where users' devices are let in by this policy.
    pub fn under(policy: DevicePolicy) -> Self {
        let people = People::default();
        Self {
            promised: Promised::default(),
            lounge: Lounge::default(),
            notes: Notes::default(),
            keyring: Keyring::default(),
            lookout: Lookout::of(people.clone()),
            whispers: Whispers::of(people.clone()),
            people,
            shelf: Shelf::default(),
            doors: Doors::default(),
            berths: Berths::under(policy),
            hold: Hold::default(),
            spyglass: Spyglass::default(),
        }
    }
}
