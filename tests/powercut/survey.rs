//! Looks at all that a store has, through a server on it, and holds it against what was promised:
//! reads every log, sends every message again, and goes on writing. Must never know how the store
//! keeps anything.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::SocketAddr;
use std::path::Path;

use packetboat_proof::promises::{self, Fact, Found, FoundChat, is_recalled};
use packetboat_proto::code::RejectCode;
use packetboat_proto::content::Content;
use packetboat_proto::entry::Entry;
use packetboat_proto::id::{ChatId, MessageId, UserId};
use packetboat_proto::packet::{
    Accepted, Answer, ChatState, Edge, Member, Operation, Packet, Rejected, Send, Start,
};

use crate::engine::Engine;
use crate::talk::{OTHERS, WRITERS, user};
use crate::vessel::{Orders, Vessel};
use crate::wire::{Wire, WireError};

/// One in so many messages is also sent again with other content.
const CONFLICT_EVERY: usize = 8;
/// Items of a page.
const PAGE_ITEMS: u32 = 200;

/// What became of a send: its seq and whether it is a duplicate, or the code of its refusal.
type Answered = Result<(u64, bool), Option<RejectCode>>;

/// Starts a server on the store in `root/data`, and says everything that is wrong with it.
pub async fn survey(
    engine: Engine,
    root: &Path,
    facts: &[(usize, Fact)],
    number: u64,
) -> Vec<String> {
    let orders = Orders { engine, ..Orders::default() };
    let mut vessel = match Vessel::launch(root, &orders).await {
        Ok(vessel) => vessel,
        Err(error) => return vec![error.to_string()],
    };
    let Some(address) = vessel.address else {
        vessel.kill().await;
        return vec![format!("the server does not start: {}", vessel.said())];
    };
    let mut wrong = Vec::new();
    if let Err(error) = look(address, facts, number, &mut wrong).await {
        wrong.push(error.to_string());
    }
    if vessel.has_ended() {
        wrong.push("the server ended".to_owned());
    }
    vessel.kill().await;
    let said = vessel.said();
    if !wrong.is_empty() && !said.is_empty() {
        wrong.push(format!("the server said: {said}"));
    }
    wrong
}

/// Says what is wrong; an error ends it.
async fn look(
    address: SocketAddr,
    facts: &[(usize, Fact)],
    number: u64,
    wrong: &mut Vec<String>,
) -> Result<(), WireError> {
    let mut wires = connect(address).await?;
    let mut found = Found { chats: read_chats(&mut wires, facts).await?, ..Found::default() };
    for (user, wire) in &mut wires {
        found.lists.insert(user.clone(), read_list(wire).await?);
    }
    let broken = promises::check(facts, &found);
    wrong.extend(broken.iter().map(ToString::to_string));
    if wrong.is_empty() {
        send_again(&mut wires, &found, wrong).await?;
        send_more(&mut wires, &found, number, wrong).await?;
    }
    Ok(())
}

/// All the logs of a server.
pub async fn logs(
    address: SocketAddr,
    facts: &[(usize, Fact)],
) -> Result<Vec<Vec<Entry>>, WireError> {
    let chats = read_chats(&mut connect(address).await?, facts).await?;
    Ok(chats.into_values().map(|chat| chat.log).collect())
}

/// Everybody comes in.
async fn connect(address: SocketAddr) -> Result<BTreeMap<UserId, Wire>, WireError> {
    let mut wires = BTreeMap::new();
    for name in WRITERS.iter().chain(&OTHERS) {
        let wire = Wire::open(address, &user(name), "survey", Some(Start::Newest)).await?;
        wires.insert(user(name), wire);
    }
    Ok(wires)
}

async fn read_chats(
    wires: &mut BTreeMap<UserId, Wire>,
    facts: &[(usize, Fact)],
) -> Result<BTreeMap<ChatId, FoundChat>, WireError> {
    let mut found = BTreeMap::new();
    for chat in chats(facts) {
        let wire = wires.get_mut(&reader_of(&chat)).expect("everybody is connected");
        let log = read_log(wire, &chat).await?;
        let members = if log.is_empty() { Vec::new() } else { read_members(wire, &chat).await? };
        found.insert(chat, FoundChat { log, members });
    }
    Ok(found)
}

fn chats(facts: &[(usize, Fact)]) -> BTreeSet<ChatId> {
    let had = facts.iter().filter_map(|(_, fact)| match fact {
        Fact::Had { send, .. } => Some(send.chat.clone()),
        _ => None,
    });
    had.collect()
}

/// Somebody who sees all of a chat: the founder of the groups never leaves them.
fn reader_of(chat: &ChatId) -> UserId {
    let pair = chat.as_str().strip_prefix("dm:").and_then(|pair| pair.split(':').next());
    user(pair.unwrap_or("ada"))
}

async fn read_log(wire: &mut Wire, chat: &ChatId) -> Result<Vec<Entry>, WireError> {
    let mut log: Vec<Entry> = Vec::new();
    loop {
        let edge = Edge::After(log.last().map_or(0, |entry| entry.seq));
        let operation = Operation::History { chat: chat.clone(), edge, limit: PAGE_ITEMS };
        match wire.ask(operation).await? {
            Ok(Answer::History { entries, more }) => {
                for entry in entries {
                    let entry = Entry::decode(entry).map_err(|error| {
                        WireError::strange(format!("the log of {chat}"), &error)
                    })?;
                    log.push(entry);
                }
                if !more {
                    return Ok(log);
                }
            }
            // Nobody has written there, or it is lost: the promises tell.
            Err(verdict) if verdict.reject_code() == Some(RejectCode::NoSuchChat) => {
                return Ok(Vec::new());
            }
            other => return Err(WireError::strange(format!("the log of {chat}"), &other)),
        }
    }
}

async fn read_members(wire: &mut Wire, chat: &ChatId) -> Result<Vec<Member>, WireError> {
    let operation = Operation::Members { chat: chat.clone(), after: None, limit: PAGE_ITEMS };
    match wire.ask(operation).await? {
        Ok(Answer::Members { members, more: false }) => Ok(members),
        other => Err(WireError::strange(format!("the list of the members of {chat}"), &other)),
    }
}

async fn read_list(wire: &mut Wire) -> Result<Vec<ChatState>, WireError> {
    match wire.ask(Operation::Chats { after: None, limit: PAGE_ITEMS }).await? {
        Ok(Answer::Chats { chats, more: false }) => Ok(chats),
        other => Err(WireError::strange("the list of chats", &other)),
    }
}

/// Sends packets, and takes the answer to each message.
async fn answers(
    wire: &mut Wire,
    sends: &[Send],
) -> Result<HashMap<MessageId, Answered>, WireError> {
    let asked: HashSet<MessageId> = sends.iter().map(|send| send.id).collect();
    for send in sends {
        wire.say(&Packet::Send(send.clone()));
    }
    let mut answers = HashMap::new();
    while answers.len() < asked.len() {
        let (id, answer) = match wire.next().await? {
            Packet::Accepted(Accepted { id, seq, duplicate, .. }) => (id, Ok((seq, duplicate))),
            Packet::Rejected(Rejected { id, verdict, .. }) => (id, Err(verdict.reject_code())),
            _ => continue,
        };
        if !asked.contains(&id) {
            return Err(WireError::strange("what was sent", &(id, answer)));
        }
        answers.insert(id, answer);
    }
    Ok(answers)
}

/// Every message of every log has the seq that it had; with other content it is a conflict, but for
/// one that was recalled: what it said is not known any more.
async fn send_again(
    wires: &mut BTreeMap<UserId, Wire>,
    found: &Found,
    wrong: &mut Vec<String>,
) -> Result<(), WireError> {
    for (sender, wire) in wires {
        let entries = found.chats.values().flat_map(|chat| &chat.log);
        let own: Vec<&Entry> = entries.filter(|entry| entry.sender == *sender).collect();
        let other = Content::text("this was never said").encode();
        let send = |entry: &&Entry| Send {
            chat: entry.chat.clone(),
            id: entry.id,
            content: if is_recalled(entry) { other.clone() } else { entry.content.clone() },
        };
        let sends: Vec<Send> = own.iter().map(send).collect();
        let answered = answers(wire, &sends).await?;
        for entry in &own {
            let answer = &answered[&entry.id];
            if *answer != Ok((entry.seq, true)) {
                let Entry { chat, id, seq, .. } = entry;
                wrong.push(format!("{chat}: {id} of {seq}, sent again, gets {answer:?}"));
            }
        }
        let others = sends.into_iter().filter(|send| send.content != other).step_by(CONFLICT_EVERY);
        let others: Vec<Send> =
            others.map(|send| Send { content: other.clone(), ..send }).collect();
        for (id, answer) in answers(wire, &others).await? {
            if answer != Err(Some(RejectCode::Conflict)) {
                wrong.push(format!("{id}, sent again with other content, gets {answer:?}"));
            }
        }
    }
    Ok(())
}

/// Every log goes on where it ends.
async fn send_more(
    wires: &mut BTreeMap<UserId, Wire>,
    found: &Found,
    number: u64,
    wrong: &mut Vec<String>,
) -> Result<(), WireError> {
    for (place, (chat, found)) in (0..).zip(&found.chats) {
        let group_is_there = !found.log.is_empty();
        if chat.as_str().starts_with("group:") && !group_is_there {
            continue;
        }
        let wire = wires.get_mut(&reader_of(chat)).expect("everybody is connected");
        let id = MessageId::from((u128::from(number) << 32 | place).to_be_bytes());
        let content = Content::text("after the power came back").encode();
        let sent = Send { chat: chat.clone(), id, content };
        let answer = answers(wire, &[sent]).await?.remove(&id).expect("it is answered");
        if answer != Ok((found.log.len() as u64 + 1, false)) {
            let head = found.log.len();
            wrong.push(format!("{chat} ends at {head}, the next message gets {answer:?}"));
        }
    }
    Ok(())
}
