//! What is removed leaves the files of the index, and nothing else is a reason to write them anew.

use std::collections::BTreeSet;
use std::path::Path;
use std::{fs, thread};

use tantivy::collector::Count;
use tantivy::index::SegmentId;
use tantivy::query::TermQuery;
use tantivy::schema::IndexRecordOption;

use super::tests::{add, chat, found};
use super::*;

/// A word that is no other's: its letters are of two bytes each, none of which is a frequent one.
const SECRET: &str = "щёфъжюцязщ";
/// How long it may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// How a dictionary of tantivy's has the inner letters of the word: from the last to the first,
/// with a mark behind each byte. Those at both ends may be written otherwise.
fn in_a_dictionary() -> Vec<u8> {
    let inner = &SECRET.as_bytes()[2..SECRET.len() - 2];
    inner.iter().rev().flat_map(|byte| [*byte, 0b1100_0000]).collect()
}

/// How often the word stands in the files of a folder.
fn secrets(folder: &Path) -> usize {
    let forms = [SECRET.as_bytes().to_vec(), in_a_dictionary()];
    let mut found = 0;
    for entry in fs::read_dir(folder.join("search")).unwrap() {
        // A file may go while it is looked for.
        let bytes = fs::read(entry.unwrap().path()).unwrap_or_default();
        for form in &forms {
            found += bytes.windows(form.len()).filter(|part| part == form).count();
        }
    }
    found
}

fn open(data: &Path, erase_after: Duration) -> Writer {
    Writer::open(&Folder::in_data(data), "mark".into(), erase_after).unwrap()
}

fn erase_all(writer: &mut Writer) {
    let until = Instant::now() + PATIENCE;
    while writer.erases_in().is_some() {
        assert!(Instant::now() < until, "it does not come to its end");
        writer.erase(|_| true).unwrap();
        thread::yield_now();
    }
}

fn segments(writer: &Writer) -> BTreeSet<SegmentId> {
    writer.open.index.searchable_segment_ids().unwrap().into_iter().collect()
}

/// Entries of a chat, of which the seventh has the word for now: so many that tantivy sees no
/// reason to merge.
fn said(writer: &mut Writer, of: &ChatId) {
    for seq in 1..=40 {
        let (text, expires_ms) = if seq == 7 { (SECRET, Some(50)) } else { ("tide", None) };
        add(writer, of, seq, text, expires_ms);
    }
    writer.moved(of, 40);
    writer.commit().unwrap();
}

#[test]
fn what_was_removed_stands_in_no_file_however_it_was() {
    let removals: [fn(&mut Writer, &ChatId); 4] = [
        |writer, of| writer.remove(of, 7),
        |writer, of| {
            writer.remove(of, 7);
            add(writer, of, 7, "ebb", None);
        },
        |writer, _| writer.expire(50).unwrap(),
        |writer, of| {
            // It was not even committed as it was.
            add(writer, of, 41, SECRET, None);
            writer.remove(of, 41);
            writer.remove(of, 7);
        },
    ];
    for (number, removal) in removals.into_iter().enumerate() {
        let (data, of) = (tempfile::tempdir().unwrap(), chat("dm:ann:bob"));
        let mut writer = open(data.path(), Duration::ZERO);
        said(&mut writer, &of);
        erase_all(&mut writer);
        assert_eq!(secrets(data.path()), 1, "what is not removed stays");
        removal(&mut writer, &of);
        writer.moved(&of, 41);
        writer.commit().unwrap();
        assert!(secrets(data.path()) > 0, "{number}: a commit alone does not do it");
        erase_all(&mut writer);
        assert_eq!(secrets(data.path()), 0, "{number}");
        assert_eq!(found(&writer, &of, "tide", (1, 8)), [8, 6, 5, 4, 3, 2, 1]);
        assert_eq!(found(&writer, &of, "ebb", (1, 8)).len(), usize::from(number == 1));
        drop(writer);
        let mut writer = open(data.path(), Duration::ZERO);
        assert_eq!(writer.cursor(&of).unwrap(), 41);
        assert_eq!(found(&writer, &of, "tide", (1, 8)), [8, 6, 5, 4, 3, 2, 1]);
    }
}

#[test]
fn nothing_is_erased_before_its_time_and_what_a_life_before_has_removed_is_in_the_next() {
    let (data, of) = (tempfile::tempdir().unwrap(), chat("dm:ann:bob"));
    let mut writer = open(data.path(), Duration::from_hours(1));
    said(&mut writer, &of);
    writer.remove(&of, 7);
    writer.commit().unwrap();
    writer.erase(|_| true).unwrap();
    assert!(writer.erases_in().unwrap() > Duration::from_mins(59));
    drop(writer);
    // Such a file may be left by a merge that outlives its writer.
    let left = format!("{}.term", SegmentId::generate_random().uuid_string());
    fs::write(data.path().join("search").join(left), SECRET).unwrap();
    assert_eq!(secrets(data.path()), 2);
    let mut writer = open(data.path(), Duration::ZERO);
    erase_all(&mut writer);
    assert_eq!(secrets(data.path()), 0);
}

#[test]
fn only_segments_with_words_of_what_is_gone_are_written_anew() {
    let (data, of, other) = (tempfile::tempdir().unwrap(), chat("dm:ann:bob"), chat("group:crew"));
    let mut writer = open(data.path(), Duration::ZERO);
    said(&mut writer, &of);
    for seq in 1..=40 {
        add(&mut writer, &other, seq, "tide", None);
    }
    writer.moved(&other, 40);
    writer.commit().unwrap();
    erase_all(&mut writer);
    writer.moved(&of, 41);
    writer.moved(&other, 41);
    writer.commit().unwrap();
    assert!(writer.erases_in().is_none(), "how far chats were read asks for nothing");
    let before = segments(&writer);
    assert_eq!(before.len(), 3);
    writer.remove(&other, 41);
    writer.commit().unwrap();
    assert!(writer.erases_in().is_some());
    erase_all(&mut writer);
    assert_eq!(segments(&writer), before, "nothing was gone but how far they were read before");
    writer.remove(&of, 7);
    writer.commit().unwrap();
    erase_all(&mut writer);
    assert_eq!(segments(&writer).difference(&before).count(), 1);
    assert_eq!(before.difference(&segments(&writer)).count(), 1);
    assert_eq!(secrets(data.path()), 0);
}

/// Files of a folder that have no name any more, and are still mapped into memory.
fn mapped_without_a_name(folder: &Path) -> usize {
    let folder = folder.to_str().unwrap();
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    maps.lines().filter(|line| line.contains(folder) && line.ends_with("(deleted)")).count()
}

#[test]
fn a_search_that_is_under_way_goes_on_and_nothing_else_holds_what_is_erased() {
    let (data, of) = (tempfile::tempdir().unwrap(), chat("dm:ann:bob"));
    let mut writer = open(data.path(), Duration::ZERO);
    said(&mut writer, &of);
    let searcher = writer.open.reader.searcher();
    writer.remove(&of, 7);
    writer.commit().unwrap();
    erase_all(&mut writer);
    assert_eq!(secrets(data.path()), 0);
    let word = TermQuery::new(writer.open.fields.word(SECRET), IndexRecordOption::Basic);
    assert_eq!(searcher.search(&word, &Count).unwrap(), 1);
    assert!(mapped_without_a_name(data.path()) > 0);
    drop(searcher);
    assert_eq!(mapped_without_a_name(data.path()), 0);
}

#[test]
fn where_the_disk_has_no_room_it_is_put_off() {
    let (data, of) = (tempfile::tempdir().unwrap(), chat("dm:ann:bob"));
    let mut writer = open(data.path(), Duration::ZERO);
    said(&mut writer, &of);
    writer.remove(&of, 7);
    writer.commit().unwrap();
    let (mut asked, until) = (0, Instant::now() + PATIENCE);
    while asked == 0 {
        assert!(Instant::now() < until, "it does not ask for room");
        writer
            .erase(|bytes| {
                asked = bytes;
                false
            })
            .unwrap();
    }
    assert!(asked > 100, "a segment is larger than {asked} bytes");
    assert!(writer.erases_in().unwrap() > Duration::from_secs(30));
    assert_eq!(secrets(data.path()), 1);
    assert_eq!(found(&writer, &of, "tide", (1, 3)), [3, 2, 1]);
}

#[test]
fn a_merge_that_was_on_its_way_brings_nothing_back() {
    for entries in [40, 400, 2_000, 4_000] {
        let (data, of) = (tempfile::tempdir().unwrap(), chat("dm:ann:bob"));
        let mut writer = open(data.path(), Duration::ZERO);
        said(&mut writer, &of);
        for seq in 41..=40 + entries {
            add(&mut writer, &of, seq, &format!("tide {seq} {}", seq % 97), None);
        }
        writer.commit().unwrap();
        erase_all(&mut writer);
        let all: Vec<SegmentId> = segments(&writer).into_iter().collect();
        // It may see the word or not: that hangs on how far it is.
        drop(writer.tantivy.merge(&all));
        writer.remove(&of, 7);
        writer.commit().unwrap();
        erase_all(&mut writer);
        assert_eq!(secrets(data.path()), 0, "{entries}");
        assert_eq!(found(&writer, &of, "tide", (1, 8)), [8, 6, 5, 4, 3, 2, 1]);
    }
}
