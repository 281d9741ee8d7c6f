//! `send` against a server that says what a test wants it to. Must never wait without an end.

use super::*;
use packetboat_client::proto::code::{CloseCode, RejectCode};
use packetboat_client::proto::packet::{self, Packet, Rejected};

use crate::fake::Fake;
use crate::out::tests::{Closed, Full, Page, complaints};

/// What a server says whose disk is nearly full.
fn full(packet: Packet) -> Vec<Packet> {
    let Packet::Send(send) = packet else { return Vec::new() };
    let verdict = Verdict::reject(RejectCode::StoreFull, "1% free", 60_000);
    vec![Packet::Rejected(Rejected { chat: send.chat, id: send.id, verdict })]
}

#[tokio::test]
async fn a_send_that_is_given_up_says_what_was_in_its_way() {
    let (server, account) = Fake::start().await;
    let serving = tokio::spawn(async move { server.serve(full).await });
    let chat = "dm:alice:bob".parse().unwrap();
    let (limit, mut out) = (Duration::from_secs(3), Out::new(Page::default(), false));
    let drafts = drafts("hi".to_owned(), Manner::default()).unwrap();
    let failure = post(&account, &chat, drafts, Some(limit), &mut out).await.unwrap_err();
    assert_eq!(failure.to_string(), "not done within 3 s: STORE_FULL: 1% free");
    serving.await.unwrap();
}

#[tokio::test]
async fn time_goes_on_while_another_session_is_looked_for() {
    let (server, account) = Fake::start().await;
    let serving = async move {
        let replaced = Verdict::close(CloseCode::Replaced, "", 0);
        let says = |packet| match packet {
            Packet::Send(_) => vec![Packet::Goodbye(replaced.clone())],
            _ => Vec::new(),
        };
        server.serve(says).await;
        // From here on nobody takes a connection.
    };
    let (chat, limit) = ("dm:alice:bob".parse().unwrap(), Duration::from_millis(500));
    let mut out = Out::new(Page::default(), false);
    let drafts = drafts("hi".to_owned(), Manner::default()).unwrap();
    let posting = post(&account, &chat, drafts, Some(limit), &mut out);
    let both = async { tokio::join!(serving, posting).1 };
    let outcome = tokio::time::timeout(Duration::from_secs(20), both).await.unwrap();
    assert!(matches!(outcome, Err(Failure::TimedOut(_))), "{outcome:?}");
}

#[tokio::test]
async fn all_lines_are_sent_though_nobody_reads_what_became_of_them() {
    let (server, account) = Fake::start().await;
    let mut sent = 0;
    let serving = server.serve(|packet| {
        let Packet::Send(send) = packet else { return Vec::new() };
        sent += 1;
        let (chat, id) = (send.chat, send.id);
        vec![Packet::Accepted(packet::Accepted { chat, id, seq: sent, at_ms: 1, duplicate: false })]
    });
    let (lines, received) = mpsc::channel(4);
    let feeding = async move {
        for number in 1..=500 {
            lines.send(Ok((number, format!("text {number}")))).await.unwrap();
        }
    };
    let (chat, mut out) = ("dm:alice:bob".parse().unwrap(), Out::new(Closed, false));
    let drafts = Drafts::Lines(received, Manner::default());
    let limit = Some(Duration::from_secs(10));
    let posting = post(&account, &chat, drafts, limit, &mut out);
    let all = async { tokio::join!(serving, feeding, posting).2 };
    tokio::time::timeout(Duration::from_secs(20), all).await.unwrap().unwrap();
    assert_eq!(sent, 500);
}

/// Lines of stdin.
fn lines(texts: &[(u64, &str)]) -> Drafts {
    let (lines, received) = mpsc::channel(texts.len());
    for (number, text) in texts {
        lines.try_send(Ok((*number, (*text).to_owned()))).unwrap();
    }
    Drafts::Lines(received, Manner::default())
}

/// What comes of three lines of which the second is blank, and what is complained of, where
/// `last` says what the server does once it has both.
async fn given_up(
    account: impl FnOnce(&mut Account),
    last: impl Fn(packet::Send) -> Packet,
    mut out: Out,
) -> (Failure, Vec<String>) {
    let (server, mut of) = Fake::start().await;
    account(&mut of);
    let mut sends = Vec::new();
    let serving = async {
        let says = |packet| {
            let Packet::Send(send) = packet else { return Vec::new() };
            sends.push(send);
            if sends.len() == 2 { vec![last(sends[0].clone())] } else { Vec::new() }
        };
        server.serve(says).await;
        // From here on nobody takes a connection.
    };
    let (chat, limit) = ("dm:alice:bob".parse().unwrap(), Duration::from_secs(2));
    drop(complaints());
    let drafts = lines(&[(7, "seven"), (8, ""), (9, "nine")]);
    let posting = post(&of, &chat, drafts, Some(limit), &mut out);
    let both = async { tokio::join!(serving, posting).1 };
    let outcome = tokio::time::timeout(Duration::from_secs(20), both).await.unwrap();
    (outcome.unwrap_err(), complaints())
}

fn accepted(send: packet::Send) -> Packet {
    let packet::Send { chat, id, .. } = send;
    Packet::Accepted(packet::Accepted { chat, id, seq: 1, at_ms: 1, duplicate: false })
}

#[tokio::test]
async fn lines_that_are_given_up_are_named_whatever_is_in_their_way() {
    let both = "lines 7 to 9: no answer; they may have been sent";
    let one = "line 9: no answer; it may have been sent";
    let close = |code| Packet::Goodbye(Verdict::close(code, "", 0));
    let page = || Out::new(Page::default(), false);
    let on_a_device = |account: &mut Account| account.device = Some("desk".parse().unwrap());

    let (failure, said) = given_up(|_| (), accepted, page()).await;
    assert!(matches!(failure, Failure::TimedOut(_)), "no answer in time: {failure}");
    assert_eq!(said, [one]);

    let (failure, said) = given_up(|_| (), |_| close(CloseCode::Replaced), page()).await;
    assert!(matches!(failure, Failure::TimedOut(_)), "no other session in time: {failure}");
    assert_eq!(said.last().unwrap(), both);

    let replaced = given_up(on_a_device, |_| close(CloseCode::Replaced), page());
    let (failure, said) = replaced.await;
    assert!(matches!(failure, Failure::Ended(_)), "it may not move: {failure}");
    assert_eq!(said, [both]);

    let (failure, said) = given_up(|_| (), accepted, Out::new(Full, false)).await;
    assert!(matches!(failure, Failure::Output(_)), "nobody can be told: {failure}");
    assert_eq!(said, [one]);
}

#[tokio::test]
async fn a_line_that_no_client_takes_is_named() {
    let (server, account) = Fake::start().await;
    let posting = async {
        let mut out = Out::new(Page::default(), false);
        let mut post = Post {
            visit: Visit::open(&account, true).await.unwrap(),
            chat: &"dm:alice:bob".parse().unwrap(),
            limit: Duration::from_millis(200),
            pending: VecDeque::new(),
            sent: 0,
            failed: 0,
            out: &mut out,
        };
        assert_eq!(post.unanswered(), None);
        post.visit.client().close().await;
        let failure = post.run(lines(&[(7, "seven"), (9, "nine")])).await.unwrap_err();
        assert!(matches!(failure, Failure::Ended(Ending::Closed)), "{failure}");
        post.unanswered()
    };
    let both = async { tokio::join!(server.serve(|_| Vec::new()), posting).1 };
    let said = tokio::time::timeout(Duration::from_secs(20), both).await.unwrap();
    assert_eq!(said.as_deref(), Some("line 7: no answer; it may have been sent"));
}

#[tokio::test]
async fn a_line_whose_refusal_cannot_be_written_out_is_named() {
    let refused = |send: packet::Send| {
        let verdict = Verdict::reject(RejectCode::NotAllowed, "", 0);
        Packet::Rejected(Rejected { chat: send.chat, id: send.id, verdict })
    };
    let (failure, said) = given_up(|_| (), refused, Out::new(Full, true)).await;
    assert!(matches!(failure, Failure::Output(_)), "{failure}");
    let expected = ["line 7: refused: NOT_ALLOWED", "line 9: no answer; it may have been sent"];
    assert_eq!(said, expected);
}

#[tokio::test]
async fn blank_lines_are_not_sent_and_keep_their_numbers() {
    let (lines, received) = mpsc::channel(4);
    for (number, text) in [(1, "one"), (2, " "), (3, "three")] {
        lines.send(Ok((number, text.to_owned()))).await.unwrap();
    }
    drop(lines);
    let mut drafts = Drafts::Lines(received, Manner::default());
    let mut found = Vec::new();
    while let Some(draft) = drafts.next().await {
        found.push(draft.unwrap().line.unwrap());
    }
    assert_eq!(found, [1, 3]);
}

#[tokio::test]
async fn a_single_text_is_sent_once_as_it_is() {
    let mut drafts = drafts(" spaced\nlines ".to_owned(), Manner::default()).unwrap();
    let draft = drafts.next().await.unwrap().unwrap();
    assert_eq!(draft.content, Content::text(" spaced\nlines ").encode());
    assert!(drafts.next().await.is_none());
}

#[tokio::test]
async fn a_text_of_a_media_type_is_data() {
    let data = Manner { media_type: Some("text/csv".into()), ..Manner::default() };
    let mut drafts = drafts("a,b".to_owned(), data).unwrap();
    let draft = drafts.next().await.unwrap().unwrap();
    let expected = Content::Data { media_type: "text/csv".into(), body: "a,b".into() };
    assert_eq!(draft.content, expected.encode());
    let none = Manner { media_type: Some("é".into()), ..Manner::default() };
    assert!(matches!(super::drafts("x".to_owned(), none), Err(Failure::Usage(_))));
}
