//! Sentences and lines for people. Must never hold a character that a terminal obeys.

mod file;
mod table;

use packetboat_client::{Accepted, UserId};
use packetboat_client::{
    Alteration, Body, ChatId, ChatState, Content, Entry, Erasure, Forwarded, GroupCard,
    GroupChange, GroupRules, Invitation, InviteLink, JoinNews, JoinRequest, JoinRule, JoinState,
    JoinWay, Presence, Role,
};

use super::content;

pub(crate) mod chats;
pub(crate) mod contact;
pub(crate) mod device;
pub(crate) mod group;
pub(crate) mod hint;
pub(crate) mod keys;
pub(crate) mod members;
pub(crate) mod own;
pub(crate) mod receipt;
pub(crate) mod room;
pub(crate) mod schedule;
use crate::clean;
use crate::clock::Clock;
use crate::command::wait::Wait;

pub(crate) use self::file::{file, quota, saved, sent, thumbnail};

/// What is shown of a message whose time is over.
pub(crate) const EXPIRED: &str = "had a message here that has expired";

/// What an entry says, in lines.
pub(crate) fn said(entry: &Entry) -> Vec<String> {
    match content(entry) {
        Ok(Content::Group(change)) => vec![changed(&change)],
        Ok(Content::Entry(alteration)) => altered(&alteration),
        Ok(Content::Erased(Erasure::Recalled { .. })) => vec!["took a message back".to_owned()],
        Ok(Content::Erased(Erasure::Expired { .. })) => vec![EXPIRED.to_owned()],
        Ok(Content::Room(change)) => vec![room::changed(&change)],
        Ok(said) => {
            let mut lines = match said {
                Content::File(file) => sent(&file),
                said => said.body().map(|body| self::body(&body)).unwrap_or_default(),
            };
            if let Some(first) = lines.first_mut() {
                *first = format!("{}{first}", prefix(entry));
            }
            lines
        }
        Err(bytes) => vec![format!("[something of a later version, {}]", size(bytes.len()))],
    }
}

/// Whether an entry is a change to its group or room.
pub(crate) fn is_change(entry: &Entry) -> bool {
    matches!(
        content(entry),
        Ok(Content::Group(_) | Content::Room(_) | Content::Entry(_) | Content::Erased(_))
    )
}

/// What a message says, in lines.
pub(crate) fn body(body: &Body) -> Vec<String> {
    match body {
        Body::Text(text) => clean::lines(text),
        Body::Data { media_type, body } => {
            vec![format!("[{}, {}]", clean::line(media_type), size(body.len()))]
        }
    }
}

/// What a message belongs to, before its text.
fn prefix(entry: &Entry) -> String {
    let context = super::context(entry);
    let forwarded = context.forwarded.as_ref().map(|forwarded| match forwarded {
        Forwarded::Somewhere => "[forwarded] ".to_owned(),
        Forwarded::From(origin) => {
            format!("[forwarded from {} {} of {}] ", origin.chat, origin.seq, origin.sender)
        }
    });
    let to = (context.reply_to > 0).then(|| format!("[to {}] ", context.reply_to));
    let expires = (context.expires_after_ms > 0)
        .then(|| format!("[for {}] ", Wait(context.expires_after_ms)));
    let thread = (context.thread > 0).then(|| format!("[in the thread {}] ", context.thread));
    [forwarded, to, thread, expires].into_iter().flatten().collect()
}

fn altered(alteration: &Alteration) -> Vec<String> {
    match alteration {
        Alteration::Edited { seq, new } => {
            let mut lines = body(new);
            if let Some(first) = lines.first_mut() {
                *first = format!("edited {seq}: {first}");
            }
            lines
        }
        Alteration::Recalled { seq } => vec![format!("recalled {seq}")],
        Alteration::Reacted { seq, reaction, taken_back } => {
            let reaction = clean::line(reaction);
            let how = if *taken_back { "takes back" } else { "reacts" };
            vec![format!("{how} {reaction} to {seq}")]
        }
        Alteration::Pinned { seq, unpinned: false } => vec![format!("pinned {seq}")],
        Alteration::Pinned { seq, unpinned: true } => vec![format!("unpinned {seq}")],
    }
}

fn changed(change: &GroupChange) -> String {
    match change {
        GroupChange::Created { name, members } if members.is_empty() => {
            format!("made the group “{}”", clean::line(name))
        }
        GroupChange::Created { name, members } => {
            format!("made the group “{}” with {}", clean::line(name), names(members))
        }
        GroupChange::Added(users) => format!("added {}", names(users)),
        GroupChange::Removed(users) => format!("removed {}", names(users)),
        GroupChange::Left { new_owner: None } => "left".to_owned(),
        GroupChange::Left { new_owner: Some(user) } => format!("left; {user} owns the group now"),
        GroupChange::Renamed(name) => format!("called the group “{}”", clean::line(name)),
        GroupChange::Described { topic, avatar } => described(topic.as_deref(), avatar.as_deref()),
        GroupChange::RulesSet(rules) => ruled(*rules),
        GroupChange::RolesGiven { users, role: Role::Admin } => {
            format!("made admins of {}", names(users))
        }
        GroupChange::RolesGiven { users, .. } => format!("made members of {}", names(users)),
        GroupChange::OwnerChanged(user) => format!("gave the group to {user}"),
        GroupChange::Muted { users, until_ms: 0 } => format!("lets {} write again", names(users)),
        GroupChange::Muted { users, .. } => format!("made {} mute for a while", names(users)),
        GroupChange::Dissolved => "dissolved the group".to_owned(),
        GroupChange::Joined(None) => "came in".to_owned(),
        GroupChange::Joined(Some(_)) => "came in by a link".to_owned(),
    }
}

fn described(topic: Option<&str>, avatar: Option<&str>) -> String {
    let topic = topic.map(|topic| match topic {
        "" => "took the topic away".to_owned(),
        topic => format!("set the topic “{}”", clean::line(topic)),
    });
    let avatar = avatar.map(|avatar| match avatar {
        "" => "took the picture away",
        _ => "set another picture",
    });
    let parts: Vec<_> = topic.into_iter().chain(avatar.map(str::to_owned)).collect();
    parts.join(", and ")
}

fn ruled(rules: GroupRules) -> String {
    let who = |everybody: bool| if everybody { "every member" } else { "the admins" };
    let history = if rules.history_for_all { "with" } else { "without" };
    let others = match rules.join_rule {
        JoinRule::Invited => "who is not invited stays out",
        JoinRule::Ask => "anyone may ask to come in",
        JoinRule::Anyone => "anyone comes in",
    };
    format!(
        "set the rules: {} may add members, {} may write, newcomers come {history} the history, \
         {others}",
        who(rules.members_add),
        who(!rules.only_admins_write),
    )
}

fn names(users: &[UserId]) -> String {
    users.iter().map(UserId::as_str).collect::<Vec<_>>().join(", ")
}

fn size(bytes: usize) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        _ => format!("{}.{} KiB", bytes / 1024, bytes % 1024 * 10 / 1024),
    }
}

/// An entry on a line of its own; further lines of its text are indented.
pub(crate) fn entry(clock: &Clock, entry: &Entry) -> String {
    let (at, said) = (clock.full(entry.at_ms), said(entry).join("\n    "));
    let (chat, seq, sender) = (&entry.chat, entry.seq, &entry.sender);
    let mark = if is_change(entry) { "" } else { ":" };
    format!("{at} {chat} {seq} {sender}{mark} {said}")
}

/// That the server's log of a chat is younger than what was had of it.
pub(crate) fn log_reset(chat: &ChatId) -> String {
    format!(
        "{chat}: the server's log is younger than what this device has had (was a backup \
         restored?): the chat starts over, messages may be missing or come again"
    )
}

/// Where a message is stored.
pub(crate) fn accepted(accepted: &Accepted) -> String {
    format!("{} {}", accepted.chat, accepted.seq)
}

/// What people call a chat.
pub(crate) fn name(user: &UserId, state: &ChatState) -> String {
    if state.name.is_empty() { short_name(user, &state.chat) } else { clean::line(&state.name) }
}

/// What a chat is called by its id alone.
pub(crate) fn short_name(user: &UserId, chat: &ChatId) -> String {
    match chat.peer_of(user) {
        Some(peer) => peer.to_string(),
        None => chat.as_str().split_once(':').map_or("", |(_, name)| name).to_owned(),
    }
}

/// An invitation: its link, and what it is good for.
pub(crate) fn invitation(clock: &Clock, group: &ChatId, invitation: &Invitation) -> String {
    let link = InviteLink { group: group.clone(), key: Some(invitation.key) };
    format!("{link}  {}", invitation_terms(clock, invitation))
}

/// What an invitation is good for.
fn invitation_terms(clock: &Clock, invitation: &Invitation) -> String {
    let until = match invitation.expires_ms {
        0 => "for good".to_owned(),
        until => format!("until {}", clock.full(until)),
    };
    let uses = match invitation.uses {
        0 => String::new(),
        uses => format!(", {uses} times"),
    };
    let asks = if invitation.asks { ", to ask" } else { "" };
    let by = invitation.made_by.as_ref().map(|user| format!(", by {user}")).unwrap_or_default();
    format!("{until}{uses}{asks}{by}")
}

/// An invitation in two lines.
pub(crate) fn invitation_lines(clock: &Clock, group: &ChatId, invitation: &Invitation) -> String {
    let link = InviteLink { group: group.clone(), key: Some(invitation.key) };
    format!("{link}\n{}", table::more(&invitation_terms(clock, invitation)))
}

/// What there is to see of a group before one comes in.
pub(crate) fn card(card: &GroupCard) -> String {
    let way = match card.way {
        Some(JoinWay::Member) => "you are in it",
        Some(JoinWay::Join) => "you may come in",
        Some(JoinWay::Ask) => "you may ask to come in",
        None => "nobody knows how to come in",
    };
    let topic = if card.topic.is_empty() { String::new() } else { format!(" ({})", card.topic) };
    let (name, chat, members) = (&card.name, &card.chat, card.members);
    clean::line(&format!("{name}{topic}, {chat}, {members} members: {way}"))
}

/// Somebody who asks to come in.
pub(crate) fn join_request(clock: &Clock, request: &JoinRequest) -> String {
    let since = format!("since {}", clock.full(request.at_ms));
    table::row(request.user.as_str(), table::USER_COLUMNS, &since)
}

/// How a wish to come in stands.
pub(crate) fn join_state(group: &ChatId, state: JoinState) -> String {
    match state {
        JoinState::Waiting => format!("you have asked to come into {group}"),
        JoinState::Refused => format!("you are not let into {group}"),
        JoinState::Member => format!("you are in {group}"),
    }
}

/// That somebody asks to come in, or is not let in; `more` is what shows all who ask.
pub(crate) fn join_news(news: &JoinNews, more: &str) -> String {
    let JoinNews { chat, user, state } = news;
    match state {
        Some(JoinState::Refused) => format!("you are not let into {chat}"),
        Some(JoinState::Waiting | JoinState::Member) | None => {
            format!("{user} asks to come into {chat}: {more}")
        }
    }
}

/// Whether a user is there.
pub(crate) fn presence(clock: &Clock, presence: &Presence) -> String {
    let (is, status) = match (presence.online, presence.last_seen_ms) {
        (true, _) if presence.away => ("away".to_owned(), clean::line(&presence.status)),
        (true, _) => ("online".to_owned(), clean::line(&presence.status)),
        (false, 0) => ("offline".to_owned(), String::new()),
        (false, seen) => (format!("last seen {}", clock.full(seen)), String::new()),
    };
    table::row_with(presence.user.as_str(), table::USER_COLUMNS, &is, &status)
}

/// How the user itself is told to be. To whom is not known: only what sets it says that.
pub(crate) fn own_presence(own: &Presence) -> String {
    let is = match (own.online, own.away) {
        (true, true) => "away",
        (true, false) => "online",
        (false, _) => "offline",
    };
    match clean::line(&own.status).as_str() {
        "" => format!("you are {is}, and say nothing of yourself"),
        status => format!("you are {is}, and say: {status}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::entry as make;
    use super::*;
    use bytes::Bytes;

    fn line(content: &Content) -> String {
        entry(&Clock::utc(), &make("group:crew", 3, "alice", content))
    }

    #[test]
    fn an_entry_is_a_line() {
        assert_eq!(line(&Content::text("hi")), "2026-11-21 09:05:03 group:crew 3 alice: hi");
        let lines = line(&Content::text("hi\n2026 group:crew 4 bob: no"));
        assert!(lines.ends_with("alice: hi\n    2026 group:crew 4 bob: no"));
        assert!(line(&Content::text("\x1b]0;title\x07")).ends_with("␛]0;title␇"));
    }

    #[test]
    fn changes_are_sentences() {
        let users = |text: &str| text.split(' ').map(|user| user.parse().unwrap()).collect();
        let said = |change| line(&Content::Group(change)).split_off(33);
        let members = users("bob carol");
        let created = GroupChange::Created { name: "Crew\u{202e}".into(), members };
        assert_eq!(said(created), "alice made the group “Crew\u{fffd}” with bob, carol");
        assert_eq!(said(GroupChange::Added(users("bob"))), "alice added bob");
        let topic = Some("Sails\u{202e}".to_owned());
        let described = GroupChange::Described { topic, avatar: Some(String::new()) };
        let expected = "alice set the topic “Sails�”, and took the picture away";
        assert_eq!(said(described), expected);
        let given = GroupChange::RolesGiven { users: users("bob"), role: Role::Admin };
        assert_eq!(said(given), "alice made admins of bob");
        let rules = said(GroupChange::RulesSet(GroupRules::default()));
        assert!(rules.contains("the admins may add members, every member may write"), "{rules}");
        let new_owner = Some("bob".parse().unwrap());
        assert_eq!(said(GroupChange::Left { new_owner }), "alice left; bob owns the group now");
    }

    #[test]
    fn data_is_named_with_its_size() {
        let body = Bytes::from(vec![0; 1536]);
        let data = Content::Data { media_type: "image/png".into(), body };
        assert!(line(&data).ends_with("alice: [image/png, 1.5 KiB]"));
    }

    #[test]
    fn who_is_there_fits_whatever_it_says_of_itself() {
        let user = "bob".parse().unwrap();
        let status = "s".repeat(256);
        let here = Presence { online: true, status, ..Presence::hidden(user) };
        let line = presence(&Clock::utc(), &here);
        table::fits(&line);
        assert!(line.starts_with("bob  ") && line.ends_with("s…"), "{line}");
    }

    #[test]
    fn who_asks_for_its_own_status_is_told_it_without_what_a_terminal_obeys() {
        let own = Presence { online: true, ..Presence::hidden("bob".parse().unwrap()) };
        assert_eq!(own_presence(&own), "you are online, and say nothing of yourself");
        let own = Presence { away: true, status: "at\u{1b} sea".into(), ..own };
        assert_eq!(own_presence(&own), "you are away, and say: at\u{241b} sea");
    }

    #[test]
    fn a_link_is_never_cut_and_what_it_is_good_for_stands_below() {
        let group = "group:crew".parse().unwrap();
        let (link, made) = InviteLink::open(&group, 1_795_251_907_000);
        let made = Invitation { uses: 5, asks: true, ..made };
        let lines = invitation_lines(&Clock::utc(), &group, &made);
        table::fits(&lines);
        let expected = format!("{link}\n    until 2026-11-21 09:05:07, 5 times, to ask");
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_chat_without_a_name_is_called_by_its_id() {
        let user = "bob".parse().unwrap();
        assert_eq!(short_name(&user, &"dm:alice:bob".parse().unwrap()), "alice");
        assert_eq!(short_name(&user, &"group:crew".parse().unwrap()), "crew");
    }
}
