//! The store as maps and sets, so simple that it is plainly right: for each user, the entries said
//! while the user was there. Must never look at a key, a value or a cache.

use std::collections::{BTreeMap, BTreeSet};

use packetboat::store::rules::{Rules, UnknownUsers};
use packetboat_proto::code::RejectCode;
use packetboat_proto::content::{Erasure, Role};

use super::links::Pass;
use super::own::OwnState;
use super::part::Part;
use super::piles::Piles;
use super::standing::{Refused, Standing};
use super::what::Waiting;
pub use super::what::What;

/// Everybody, by number.
pub const NAMES: [&str; 5] = ["ann", "bob", "cid", "dan", "eve"];
/// Bytes of a content that the ledger takes.
pub const CONTENT_BYTES_MAX: usize = 256 * 1024;
/// Every chat, by number.
pub const CHATS: [&str; 8] = [
    "dm:ann:bob",
    "dm:bob:cid",
    "dm:dan:dan",
    "group:g",
    "group:g.h",
    "group:i",
    "room:r",
    "dm:ann:eve",
];
/// Every device, by number.
pub const DEVICES: [&str; 3] = ["desk", "phone", "watch"];

/// What becomes of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It has a place.
    Stored(u64),
    /// It had one, and since when.
    Duplicate(u64, u64),
    /// It is refused.
    Refused(RejectCode),
}

/// What others are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// A session has its device; the user is in these groups, and blocks these users.
    Claimed(Vec<usize>, Vec<usize>),
    /// How one stands to another: whether they are contacts, and whether it blocks the other.
    Related(usize, usize, bool, bool),
    /// A device of a user is gone.
    LoggedOut(usize, usize),
    /// Users came into a chat.
    Joined(usize, Vec<usize>),
    /// An entry is in a log.
    Stored(usize, u64),
    /// Users are out of a chat.
    Left(usize, Vec<usize>),
    /// A chat is over.
    Dissolved(usize),
    /// A user asks to come in.
    Asked(usize, usize),
    /// A user is not let in.
    NotLetIn(usize, usize),
    /// What a user had scheduled could not be sent.
    NotSent((usize, usize, u8)),
    /// Cursors of a user moved: delivered and read, and what others are told of that.
    Moved(usize, u64, u64, Option<u64>),
    /// A user has set something for itself: the revision.
    Own(usize, u64),
    /// A user tells others what it reads, or hides it.
    Reads(usize, bool),
    /// A device's identity is another, or it has so few keys left.
    Keys(usize, usize, Option<u32>),
}

/// An entry.
#[derive(Clone, Debug)]
pub struct Line {
    /// Who said it.
    pub by: usize,
    /// Its message id.
    pub id: u8,
    /// What was said.
    pub what: What,
    /// When.
    pub at_ms: u64,
    /// Why it is gone, if it is.
    pub erased: Option<Erasure>,
}

/// A chat.
#[derive(Clone, Debug, Default)]
pub struct Room {
    /// Its entries, the first at seq 1.
    pub log: Vec<Line>,
    /// Who is in it.
    pub standing: Standing,
    /// Who is or was in it.
    pub parts: BTreeMap<usize, Part>,
    /// What is pinned.
    pub pins: BTreeSet<u64>,
}

/// Everything.
#[derive(Clone, Debug)]
pub struct World {
    /// What the operator has set.
    pub rules: Rules,
    /// The chats, by number.
    pub rooms: Vec<Room>,
    /// What is to be sent later: by whom, where, and its id.
    pub waiting: BTreeMap<(usize, usize, u8), Waiting>,
    /// What users have set for themselves.
    pub own: Vec<OwnState>,
    /// Devices that are known, each with its number among all of its user's.
    pub devices: BTreeMap<(usize, usize), u64>,
    /// How many devices each user ever had.
    pub numbers: BTreeMap<usize, u64>,
    /// Devices that are gone, and whose cursors are left.
    pub gone: BTreeSet<(usize, usize)>,
    /// Users who were here.
    pub seen: BTreeSet<usize>,
    /// Accounts: whether there is one, and how often it was changed.
    pub accounts: BTreeMap<usize, (bool, u64)>,
    /// Whether users who have said so tell others what they read.
    pub tells_reads: BTreeMap<usize, bool>,
    /// The keys of devices.
    pub piles: Piles,
}

impl Room {
    fn seq_of(&self, by: usize, id: u8) -> Option<usize> {
        self.log.iter().position(|line| (line.by, line.id) == (by, id))
    }
}

/// The two of a direct chat, or the one.
pub(super) fn pair(to: usize) -> Option<BTreeSet<usize>> {
    let pair: Vec<&str> = CHATS[to].strip_prefix("dm:")?.split(':').collect();
    Some((0..NAMES.len()).filter(|at| pair.contains(&NAMES[*at])).collect())
}

impl World {
    /// An empty one.
    pub fn new(rules: Rules) -> Self {
        let rooms = vec![Room::default(); CHATS.len()];
        let own = vec![OwnState::default(); NAMES.len()];
        let (waiting, tells_reads) = (BTreeMap::new(), BTreeMap::new());
        let (seen, devices) = (BTreeSet::new(), BTreeMap::new());
        Self {
            rules,
            rooms,
            waiting,
            own,
            devices,
            numbers: BTreeMap::new(),
            gone: BTreeSet::new(),
            seen,
            accounts: BTreeMap::new(),
            tells_reads,
            piles: Piles::default(),
        }
    }

    /// Somebody says something.
    pub fn send(
        &mut self,
        (by, to, id): (usize, usize, u8),
        what: &What,
        (now_ms, full): (u64, bool),
        told: &mut Vec<Told>,
    ) -> Verdict {
        match Self::checked(by, to, what) {
            Err(code) => return Verdict::Refused(code),
            Ok(()) => {
                if let Some(at) = self.rooms[to].seq_of(by, id) {
                    let line = &self.rooms[to].log[at];
                    let is_over = line.expires_ms().is_some_and(|expires_ms| expires_ms <= now_ms);
                    let same = line.what == *what || line.erased.is_some() || is_over;
                    let again = Verdict::Duplicate(at as u64 + 1, line.at_ms);
                    return if same { again } else { Verdict::Refused(RejectCode::Conflict) };
                }
            }
        }
        if full {
            return Verdict::Refused(RejectCode::StoreFull);
        }
        let before = self.rooms[to].standing.members.clone();
        let refers = self.may_write(by, to, what);
        let refers = refers.and_then(|()| self.refers(by, to, what, now_ms));
        let standing = match refers.and_then(|()| self.changed(by, to, what, now_ms)) {
            Ok(standing) => standing,
            Err(code) => return Verdict::Refused(code),
        };
        let room = &mut self.rooms[to];
        let after = standing.members.clone();
        room.log.push(Line { by, id, what: what.clone(), at_ms: now_ms, erased: None });
        room.alter(what);
        let seq = room.log.len() as u64;
        let come: Vec<usize> = after.difference(&before).copied().collect();
        for user in &come {
            room.parts.entry(*user).or_default().enter(seq, standing.rules.history_for_all);
        }
        for user in before.union(&after) {
            let part = room.parts.get_mut(user).expect("a member has a part");
            part.stretches.last_mut().expect("a member came in once").insert(seq);
        }
        if let What::Mute(users, until_ms) = what {
            for user in users {
                let part = room.parts.get_mut(user).expect("a member has a part");
                part.muted_until_ms = *until_ms;
            }
        }
        let gone: Vec<usize> = before.difference(&after).copied().collect();
        if !come.is_empty() && pair(to).is_none() {
            told.push(Told::Joined(to, come));
        }
        told.push(Told::Stored(to, seq));
        if !gone.is_empty() {
            told.push(Told::Left(to, gone));
        }
        if *what == What::Dissolve {
            told.push(Told::Dissolved(to));
        }
        room.standing = standing;
        Verdict::Stored(seq)
    }

    fn checked(by: usize, to: usize, what: &What) -> Refused<()> {
        let changes = what.is_group_change();
        match pair(to) {
            _ if CHATS[to].starts_with("room:") && changes && *what != What::Dissolve => {
                Err(RejectCode::Invalid)
            }
            Some(pair) if !pair.contains(&by) => Err(RejectCode::NoSuchChat),
            Some(_) if changes => Err(RejectCode::Invalid),
            _ => match what {
                What::Text(_, bytes) if *bytes > CONTENT_BYTES_MAX => Err(RejectCode::TooLarge),
                _ => Ok(()),
            },
        }
    }

    /// Who is in the chat, and as what, after what is said.
    fn changed(&self, by: usize, to: usize, what: &What, now_ms: u64) -> Refused<Standing> {
        if CHATS[to].starts_with("room:") {
            return Err(RejectCode::NoSuchChat);
        }
        let room = &self.rooms[to];
        let mut after = room.standing.clone();
        if let Some(pair) = pair(to) {
            if room.log.is_empty() {
                pair.iter().filter(|user| **user != by).try_for_each(|user| self.known(*user))?;
                pair.iter().try_for_each(|user| self.room_for_chat(*user))?;
            }
            after.members = pair;
            return Ok(after);
        }
        if let What::Create(others) = what {
            return self.created(by, to, others);
        }
        if let What::Join(pass) = what {
            return self.joined(by, to, *pass, now_ms);
        }
        if !after.members.contains(&by) || after.over {
            return Err(RejectCode::NoSuchChat);
        }
        let rank = after.rank(by);
        let admin = rank != Role::Member;
        match what {
            // Its rights were looked at with what it refers to.
            What::Alter(_) | What::Reply(_) => {}
            What::Text(..) | What::Expiring(_) => {
                let mute = room.parts[&by].muted_until_ms > now_ms;
                if mute || (after.rules.only_admins_write && !admin) {
                    return Err(RejectCode::Muted);
                }
            }
            What::Leave(heir) => {
                after.members.remove(&by);
                after.owner = self.heir(to, rank == Role::Owner, &after.members, *heir)?;
                after.admins.remove(&by);
                after.admins.retain(|user| after.owner != Some(*user));
            }
            What::Add(_) if !admin && !after.rules.members_add => {
                return Err(RejectCode::NotAllowed);
            }
            What::Add(users) => {
                if users.iter().any(|user| after.members.contains(user)) {
                    return Err(RejectCode::MemberMismatch);
                }
                self.fits(after.members.len() + users.len())?;
                for user in users {
                    self.may_bring(by, *user)?;
                    self.room_for_part(room, *user)?;
                }
                after.let_in(users);
            }
            _ if !admin => return Err(RejectCode::NotAllowed),
            What::Remove(users) | What::Mute(users, _) if users.contains(&by) => {
                return Err(RejectCode::Invalid);
            }
            What::Remove(users) => {
                after.may_touch(rank, users)?;
                after.put_out(users);
            }
            What::Mute(users, _) => after.may_touch(rank, users)?,
            What::Rules(rules) => after.rules = *rules,
            What::Create(_) | What::Rename | What::Describe | What::Join(_) => {}
            _ if rank != Role::Owner => return Err(RejectCode::NotAllowed),
            What::Role(users, _) if users.contains(&by) => return Err(RejectCode::Invalid),
            What::Role(users, gives) => {
                after.all_in(users)?;
                after.admins.retain(|user| !users.contains(user));
                after.admins.extend(users.iter().filter(|_| *gives));
            }
            What::HandOver(user) if *user == by => return Err(RejectCode::Invalid),
            What::HandOver(user) => {
                after.all_in(&[*user])?;
                after.admins.remove(user);
                after.admins.insert(by);
                after.owner = Some(*user);
            }
            What::Dissolve => after.over = true,
        }
        Ok(after)
    }

    fn created(&self, by: usize, to: usize, others: &[usize]) -> Refused<Standing> {
        if !self.rooms[to].log.is_empty() {
            return Err(RejectCode::AlreadyExists);
        }
        if others.contains(&by) {
            return Err(RejectCode::MemberMismatch);
        }
        self.fits(1 + others.len())?;
        self.room_for_chat(by)?;
        for user in others {
            self.may_bring(by, *user)?;
            self.room_for_chat(*user)?;
        }
        let members = others.iter().copied().chain([by]).collect();
        Ok(Standing { members, owner: Some(by), ..Standing::default() })
    }

    /// Who comes in by itself, where anyone may, or by an invitation.
    fn joined(&self, by: usize, to: usize, pass: Option<Pass>, now_ms: u64) -> Refused<Standing> {
        let room = &self.rooms[to];
        let mut after = room.standing.clone();
        after.check_open_to(by, pass, now_ms)?;
        self.fits(after.members.len() + 1)?;
        self.room_for_part(room, by)?;
        after.let_in(&[by]);
        after.use_link(pass);
        Ok(after)
    }

    fn heir(
        &self,
        to: usize,
        owns: bool,
        after: &BTreeSet<usize>,
        heir: Option<usize>,
    ) -> Refused<Option<usize>> {
        match heir {
            Some(_) if !owns => Err(RejectCode::Invalid),
            Some(heir) if after.contains(&heir) => Ok(Some(heir)),
            None if !owns => Ok(self.rooms[to].standing.owner),
            None if after.is_empty() => Ok(None),
            _ => Err(RejectCode::OwnerNeeded),
        }
    }

    fn fits(&self, members: usize) -> Refused<()> {
        let max = self.rules.group_members_max as usize;
        if members > max { Err(RejectCode::LimitReached) } else { Ok(()) }
    }

    pub(super) fn known(&self, user: usize) -> Refused<()> {
        let account = self.accounts.get(&user).is_some_and(|(there, _)| *there);
        let known = self.seen.contains(&user) || account;
        let keeps = self.rules.unknown_users == UnknownUsers::Keep;
        if known || keeps { Ok(()) } else { Err(RejectCode::UnknownUser) }
    }

    fn room_for_part(&self, room: &Room, user: usize) -> Refused<()> {
        let Some(part) = room.parts.get(&user) else { return self.room_for_chat(user) };
        let devices = (0..DEVICES.len()).filter(|on| self.devices.contains_key(&(user, *on)));
        let loses = !room.standing.rules.history_for_all && part.would_lose(devices);
        if loses { Err(RejectCode::LimitReached) } else { Ok(()) }
    }

    fn room_for_chat(&self, user: usize) -> Refused<()> {
        let chats = self.rooms.iter().filter(|room| room.parts.contains_key(&user)).count();
        let max = self.rules.chats_per_user_max as usize;
        if chats < max { Ok(()) } else { Err(RejectCode::LimitReached) }
    }

    /// A cursor moves.
    pub fn advance(
        &mut self,
        (by, on, to): (usize, usize, usize),
        (delivered, read): (u64, u64),
        told: &mut Vec<Told>,
    ) {
        let both = pair(to).unwrap_or_default().into_iter().chain([by]);
        let tells = both.into_iter().all(|user| self.tells_reads(user));
        let Some(part) = self.rooms[to].parts.get_mut(&by) else { return };
        let (delivered, read) = (delivered.min(part.last()), read.min(part.last()));
        if delivered > part.cursor(on) {
            part.cursors.insert(on, delivered);
        }
        let moved = delivered > part.delivered || read > part.read;
        let news = tells || delivered > part.delivered;
        part.delivered = part.delivered.max(delivered);
        part.read = part.read.max(read);
        if moved {
            let others = news.then_some(if tells { part.read } else { 0 });
            told.push(Told::Moved(to, part.delivered, part.read, others));
        }
    }
}
