//! A disk that loses its power: the images that a log of calls could have left. Must never keep
//! from an image what an fsync had made durable, nor draw but from its dice.
//!
//! What is modelled:
//! - an fsync or fdatasync makes durable what was written to its file before it began, once it has
//!   ended; a `sync_file_range` is worth nothing;
//! - of what was written later, each page of 4 KiB is there or not, with a chance that is drawn
//!   for each image (0, 1/2, 9/10 or 1); in some images the last page that is there is torn
//!   between two sectors of 512 bytes;
//! - a file cut short is so for sure after the next fsync of it, before that perhaps; what was
//!   written later behind the cut is only there if the cut is;
//! - names (created, renamed, removed) are durable at once in half of the images; in the others
//!   a folder has its last names after an fsync of it, and before that the first few of them, in
//!   their order, as a journal keeps it;
//! - folders are durable when they are made.

mod content;

use std::collections::{BTreeMap, BTreeSet, HashMap};

pub use self::content::Content;
use crate::calls::{Call, Name};
use crate::dice::Dice;

/// Bytes that are written to a disk together.
const PAGE_BYTES: usize = 4096;
/// Bytes that no disk tears.
const SECTOR_BYTES: usize = 512;
/// The chances, in 1,000, of a page that was not made durable.
const CHANCES: [u64; 4] = [0, 500, 900, 1000];
/// In so many of 1,000 images a page is torn.
const TORN: u64 = 250;
/// In so many of 1,000 images a name needs an fsync of its folder.
const NAMES_WAIT: u64 = 500;

/// What is on a disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// The files, by their names.
    pub files: BTreeMap<Name, Content>,
    /// The folders.
    pub folders: BTreeSet<Name>,
}

/// What the power takes with it, of what is not durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Chance of a page to be there, in 1,000.
    pub pages: u64,
    /// The last page that is there is torn.
    pub torn: bool,
    /// Names wait for an fsync of their folder.
    pub names_wait: bool,
}

impl Loss {
    /// Nothing is there but what was made durable.
    pub const ALL: Self = Self { pages: 0, torn: false, names_wait: false };

    /// Any of those that are modelled.
    pub fn drawn(dice: &mut Dice) -> Self {
        Self {
            pages: CHANCES[dice.index(CHANCES.len())],
            torn: dice.chance(TORN),
            names_wait: dice.chance(NAMES_WAIT),
        }
    }
}

#[derive(Debug)]
enum Change<'a> {
    Write { at: usize, data: &'a [u8] },
    Cut { length: usize },
}

/// A file, whatever it is called.
#[derive(Debug, Default)]
struct File<'a> {
    durable: Content,
    /// With the number of the call.
    pending: Vec<(usize, Change<'a>)>,
}

/// A change to the names in a folder.
#[derive(Debug)]
enum Renaming {
    Set(Name, usize),
    Gone(Name),
}

#[derive(Debug, Default)]
struct Names {
    now: BTreeMap<Name, usize>,
    durable: BTreeMap<Name, usize>,
    /// With the number of the call and the folder.
    pending: Vec<(usize, Name, Renaming)>,
}

/// A disk in the middle of a log.
#[derive(Debug, Default)]
pub struct Disk<'a> {
    files: Vec<File<'a>>,
    names: Names,
    folders: BTreeSet<Name>,
    /// Syncs that have begun: when, and of what.
    syncs: HashMap<i64, (usize, Name)>,
}

impl<'a> Disk<'a> {
    /// The disk after these calls, from an empty one on.
    pub fn after(calls: &'a [Call]) -> Self {
        let mut disk = Self::default();
        for (number, call) in calls.iter().enumerate() {
            disk.take(number, call);
        }
        disk
    }

    fn take(&mut self, number: usize, call: &'a Call) {
        match call {
            Call::Began => self.syncs.clear(),
            Call::Opened { name, emptied } => {
                let file = self.file(number, name);
                if *emptied {
                    self.change(number, file, Change::Cut { length: 0 });
                }
            }
            Call::Written { name, at, data } => {
                let file = self.file(number, name);
                // A write of no bytes does not make a file longer.
                if !data.is_empty() {
                    self.change(number, file, Change::Write { at: place(*at), data });
                }
            }
            Call::Cut { name, length } => {
                let file = self.file(number, name);
                self.change(number, file, Change::Cut { length: place(*length) });
            }
            Call::SyncBegan { name, number: sync } => {
                self.syncs.insert(*sync, (number, Name::clone(name)));
            }
            Call::SyncEnded { number: sync } => {
                if let Some((begun, name)) = self.syncs.remove(sync) {
                    self.sync(begun, &name);
                }
            }
            Call::Renamed { from, to } => {
                if let Some(file) = self.names.now.get(from).copied() {
                    self.names.change(number, Renaming::Set(Name::clone(to), file));
                    self.names.change(number, Renaming::Gone(Name::clone(from)));
                }
            }
            Call::Removed { name } => {
                self.names.change(number, Renaming::Gone(Name::clone(name)));
            }
            Call::FolderMade { name } => {
                self.folders.insert(Name::clone(name));
            }
            Call::RangeSynced
            | Call::Sent { .. }
            | Call::Received { .. }
            | Call::Said { .. }
            | Call::Failed { .. } => {}
        }
    }

    /// The file of a name, made if there is none.
    fn file(&mut self, number: usize, name: &Name) -> usize {
        if let Some(file) = self.names.now.get(name) {
            return *file;
        }
        self.files.push(File::default());
        let file = self.files.len() - 1;
        self.names.change(number, Renaming::Set(Name::clone(name), file));
        file
    }

    fn change(&mut self, number: usize, file: usize, change: Change<'a>) {
        self.files[file].pending.push((number, change));
    }

    fn sync(&mut self, begun: usize, name: &Name) {
        match self.names.now.get(name) {
            Some(file) => self.files[*file].sync(begun),
            None => self.names.sync(begun, name),
        }
    }

    /// All that was written, as every process sees it.
    pub fn whole(&self) -> Image {
        let files = self.names.now.iter().map(|(name, file)| {
            let file = &self.files[*file];
            let mut bytes = file.durable.clone();
            for (_, change) in &file.pending {
                change.apply(&mut bytes);
            }
            (Name::clone(name), bytes)
        });
        Image { files: files.collect(), folders: self.folders.clone() }
    }

    /// What is left when the power goes now.
    pub fn image(&self, loss: Loss, dice: &mut Dice) -> Image {
        let names = if loss.names_wait { &self.names.left(dice) } else { &self.names.now };
        let files = names
            .iter()
            .map(|(name, file)| (Name::clone(name), self.files[*file].left(loss, dice)));
        Image { files: files.collect(), folders: self.folders.clone() }
    }
}

fn place(at: u64) -> usize {
    usize::try_from(at).expect("a recorded file fits the memory")
}

impl Change<'_> {
    fn apply(&self, bytes: &mut Content) {
        match self {
            Self::Write { at, data } => bytes.put(*at, data),
            Self::Cut { length } => bytes.resize(*length),
        }
    }
}

impl File<'_> {
    fn sync(&mut self, begun: usize) {
        let later = self.pending.partition_point(|(number, _)| *number < begun);
        for (_, change) in self.pending.drain(..later) {
            change.apply(&mut self.durable);
        }
    }

    fn left(&self, loss: Loss, dice: &mut Dice) -> Content {
        let mut bytes = self.durable.clone();
        let mut end = usize::MAX;
        let mut last = None;
        for (_, change) in &self.pending {
            match *change {
                Change::Cut { length } if dice.chance(loss.pages) => {
                    bytes.resize(length);
                    last = None;
                }
                Change::Cut { length } => end = end.min(length),
                Change::Write { at, data } => {
                    let fits = data.len().min(end.saturating_sub(at));
                    for (at, page) in pages(at, &data[..fits]) {
                        if dice.chance(loss.pages) {
                            let before = bytes.part(at, page.len()).to_vec();
                            last = Some((at, page.len(), before));
                            bytes.put(at, page);
                        }
                    }
                }
            }
        }
        if let Some((at, length, before)) = last.filter(|_| loss.torn) {
            tear(&mut bytes, at, length, &before, dice);
        }
        bytes
    }
}

/// The pages of a write, and where each begins.
fn pages(mut at: usize, mut data: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    std::iter::from_fn(move || {
        let bytes = data.len().min(PAGE_BYTES - at % PAGE_BYTES);
        let (page, rest) = data.split_at(bytes);
        let found = (!page.is_empty()).then_some((at, page));
        (at, data) = (at + bytes, rest);
        found
    })
}

/// Takes the last sectors of a page back to what was there before.
fn tear(bytes: &mut Content, at: usize, length: usize, before: &[u8], dice: &mut Dice) {
    let (first, last) = (at / SECTOR_BYTES, (at + length - 1) / SECTOR_BYTES);
    if first == last {
        return;
    }
    let sector = dice.between(first as u64 + 1, last as u64);
    let from = place(sector) * SECTOR_BYTES;
    let kept = before.get(from - at..).unwrap_or_default();
    let end = at + length;
    if bytes.length() == end {
        bytes.resize(from);
    } else {
        bytes.put(from, &vec![0; end - from]);
    }
    bytes.put(from, kept);
}

fn folder_of(name: &str) -> Name {
    Name::from(name.rsplit_once('/').map_or("", |(folder, _)| folder))
}

fn rename(names: &mut BTreeMap<Name, usize>, renaming: &Renaming) {
    match renaming {
        Renaming::Set(name, file) => {
            names.insert(Name::clone(name), *file);
        }
        Renaming::Gone(name) => {
            names.remove(name);
        }
    }
}

impl Names {
    fn change(&mut self, number: usize, renaming: Renaming) {
        rename(&mut self.now, &renaming);
        let (Renaming::Set(name, _) | Renaming::Gone(name)) = &renaming;
        self.pending.push((number, folder_of(name), renaming));
    }

    fn sync(&mut self, begun: usize, folder: &Name) {
        let Self { durable, pending, .. } = self;
        pending.retain(|(number, of, renaming)| {
            let reached = *number < begun && of == folder;
            if reached {
                rename(durable, renaming);
            }
            !reached
        });
    }

    /// Those that are durable, and the first few of the others. The two halves of a renaming have
    /// one number: a journal keeps them together.
    fn left(&self, dice: &mut Dice) -> BTreeMap<Name, usize> {
        let mut names = self.durable.clone();
        let cut = dice.between(0, self.pending.len() as u64);
        let first_lost = self.pending.get(place(cut)).map_or(usize::MAX, |(number, ..)| *number);
        for (number, _, renaming) in &self.pending {
            if *number < first_lost {
                rename(&mut names, renaming);
            }
        }
        names
    }
}

#[cfg(test)]
mod tests;
