//! How a group is, in lines for people. Must never hold a character that a terminal obeys.

use packetboat_client::{ChatState, JoinRule, Role};

use crate::clean;
use crate::clock::Clock;

/// All that there is to know of a group.
pub(crate) fn about(clock: &Clock, state: &ChatState) -> Vec<String> {
    let role = match state.role {
        Some(Role::Owner) => "it is yours",
        Some(Role::Admin) => "you are an admin",
        Some(Role::Member) => "you are a member",
        None => "you are not in it any more",
    };
    let rules = state.rules;
    let who = |everybody: bool| if everybody { "every member" } else { "the owner and the admins" };
    let comes = match rules.join_rule {
        JoinRule::Invited => "who is added, or has a link",
        JoinRule::Ask => "who is added or has a link; anyone may ask",
        JoinRule::Anyone => "anyone",
    };
    let sees = if rules.history_for_all { "all that was before" } else { "nothing from before" };
    let line = |name: &str, said: &str| format!("{name:<14}{}", clean::line(said));
    let optional = |name, said: &str| (!said.is_empty()).then(|| line(name, said));
    let mut lines = vec![line("Name", &state.name)];
    lines.extend(optional("Topic", &state.topic));
    lines.extend(optional("Picture", &state.avatar));
    lines.push(line("Members", &format!("{}; {role}", state.members)));
    lines.push(line("Who writes", who(!rules.only_admins_write)));
    lines.push(line("Who adds", who(rules.members_add)));
    lines.push(line("Who comes in", comes));
    lines.push(line("A newcomer", &format!("sees {sees}")));
    lines.extend(mute(clock, state.muted_until_ms));
    if state.join_requests > 0 {
        lines.push(line("Asking", &format!("{}: /group requests", state.join_requests)));
    }
    lines
}

/// Until when the user is mute, if that is not over for long.
pub(crate) fn mute(clock: &Clock, until_ms: u64) -> Option<String> {
    (until_ms > 0).then(|| match clock.full(until_ms).as_str() {
        "-" => "You are mute for good".to_owned(),
        until => format!("You are mute until {until}"),
    })
}

#[cfg(test)]
mod tests {
    use packetboat_client::GroupRules;

    use super::*;

    #[test]
    fn a_group_is_told_with_its_rules_and_the_place_in_it() {
        let state = ChatState {
            name: "The\u{1b}crew".into(),
            members: 3,
            role: Some(Role::Admin),
            rules: GroupRules { only_admins_write: true, ..GroupRules::default() },
            muted_until_ms: u64::MAX,
            ..ChatState::of("group:crew".parse().unwrap())
        };
        let lines = about(&Clock::utc(), &state);
        assert_eq!(lines[0], "Name          The␛crew");
        assert_eq!(lines[1], "Members       3; you are an admin");
        assert_eq!(lines[2], "Who writes    the owner and the admins");
        assert_eq!(lines.last().unwrap(), "You are mute for good");
        let until = mute(&Clock::utc(), 1_795_251_903_000);
        assert_eq!(until.as_deref(), Some("You are mute until 2026-11-21 09:05:03"));
        assert_eq!(mute(&Clock::utc(), 0), None);
    }
}
