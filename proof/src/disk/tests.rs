//! Tests of the disk that loses its power.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;

fn name(text: &str) -> Name {
    Name::from(text)
}

fn opened(file: &str) -> Call {
    Call::Opened { name: name(file), emptied: false }
}

fn written(file: &str, at: u64, data: &[u8]) -> Call {
    Call::Written { name: name(file), at, data: Bytes::copy_from_slice(data) }
}

fn synced(file: &str, number: i64) -> [Call; 2] {
    [Call::SyncBegan { name: name(file), number }, Call::SyncEnded { number }]
}

fn left(calls: &[Call], loss: Loss) -> Image {
    Disk::after(calls).image(loss, &mut Dice::new(7))
}

fn bytes_of<'a>(image: &'a Image, file: &str) -> Option<&'a [u8]> {
    image.files.get(file).map(Content::bytes)
}

#[test]
fn only_what_was_written_before_a_sync_began_is_durable() {
    let mut calls = vec![opened("db"), written("db", 0, b"one")];
    calls.push(Call::SyncBegan { name: name("db"), number: 1 });
    calls.push(written("db", 3, b"two"));
    assert_eq!(bytes_of(&left(&calls, Loss::ALL), "db"), Some(&b""[..]), "it has not ended");
    calls.push(Call::SyncEnded { number: 1 });
    assert_eq!(bytes_of(&left(&calls, Loss::ALL), "db"), Some(&b"one"[..]));
    calls.extend(synced("db", 2));
    assert_eq!(bytes_of(&left(&calls, Loss::ALL), "db"), Some(&b"onetwo"[..]));
}

#[test]
fn a_range_sync_and_the_sync_of_another_file_are_worth_nothing() {
    let mut calls = vec![written("db", 0, b"one"), Call::RangeSynced, written("conf", 0, b"c")];
    calls.extend(synced("conf", 1));
    let image = left(&calls, Loss::ALL);
    assert_eq!(
        (bytes_of(&image, "db"), bytes_of(&image, "conf")),
        (Some(&b""[..]), Some(&b"c"[..]))
    );
}

#[test]
fn a_sync_that_a_kill_interrupted_never_ends() {
    let began = Call::SyncBegan { name: name("db"), number: 1 };
    let mut calls = vec![Call::Began, written("db", 0, b"one"), began];
    calls.extend([Call::Began, Call::SyncEnded { number: 1 }]);
    assert_eq!(bytes_of(&left(&calls, Loss::ALL), "db"), Some(&b""[..]));
    assert_eq!(bytes_of(&Disk::after(&calls).whole(), "db"), Some(&b"one"[..]));
}

#[test]
fn a_page_is_there_or_not_but_never_half() {
    let page_of = |at: usize| u8::try_from(at / PAGE_BYTES + 1).unwrap();
    let data: Vec<u8> = (0..5 * PAGE_BYTES).map(page_of).collect();
    let calls = [written("db", 100, &data)];
    let loss = Loss { pages: 500, torn: false, names_wait: false };
    let (mut gone, mut kept) = (0, 0);
    for seed in 0..20 {
        let image = Disk::after(&calls).image(loss, &mut Dice::new(seed));
        let mut bytes = bytes_of(&image, "db").unwrap().to_vec();
        bytes.resize(100 + data.len(), 0);
        for (at, page) in pages(100, &data) {
            let found = &bytes[at..at + page.len()];
            gone += usize::from(found.iter().all(|byte| *byte == 0));
            kept += usize::from(found == page);
        }
    }
    assert_eq!(gone + kept, 20 * 6, "six pages, whole or not at all");
    assert!(gone > 20 && kept > 20, "{gone} {kept}");
}

#[test]
fn a_torn_page_ends_between_two_sectors() {
    let calls = [
        written("db", 0, &[1; 2 * PAGE_BYTES]),
        synced("db", 1)[0].clone(),
        synced("db", 1)[1].clone(),
        written("db", 0, &[2; PAGE_BYTES]),
    ];
    let loss = Loss { pages: 1000, torn: true, names_wait: false };
    let mut ends = BTreeSet::new();
    for seed in 0..40 {
        let image = Disk::after(&calls).image(loss, &mut Dice::new(seed));
        let bytes = bytes_of(&image, "db").unwrap();
        let end = bytes.partition_point(|byte| *byte == 2);
        assert!(bytes[end..].iter().all(|byte| *byte == 1));
        assert_eq!((bytes.len(), end % SECTOR_BYTES), (2 * PAGE_BYTES, 0));
        ends.insert(end);
    }
    assert_eq!(ends.into_iter().collect::<Vec<_>>(), (1..8).map(|at| at * 512).collect::<Vec<_>>());
}

#[test]
fn what_was_written_behind_a_cut_is_only_there_if_the_cut_is() {
    let mut calls = vec![written("db", 0, b"abcdef")];
    calls.extend(synced("db", 1));
    calls.push(Call::Cut { name: name("db"), length: 2 });
    calls.push(written("db", 2, b"XY"));
    let mut found = BTreeSet::new();
    for seed in 0..60 {
        let loss = Loss { pages: 500, torn: false, names_wait: false };
        let image = Disk::after(&calls).image(loss, &mut Dice::new(seed));
        found.insert(bytes_of(&image, "db").unwrap().to_vec());
    }
    let expected = [&b"ab"[..], b"abXY", b"abcdef"].map(<[u8]>::to_vec);
    assert_eq!(found.into_iter().collect::<Vec<_>>(), expected);
    calls.extend(synced("db", 2));
    assert_eq!(bytes_of(&left(&calls, Loss::ALL), "db"), Some(&b"abXY"[..]));
}

#[test]
fn names_that_wait_come_in_their_order_and_are_there_after_a_sync_of_their_folder() {
    let mut calls = vec![opened("d/a"), opened("d/b")];
    calls.push(Call::Renamed { from: name("d/a"), to: name("d/c") });
    calls.push(Call::Removed { name: name("d/b") });
    let loss = Loss { pages: 0, torn: false, names_wait: true };
    let names = |calls: &[Call], seed| {
        let image = Disk::after(calls).image(loss, &mut Dice::new(seed));
        image.files.keys().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    let found: BTreeSet<String> = (0..60).map(|seed| names(&calls, seed)).collect();
    let expected = ["", "d/a", "d/a d/b", "d/b d/c", "d/c"].map(str::to_owned);
    assert_eq!(found, expected.into());
    calls.extend(synced("d", 1));
    assert!((0..20).all(|seed| names(&calls, seed) == "d/c"));
}

#[test]
fn a_file_that_is_emptied_or_renamed_onto_is_another_one() {
    let mut calls = vec![written("a", 0, b"old"), written("b", 0, b"new")];
    calls.push(Call::Renamed { from: name("b"), to: name("a") });
    calls.push(written("c", 0, b"long"));
    calls.push(Call::Opened { name: name("c"), emptied: true });
    calls.push(written("c", 0, b"c"));
    let whole = Disk::after(&calls).whole();
    let expected = [("a", b"new".to_vec()), ("c", b"c".to_vec())];
    assert_eq!(whole.files, expected.map(|(file, bytes)| (name(file), bytes.into())).into());
}

#[test]
fn a_write_of_no_bytes_does_not_make_a_file_longer() {
    let calls = [written("a", 7, b"")];
    let disk = Disk::after(&calls);
    assert_eq!(bytes_of(&disk.whole(), "a"), Some(&b""[..]));
    let all = Loss { pages: 1000, torn: false, names_wait: false };
    assert_eq!(disk.image(all, &mut Dice::new(0)), disk.whole());
}

proptest! {
    #[test]
    fn with_a_sync_after_every_write_nothing_is_ever_lost(
        writes in prop::collection::vec((0..3u8, 0..20_000u64, 0..9000usize), 1..12),
        seed in any::<u64>(),
    ) {
        let mut calls = Vec::new();
        for (number, (file, at, bytes)) in writes.into_iter().enumerate() {
            let file = format!("f{file}");
            calls.push(written(&file, at, &vec![u8::try_from(number + 1).unwrap(); bytes]));
            calls.extend(synced(&file, 1));
            calls.extend(synced("", 2));
        }
        let disk = Disk::after(&calls);
        let mut dice = Dice::new(seed);
        let loss = Loss::drawn(&mut dice);
        prop_assert_eq!(disk.image(loss, &mut dice), disk.whole());
    }

    #[test]
    fn an_image_with_every_page_is_the_whole_disk(
        writes in prop::collection::vec((0..3u8, 0..20_000u64, 0..9000usize), 1..12),
        seed in any::<u64>(),
    ) {
        let calls: Vec<Call> = writes.into_iter().map(|(file, at, bytes)| {
            written(&format!("f{file}"), at, &vec![9; bytes])
        }).collect();
        let disk = Disk::after(&calls);
        let loss = Loss { pages: 1000, torn: false, names_wait: false };
        prop_assert_eq!(disk.image(loss, &mut Dice::new(seed)), disk.whole());
    }
}
