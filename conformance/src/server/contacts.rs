//! Contacts and blocks (SPEC.md 5.12, Z-1 to Z-5, Z-7). What the operator sets of them no Welcome
//! tells, so Z-6 is tested beside the server. Must never end well with somebody blocked: where
//! users are given, they are those of other checks too.

use bytes::Bytes;
use packetboat_proto::code::RejectCode;
use packetboat_proto::content::{Alteration, Content, GroupChange};
use packetboat_proto::id::{ChatId, ClaimId, UserId};
use packetboat_proto::packet::{
    Answer, AskKeys, Block, Contact, ContactAnswer, ContactOperation, ContactState, DeviceKeys,
    Item, Keys, Notice, Operation, Own, OwnAnswer, Packet, Presence, PublishKeys, SetContact,
    Signal, SignalKind, Verdict,
};

use crate::check::checks;
use crate::outcome::{Checked, ensure, fail, same};

use super::bed::{Bed, user};
use super::peer::{Peer, text};

checks! {
    "contacts", Bed;
    Must wishes ["Z-1"] "one asks, the other accepts, and either ends it, for both";
    Must told ["Z-1"] "who is asked is told so at once";
    Must names ["Z-2"] "a name is its user's alone, and nobody is a contact of oneself";
    Must unknown ["Z-2"] "an unknown user is refused where messages to it are";
    Must blocked ["Z-4", "Z-5"] "contents of who is blocked are refused, until it is no more";
    Must brought ["Z-4", "Z-5"] "who is blocked brings nobody into a group, nor asks it";
    Must hints ["Z-4"] "who is blocked signals to nobody, and sees nobody online";
    Must keys ["Z-4"] "who is blocked is shown no keys, and given none";
    Must recalled ["Z-4"] "who is blocked takes back what it said";
    Must own_block ["Z-3", "Z-5"] "who blocks gets BLOCKED itself, and stays a contact";
    Must again ["Z-7"] "what was accepted before the block is a duplicate behind it";
}

/// Two users who are contacts, so that they may write to each other wherever this is.
struct Pair {
    ada: UserId,
    bob: UserId,
    chat: ChatId,
    /// A session of each.
    by_ada: Peer,
    by_bob: Peer,
}

async fn ask(peer: &mut Peer, operation: ContactOperation) -> Checked<u64> {
    match peer.ask(Operation::Contact(operation)).await? {
        Ok(Answer::Contact(ContactAnswer::Set(at) | ContactAnswer::Block(at))) => Ok(at),
        other => fail("an answer about contacts", format_args!("{other:?}")),
    }
}

fn wish(of: &UserId, wanted: bool) -> ContactOperation {
    ContactOperation::Set(SetContact { wanted: Some(wanted), ..SetContact::of(of.clone()) })
}

fn block(of: &UserId, blocked: bool) -> ContactOperation {
    ContactOperation::Block(Block { user: of.clone(), blocked })
}

/// What a user knows of another, by its own state.
async fn contact(peer: &mut Peer, of: &UserId) -> Checked<Contact> {
    let (mut after, mut found) = (0, Contact::of(of.clone()));
    loop {
        let asked = Operation::Own(Own::Changes { after, limit: 0 });
        let page = match peer.ask(asked).await? {
            Ok(Answer::Own(OwnAnswer::Changes(page))) => page,
            other => return fail("a page of items", format_args!("{other:?}")),
        };
        for item in page.items {
            after = item.revision;
            if let Some(Item::Contact(contact)) = item.item
                && contact.user == *of
            {
                found = contact;
            }
        }
        if !page.more {
            return Ok(found);
        }
    }
}

/// Two users who know nothing of each other, nor block each other.
async fn strangers(bed: &Bed) -> Checked<Pair> {
    let [ada, bob] = bed.users()?;
    let mut by_ada = Peer::login(bed, &ada).await?;
    let mut by_bob = Peer::login(bed, &bob).await?;
    for (peer, other) in [(&mut by_ada, &bob), (&mut by_bob, &ada)] {
        ask(peer, block(other, false)).await?;
        ask(peer, wish(other, false)).await?;
    }
    let chat = ChatId::direct(&ada, &bob);
    Ok(Pair { ada, bob, chat, by_ada, by_bob })
}

impl Pair {
    async fn contacts(bed: &Bed) -> Checked<Self> {
        let mut pair = strangers(bed).await?;
        ask(&mut pair.by_ada, wish(&pair.bob, true)).await?;
        ask(&mut pair.by_bob, wish(&pair.ada, true)).await?;
        Ok(pair)
    }

    /// Bob blocks Ada, or does so no more.
    async fn block(&mut self, blocked: bool) -> Checked {
        ask(&mut self.by_bob, block(&self.ada, blocked)).await.map(drop)
    }

    /// How they stand to each other.
    async fn states(&mut self) -> Checked<[ContactState; 2]> {
        let by_ada = contact(&mut self.by_ada, &self.bob).await?;
        let by_bob = contact(&mut self.by_bob, &self.ada).await?;
        Ok([by_ada.state, by_bob.state])
    }
}

/// Why a message is refused.
async fn refusal(peer: &mut Peer, bed: &Bed, to: &ChatId, said: Bytes) -> Checked<Verdict> {
    let id = bed.message();
    peer.send(to, id, said).await?;
    match peer.answer(id).await? {
        Ok(accepted) => fail("Rejected", format_args!("Accepted as {}", accepted.seq)),
        Err(rejected) => Ok(rejected.verdict),
    }
}

/// Who is blocked is told so, or what it is told of a user who is not there.
fn check_barred(verdict: &Verdict) -> Checked {
    let code = verdict.reject_code();
    let expected = [RejectCode::UnknownUser, RejectCode::Blocked];
    let found = code.is_some_and(|code| expected.contains(&code));
    ensure(found, "UNKNOWN_USER or BLOCKED", format_args!("{verdict:?}"))
}

async fn wishes(bed: &Bed) -> Checked {
    use ContactState::{Asked, Asks, Contact, None};
    let mut pair = strangers(bed).await?;
    let first = ask(&mut pair.by_ada, wish(&pair.bob, true)).await?;
    same("asked", [Asked, Asks], pair.states().await?)?;
    same("asked again", first, ask(&mut pair.by_ada, wish(&pair.bob, true)).await?)?;
    ask(&mut pair.by_bob, wish(&pair.ada, true)).await?;
    same("accepted", [Contact, Contact], pair.states().await?)?;
    ask(&mut pair.by_bob, wish(&pair.ada, false)).await?;
    same("ended", [None, None], pair.states().await?)?;
    for by_ada in [true, false] {
        ask(&mut pair.by_ada, wish(&pair.bob, true)).await?;
        let (peer, other) =
            if by_ada { (&mut pair.by_ada, &pair.bob) } else { (&mut pair.by_bob, &pair.ada) };
        ask(peer, wish(other, false)).await?;
        same("taken back or refused", [None, None], pair.states().await?)?;
    }
    Ok(())
}

async fn told(bed: &Bed) -> Checked {
    let mut pair = strangers(bed).await?;
    pair.by_bob.sync().await?;
    ask(&mut pair.by_ada, wish(&pair.bob, true)).await?;
    let notice = |packet: &Packet| matches!(packet, Packet::Notice(Notice::Own(_))).then_some(());
    pair.by_bob.find("a Notice of own state", notice).await
}

async fn names(bed: &Bed) -> Checked {
    let mut pair = strangers(bed).await?;
    let called = |name: &str, of: &UserId| {
        let name = Some(name.to_owned());
        ContactOperation::Set(SetContact { name, ..SetContact::of(of.clone()) })
    };
    ask(&mut pair.by_ada, called("Bobby", &pair.bob)).await?;
    let by_ada = contact(&mut pair.by_ada, &pair.bob).await?;
    same("the name", ("Bobby", ContactState::None), (&by_ada.name, by_ada.state))?;
    let by_bob = contact(&mut pair.by_bob, &pair.ada).await?;
    same("what the other one has", Contact::of(pair.ada.clone()), by_bob)?;
    ask(&mut pair.by_bob, wish(&pair.ada, true)).await?;
    let by_ada = contact(&mut pair.by_ada, &pair.bob).await?;
    same("the name", ("Bobby", ContactState::Asks), (&by_ada.name, by_ada.state))?;
    ask(&mut pair.by_ada, called("", &pair.bob)).await?;
    same("no name", "", &contact(&mut pair.by_ada, &pair.bob).await?.name)?;
    for oneself in [called("me", &pair.ada), wish(&pair.ada, true), block(&pair.ada, true)] {
        pair.by_ada.ask_refused(Operation::Contact(oneself), RejectCode::Invalid).await?;
    }
    Ok(())
}

async fn unknown(bed: &Bed) -> Checked {
    let mut pair = strangers(bed).await?;
    let nobody = user(&bed.name());
    let id = bed.message();
    pair.by_ada.send(&ChatId::direct(&pair.ada, &nobody), id, text("hi")).await?;
    let asked = Operation::Contact(wish(&nobody, true));
    match pair.by_ada.answer(id).await? {
        // Where strangers do not write, nothing is told of who there is.
        Err(rejected) if rejected.verdict.reject_code() == Some(RejectCode::UnknownUser) => {
            pair.by_ada.ask_refused(asked, RejectCode::UnknownUser).await
        }
        _ => match pair.by_ada.ask(asked).await? {
            Ok(Answer::Contact(ContactAnswer::Set(_))) => Ok(()),
            Err(verdict) => same("the code", Some(RejectCode::UnknownUser), verdict.reject_code()),
            other => fail("an answer to set_contact", format_args!("{other:?}")),
        },
    }
}

async fn blocked(bed: &Bed) -> Checked {
    let mut pair = Pair::contacts(bed).await?;
    let (chat, nobody) = (pair.chat.clone(), user(&bed.name()));
    pair.by_ada.text(bed, &chat, "before").await?;
    pair.by_bob.take(&chat).await?;
    pair.block(true).await?;
    let why = refusal(&mut pair.by_ada, bed, &chat, text("while")).await?;
    check_barred(&why)?;
    if why.reject_code() == Some(RejectCode::UnknownUser) {
        let id = bed.message();
        pair.by_ada.send(&ChatId::direct(&pair.ada, &nobody), id, text("hi")).await?;
        if let Err(rejected) = pair.by_ada.answer(id).await?
            && rejected.verdict.reject_code() == Some(RejectCode::UnknownUser)
        {
            let reason = rejected.verdict.reason.replace(nobody.as_str(), pair.bob.as_str());
            same("the answer for who is not there", Verdict { reason, ..rejected.verdict }, why)?;
        }
    }
    let reaction = Alteration::Reacted { seq: 1, reaction: "+1".to_owned(), taken_back: false };
    let reacts = Content::Entry(reaction).encode();
    check_barred(&refusal(&mut pair.by_ada, bed, &chat, reacts).await?)?;
    pair.by_bob.no_entry(&chat, "nothing of who is blocked").await?;
    pair.block(false).await?;
    let after = pair.by_ada.text(bed, &chat, "after").await?;
    same("what comes behind the block", after.seq, pair.by_bob.take(&chat).await?.seq)
}

async fn brought(bed: &Bed) -> Checked {
    let mut pair = strangers(bed).await?;
    pair.block(true).await?;
    let crew = bed.group();
    let created = |members| GroupChange::Created { name: "crew".to_owned(), members };
    let with_bob = Content::Group(created(vec![pair.bob.clone()])).encode();
    check_barred(&refusal(&mut pair.by_ada, bed, &crew, with_bob).await?)?;
    pair.by_ada.change(bed, &crew, created(Vec::new())).await?;
    let adds = || GroupChange::Added(vec![pair.bob.clone()]);
    let added = Content::Group(adds()).encode();
    check_barred(&refusal(&mut pair.by_ada, bed, &crew, added).await?)?;
    let (asked, adding) = (Operation::Contact(wish(&pair.bob, true)), adds());
    match pair.by_ada.ask(asked).await? {
        Err(verdict) => check_barred(&verdict)?,
        Ok(answer) => return fail("a wish that is refused", format_args!("{answer:?}")),
    }
    same("nobody asks", [ContactState::None; 2], pair.states().await?)?;
    pair.block(false).await?;
    pair.by_ada.change(bed, &crew, adding).await?;
    pair.by_bob.entry(&crew).await.map(drop)
}

async fn presence(peer: &mut Peer, of: &UserId) -> Checked<Presence> {
    match peer.ask(Operation::Presence { users: vec![of.clone()] }).await? {
        Ok(Answer::Presence(mut users)) if users.len() == 1 => Ok(users.remove(0)),
        other => fail("one presence", format_args!("{other:?}")),
    }
}

async fn hints(bed: &Bed) -> Checked {
    let mut pair = Pair::contacts(bed).await?;
    pair.by_ada.text(bed, &pair.chat.clone(), "hi").await?;
    let signal = || {
        let (chat, data) = (pair.chat.clone(), Bytes::new());
        Packet::Signal(Signal { chat, kind: SignalKind::Typing, data, sender: None })
    };
    let (first, second) = (signal(), signal());
    let heard = |packet: &Packet| matches!(packet, Packet::Signal(_));
    same("online", true, presence(&mut pair.by_ada, &pair.bob).await?.online)?;
    pair.block(true).await?;
    let hidden = Presence::hidden(pair.bob.clone());
    same("who blocks", hidden, presence(&mut pair.by_ada, &pair.bob).await?)?;
    same("who is blocked", true, presence(&mut pair.by_bob, &pair.ada).await?.online)?;
    pair.by_ada.say(first).await?;
    pair.by_ada.sync().await?;
    same("signals", 0, pair.by_bob.sync().await?.iter().filter(|said| heard(said)).count())?;
    pair.block(false).await?;
    pair.by_ada.say(second).await?;
    pair.by_bob.find("a Signal", |packet| heard(packet).then_some(())).await?;
    same("online", true, presence(&mut pair.by_ada, &pair.bob).await?.online)
}

async fn keys_of(peer: &mut Peer, of: &UserId) -> Checked<Vec<DeviceKeys>> {
    let asked = AskKeys::Devices { user: of.clone(), after: None, limit: 0 };
    match peer.ask(Operation::Keys(asked)).await? {
        Ok(Answer::Keys(Keys::Devices { devices, .. })) => Ok(devices),
        other => fail("keys", format_args!("{other:?}")),
    }
}

async fn keys(bed: &Bed) -> Checked {
    let mut pair = Pair::contacts(bed).await?;
    let (identity, prekey) = ("bob".into(), "prekey".into());
    let published = PublishKeys { identity, prekey, ..PublishKeys::default() };
    let publish = Operation::Keys(AskKeys::Publish(published));
    ensure(pair.by_bob.ask(publish).await?.is_ok(), "keys are published", "a refusal")?;
    let Some(shown) = keys_of(&mut pair.by_ada, &pair.bob).await?.pop() else {
        return fail("the keys of a device", "none");
    };
    let claim = || {
        let (claim, user) = (ClaimId::from([7; 16]), pair.bob.clone());
        Operation::Keys(AskKeys::Claim { claim, user, device: shown.device.clone() })
    };
    let (first, second) = (claim(), claim());
    pair.block(true).await?;
    same("keys", 0, keys_of(&mut pair.by_ada, &pair.bob).await?.len())?;
    match pair.by_ada.ask(first).await? {
        Err(verdict) if verdict.reject_code() == Some(RejectCode::NoKeys) => {}
        Err(verdict) => same("the code", Some(RejectCode::Blocked), verdict.reject_code())?,
        Ok(answer) => return fail("no keys", format_args!("{answer:?}")),
    }
    pair.block(false).await?;
    match pair.by_ada.ask(second).await? {
        Ok(Answer::Keys(Keys::Claimed(_))) => Ok(()),
        other => fail("keys", format_args!("{other:?}")),
    }
}

async fn recalled(bed: &Bed) -> Checked {
    let mut pair = Pair::contacts(bed).await?;
    let chat = pair.chat.clone();
    let said = pair.by_ada.text(bed, &chat, "what was said").await?;
    pair.block(true).await?;
    check_barred(&refusal(&mut pair.by_ada, bed, &chat, text("more")).await?)?;
    let recall = Content::Entry(Alteration::Recalled { seq: said.seq }).encode();
    let back = pair.by_ada.post(&chat, bed.message(), recall).await?;
    pair.by_bob.take(&chat).await?;
    same("the recall", back.seq, pair.by_bob.take(&chat).await?.seq)?;
    pair.block(false).await
}

async fn own_block(bed: &Bed) -> Checked {
    let mut pair = Pair::contacts(bed).await?;
    let (chat, blocked) = (pair.chat.clone(), RejectCode::Blocked);
    pair.block(true).await?;
    same("they stay contacts", [ContactState::Contact; 2], pair.states().await?)?;
    pair.by_bob.rejected(bed, &chat, text("hi"), blocked).await?;
    ask(&mut pair.by_bob, wish(&pair.ada, false)).await?;
    let asked = Operation::Contact(wish(&pair.ada, true));
    pair.by_bob.ask_refused(asked, blocked).await?;
    pair.block(false).await?;
    ask(&mut pair.by_bob, wish(&pair.ada, true)).await.map(drop)
}

async fn again(bed: &Bed) -> Checked {
    let mut pair = Pair::contacts(bed).await?;
    let (chat, id) = (pair.chat.clone(), bed.message());
    let first = pair.by_ada.post(&chat, id, text("once")).await?;
    pair.block(true).await?;
    check_barred(&refusal(&mut pair.by_ada, bed, &chat, text("more")).await?)?;
    let again = pair.by_ada.post(&chat, id, text("once")).await?;
    same("the same", (first.seq, true), (again.seq, again.duplicate))?;
    pair.block(false).await
}
