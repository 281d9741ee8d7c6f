//! What users are told of their chats in the end, held against the logs: what they have not read,
//! where they are called, who is in with them, who has had and read what. Must never use what the
//! server counts to judge what it counts.

use std::collections::{BTreeMap, BTreeSet};

use packetboat_client::{ChatState, Client, OwnState, ReceiptCounts, RequestError, SeqRange};
use packetboat_proof::checker::Membership;
use packetboat_proto::code::RejectCode;
use packetboat_proto::content::{Content, GroupChange};
use packetboat_proto::entry::Entry;
use packetboat_proto::id::{ChatId, ChatKind, UserId};

/// The logs of a run, as all who can have read them in the end.
#[derive(Default)]
pub struct Logs {
    chats: BTreeMap<ChatId, BTreeMap<u64, Entry>>,
    /// How far each user sees.
    heads: BTreeMap<(UserId, ChatId), u64>,
}

impl Logs {
    /// A user has read a log.
    pub fn add(&mut self, reader: &UserId, chat: &ChatId, entries: &[Entry]) {
        let head = entries.last().map_or(0, |entry| entry.seq);
        self.heads.insert((reader.clone(), chat.clone()), head);
        let log = self.chats.entry(chat.clone()).or_default();
        log.extend(entries.iter().map(|entry| (entry.seq, entry.clone())));
    }

    /// All that was read.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.chats.values().flat_map(BTreeMap::values)
    }

    /// Who is in a chat.
    pub fn membership(&self, chat: &ChatId) -> Membership {
        let log = self.chats.get(chat).into_iter().flatten();
        Membership::of(chat, log.map(|(seq, entry)| (*seq, &entry.sender, &entry.content)))
    }
}

/// What is told of one chat, to be held against its log.
struct Chat<'a> {
    id: &'a ChatId,
    log: &'a BTreeMap<u64, Entry>,
    members: Membership,
    dissolved: bool,
}

/// What one user is told of a chat.
struct Told {
    state: ChatState,
    /// Up to where it has read, which may be less than where the unread begins.
    read: u64,
    /// How far each member has had it.
    delivered: Option<BTreeMap<UserId, u64>>,
    receipts: Option<ReceiptCounts>,
}

/// What is wrong, given a client of each user and what each has set for itself; and how many
/// mentions were counted, and steps of receipts.
pub async fn judge(
    logs: &Logs,
    clients: &BTreeMap<UserId, Client>,
    own: &BTreeMap<UserId, OwnState>,
) -> (Vec<String>, u64, u64) {
    let (mut wrong, mut mentions, mut steps) = (Vec::new(), 0, 0);
    for (id, log) in &logs.chats {
        let is_end = |entry: &Entry| {
            let content = Content::decode(&entry.content, usize::MAX);
            matches!(content, Ok(Content::Group(GroupChange::Dissolved)))
        };
        let dissolved = log.values().any(is_end);
        let chat = Chat { id, log, members: logs.membership(id), dissolved };
        let mut told = BTreeMap::new();
        for (user, client) in clients {
            let Some(head) = logs.heads.get(&(user.clone(), id.clone())) else { continue };
            match chat.ask(user, client).await {
                Ok(of) => {
                    let default = OwnState::default();
                    let own = own.get(user).unwrap_or(&default);
                    wrong.extend(chat.counts(user, *head, &of.state, own));
                    mentions += of.state.mentions;
                    told.insert(user.clone(), of);
                }
                Err(error) => wrong.push(format!("{user} was told nothing of {id}: {error}")),
            }
        }
        for (user, of) in &told {
            wrong.extend(chat.roster(user, of));
            let (found, looked) = chat.receipts(user, &told);
            wrong.extend(found);
            steps += looked;
        }
    }
    (wrong, mentions, steps)
}

/// What one is told who has a right to it; `None`: one has none, or there is nothing.
pub fn if_may<T>(asked: Result<T, RequestError>) -> Result<Option<T>, RequestError> {
    match asked {
        Ok(told) => Ok(Some(told)),
        Err(RequestError::Refused(verdict))
            if matches!(
                verdict.reject_code(),
                Some(RejectCode::NotAllowed | RejectCode::NoSuchChat)
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

impl Chat<'_> {
    async fn ask(&self, user: &UserId, client: &Client) -> Result<Told, RequestError> {
        let all = vec![SeqRange::new(1, u64::MAX).expect("it is one")];
        let state = client.chat(self.id).await?;
        let members = if_may(client.members(self.id, None, 0).await)?;
        let own = members.iter().flat_map(|page| &page.items).find(|one| one.user == *user);
        let read = own.map_or(0, |own| own.read);
        let receipts = if_may(client.receipts(self.id, all).await)?;
        let delivered = members
            .map(|page| page.items.into_iter().map(|one| (one.user, one.delivered)).collect());
        Ok(Told { state, read, delivered, receipts })
    }

    /// What a user has not read, and where it is called.
    fn counts(
        &self,
        user: &UserId,
        head: u64,
        state: &ChatState,
        own: &OwnState,
    ) -> Option<String> {
        let hidden = own.chat(self.id).hidden;
        let first = self.members.owed(user).first().map_or(u64::MAX, |span| span.from);
        let counted = |seq: &u64, entry: &Entry| {
            (*seq >= first && *seq <= head && self.members.may_see(user, *seq))
                && entry.sender != *user
                && !hidden.holds(*seq)
        };
        let (mut unread, mut mentions) = (0, 0);
        for (_, entry) in self.log.range(state.read + 1..).filter(|(seq, of)| counted(seq, of)) {
            let Ok((content, context)) = Content::decode_whole(&entry.content, usize::MAX) else {
                continue;
            };
            let is_silent = matches!(content, Content::Entry(_) | Content::Erased(_));
            unread += u64::from(!is_silent);
            let calls = context.mentions_all || context.mentions.contains(user);
            mentions += u64::from(!is_silent && calls);
        }
        let (expected, found) = ((unread, mentions), (state.unread, state.mentions));
        let of = self.id;
        (expected != found).then(|| {
            let read = state.read;
            format!("{user} has read {of} to {read}: {expected:?} unread and calls, not {found:?}")
        })
    }

    fn is_in(&self, user: &UserId) -> bool {
        self.members.is_in(user) && !self.dissolved
    }

    /// Who is in with a user.
    fn roster(&self, user: &UserId, told: &Told) -> Option<String> {
        let of = self.id;
        let Some(delivered) = &told.delivered else {
            return self.is_in(user).then(|| format!("{user} is in {of}, and was not told who is"));
        };
        if matches!(of.kind(), ChatKind::Direct(..)) {
            return None;
        }
        let listed: BTreeSet<&UserId> = delivered.keys().collect();
        let members: BTreeSet<&UserId> =
            self.members.users().filter(|user| self.is_in(user)).collect();
        (listed != members)
            .then(|| format!("{user} is told of {listed:?} in {of}, not {members:?}"))
    }

    /// Who has had what, and has read it; and how many steps were looked at.
    fn receipts(&self, user: &UserId, told: &BTreeMap<UserId, Told>) -> (Vec<String>, u64) {
        let hides = |user: &UserId| {
            told.get(user).and_then(|told| told.receipts.as_ref()).is_none_or(|page| page.hidden)
        };
        let Told { delivered: Some(delivered), receipts: Some(page), .. } = &told[user] else {
            return (Vec::new(), 0);
        };
        let mut wrong = Vec::new();
        for step in &page.steps {
            for seq in step.first..=step.last.min(step.first + 500) {
                let others = || {
                    delivered
                        .iter()
                        .filter(|(other, _)| *other != user && self.members.may_see(other, seq))
                };
                let read = |other: &UserId| {
                    let hidden = hides(user) || hides(other);
                    !hidden && told.get(other).is_some_and(|told| told.read >= seq)
                };
                let expected = (
                    others().count(),
                    others().filter(|(_, delivered)| **delivered >= seq).count(),
                    others().filter(|(other, _)| read(other)).count(),
                );
                let found = [step.members, step.delivered, step.read].map(|count| count as usize);
                if expected != (found[0], found[1], found[2]) {
                    let of = self.id;
                    wrong.push(format!(
                        "{user} is told {found:?} of {seq} in {of}, not {expected:?}"
                    ));
                }
            }
        }
        (wrong, page.steps.len() as u64)
    }
}
