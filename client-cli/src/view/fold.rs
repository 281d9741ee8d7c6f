//! A message as its entry and those that change it show it: in lines. Must never hold a character
//! that a terminal obeys.

use packetboat_client::Forwarded;
use packetboat_client::timeline::{Said, Shown, View};

use crate::clean;
use crate::command::wait::Wait;
use crate::format::text;

/// Characters of a message that another one answers.
const QUOTE_CHARS: usize = 40;

/// What is shown of a message, if that is more than its own entry tells.
pub(crate) fn lines(shown: &Shown, view: &View) -> Option<Vec<String>> {
    let said = match &shown.said {
        Said::Recalled { .. } => return Some(vec!["took a message back".to_owned()]),
        Said::Expired => return Some(vec![text::EXPIRED.to_owned()]),
        Said::Group(_) | Said::Room(_) | Said::Unknown(_) => return None,
        Said::Body(body) => text::body(body),
        Said::File(file) => text::sent(file),
    };
    let mut lines = Vec::new();
    match &shown.context.forwarded {
        Some(Forwarded::Somewhere) => lines.push("» forwarded".to_owned()),
        Some(Forwarded::From(origin)) => {
            lines.push(format!("» forwarded from {} in {}", origin.sender, origin.chat));
        }
        None => {}
    }
    let answered = [shown.context.reply_to, shown.context.thread].into_iter().find(|seq| *seq > 0);
    if let Some(seq) = answered {
        let mark = if shown.context.reply_to > 0 { "↪" } else { "≡" };
        lines.push(format!("{mark} {}", quote(seq, view)));
    }
    lines.extend(said);
    let mut marks = Vec::new();
    if shown.edited.is_some() {
        marks.push("edited".to_owned());
    }
    if shown.pinned {
        marks.push("pinned".to_owned());
    }
    if shown.context.expires_after_ms > 0 {
        marks.push(format!("for {}", Wait(shown.context.expires_after_ms)));
    }
    if let Some(last) = lines.last_mut().filter(|_| !marks.is_empty()) {
        *last = format!("{last} ({})", marks.join(", "));
    }
    if !shown.reactions.is_empty() {
        let one = |(reaction, users): (&String, &std::collections::BTreeSet<_>)| {
            let users: Vec<_> = users.iter().map(packetboat_client::UserId::as_str).collect();
            format!("{reaction} {}", users.join(", "))
        };
        let all: Vec<String> = shown.reactions.iter().map(one).collect();
        lines.push(clean::line(&format!("[{}]", all.join(" · "))));
    }
    Some(lines)
}

/// The beginning of another message.
fn quote(seq: u64, view: &View) -> String {
    let at = view.messages.binary_search_by_key(&seq, |shown| shown.seq);
    let Some(shown) = at.ok().and_then(|at| view.messages.get(at)) else {
        return format!("message {seq}");
    };
    let said = first_line(&shown.said);
    let short: String = said.chars().take(QUOTE_CHARS).collect();
    let rest = if short.len() < said.len() { "…" } else { "" };
    format!("{}: {short}{rest}", shown.sender)
}

/// A message in one line.
pub(crate) fn first_line(said: &Said) -> String {
    self::said(said).into_iter().next().unwrap_or_default()
}

/// A message in its lines.
pub(crate) fn said(said: &Said) -> Vec<String> {
    let told = match said {
        Said::Body(body) => return text::body(body),
        Said::File(file) => return text::sent(file),
        Said::Recalled { .. } => "a message taken back",
        Said::Expired => "a message that has expired",
        Said::Group(_) | Said::Room(_) => "a change",
        Said::Unknown(_) => "something of a later version",
    };
    vec![told.to_owned()]
}
