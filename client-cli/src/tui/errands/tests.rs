//! Errands at a server that says what a test wants it to. Must never wait without an end.

use std::time::Duration;

use packetboat_client::proto::code::RejectCode;
use packetboat_client::proto::packet::{self, Operation, Packet};
use packetboat_client::{ChatState, OwnState, Verdict};
use tokio::time::Instant;

use super::*;
use crate::fake::{Fake, response};
use crate::format::tests::entry;

const CHAT: &str = "dm:alice:bob";

fn answer(operation: &Operation) -> packet::Answer {
    let text = entry(CHAT, 1, "bob", &packetboat_client::Content::text("hi"));
    let own = packet::OwnPage { items: Vec::new(), more: false, revision: 0, floor: 0 };
    match operation {
        Operation::History { .. } => {
            packet::Answer::History { entries: vec![text.encode()], more: false }
        }
        Operation::Recent(_) => {
            packet::Answer::Recent { chats: vec![ChatState::of(text.chat)], more: false }
        }
        Operation::Own(_) => packet::Answer::Own(packet::OwnAnswer::Changes(own)),
        Operation::Presence { .. } => packet::Answer::Presence(Vec::new()),
        other => panic!("{other:?}"),
    }
}

/// What was asked, and so many answers to effects, where the server refuses the first `refusals`
/// questions for now. Once it has refused one, the effects of `then` are to be run.
async fn ran(
    (effect, then): (Effect, Vec<Effect>),
    refusals: usize,
    count: usize,
) -> (Vec<(Operation, Instant)>, Vec<Answer>) {
    let (server, account) = Fake::start().await;
    let (mut asked, (refused, mut told)) = (Vec::new(), mpsc::unbounded_channel());
    let serving = server.serve(|came| {
        let Packet::Request(request) = came else { return Vec::new() };
        let operation = request.operation.unwrap();
        let answer = answer(&operation);
        asked.push((operation, Instant::now()));
        if asked.len() > refusals {
            return vec![response(request.id, Ok(answer))];
        }
        refused.send(()).unwrap();
        vec![response(request.id, Err(Verdict::reject(RejectCode::Unavailable, "", 1)))]
    });
    let asking = async {
        let (client, _events) = Client::start(account.config(account.device())).unwrap();
        let (errands, mut answers) = Errands::start(client.clone());
        errands.run(effect);
        told.recv().await.unwrap();
        for effect in then {
            errands.run(effect);
        }
        let mut came = Vec::new();
        while came.len() < count {
            came.push(answers.recv().await.unwrap());
        }
        // What was still to be asked would be asked before this.
        client.presence(Vec::new()).await.unwrap();
        client.close().await;
        came
    };
    let both = async { tokio::join!(serving, asking).1 };
    let came = tokio::time::timeout(Duration::from_secs(20), both).await.unwrap();
    (asked, came)
}

fn page(chat: &str) -> Effect {
    Effect::AskPage { chat: chat.parse().unwrap(), edge: Edge::Before(0) }
}

#[tokio::test]
async fn a_log_that_cannot_be_had_for_now_is_not_taken_for_an_empty_one() {
    let (_, answers) = ran((page(CHAT), Vec::new()), 1, 1).await;
    let [Answer::Page { page: Ok(page), .. }] = answers.as_slice() else { panic!("{answers:?}") };
    assert_eq!(page.items.len(), 1);
}

#[tokio::test]
async fn the_chats_are_asked_for_until_they_are_there_by_one_who_waits_longer_and_longer() {
    let (asked, answers) = ran((Effect::AskChats, vec![Effect::AskChats; 20]), 2, 2).await;
    let [Answer::Chats(first), Answer::Chats(anew)] = answers.as_slice() else {
        panic!("{answers:?}")
    };
    assert_eq!((first.len(), anew.len()), (1, 1));
    let [first, second, third, anew, (Operation::Presence { .. }, _)] = asked.as_slice() else {
        panic!("{asked:?}")
    };
    assert!([first, second, third, anew].iter().all(|(of, _)| matches!(of, Operation::Recent(_))));
    assert!(second.1 - first.1 >= Duration::from_secs(1));
    assert!(third.1 - second.1 >= Duration::from_secs(2));
}

#[tokio::test]
async fn of_many_chats_that_are_opened_one_after_the_other_the_last_is_asked_for() {
    let others = (0..20).map(|number| page(&format!("dm:alice:u{number}"))).collect();
    let (asked, answers) = ran((page(CHAT), others), 1, 1).await;
    let last = "dm:alice:u19";
    assert!(matches!(&answers[..], [Answer::Page { chat, .. }] if chat.as_str() == last));
    let [_, (Operation::History { chat, .. }, _), (Operation::Presence { .. }, _)] = &asked[..]
    else {
        panic!("{asked:?}")
    };
    assert_eq!(chat.as_str(), last);
}

#[tokio::test]
async fn what_is_deleted_is_asked_for_until_it_is_known_and_what_is_in_the_way_is_told_once() {
    let (asked, answers) = ran((Effect::SyncOwn, Vec::new()), 2, 2).await;
    let [Answer::Failed(_), Answer::Own(own)] = answers.as_slice() else { panic!("{answers:?}") };
    assert_eq!(own.revision(), OwnState::default().revision());
    assert!(asked[2].1 - asked[1].1 >= Duration::from_secs(2), "it waits longer and longer");
}
