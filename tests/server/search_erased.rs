//! What is recalled or has expired leaves the files, those of the index of search among them: a
//! whole server, and every byte of its folder. Must never take for gone what it would not have
//! found: each word is found before.

use std::fs;
use std::path::Path;
use std::time::Duration;

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

/// How often a word stands in the files of a folder.
fn count(folder: &Path, word: &str) -> usize {
    let mut found = 0;
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            found += count(&path, word);
        } else if path.is_file() {
            // A file may go while it is looked for.
            let bytes = fs::read(&path).unwrap_or_default();
            for form in forms(word) {
                let first = form[0];
                let starts = bytes.iter().enumerate().filter(|(_, byte)| **byte == first);
                found += starts.filter(|(at, _)| bytes[*at..].starts_with(&form)).count();
            }
        }
    }
    found
}

#[tokio::test]
async fn what_is_recalled_or_has_expired_stands_in_no_file_nor_in_the_index() {
    let house = House::with(|config| {
        config.search.on = true;
        config.store.erase_ms = 0;
    })
    .await;
    let (data, index) = (&house.config.store.data, house.config.store.data.join("search"));
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
    for word in [RECALLED, EDITED, EXPIRED, KEPT] {
        assert!(count(&index, word) > 0, "{word} is in the index");
        assert!(count(data, word) > count(&index, word), "{word} is in the store");
    }
    let edit = Alteration::Edited { seq: 2, new: Body::Text("tide".into()) };
    for (number, alteration) in (65..).zip([Alteration::Recalled { seq: 1 }, edit]) {
        ada.send(DM, number, Content::Entry(alteration).encode()).await;
        ada.answer().await.unwrap();
    }
    // The index removes what has expired every ten seconds.
    let until = Instant::now() + 3 * PATIENCE;
    loop {
        // What is said differently stays in the log, as it was said before, and not in the index.
        let left = [count(data, RECALLED), count(data, EXPIRED), count(&index, EDITED)];
        if left == [0; 3] {
            break;
        }
        assert!(Instant::now() < until, "it is still there: {left:?}");
        sleep(Duration::from_millis(100)).await;
    }
    assert!(count(&index, KEPT) > 0 && count(data, KEPT) > count(&index, KEPT));
    assert_eq!(house.metrics.search_failures.get(), 0);
}

#[tokio::test]
async fn an_index_that_is_not_kept_on_with_is_removed() {
    let house = House::with(|config| config.search.on = true).await;
    let index = house.config.store.data.join("search");
    let mut ada = Peer::login(house.address, "ada", "x").await;
    ada.post(DM, 1, &said(RECALLED)).await;
    timeout(PATIENCE, (house.caught_up)()).await.expect("the index catches up");
    assert!(count(&index, RECALLED) > 0);
    drop(ada);
    let house = house.restart_with(|config| config.search.on = false).await;
    assert!(!index.exists());
    drop(house);
}
