//! What is recalled or has expired leaves the files, those of the index of search among them: a
//! whole server, and every byte of its folder. Must never take for gone what it would not have
//! found: each word is found before.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use packetboat_proto::content::{Alteration, Body, Content, Context};
use tokio::time::{Instant, sleep, timeout};

use crate::house::House;
use crate::peer::{PATIENCE, Peer};

const DM: &str = "dm:ada:bob";
/// Words of letters of two bytes each, none of which is a frequent one.
const RECALLED: &str = "щёфъжюцязщ";
const EDITED: &str = "эъхюшжчйыэ";
const EXPIRED: &str = "ёжбъгюдьфё";
const KEPT: &str = "юьпщмцлхкю";
/// The folder of the index.
const INDEX: &str = "search";
/// How often a folder is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How a word may stand in a file: as it was said, as the index has it, and as the dictionary of
/// the index writes its inner letters: from the last to the first, with a mark behind each byte.
fn forms(word: &str) -> [Vec<u8>; 3] {
    let inner = &word.as_bytes()[2..word.len() - 2];
    let in_dictionary = inner.iter().rev().flat_map(|byte| [*byte, 0b1100_0000]).collect();
    [said(word).into_bytes(), word.as_bytes().to_vec(), in_dictionary]
}

fn said(word: &str) -> String {
    word.to_uppercase()
}

type Files = BTreeMap<PathBuf, Vec<u8>>;

fn read(folder: &Path) -> io::Result<Files> {
    let mut files = Files::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(read(&path)?);
        } else if path.is_file() {
            files.insert(path.clone(), fs::read(&path)?);
        }
    }
    Ok(files)
}

/// What stands in a folder at one moment: what is written to another place while it is read would
/// be found twice or not at all.
async fn at_rest(folder: &Path) -> Files {
    let until = Instant::now() + PATIENCE;
    let mut last = read(folder);
    loop {
        sleep(LOOK_EVERY).await;
        match (last, read(folder)) {
            (Ok(before), Ok(now)) if before == now => return now,
            (_, now) => last = now,
        }
        assert!(Instant::now() < until, "{} does not come to rest", folder.display());
    }
}

/// Where a word stands: in the store, in the index.
fn places(files: &Files, word: &str) -> [bool; 2] {
    let stands_in = |bytes: &[u8]| {
        forms(word).iter().any(|form| bytes.windows(form.len()).any(|part| part == form))
    };
    let of_index = |path: &Path| path.iter().any(|part| part == INDEX);
    [false, true]
        .map(|which| files.iter().any(|(path, bytes)| of_index(path) == which && stands_in(bytes)))
}

#[tokio::test]
async fn what_is_recalled_or_has_expired_stands_in_no_file_nor_in_the_index() {
    let house = House::with(|config| {
        config.search.on = true;
        config.store.erase_ms = 0;
    })
    .await;
    let data = &house.config.store.data;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    for (number, word) in (1..).zip([RECALLED, EDITED, KEPT]) {
        ada.post(DM, number, &said(word)).await;
    }
    // So many that the index has no other reason to be written anew.
    for number in 4..64 {
        ada.post(DM, number, "tide").await;
    }
    let context = Context { expires_after_ms: 30_000, ..Context::default() };
    ada.send(DM, 64, Content::text(said(EXPIRED)).encode_in(&context)).await;
    ada.answer().await.unwrap();
    timeout(PATIENCE, (house.caught_up)()).await.expect("the index catches up");
    let files = at_rest(data).await;
    for word in [RECALLED, EDITED, EXPIRED, KEPT] {
        assert_eq!(places(&files, word), [true, true], "{word} is in the store and in the index");
    }
    let edit = Alteration::Edited { seq: 2, new: Body::Text("tide".into()) };
    for (number, alteration) in (65..).zip([Alteration::Recalled { seq: 1 }, edit]) {
        ada.send(DM, number, Content::Entry(alteration).encode()).await;
        ada.answer().await.unwrap();
    }
    // The index removes what has expired every ten seconds.
    let until = Instant::now() + 3 * PATIENCE;
    loop {
        let files = at_rest(data).await;
        let left = [RECALLED, EXPIRED, EDITED, KEPT].map(|word| places(&files, word));
        // What is said differently stays in the log, as it was said before, and not in the index.
        if left == [[false, false], [false, false], [true, false], [true, true]] {
            break;
        }
        assert!(Instant::now() < until, "of each, whether store and index have it: {left:?}");
    }
    assert_eq!(house.metrics.search_failures.get(), 0);
}

#[tokio::test]
async fn an_index_that_is_not_kept_on_with_is_removed() {
    let house = House::with(|config| config.search.on = true).await;
    let data = &house.config.store.data;
    let index = data.join(INDEX);
    let mut ada = Peer::login(house.address, "ada", "x").await;
    ada.post(DM, 1, &said(RECALLED)).await;
    timeout(PATIENCE, (house.caught_up)()).await.expect("the index catches up");
    assert_eq!(places(&at_rest(data).await, RECALLED), [true, true]);
    drop(ada);
    let house = house.restart_with(|config| config.search.on = false).await;
    assert!(!index.exists());
    drop(house);
}
