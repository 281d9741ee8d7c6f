//! Search, end to end: what is found and what must not be, at once when the index has caught up,
//! and at no time what the user may not see; and a server that has none.

use packetboat_proto::code::RejectCode;
use packetboat_proto::packet::{Answer, Operation, Search, SearchPage};

use crate::house::House;
use crate::peer::{Peer, chat};

const DM: &str = "dm:ada:bob";

fn search(words: &str) -> Search {
    Search { words: words.to_owned(), chat: None, before: None, limit: 0 }
}

async fn ask(peer: &mut Peer, search: Search) -> Result<SearchPage, RejectCode> {
    match peer.ask(Operation::Search(search)).await {
        Ok(Answer::Search(page)) => Ok(page),
        Err(verdict) => Err(verdict.reject_code().unwrap()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_server_without_search_says_so() {
    let house = House::open().await;
    let mut ada = Peer::login(house.address, "ada", "x").await;
    ada.post(DM, 1, "the tide table").await;
    assert_eq!(ask(&mut ada, search("tide")).await, Err(RejectCode::Unsupported));
    let within = Search { chat: Some(chat(DM)), ..search("tide") };
    assert_eq!(ask(&mut ada, within).await, Err(RejectCode::Unsupported));
}

#[cfg(feature = "search")]
mod with {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;
    use std::time::Duration;

    use bytes::Bytes;
    use packetboat_proto::content::{Alteration, Body, Content, Context, GroupChange};
    use packetboat_proto::entry::Entry;
    use packetboat_proto::packet::Own;
    use packetboat_proto::seqs::SeqRange;
    use tokio::time::{Instant, sleep, timeout};

    use super::*;
    use crate::peer::{PATIENCE, user};

    const CREW: &str = "group:crew";

    fn edited(seq: u64, text: &str) -> Bytes {
        Content::Entry(Alteration::Edited { seq, new: Body::Text(text.into()) }).encode()
    }

    fn recalled(seq: u64) -> Bytes {
        Content::Entry(Alteration::Recalled { seq }).encode()
    }

    async fn open() -> House {
        House::with(|config| config.search.on = true).await
    }

    async fn caught_up(house: &House) {
        timeout(PATIENCE, (house.caught_up)()).await.expect("the index catches up");
    }

    /// Where what has the words stands, and what stands there, the newest first.
    async fn found(peer: &mut Peer, words: &str) -> Vec<(String, u64)> {
        let page = ask(peer, search(words)).await.unwrap();
        assert_eq!(page.next, None);
        page.entries
            .into_iter()
            .map(|entry| {
                let entry = Entry::decode(entry).unwrap();
                (entry.chat.to_string(), entry.seq)
            })
            .collect()
    }

    async fn seqs(peer: &mut Peer, words: &str) -> Vec<u64> {
        found(peer, words).await.into_iter().map(|(_, seq)| seq).collect()
    }

    #[tokio::test]
    async fn what_was_said_is_found_once_the_index_has_caught_up() {
        let house = open().await;
        let mut ada = Peer::login(house.address, "ada", "x").await;
        let mut bob = Peer::login(house.address, "bob", "x").await;
        ada.post(DM, 1, "The tide turns at nine").await;
        bob.post(DM, 2, "which Tide, at noon?").await;
        ada.post(DM, 3, "明日は東京都の港で").await;
        ada.post("dm:ada:ada", 4, "tide: a note to myself").await;
        caught_up(&house).await;
        let all = found(&mut ada, "TIDE").await;
        let seen: BTreeSet<_> = all.iter().map(|(chat, seq)| (chat.as_str(), *seq)).collect();
        assert_eq!(seen, BTreeSet::from([("dm:ada:ada", 1), (DM, 1), (DM, 2)]));
        assert_eq!(seqs(&mut bob, "tide").await, [2, 1], "the newest first");
        assert_eq!(seqs(&mut bob, "tide nine").await, [1], "all words");
        assert_eq!(seqs(&mut bob, "東京").await, [3], "a part of what has no spaces");
        assert_eq!(seqs(&mut bob, "京東").await, [0; 0]);
        let within = Search { chat: Some(chat("dm:ada:ada")), ..search("tide") };
        assert_eq!(ask(&mut ada, within.clone()).await.unwrap().entries.len(), 1);
        assert_eq!(ask(&mut bob, within).await, Err(RejectCode::NoSuchChat));
        let room = Search { chat: Some(chat("room:a")), ..search("tide") };
        assert_eq!(ask(&mut ada, room).await, Err(RejectCode::Unsupported));
        assert_eq!(ask(&mut ada, search(" ?! ")).await, Err(RejectCode::Invalid));
    }

    #[tokio::test]
    async fn nothing_is_found_of_the_chats_of_others_nor_outside_of_ones_time_in_a_group() {
        let house = open().await;
        let mut ada = Peer::login(house.address, "ada", "x").await;
        let mut bob = Peer::login(house.address, "bob", "x").await;
        let mut eve = Peer::login(house.address, "eve", "x").await;
        ada.post(DM, 1, "a secret of two").await;
        let created = GroupChange::Created { name: "crew".into(), members: Vec::new() };
        ada.change(CREW, 2, created).await.unwrap();
        ada.post(CREW, 3, "secret before").await;
        ada.change(CREW, 4, GroupChange::Added(vec![user("bob")])).await.unwrap();
        let within = ada.post(CREW, 5, "secret within").await;
        ada.change(CREW, 6, GroupChange::Removed(vec![user("bob")])).await.unwrap();
        ada.post(CREW, 7, "secret after").await;
        // What is said differently once he is out is not his to find, by no words.
        ada.send(CREW, 8, edited(within, "otherwise within")).await;
        ada.answer().await.unwrap();
        caught_up(&house).await;
        assert_eq!(found(&mut eve, "secret").await, []);
        assert_eq!(found(&mut bob, "otherwise").await, []);
        assert_eq!(found(&mut bob, "secret").await, [(DM.to_owned(), 1)]);
        assert_eq!(found(&mut ada, "within").await, [(CREW.to_owned(), 7)]);
        let of_group = Search { chat: Some(chat(CREW)), ..search("before") };
        assert_eq!(ask(&mut eve, of_group).await, Err(RejectCode::NoSuchChat));
    }

    #[tokio::test]
    async fn who_is_out_of_a_group_finds_what_was_said_while_in_it() {
        let house = open().await;
        let mut ada = Peer::login(house.address, "ada", "x").await;
        let mut bob = Peer::login(house.address, "bob", "x").await;
        let created = GroupChange::Created { name: "crew".into(), members: vec![user("bob")] };
        ada.change(CREW, 1, created).await.unwrap();
        let within = ada.post(CREW, 2, "tide within").await;
        ada.change(CREW, 3, GroupChange::Removed(vec![user("bob")])).await.unwrap();
        ada.post(CREW, 4, "tide after").await;
        caught_up(&house).await;
        assert_eq!(seqs(&mut bob, "tide").await, [within]);
    }

    #[tokio::test]
    async fn what_is_recalled_edited_or_hidden_is_not_found_even_before_the_index_knows() {
        let house = open().await;
        let mut ada = Peer::login(house.address, "ada", "x").await;
        let mut bob = Peer::login(house.address, "bob", "x").await;
        ada.post(DM, 1, "tide one").await;
        ada.post(DM, 2, "tide two").await;
        ada.post(DM, 3, "tide three").await;
        caught_up(&house).await;
        assert_eq!(seqs(&mut bob, "tide").await, [3, 2, 1]);
        // Answered is durable: from here on the index may be wrong, and what is found may not.
        ada.send(DM, 4, recalled(1)).await;
        ada.answer().await.unwrap();
        ada.send(DM, 5, edited(2, "ebb two")).await;
        ada.answer().await.unwrap();
        let ranges = vec![SeqRange::new(3, 3).unwrap()];
        let hide = Own::Hide { chat: chat(DM), ranges };
        bob.ask(Operation::Own(hide)).await.unwrap();
        assert_eq!(seqs(&mut bob, "tide").await, [0; 0]);
        assert_eq!(seqs(&mut ada, "tide").await, [3], "hidden for bob alone");
        caught_up(&house).await;
        assert_eq!(seqs(&mut bob, "tide").await, [0; 0]);
        let page = ask(&mut bob, search("ebb")).await.unwrap();
        let edit = Entry::decode(page.entries[0].clone()).unwrap();
        assert_eq!((page.entries.len(), edit.seq), (1, 5), "the edit stands for what it edits");
        assert_eq!(edit.content, edited(2, "ebb two"));
        ada.send(DM, 6, recalled(2)).await;
        ada.answer().await.unwrap();
        caught_up(&house).await;
        assert_eq!(seqs(&mut ada, "ebb").await, [0; 0]);
    }

    #[tokio::test]
    async fn what_has_expired_is_not_found() {
        let house = open().await;
        let mut ada = Peer::login(house.address, "ada", "x").await;
        let context = Context { expires_after_ms: 1_000, ..Context::default() };
        ada.send(DM, 1, Content::text("tide for now").encode_in(&context)).await;
        ada.answer().await.unwrap();
        ada.post(DM, 2, "tide for good").await;
        caught_up(&house).await;
        let until = Instant::now() + PATIENCE;
        while seqs(&mut ada, "tide").await != [2] {
            assert!(Instant::now() < until, "it is found though its time is over");
            sleep(Duration::from_millis(20)).await;
        }
    }

    #[tokio::test]
    async fn a_search_is_read_in_pages_that_miss_nothing() {
        let house = open().await;
        let mut ada = Peer::login(house.address, "ada", "x").await;
        for number in 1..=25 {
            ada.post(DM, number, &format!("tide {number}")).await;
            ada.post("dm:ada:cat", 100 + number, &format!("tide {number}")).await;
        }
        caught_up(&house).await;
        let (mut all, mut before, mut pages) = (Vec::new(), None, 0);
        loop {
            let asked = Search { before: before.take(), limit: 7, ..search("tide") };
            let page = ask(&mut ada, asked).await.unwrap();
            assert!(page.entries.len() <= 7);
            all.extend(page.entries.into_iter().map(|entry| Entry::decode(entry).unwrap()));
            pages += 1;
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        assert!(pages >= 8, "{pages}");
        let places: BTreeSet<_> = all.iter().map(|it| (it.chat.clone(), it.seq)).collect();
        assert_eq!((all.len(), places.len()), (50, 50), "each once");
        let rank = |it: &Entry| (it.at_ms, it.chat.clone(), it.seq);
        assert!(all.windows(2).all(|pair| rank(&pair[0]) > rank(&pair[1])), "in order");
    }

    fn copy(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for file in fs::read_dir(from).unwrap().map(Result::unwrap) {
            let (path, to) = (file.path(), to.join(file.file_name()));
            if path.is_dir() {
                copy(&path, &to);
            } else if file.file_type().unwrap().is_file() {
                fs::copy(&path, to).unwrap();
            }
        }
    }

    #[tokio::test]
    async fn the_index_goes_on_after_a_restart_and_reads_what_it_has_not() {
        let house = open().await;
        let mut ada = Peer::login(house.address, "ada", "x").await;
        ada.post(DM, 1, "tide one").await;
        caught_up(&house).await;
        drop(ada);
        let (data, other) = (house.config.store.data.clone(), tempfile::tempdir().unwrap());
        let index = other.path().join("data/search");
        let (folder, config) = house.close().await;
        copy(&data.join("search"), &index);
        let house = House::start(folder, config).await.unwrap();
        let mut ada = Peer::login(house.address, "ada", "x").await;
        ada.post(DM, 2, "tide two").await;
        ada.send(DM, 3, recalled(1)).await;
        ada.answer().await.unwrap();
        drop(ada);
        let (_folder, mut config) = house.close().await;
        // As if the server had ended before that was in the index.
        for part in fs::read_dir(&data).unwrap().map(Result::unwrap) {
            let to = other.path().join("data").join(part.file_name());
            if part.path().is_dir() && part.file_name() != "search" {
                copy(&part.path(), &to);
            } else if part.path().is_file() {
                fs::copy(part.path(), &to).unwrap();
            }
        }
        config.store.data = other.path().join("data");
        let house = House::start(other, config).await.unwrap();
        let mut ada = Peer::login(house.address, "ada", "x").await;
        caught_up(&house).await;
        assert_eq!(seqs(&mut ada, "tide").await, [2]);
        assert_eq!(house.metrics.search_entries_read.get(), 2, "only what it had not read");
        assert_eq!(house.metrics.search_failures.get(), 0);
    }

    #[tokio::test]
    async fn an_index_that_is_gone_or_broken_is_made_anew() {
        let mut house = open().await;
        let mut ada = Peer::login(house.address, "ada", "x").await;
        ada.post(DM, 1, "tide").await;
        caught_up(&house).await;
        drop(ada);
        let breakages: [fn(&Path); 3] = [
            |index| fs::remove_dir_all(index).unwrap(),
            |index| fs::write(index.join("meta.json"), "{").unwrap(),
            |index| {
                for file in fs::read_dir(index).unwrap().map(Result::unwrap) {
                    if file.file_name() != "meta.json" {
                        fs::write(file.path(), "broken").unwrap();
                    }
                }
            },
        ];
        for (number, breakage) in breakages.into_iter().enumerate() {
            let index = house.config.store.data.join("search");
            let (folder, config) = house.close().await;
            breakage(&index);
            house = House::start(folder, config).await.unwrap();
            let mut ada = Peer::login(house.address, "ada", "x").await;
            caught_up(&house).await;
            assert_eq!(seqs(&mut ada, "tide").await, [1], "breakage {number}");
            let failures = house.metrics.search_failures.get();
            assert_eq!(failures > 0, number > 0, "breakage {number}: {failures}");
        }
    }

    #[tokio::test]
    async fn an_index_that_is_ahead_of_a_restored_store_reads_its_chats_anew() {
        let house = open().await;
        let mut ada = Peer::login(house.address, "ada", "x").await;
        ada.post(DM, 1, "tide one").await;
        drop(ada);
        let (data, backup) = (house.config.store.data.clone(), tempfile::tempdir().unwrap());
        let (folder, config) = house.close().await;
        copy(&data, backup.path());
        let house = House::start(folder, config).await.unwrap();
        let mut ada = Peer::login(house.address, "ada", "x").await;
        ada.post(DM, 2, "tide two").await;
        ada.post(DM, 3, "tide three").await;
        caught_up(&house).await;
        drop(ada);
        let (folder, config) = house.close().await;
        fs::rename(data.join("search"), folder.path().join("search")).unwrap();
        fs::remove_dir_all(&data).unwrap();
        copy(backup.path(), &data);
        fs::remove_dir_all(data.join("search")).unwrap();
        fs::rename(folder.path().join("search"), data.join("search")).unwrap();
        let house = House::start(folder, config).await.unwrap();
        caught_up(&house).await;
        let mut ada = Peer::login(house.address, "ada", "y").await;
        assert_eq!(seqs(&mut ada, "tide").await, [1]);
        assert_eq!(ada.post(DM, 4, "ebb two").await, 2);
        caught_up(&house).await;
        assert_eq!((seqs(&mut ada, "tide").await, seqs(&mut ada, "two").await), (vec![1], vec![2]));
    }

    #[tokio::test]
    async fn the_server_starts_and_serves_where_no_index_can_be() {
        let house = open().await;
        let index = house.config.store.data.join("search");
        let (folder, config) = house.close().await;
        fs::remove_dir_all(&index).unwrap();
        fs::write(&index, "in the way").unwrap();
        fs::create_dir(folder.path().join("data/search.removed")).unwrap();
        let house = House::start(folder, config).await.unwrap();
        let mut ada = Peer::login(house.address, "ada", "x").await;
        assert_eq!(ada.post(DM, 1, "tide").await, 1);
        assert_eq!(ask(&mut ada, search("tide")).await, Err(RejectCode::Unavailable));
    }
}
