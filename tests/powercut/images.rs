//! The images that a power cut could have left of a voyage, each opened and surveyed. Must never
//! draw from anything but the seed and the number of the image.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use packetboat_proof::calls::Call;
use packetboat_proof::dice::Dice;
use packetboat_proof::disk::{Disk, Loss};
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};

use crate::survey::survey;
use crate::voyage::{Voyage, write_image};

/// Images that are looked at at a time.
const AT_ONCE: usize = 2;
/// Of 1,000 images so many are cut where the engine writes anew what it had.
const RISKY: u64 = 400;
/// Images of one seed are apart by this in the numbers that seed their dice.
const STRIDE: u64 = 0x9e37_79b9_7f4a_7c15;

/// What was wrong with an image.
#[derive(Debug)]
pub struct Wreck {
    /// Its number.
    pub number: u64,
    /// Where it was cut, and what was lost.
    pub cut: String,
    /// What was wrong.
    pub wrong: Vec<String>,
    /// Where it is, if it was to be kept.
    pub kept: Option<PathBuf>,
}

impl Wreck {
    /// Of an image at which the suite itself gave up.
    fn of_panic(number: u64, error: &JoinError) -> Self {
        let wrong = vec![format!("the suite gave up: {error}")];
        Self { number, cut: "where is not known".to_owned(), wrong, kept: None }
    }
}

/// Which images, and of what.
#[derive(Clone)]
pub struct Series {
    /// The recorded run.
    pub voyage: Arc<Voyage>,
    /// A folder for them.
    pub folder: PathBuf,
    /// Seeds the dice, together with an image's number.
    pub seed: u64,
    /// Bad images stay.
    pub keep: bool,
}

impl Series {
    /// Looks at these images, and gives the bad ones, by number.
    pub async fn check(&self, numbers: impl Iterator<Item = u64>) -> Vec<Wreck> {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let mut surveys = JoinSet::new();
        let mut wrecks = Vec::new();
        for number in numbers {
            let place = Arc::clone(&places).acquire_owned().await.expect("it is never closed");
            let series = self.clone();
            surveys.spawn(async move {
                let checked = tokio::spawn(async move { series.check_one(number).await }).await;
                drop(place);
                checked.unwrap_or_else(|error| Some(Wreck::of_panic(number, &error)))
            });
            while let Some(done) = surveys.try_join_next() {
                wrecks.extend(done.expect("a panic within is a wreck"));
            }
        }
        while let Some(done) = surveys.join_next().await {
            wrecks.extend(done.expect("a panic within is a wreck"));
        }
        wrecks.sort_by_key(|wreck| wreck.number);
        wrecks
    }

    async fn check_one(&self, number: u64) -> Option<Wreck> {
        let mut dice = Dice::new(self.seed.wrapping_add(number.wrapping_mul(STRIDE)));
        let voyage = &self.voyage;
        let life = voyage.lives[dice.index(voyage.lives.len())].clone();
        let cuts: Vec<usize> = if dice.chance(RISKY) && !voyage.risky.is_empty() {
            voyage.risky.clone()
        } else {
            life.filter(|at| changes(voyage, *at)).collect()
        };
        let cut = *dice.pick(&cuts).expect("every life does something");
        let loss = Loss::drawn(&mut dice);
        let image = Disk::after(&voyage.calls[..cut]).image(loss, &mut dice);
        let root = self.folder.join(format!("image-{number}"));
        std::fs::create_dir(&root).unwrap();
        write_image(&image, &root);
        let wrong = survey(voyage.engine, &root, voyage.facts_before(cut), number).await;
        if wrong.is_empty() || !self.keep {
            std::fs::remove_dir_all(&root).unwrap();
        }
        if wrong.is_empty() {
            return None;
        }
        let before = format!("{:?}", voyage.calls[cut]);
        let before: String = before.chars().take(100).collect();
        let cut = format!("before call {cut} of {} ({before}); {loss:?}", voyage.calls.len());
        if self.keep {
            // What was surveyed has been changed by it.
            std::fs::remove_dir_all(&root).unwrap();
            write_image(&image, &root);
        }
        Some(Wreck { number, cut, wrong, kept: self.keep.then_some(root) })
    }
}

/// A cut before this call may leave something else than one before the last such call.
fn changes(voyage: &Voyage, at: usize) -> bool {
    !matches!(voyage.calls[at], Call::Received { .. } | Call::Said { .. } | Call::RangeSynced)
}

/// A folder for what comes and goes: in memory, if the system has one there.
pub fn workshop() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.or_else(|_| tempfile::tempdir()).unwrap()
}
