//! Search (SPEC.md section 5.16), of servers that have it. Must never take what is found late for
//! what is not found: an index may come after the log.

use std::time::Duration;

use packetboat_proto::code::RejectCode;
use packetboat_proto::content::{Alteration, Body, Content, GroupChange};
use packetboat_proto::entry::Entry;
use packetboat_proto::id::ChatId;
use packetboat_proto::packet::{Answer, Operation, Own, Search, SearchPage};
use packetboat_proto::seqs::SeqRange;
use tokio::time::{Instant, sleep};

use crate::check::checks;
use crate::outcome::{Checked, ensure, fail, same, skip};

use super::bed::Bed;
use super::peer::Peer;

/// Between two looks for whether something is found by now.
const LOOK: Duration = Duration::from_millis(50);

checks! {
    "search", Bed;
    Must offered ["SR-1", "SR-2"] "a server searches, or says UNSUPPORTED and nothing else";
    Must found ["SR-1", "SR-4"] "what has all of the words is found, the newest first, in pages";
    Must rights ["SR-2"] "nothing is found of others' chats, nor what is hidden or after a leave";
    Must changed ["SR-3"] "what is recalled is not found, what is edited by its newest text alone";
}

fn words(words: &str) -> Search {
    Search { words: words.to_owned(), chat: None, before: None, limit: 0 }
}

async fn try_ask(peer: &mut Peer, asked: Search) -> Checked<Result<SearchPage, RejectCode>> {
    match peer.ask(Operation::Search(asked)).await? {
        Ok(Answer::Search(page)) => Ok(Ok(page)),
        Err(verdict) => match verdict.reject_code() {
            Some(code) => Ok(Err(code)),
            None => fail("a known code", format_args!("{verdict:?}")),
        },
        other => fail("an answer to its question", format_args!("{other:?}")),
    }
}

async fn ask(peer: &mut Peer, asked: Search) -> Checked<SearchPage> {
    match try_ask(peer, asked).await? {
        Ok(page) => Ok(page),
        Err(RejectCode::Unsupported) => skip("the server has no search"),
        Err(code) => fail("a page of what was found", format_args!("{code:?}")),
    }
}

/// All that is found now, in pages of at most so many.
async fn all(peer: &mut Peer, asked: &Search) -> Checked<Vec<Entry>> {
    let (mut entries, mut before) = (Vec::new(), None);
    loop {
        let page = ask(peer, Search { before: before.take(), ..asked.clone() }).await?;
        if asked.limit > 0 {
            let (most, had) = (asked.limit as usize, page.entries.len());
            ensure(had <= most, format_args!("a page of {most} at most"), had)?;
        }
        for body in page.entries {
            entries.push(Entry::decode(body).or_else(|error| fail("an entry", error))?);
        }
        before = page.next;
        if before.is_none() {
            return Ok(entries);
        }
    }
}

async fn seqs(peer: &mut Peer, asked: &Search) -> Checked<Vec<u64>> {
    Ok(all(peer, asked).await?.into_iter().map(|entry| entry.seq).collect())
}

/// Asks until what is found is what it is to be in the end.
async fn comes_to(bed: &Bed, peer: &mut Peer, asked: &Search, wanted: &[u64]) -> Checked {
    let until = Instant::now() + bed.patience;
    loop {
        let found = seqs(peer, asked).await?;
        if found == wanted || Instant::now() >= until {
            return same("what is found", wanted, &found[..]);
        }
        sleep(LOOK).await;
    }
}

async fn offered(bed: &Bed) -> Checked {
    let [ada] = bed.users()?;
    let mut peer = Peer::login(bed, &ada).await?;
    let room = ChatId::room(bed.group().as_str().trim_start_matches("group:"));
    let Ok(room) = room else { return fail("a room's name", "none") };
    let of_room = Search { chat: Some(room), ..words("tide") };
    same("of a room", Err(RejectCode::Unsupported), try_ask(&mut peer, of_room).await?)?;
    match try_ask(&mut peer, words("tide")).await? {
        Err(RejectCode::Unsupported) => Ok(()),
        Err(code) => fail("a page, or UNSUPPORTED", format_args!("{code:?}")),
        Ok(_) => {
            let none = try_ask(&mut peer, words(" ?! ")).await?;
            same("without a word", Err(RejectCode::Invalid), none)
        }
    }
}

async fn found(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let (group, mut one) = Peer::crew(bed, &ada, &[&bob]).await?;
    let mut other = Peer::login(bed, &bob).await?;
    let mut seqs = Vec::new();
    for text in ["The tide turns", "ebb, and tide", "潮汐表を見て", "ebb alone"] {
        seqs.push(one.text(bed, &group, text).await?.seq);
    }
    let within = |text: &str| Search { chat: Some(group.clone()), ..words(text) };
    comes_to(bed, &mut other, &within("ebb"), &[seqs[3], seqs[1]]).await?;
    comes_to(bed, &mut other, &within("TIDE"), &[seqs[1], seqs[0]]).await?;
    comes_to(bed, &mut other, &within("tide ebb"), &[seqs[1]]).await?;
    comes_to(bed, &mut other, &within("潮汐"), &[seqs[2]]).await?;
    comes_to(bed, &mut other, &within("tides"), &[]).await?;
    let paged = Search { limit: 1, ..within("ebb") };
    comes_to(bed, &mut other, &paged, &[seqs[3], seqs[1]]).await?;
    let everywhere = all(&mut other, &words("tide ebb")).await?;
    let there: Vec<_> = everywhere.iter().filter(|entry| entry.chat == group).collect();
    same("in all chats", 1, there.len())
}

async fn rights(bed: &Bed) -> Checked {
    let [ada, bob, eve] = bed.users()?;
    let (group, mut one) = Peer::crew(bed, &ada, &[&bob]).await?;
    let (mut other, mut third) = (Peer::login(bed, &bob).await?, Peer::login(bed, &eve).await?);
    let seen = one.text(bed, &group, "tide within").await?.seq;
    let hidden = one.text(bed, &group, "tide hidden").await?.seq;
    let ranges = SeqRange::new(hidden, hidden).into_iter().collect();
    let hide = Operation::Own(Own::Hide { chat: group.clone(), ranges });
    if let Err(verdict) = other.ask(hide).await? {
        return fail("an entry that is hidden", verdict.reason);
    }
    one.change(bed, &group, GroupChange::Removed(vec![bob.clone()])).await?;
    let after = one.text(bed, &group, "tide after").await?.seq;
    let within = Search { chat: Some(group.clone()), ..words("tide") };
    comes_to(bed, &mut one, &within, &[after, hidden, seen]).await?;
    same("of one who is out", vec![seen], seqs(&mut other, &within).await?)?;
    let refused = try_ask(&mut third, within).await?;
    same("another's chat", Err(RejectCode::NoSuchChat), refused)?;
    let all = all(&mut third, &words("tide")).await?;
    let theirs = all.iter().filter(|entry| entry.chat == group).count();
    same("what is found of another's chat", 0, theirs)
}

async fn changed(bed: &Bed) -> Checked {
    let [ada, bob] = bed.users()?;
    let (group, mut one) = Peer::crew(bed, &ada, &[&bob]).await?;
    let mut other = Peer::login(bed, &bob).await?;
    let recalled = one.text(bed, &group, "tide one").await?.seq;
    let edited = one.text(bed, &group, "tide two").await?.seq;
    let within = |text: &str| Search { chat: Some(group.clone()), ..words(text) };
    comes_to(bed, &mut other, &within("tide"), &[edited, recalled]).await?;
    let recall = Content::Entry(Alteration::Recalled { seq: recalled }).encode();
    one.post(&group, bed.message(), recall).await?;
    let new = Body::Text("ebb two".to_owned());
    let edit = Content::Entry(Alteration::Edited { seq: edited, new }).encode();
    let edit = one.post(&group, bed.message(), edit).await?.seq;
    same("what was said before", Vec::<u64>::new(), seqs(&mut other, &within("tide")).await?)?;
    comes_to(bed, &mut other, &within("ebb two"), &[edit]).await
}
