//! Everything that a peer may say is invented: each variant of what is asked, answered, told and
//! written, as the sources of the protocol have them. So the next one fails here until the fuzz
//! targets make it. Must never list a variant by hand.

#![allow(clippy::unwrap_used, reason = "a test crate has no outside")]

use std::collections::BTreeSet;
use std::fmt::Debug;

use packetboat_fuzz::choices::Choices;
use packetboat_fuzz::invent;
use packetboat_fuzz::mutation::Dice;

/// Tries within which each variant is made.
const TRIES: usize = 20_000;
/// Bytes that one is made from at most.
const BYTES: usize = 300;

/// The variants of an enum, as its source has them.
fn variants(source: &str, name: &str) -> BTreeSet<String> {
    let head = format!("pub enum {name} {{\n");
    let body = source.split(&head).nth(1).unwrap_or_else(|| panic!("there is no {name}"));
    let lines = body.split("\n}").next().unwrap().lines();
    let is_word = |letter: char| letter.is_ascii_alphanumeric();
    let names = lines.filter_map(|line| line.strip_prefix("    "));
    let names = names.filter(|line| line.starts_with(char::is_uppercase));
    names.map(|line| line.split(|letter| !is_word(letter)).next().unwrap().to_owned()).collect()
}

/// What is made, as it is written for people.
fn made<T: Debug>(make: impl Fn(&mut Choices<'_>) -> T) -> Vec<String> {
    let mut dice = Dice::new(7_582);
    (0..TRIES)
        .map(|_| {
            let bytes = dice.input(&[], BYTES);
            format!("{:?}", make(&mut Choices::new(&bytes)))
        })
        .collect()
}

/// The words with which texts begin.
fn first_words(texts: &[String]) -> BTreeSet<String> {
    let word = |text: &String| {
        let end = text.find(|letter: char| !letter.is_ascii_alphanumeric());
        text[..end.unwrap_or(text.len())].to_owned()
    };
    texts.iter().map(word).collect()
}

/// An enum in the source of a module of packets.
macro_rules! of {
    ($file:literal, $name:literal) => {
        variants(include_str!(concat!("../../proto/src/", $file, ".rs")), $name)
    };
}

#[test]
fn every_kind_of_packet_is_invented() {
    let packets = first_words(&made(invent::packet));
    assert_eq!(packets, of!("packet", "Packet"));
}

#[test]
fn every_question_is_invented() {
    let requests = made(|choices| invent::request(choices).operation);
    let asked: Vec<String> =
        requests.iter().filter_map(|text| text.strip_prefix("Some(")).map(str::to_owned).collect();
    assert!(asked.len() < requests.len(), "one that nobody knows");
    assert_eq!(first_words(&asked), of!("packet/question", "Operation"));
    for (of, all) in [
        ("Own(", of!("packet/own", "Own")),
        ("Joining(", of!("packet/joining", "Joining")),
        ("Device(", of!("packet/device", "DeviceOperation")),
        ("Contact(", of!("packet/contact", "ContactOperation")),
        ("Receipts(", of!("packet/receipt", "AskReceipts")),
        ("Keys(", of!("packet/keys", "AskKeys")),
        ("Scheduling(", of!("packet/schedule", "Scheduling")),
    ] {
        assert_eq!(nested(&asked, of), all, "{of}");
    }
}

#[test]
fn every_answer_is_invented() {
    let answers = made(invent::answer);
    assert_eq!(first_words(&answers), of!("packet/answer", "Answer"));
    for (of, all) in [
        ("Own(", of!("packet/own", "OwnAnswer")),
        ("Joining(", of!("packet/joining", "Joined")),
        ("Device(", of!("packet/device", "DeviceAnswer")),
        ("Contact(", of!("packet/contact", "ContactAnswer")),
        ("Receipts(", of!("packet/receipt", "Receipts")),
        ("Keys(", of!("packet/keys", "Keys")),
        ("Scheduled(", of!("packet/schedule", "Scheduled")),
    ] {
        assert_eq!(nested(&answers, of), all, "{of}");
    }
    let own: Vec<String> =
        answers.into_iter().filter(|answer| answer.starts_with("Own(Changes(")).collect();
    let items: Vec<String> =
        own.iter().flat_map(|own| own.split("item: Some(").skip(1)).map(str::to_owned).collect();
    assert_eq!(first_words(&items), of!("packet/own", "Item"));
}

#[test]
fn every_notice_is_invented() {
    assert_eq!(first_words(&made(invent::notice)), of!("packet/notice", "Notice"));
}

#[test]
fn every_content_that_a_client_sends_is_invented() {
    let contents = made(invent::content);
    let mut all = of!("content", "Content");
    assert!(all.remove("Erased"), "that is left by the server alone");
    assert_eq!(first_words(&contents), all);
    for (of, all) in [
        ("Group(", of!("content/change", "GroupChange")),
        ("Entry(", of!("content/alteration", "Alteration")),
        ("Room(", of!("content/room", "RoomChange")),
    ] {
        assert_eq!(nested(&contents, of), all, "{of}");
    }
}

/// The variants of what is within one.
fn nested(texts: &[String], of: &str) -> BTreeSet<String> {
    let within = texts.iter().filter_map(|text| text.strip_prefix(of));
    first_words(&within.map(str::to_owned).collect::<Vec<_>>())
}
