//! `recv` against a server that says what a test wants it to. Must never wait without an end.

use clap::Parser;
use packetboat_client::proto::code::RejectCode;
use packetboat_client::proto::packet::{
    Answer, Item, Operation, Own, OwnAnswer, OwnItem, OwnPage, Packet,
};
use packetboat_client::{ChatId, Content, Entry, SeqRange, SeqSet, Verdict};

use super::*;
use crate::command::{Command, CommandLine};
use crate::fake::{Fake, response};
use crate::format::tests::entry;
use crate::out::tests::Page;

const CHAT: &str = "dm:alice:bob";

fn args(words: &str) -> RecvArgs {
    let words = ["packetboat-cli", "recv"].into_iter().chain(words.split_whitespace());
    match CommandLine::try_parse_from(words).unwrap().command {
        Some(Command::Recv(args)) => args,
        other => panic!("{other:?}"),
    }
}

/// Three entries of a chat, of which the first is hidden.
struct House {
    /// How often the own state is refused first.
    refusals: usize,
    code: RejectCode,
    /// The cursor that was acknowledged last.
    acked: u64,
}

impl House {
    fn new(refusals: usize, code: RejectCode) -> Self {
        Self { refusals, code, acked: 0 }
    }

    fn says(&mut self, packet: Packet) -> Vec<Packet> {
        match packet {
            Packet::Hello(_) => (1..=3).map(|seq| Packet::Deliver(said(seq))).collect(),
            Packet::Ack(cursors) => {
                self.acked = cursors.iter().map(|cursor| cursor.delivered).max().unwrap();
                Vec::new()
            }
            Packet::Request(request) => {
                vec![response(request.id, self.answer(request.operation.unwrap()))]
            }
            _ => Vec::new(),
        }
    }

    fn answer(&mut self, operation: Operation) -> Result<Answer, Verdict> {
        match operation {
            Operation::Own(Own::Changes { .. }) if self.refusals > 0 => {
                self.refusals -= 1;
                Err(Verdict::reject(self.code, "", 1))
            }
            Operation::Own(_) => {
                let mut seqs = SeqSet::default();
                seqs.insert(SeqRange::new(1, 1).unwrap());
                let item = Item::Hidden { chat: CHAT.parse().unwrap(), seqs };
                let items = vec![OwnItem { revision: 1, item: Some(item) }];
                let page = OwnPage { items, more: false, revision: 1, floor: 0 };
                Ok(Answer::Own(OwnAnswer::Changes(page)))
            }
            Operation::Chats { .. } => {
                let chat: ChatId = CHAT.parse().unwrap();
                let chats = vec![ChatState { head: 3, ..ChatState::of(chat) }];
                Ok(Answer::Chats { chats, more: false })
            }
            other => panic!("{other:?}"),
        }
    }
}

fn said(seq: u64) -> Entry {
    entry(CHAT, seq, "bob", &Content::text(format!("text {seq}")))
}

/// What is printed, and what comes of it.
async fn receive(
    house: &mut House,
    words: &str,
    timeout: Option<Duration>,
) -> (String, Result<(), Failure>) {
    let (server, account) = Fake::start().await;
    let (page, args) = (Page::default(), args(words));
    let mut out = Out::new(page.clone(), false);
    let serving = server.serve(|packet| house.says(packet));
    let receiving = recv(&account, &args, timeout, &mut out);
    let both = async { tokio::join!(serving, receiving) };
    let ((), outcome) = tokio::time::timeout(Duration::from_secs(20), both).await.unwrap();
    (page.text(), outcome)
}

fn texts(printed: &str) -> Vec<&str> {
    printed.lines().map(|line| line.split("bob: ").nth(1).unwrap()).collect()
}

#[tokio::test]
async fn what_the_user_has_deleted_is_not_printed_though_that_is_learned_late() {
    let mut house = House::new(1, RejectCode::Unavailable);
    let (printed, outcome) = receive(&mut house, "", Some(Duration::from_secs(15))).await;
    outcome.unwrap();
    assert_eq!(texts(&printed), ["text 2", "text 3"]);
    assert_eq!((house.refusals, house.acked), (0, 3));
}

#[tokio::test]
async fn where_it_cannot_be_known_what_is_deleted_nothing_is_printed_or_acknowledged() {
    for (code, timeout) in [
        (RejectCode::Unavailable, None),
        (RejectCode::NotAllowed, None),
        (RejectCode::NotAllowed, Some(Duration::from_secs(15))),
    ] {
        let mut house = House::new(1, code);
        let (printed, outcome) = receive(&mut house, "", timeout).await;
        let failure = outcome.unwrap_err();
        assert!(
            matches!(&failure, Failure::Refused(verdict)
            if verdict.reject_code() == Some(code)),
            "{failure}"
        );
        assert_eq!((printed.as_str(), house.acked), ("", 0), "{failure}");
    }
}

#[tokio::test]
async fn what_was_printed_is_acknowledged_though_there_was_less_than_was_waited_for() {
    let mut house = House::new(0, RejectCode::Unavailable);
    let wanted = Some(Duration::from_secs(3));
    let (printed, outcome) = receive(&mut house, "--count 5", wanted).await;
    assert!(matches!(outcome, Err(Failure::TimedOut(_))), "{outcome:?}");
    assert_eq!((texts(&printed).len(), house.acked), (2, 3));
}

#[tokio::test]
async fn no_more_is_acknowledged_than_was_to_be_printed() {
    let mut house = House::new(0, RejectCode::Unavailable);
    let (printed, outcome) = receive(&mut house, "--count 1", None).await;
    outcome.unwrap();
    assert_eq!((texts(&printed), house.acked), (vec!["text 2"], 2));
}

#[tokio::test]
async fn what_is_judged_waits_and_a_room_does_not() {
    let (_server, account) = Fake::start().await;
    let (client, _events) = Client::start(account.config(account.device())).unwrap();
    let mut judge = Judge::start(client, true);
    judge.add(said(1));
    judge.add(said(2));
    judge.add(entry("room:lobby", 7, "bob", &Content::text("now")));
    assert_eq!(judge.next().map(|judged| judged.entry.seq), Some(7));
    assert_eq!(judge.next(), None, "it is not known what is deleted");
}

#[tokio::test]
async fn what_waits_while_its_log_starts_over_is_shown_and_not_acknowledged() {
    let (server, account) = Fake::start().await;
    let mut house = House::new(0, RejectCode::Unavailable);
    let (client, _events) = Client::start(account.config(account.device())).unwrap();
    let mut judge = Judge::start(client.clone(), true);
    judge.add(said(1));
    judge.add(said(2));
    judge.reset(&CHAT.parse().unwrap());
    judge.add(said(3));
    let learning = async {
        judge.learns().await.unwrap();
        client.close().await;
    };
    tokio::join!(server.serve(|packet| house.says(packet)), learning);
    let judged = std::iter::from_fn(|| judge.next());
    let judged: Vec<_> = judged.map(|one| (one.entry.seq, one.hidden, one.void)).collect();
    assert_eq!(judged, [(1, true, true), (2, false, true), (3, false, false)]);
}

#[tokio::test]
async fn what_waits_is_given_out_however_fast_news_of_what_is_deleted_come() {
    let (server, account) = Fake::start().await;
    let mut house = House::new(0, RejectCode::Unavailable);
    let (client, _events) = Client::start(account.config(account.device())).unwrap();
    let mut judge = Judge::start(client.clone(), true);
    let learning = async {
        let mut given = Vec::new();
        for seq in 1..=4 {
            judge.add(said(seq));
            judge.read_on();
            judge.learns().await.unwrap();
            given.push(judge.next().map(|judged| (judged.entry.seq, judged.hidden)));
            assert_eq!(judge.next(), None, "what was read may be older than {seq}");
        }
        client.close().await;
        given
    };
    let both = async { tokio::join!(server.serve(|packet| house.says(packet)), learning).1 };
    let given = tokio::time::timeout(Duration::from_secs(20), both).await.unwrap();
    assert_eq!(given, [None, Some((1, true)), Some((2, false)), Some((3, false))]);
}
