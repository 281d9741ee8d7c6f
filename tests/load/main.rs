//! The load generator itself: every work, tiny, against the real server and both relays. Has no
//! test harness: called with `relay` this program is the relay that it measures. Must never judge
//! a figure by its size, only whether the works see what is there.

#![allow(clippy::unwrap_used, reason = "a test crate has no outside")]

mod broker;
mod doubling;

use std::path::PathBuf;
use std::thread;

use clap::Parser;
use packetboat_load::args::{Args, Command};
use packetboat_load::compare::{Compared, json, table};
use packetboat_load::figure::Outcome;
use packetboat_load::place::Where;
use packetboat_load::plot::plots;
use packetboat_load::run::once;
use packetboat_load::series::Series;
use packetboat_load::sessions::Sessions;
use packetboat_load::stop::Stop;
use packetboat_load::target::Target;
use packetboat_load::targets::TargetName;
use packetboat_load::work::Work;

use self::broker::Broker;
use self::doubling::Doubling;

const TARGETS: [TargetName; 3] = [TargetName::Packetboat, TargetName::Raw, TargetName::RawFsync];

fn main() {
    if std::env::args().nth(1).as_deref() == Some("relay") {
        let Command::Relay(relay) = Args::parse().command else { panic!("it is a relay") };
        relay.run().unwrap();
        return;
    }
    // Whatever else is typed is libtest's: filters, --nocapture and the like.
    let compared = every_work_does_its_work_on_every_target();
    a_comparison_is_shown_as_a_table_an_object_and_plots(&compared);
    eprintln!("{}", table(&compared));
    a_message_that_comes_twice_makes_any_run_bad();
    sessions_in_memory_are_opened_and_stay_alive();
    relays_that_hand_on_every_frame_by_itself_do_the_same();
    a_broker_of_mqtt_is_spoken_with_and_every_delivery_is_answered();
    a_room_is_listened_to_where_there_are_rooms();
    a_peer_that_is_not_where_it_is_said_to_be_is_told();
}

fn place() -> Where {
    Where { spawn: Some(PathBuf::from(env!("CARGO_BIN_EXE_packetboat"))), ..Where::default() }
}

fn short_works() -> Vec<Work> {
    match Args::parse_from(["packetboat-load", "compare", "--short"]).command {
        Command::Compare(compare) => compare.works(),
        other => panic!("{other:?}"),
    }
}

/// All works on one target; `None` where a work says nothing about it.
fn all_works(name: TargetName) -> (String, Vec<Option<Outcome>>) {
    let target = name.target(&place()).unwrap();
    let run = |work: &Work| {
        let outcome =
            work.unfit(target.nature()).is_none().then(|| once(&*target, work, &Stop::default()));
        outcome.map(|outcome| outcome.unwrap_or_else(|error| panic!("{work:?}: {error}")))
    };
    (target.name().to_owned(), short_works().iter().map(run).collect())
}

/// The targets at the same time: the works wait more than they compute.
fn every_work_does_its_work_on_every_target() -> Vec<Compared> {
    let threads = TARGETS.map(|name| thread::spawn(move || all_works(name)));
    let found = threads.map(|thread| thread.join().unwrap());
    let mut compared = Vec::new();
    for (at, work) in short_works().into_iter().enumerate() {
        let mut series = Vec::new();
        for (target, outcomes) in &found {
            let mut of_target = Series::default();
            if let Some(outcome) = &outcomes[at] {
                judge(&work, target, outcome);
                of_target.push(outcome.clone());
            }
            series.push((target.clone(), of_target));
        }
        compared.push(Compared { work, series });
    }
    compared
}

fn judge(work: &Work, target: &str, outcome: &Outcome) {
    let what = format!("{} on {target}", work.name());
    assert!(outcome.faults.is_empty(), "{what}: {:?}", outcome.faults.sentences());
    let value = |name: &str| {
        outcome.value(name).unwrap_or_else(|| panic!("{what} has {name}: {outcome:?}"))
    };
    for headline in work.headlines() {
        assert!(value(headline.figure).is_finite(), "{what}: {}", headline.figure);
    }
    match work {
        Work::Pairs(_) => assert!(value("delivered_per_s") > 0.0, "{what}"),
        Work::Pace(pace) => {
            assert!((value("sent_per_s") - f64::from(pace.rate)).abs() < 1e-9, "{what}");
            assert!(value("delivered_p999") >= value("delivered_p50"), "{what}");
        }
        Work::Fanout(_) => {
            assert!(value("deliveries_per_s") > 0.0, "{what}");
            assert!(value("last_delivered_p50") >= value("delivered_p50"), "{what}");
        }
        Work::Catchup(catchup) => {
            assert!(value("caught_up") >= value("welcome"), "{what}");
            let texts = f64::from(catchup.chats * catchup.entries * catchup.bytes);
            assert!(value("caught_up_bytes") > texts, "{what}");
            assert!(value("listed_bytes") > f64::from(catchup.chats), "{what}");
        }
        Work::Idle(idle) => {
            assert!(value("heartbeats") >= f64::from(idle.connections), "{what}: {outcome:?}");
        }
        Work::Reconnect(_) => assert!(value("reconnected_per_s") > 0.0, "{what}"),
        Work::Offline(_) => {
            assert!(value("stored_per_s") > 0.0 && value("drained_per_s") > 0.0, "{what}");
        }
        Work::Kill(_) => {
            assert!(value("accepted") > 0.0, "{what}");
            let lost = if target == "raw" { 100.0 } else { 0.0 };
            assert!((value("lost_percent") - lost).abs() < 1e-9, "{what}: {outcome:?}");
        }
        Work::Growth(_) => assert!(value("chats_120_per_s") > 0.0, "{what}"),
        Work::Restart(_) => {
            assert!(value("start") > 0.0, "{what}");
            // Packetboat's journal is filled ahead: so few messages take no more of the disk.
            let is_ahead = target == "packetboat";
            assert!(is_ahead || value("disk_per_message") > 200.0, "{what}");
            assert!(target != "raw", "it keeps nothing");
        }
    }
}

fn a_comparison_is_shown_as_a_table_an_object_and_plots(compared: &[Compared]) {
    let table = table(compared);
    let mut rows = table.lines().filter(|line| line.starts_with("| pairs | delivered_per_s |"));
    let row = rows.next_back().unwrap();
    assert!(row.contains(" raw)") && row.contains(" raw-fsync)"), "{row}");
    let object = json(compared, 1);
    assert_eq!(object["works"].as_array().map(Vec::len), Some(compared.len()));
    let packetboat = &object["works"][0]["targets"][0]["figures"]["delivered_per_s"];
    assert!(packetboat["of_raw"].as_f64() > Some(0.0), "{packetboat}");
    let folder = tempfile::tempdir().unwrap();
    let written = plots(compared, folder.path()).unwrap();
    assert!(written.len() >= compared.len(), "{written:?}");
    assert!(std::fs::read_to_string(&written[0]).unwrap().contains("raw-fsync"));
}

fn relays_that_hand_on_every_frame_by_itself_do_the_same() {
    let target = TargetName::RawFsync.target(&Where { relay_by_frame: true, ..place() }).unwrap();
    for work in short_works().iter().filter(|work| ["fanout", "offline"].contains(&work.name())) {
        judge(work, target.name(), &once(&*target, work, &Stop::default()).unwrap());
    }
}

fn a_broker_of_mqtt_is_spoken_with_and_every_delivery_is_answered() {
    let possible = ["pairs", "pace", "fanout", "offline"];
    for work in short_works().iter().filter(|work| possible.contains(&work.name())) {
        let broker = Broker::default();
        judge(work, broker.name(), &once(&broker, work, &Stop::default()).unwrap());
        let (sent, answered) = broker.sent_and_answered();
        assert!(sent > 0 && sent == answered, "{}: {answered} of {sent}", work.name());
    }
}

fn a_room_is_listened_to_where_there_are_rooms() {
    let line = ["packetboat-load", "fanout", "--room", "--members", "8", "--seconds", "1"];
    let Command::Work(work) = Args::parse_from(line).command else { panic!("it is a work") };
    let target = TargetName::Packetboat.target(&place()).unwrap();
    judge(&work, target.name(), &once(&*target, &work, &Stop::default()).unwrap());
    let relay = TargetName::Raw.target(&place()).unwrap();
    assert_eq!(work.unfit(relay.nature()), Some("it has no rooms"));
}

fn a_peer_that_is_not_where_it_is_said_to_be_is_told() {
    let nowhere = Where { mosquitto: Some("/nowhere/mosquitto".into()), ..place() };
    let target = TargetName::Mosquitto.target(&nowhere).unwrap();
    let error = once(&*target, &short_works()[0], &Stop::default()).unwrap_err().to_string();
    assert!(error.contains("cannot start /nowhere/mosquitto"), "{error}");
}

fn sessions_in_memory_are_opened_and_stay_alive() {
    let work = Sessions { sessions: 1_500, hold: 2, heartbeat_ms: 2_000 };
    let outcome = work.run(&Stop::default()).unwrap();
    assert!(outcome.faults.is_empty(), "{:?}", outcome.faults.sentences());
    // Once while they stay, and once at the end.
    assert!(outcome.value("heartbeats") >= Some(3_000.0), "{outcome:?}");
    assert!(outcome.value("rss_per_session") > Some(0.0), "{outcome:?}");
}

fn a_message_that_comes_twice_makes_any_run_bad() {
    let short = ["pairs", "fanout", "offline", "restart"];
    let works = short_works().into_iter().filter(|work| short.contains(&work.name()));
    let threads: Vec<_> = works
        .map(|work| {
            thread::spawn(move || {
                let target = Doubling(TargetName::RawFsync.target(&place()).unwrap());
                let outcome = once(&target, &work, &Stop::default()).unwrap();
                (work.name(), outcome.faults.sentences())
            })
        })
        .collect();
    assert_eq!(threads.len(), short.len());
    for thread in threads {
        let (work, faults) = thread.join().unwrap();
        assert!(!faults.is_empty(), "{work} does not see that a message comes twice");
    }
}
