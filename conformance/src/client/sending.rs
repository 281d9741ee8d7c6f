//! The outbox (SPEC.md sections 5.2, 8 and 11): what a client sends, again and no more. Must never
//! take the order of two chats for one: all is sent to one chat here.

use std::time::Duration;

use packetboat_proto::code::{CloseCode, RejectCode};
use packetboat_proto::content::Content;
use packetboat_proto::entry::Entry;
use packetboat_proto::id::MessageId;
use packetboat_proto::packet::{Accepted, Packet, Send, Verdict};
use tokio::time::Instant;

use crate::check::checks;
use crate::outcome::{Checked, ensure, fail, same, skip};

use super::guest::{Guest, entry_of};
use super::harbor::Harbor;
use super::stage::Stage;

/// How long nothing may be sent that may not be.
const QUIET: Duration = Duration::from_millis(500);
/// Within this a client that sends again on the same connection (X-3: after 10 s or more) does so.
const RESENT: Duration = Duration::from_secs(20);
/// How long a client is told more than its sockets hold.
const WRITING: Duration = Duration::from_secs(2);
/// How long a server asks to wait before a message is sent again.
const LATER_MS: u32 = 700;

checks! {
    "sending", Harbor;
    Must new_ids ["I-5"] "each message has an id of its own, and its text as its content";
    Must outbox_again ["X-2", "X-1"]
        "after a Welcome the whole outbox is sent again, in order, before newer messages";
    Must accepted_is_done ["X-4"] "what was accepted, as a duplicate too, is not sent again";
    Must any_order_of_answers ["M-2"] "answers in another order are matched by id";
    Must rejected_for_good ["X-4", "R-5"] "what is rejected with NEVER is not sent again";
    Must rejected_for_now ["R-5"] "what is rejected with LATER is sent again, after its time";
    Must refused_before_the_last ["X-4"]
        "of a message that was sent twice on a connection only the last refusal counts";
    Must one_content_for_an_id ["M-5", "R-5"]
        "no id is used for two contents, whatever became of the first";
    Must unknown_verdict ["R-2", "V-4", "R-5"]
        "a code that nobody knows is obeyed by its retry, and UNSPECIFIED is LATER";
    Should nothing_overtakes ["X-5"] "while a message waits, no more of its chat are sent";
    Should limit_of_sends ["M-6"] "no more than limits.sends are unanswered";
    Must too_large ["M-12"] "a content over max_content is not sent, and the next one is";
    Must unknown_answers ["X-4"] "an answer to no message of the outbox is ignored";
    Must own_delivery ["X-10"] "an own message that is delivered is accepted, and not shown";
    Must reads_while_writing ["L-2"] "it goes on reading while its writes are held back";
}

fn text_of(send: &Send) -> Checked<String> {
    match Content::decode(&send.content, usize::MAX) {
        Ok(Content::Text(text)) => Ok(text),
        other => fail("a text", format_args!("{other:?}")),
    }
}

async fn texts(guest: &mut Guest, count: usize) -> Checked<Vec<String>> {
    guest.sent_all(count).await?.iter().map(text_of).collect()
}

/// No message is sent for a while, or it is told which.
async fn none_sent(guest: &mut Guest, time: Duration, why: &str) -> Checked {
    for packet in guest.within(time).await? {
        match packet {
            Some(Packet::Send(send)) => {
                return fail(why, format_args!("a Send of {:?}", text_of(&send)));
            }
            Some(Packet::Goodbye(_)) | None => return fail(why, "the end of the session"),
            Some(_) => {}
        }
    }
    Ok(())
}

/// A client that was told those texts, and its session.
async fn told(harbor: &Harbor, texts: &[&str]) -> Checked<(Stage, Guest)> {
    harbor.driven()?;
    let mut stage = harbor.stage().await?;
    for text in texts {
        stage.tell(text).await?;
    }
    let guest = stage.session().await?;
    Ok((stage, guest))
}

async fn new_ids(harbor: &Harbor) -> Checked {
    let (stage, mut guest) = told(harbor, &["same", "same", "same"]).await?;
    let sends = guest.sent_all(3).await?;
    for send in &sends {
        same("the chat", &stage.chat(), &send.chat)?;
        same("the text", "same", text_of(send)?.as_str())?;
    }
    let ids: std::collections::HashSet<MessageId> = sends.iter().map(|send| send.id).collect();
    same("ids", 3, ids.len())
}

async fn outbox_again(harbor: &Harbor) -> Checked {
    let (mut stage, mut guest) = told(harbor, &["1", "2", "3"]).await?;
    let first = guest.sent_all(3).await?;
    drop(guest);
    stage.tell("4").await?;
    let mut guest = stage.session().await?;
    let again = guest.sent_all(4).await?;
    same("the messages again", &first[..], &again[..3])?;
    same("the newer one behind them", "4", text_of(&again[3])?.as_str())
}

async fn accepted_is_done(harbor: &Harbor) -> Checked {
    let (mut stage, mut guest) = told(harbor, &["1", "2", "3"]).await?;
    let sends = guest.sent_all(3).await?;
    guest.accept(&sends[0], 1).await?;
    let (chat, id) = (sends[2].chat.clone(), sends[2].id);
    guest.told_of(&chat, 3);
    guest.say(Packet::Accepted(Accepted { chat, id, seq: 3, at_ms: 1, duplicate: true })).await?;
    guest.sync().await?;
    drop(guest);
    let mut guest = stage.session().await?;
    same("what was not answered", vec!["2".to_owned()], texts(&mut guest, 1).await?)?;
    none_sent(&mut guest, QUIET, "nothing else").await
}

async fn any_order_of_answers(harbor: &Harbor) -> Checked {
    let (mut stage, mut guest) = told(harbor, &["1", "2"]).await?;
    let sends = guest.sent_all(2).await?;
    guest.accept(&sends[1], 2).await?;
    guest.sync().await?;
    drop(guest);
    let mut guest = stage.session().await?;
    same("the one that was not answered", &sends[0], &guest.sent().await?)?;
    guest.accept(&sends[0], 1).await?;
    guest.sync().await?;
    drop(guest);
    none_sent(&mut stage.session().await?, QUIET, "nothing more").await
}

async fn rejected_for_good(harbor: &Harbor) -> Checked {
    let (mut stage, mut guest) = told(harbor, &["1", "2"]).await?;
    let sends = guest.sent_all(2).await?;
    let verdict = Verdict::reject(RejectCode::NotAllowed, "send it again at once", 0);
    guest.reject(&sends[0], verdict).await?;
    guest.sync().await?;
    drop(guest);
    let mut guest = stage.session().await?;
    same("the other one", &sends[1], &guest.sent().await?)?;
    none_sent(&mut guest, QUIET, "nothing else").await
}

async fn refused_before_the_last(harbor: &Harbor) -> Checked {
    harbor.worth(RESENT)?;
    let (mut stage, mut guest) = told(harbor, &["twice"]).await?;
    let send = guest.sent().await?;
    guest.stream.set_patience(RESENT * 2);
    match tokio::time::timeout(RESENT, guest.sent()).await {
        Ok(again) => same("the message again", &send, &again?)?,
        Err(_) => return skip("it does not send a message again on the same connection (X-3)"),
    }
    let verdict = Verdict::reject(RejectCode::NotAllowed, "", 0);
    guest.reject(&send, verdict.clone()).await?;
    guest.sync().await?;
    // The second was not answered, and may be stored: it is not done.
    drop(guest);
    let mut guest = stage.session().await?;
    same("the message whose last copy was not answered", &send, &guest.sent().await?)?;
    guest.reject(&send, verdict).await?;
    guest.sync().await?;
    drop(guest);
    none_sent(&mut stage.session().await?, QUIET, "nothing that was refused").await
}

async fn one_content_for_an_id(harbor: &Harbor) -> Checked {
    let (mut stage, mut guest) = told(harbor, &["1", "2", "3"]).await?;
    let first = guest.sent_all(3).await?;
    guest.accept(&first[0], 1).await?;
    guest.reject(&first[1], Verdict::reject(RejectCode::Conflict, "", 0)).await?;
    guest.sync().await?;
    drop(guest);
    stage.tell("4").await?;
    stage.tell("1").await?;
    let mut guest = stage.session().await?;
    // Another content under an id of before fails where it is read.
    same("the one that was not answered", &first[2], &guest.sent().await?)?;
    let newer = guest.sent_all(2).await?;
    let is_old = |send: &&Send| first.iter().any(|old| old.id == send.id);
    same("new messages under old ids", 0, newer.iter().filter(is_old).count())
}

/// The same message again, not before its time and not long after.
async fn again_later(guest: &mut Guest, first: &Send, begun: Instant) -> Checked {
    same("the message again", first, &guest.sent().await?)?;
    let (waited, named) = (begun.elapsed(), Duration::from_millis(LATER_MS.into()));
    let right = waited >= named && waited < named * 2 + Duration::from_secs(3);
    let expected = format!("a wait of {named:?} and up to as long again");
    ensure(right, expected, format_args!("{waited:?}"))
}

async fn rejected_for_now(harbor: &Harbor) -> Checked {
    let (_stage, mut guest) = told(harbor, &["for now"]).await?;
    let send = guest.sent().await?;
    let begun = Instant::now();
    guest.reject(&send, Verdict::reject(RejectCode::StoreFull, "", LATER_MS)).await?;
    again_later(&mut guest, &send, begun).await
}

async fn unknown_verdict(harbor: &Harbor) -> Checked {
    for (code, retry) in [(999, None), (1, Some(packetboat_proto::code::Retry::Later))] {
        let (_stage, mut guest) = told(harbor, &["who knows"]).await?;
        let send = guest.sent().await?;
        let begun = Instant::now();
        let known = Verdict::reject(RejectCode::StoreFull, "never come back", LATER_MS);
        guest.reject(&send, Verdict { code, retry, ..known }).await?;
        again_later(&mut guest, &send, begun).await?;
    }
    Ok(())
}

async fn nothing_overtakes(harbor: &Harbor) -> Checked {
    let (mut stage, mut guest) = told(harbor, &["1"]).await?;
    let send = guest.sent().await?;
    guest.reject(&send, Verdict::reject(RejectCode::StoreFull, "", 1_500)).await?;
    guest.sync().await?;
    stage.tell("2").await?;
    none_sent(&mut guest, QUIET, "nothing of that chat for now").await?;
    same("the one that waited", &send, &guest.sent().await?)
}

async fn limit_of_sends(harbor: &Harbor) -> Checked {
    harbor.driven()?;
    let mut stage = harbor.stage().await?;
    let mut guest = stage.session_with(|welcome| welcome.limits.sends = 2).await?;
    guest.sync().await?;
    for text in ["1", "2", "3", "4"] {
        stage.tell(text).await?;
    }
    let sends = guest.sent_all(2).await?;
    none_sent(&mut guest, QUIET, "two unanswered messages at most").await?;
    guest.accept(&sends[0], 1).await?;
    same("the next one", vec!["3".to_owned()], texts(&mut guest, 1).await?)
}

async fn too_large(harbor: &Harbor) -> Checked {
    harbor.driven()?;
    let mut stage = harbor.stage().await?;
    let small = |limits: &mut packetboat_proto::packet::Limits| {
        limits.max_body = 16_384;
        limits.max_content = 15_360;
    };
    let mut guest = stage.session_with(|welcome| small(&mut welcome.limits)).await?;
    guest.sync().await?;
    stage.tell(&"x".repeat(15_361)).await?;
    stage.tell("small").await?;
    // A larger body is refused where frames are read, a larger content here.
    same("what is sent", vec!["small".to_owned()], texts(&mut guest, 1).await?)?;
    none_sent(&mut guest, QUIET, "nothing over the limit").await
}

async fn unknown_answers(harbor: &Harbor) -> Checked {
    let mut stage = harbor.stage().await?;
    let mut guest = stage.session().await?;
    let (chat, id) = (stage.chat(), MessageId::from([3; 16]));
    let send = Send { chat, id, content: Content::text("nobody sent it").encode() };
    guest.reject(&send, Verdict::reject(RejectCode::Invalid, "", 0)).await?;
    guest.reject(&send, Verdict::reject(RejectCode::StoreFull, "", 100)).await?;
    guest.sync().await?;
    none_sent(&mut guest, QUIET, "nothing that was never sent").await
}

async fn own_delivery(harbor: &Harbor) -> Checked {
    let (mut stage, mut guest) = told(harbor, &["mine"]).await?;
    let send = guest.sent().await?;
    drop(guest);
    let mut guest = stage.session().await?;
    let (chat, sender) = (send.chat.clone(), stage.user.clone());
    let (id, content) = (send.id, send.content.clone());
    guest.deliver(Entry { chat, seq: 1, sender, id, at_ms: 1, content }).await?;
    let answer = entry_of(&send.chat, 2, &stage.peer, "yours");
    guest.deliver(answer).await?;
    stage.said("yours").await?;
    guest.acked(&send.chat, 2).await?;
    drop(guest);
    none_sent(&mut stage.session().await?, QUIET, "nothing that was delivered").await
}

async fn reads_while_writing(harbor: &Harbor) -> Checked {
    harbor.driven()?;
    let mut stage = harbor.stage().await?;
    let mut guest = stage.session().await?;
    guest.sync().await?;
    let (chat, peer) = (stage.chat(), stage.peer.clone());
    let Some(mut app) = stage.app.take() else { return Ok(()) };
    // More than the sockets hold: nothing of it is read here.
    let writing = async {
        let long = "x".repeat(30_000);
        loop {
            if let Err(stop) = app.tell(&long).await {
                return stop;
            }
        }
    };
    if let Ok(stop) = tokio::time::timeout(WRITING, writing).await {
        return Err(stop);
    }
    for seq in 1..=3 {
        let entry = entry_of(&chat, seq, &peer, &format!("heard {seq}"));
        guest.deliver(entry).await?;
    }
    stage.app = Some(app);
    for seq in 1..=3 {
        stage.said(&format!("heard {seq}")).await?;
    }
    guest.say(Packet::Goodbye(Verdict::close(CloseCode::Replaced, "", 0))).await
}
