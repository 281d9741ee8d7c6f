//! Paints the view. Must never change it, nor paint a text that has not been cleaned.

use packetboat_client::Presence;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Clear, Paragraph};

use super::link::Mood;
use super::model::View;
use super::overlay::{BORDER, Overlay};
use super::roster::Chat;
use crate::cells::{cut, width};
use crate::clean;
use crate::clock::Clock;

/// What stands before the line that is written.
const PROMPT: &str = "> ";

/// Paints all of it.
pub(crate) fn draw(view: &View, now_ms: u64, frame: &mut Frame) {
    let [body, status] =
        Layout::vertical([Constraint::Min(0), Constraint::Length(1)]).areas(frame.area());
    let [list, chat] =
        Layout::horizontal([Constraint::Length(view.list_columns()), Constraint::Min(0)])
            .areas(body);
    let [title, messages, typing, input] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Min(0),
        Constraint::Length(1),
        Constraint::Length(1),
    ])
    .areas(chat);
    draw_list(view, now_ms, frame, list);
    draw_title(view, frame, title);
    draw_messages(view, frame, messages);
    draw_typing(view, now_ms, frame, typing);
    draw_input(view, frame, input);
    draw_status(view, now_ms, frame, status);
    if let Some(overlay) = &view.overlay {
        draw_overlay(overlay, frame, body);
    }
}

const fn dim() -> Style {
    Style::new().add_modifier(Modifier::DIM)
}

fn draw_list(view: &View, now_ms: u64, frame: &mut Frame, area: Rect) {
    if area.is_empty() {
        return;
    }
    let block = Block::new().borders(Borders::RIGHT).border_style(dim());
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let chats = view.roster.chats();
    let rows = usize::from(inner.height);
    let open = view.open.as_ref().map(|open| &open.chat);
    let at = chats.iter().position(|chat| Some(&chat.id) == open).unwrap_or(0);
    let first = at.saturating_sub(rows.saturating_sub(1));
    let columns = usize::from(inner.width);
    let lines: Vec<_> = chats
        .iter()
        .skip(first)
        .take(rows)
        .map(|chat| chat_line(chat, &view.called(chat), (Some(&chat.id) == open, now_ms), columns))
        .collect();
    frame.render_widget(Paragraph::new(lines), inner);
}

fn chat_line(
    chat: &Chat,
    called: &str,
    (is_open, now_ms): (bool, u64),
    columns: usize,
) -> Line<'static> {
    let (dot, dot_style) = match (&chat.peer, &chat.presence) {
        (None, _) if chat.id.is_room() => ("%", dim()),
        (None, _) => ("#", dim()),
        (_, Some(presence)) if presence.online && presence.away => {
            ("◐", Style::new().fg(Color::Yellow))
        }
        (_, Some(presence)) if presence.online => ("●", Style::new().fg(Color::Green)),
        (_, Some(_)) => ("○", dim()),
        (_, None) => (" ", dim()),
    };
    let (marks, counts) = (marks(chat, now_ms), counts(chat));
    let room = columns.saturating_sub(2 + width(&marks) + width(&counts));
    let name = cut(called, room);
    let space = " ".repeat(room.saturating_sub(width(&name)));
    let mut style = Style::new();
    if chat.unread > 0 || chat.marks.unread {
        style = style.add_modifier(Modifier::BOLD);
    }
    if is_open {
        style = style.add_modifier(Modifier::REVERSED);
    }
    Line::from(vec![
        Span::styled(dot, dot_style),
        Span::styled(format!(" {name}{space}"), style),
        Span::styled(marks, style.add_modifier(Modifier::DIM)),
        Span::styled(counts, style.fg(Color::Yellow)),
    ])
}

/// How the user wants a chat to be shown, a sign for each.
fn marks(chat: &Chat, now_ms: u64) -> String {
    let marks = &chat.marks;
    let signs =
        [(marks.pinned > 0, '^'), (marks.quiet_until_ms > now_ms, 'z'), (marks.archived, '-')];
    let signs: String = signs.iter().filter(|(is, _)| *is).map(|(_, sign)| sign).collect();
    if signs.is_empty() { signs } else { format!(" {signs}") }
}

/// What is unread in a chat, and what of it mentions the user.
fn counts(chat: &Chat) -> String {
    let count = |count: u64| match count {
        count @ 0..=999 => count.to_string(),
        _ => "999+".to_owned(),
    };
    let mut words = String::new();
    if chat.mentions > 0 {
        words = format!(" @{}", count(chat.mentions));
    }
    match chat.unread {
        0 if chat.marks.unread => words.push_str(" •"),
        0 => {}
        unread => words = format!("{words} {}", count(unread)),
    }
    words
}

fn draw_title(view: &View, frame: &mut Frame, area: Rect) {
    let Some(chat) = view.open_chat() else { return };
    let called = view.called(chat);
    let about = match &chat.peer {
        Some(peer) if *peer == view.me => "notes to yourself".to_owned(),
        Some(peer) => {
            let there = chat.presence.as_ref().map(|there| presence(&view.clock, there));
            let there = there.unwrap_or_default();
            // Who is called something is told by the id as well.
            if called == peer.as_str() { there } else { format!("{peer}  {there}") }
        }
        None => {
            let here = if chat.id.is_room() { "listening" } else { "members" };
            let members = match chat.members {
                0 => String::new(),
                count => format!(", {count} {here}"),
            };
            let topic =
                if chat.topic.is_empty() { String::new() } else { format!(": {}", chat.topic) };
            format!("{}{members}{topic}", chat.id)
        }
    };
    let columns = usize::from(area.width);
    let called = cut(&called, columns);
    let about = cut(&format!("  {about}"), columns.saturating_sub(width(&called)));
    let title = Line::from(vec![
        Span::styled(called, Style::new().add_modifier(Modifier::BOLD)),
        Span::styled(about, dim()),
    ]);
    frame.render_widget(Paragraph::new(title), area);
}

/// Whether the other one is there, and what it says of itself.
fn presence(clock: &Clock, presence: &Presence) -> String {
    let there = match (presence.online, presence.away, presence.last_seen_ms) {
        (true, true, _) => "away".to_owned(),
        (true, false, _) => "online".to_owned(),
        (false, _, 0) => "offline".to_owned(),
        (false, _, seen) => format!("last seen {}", clock.full(seen)),
    };
    match clean::line(&presence.status) {
        status if status.is_empty() => there,
        status => format!("{there}: {status}"),
    }
}

fn draw_messages(view: &View, frame: &mut Frame, area: Rect) {
    let Some(open) = &view.open else {
        let hint = "No chat is open. /open USER starts one; /help tells more.";
        frame.render_widget(Paragraph::new(hint).style(dim()), area);
        return;
    };
    let rows = view.rows();
    if rows.is_empty() {
        let hint = if open.timeline.is_loading() { "loading …" } else { "nothing here yet" };
        frame.render_widget(Paragraph::new(hint).style(dim()), area);
        return;
    }
    let end = rows.len() - open.up.min(rows.len() - 1);
    let height = usize::from(area.height);
    let shown = &rows[end.saturating_sub(height)..end];
    let lines: Vec<_> = shown.iter().map(|row| row.line.clone()).collect();
    // What is said last stands at the bottom.
    let blank = height.saturating_sub(lines.len());
    let area = Rect {
        y: area.y + u16::try_from(blank).unwrap_or(0),
        height: area.height - u16::try_from(blank).unwrap_or(0),
        ..area
    };
    frame.render_widget(Paragraph::new(lines), area);
}

fn draw_typing(view: &View, now_ms: u64, frame: &mut Frame, area: Rect) {
    let line = if let Some((note, mood)) = view.noted(now_ms) {
        Line::styled(cut(note, usize::from(area.width)), mood_style(mood))
    } else {
        Line::styled(aside(view, now_ms), dim().add_modifier(Modifier::ITALIC))
    };
    frame.render_widget(Paragraph::new(line), area);
}

/// Who types, that the user may not write, or that it looks back.
fn aside(view: &View, now_ms: u64) -> String {
    let typing = view.open_chat().map(|chat| chat.who_types(now_ms)).unwrap_or_default();
    match typing.as_slice() {
        [] => {}
        [one] => return format!("{one} is typing …"),
        [one, other] => return format!("{one} and {other} are typing …"),
        [one, others @ ..] => return format!("{one} and {} others are typing …", others.len()),
    }
    let muted = view.open_chat().map_or(0, |chat| chat.muted_until_ms);
    match &view.open {
        _ if muted > now_ms => match view.clock.full(muted).as_str() {
            "-" => "you are mute here".to_owned(),
            until => format!("you are mute here until {until}"),
        },
        Some(open) if open.up > 0 || !open.timeline.is_live() && open.timeline.last_seq() > 0 => {
            "looking back; PgDn goes on".to_owned()
        }
        _ => String::new(),
    }
}

fn draw_input(view: &View, frame: &mut Frame, area: Rect) {
    if area.is_empty() {
        return;
    }
    let prompt = u16::try_from(PROMPT.len()).unwrap_or(0);
    let room = usize::from(area.width.saturating_sub(prompt));
    let (text, cursor) = view.editor.visible(room);
    let line = Line::from(vec![Span::styled(PROMPT, dim()), Span::raw(text)]);
    frame.render_widget(Paragraph::new(line), area);
    if view.overlay.is_none() {
        let column = area.x + prompt + u16::try_from(cursor).unwrap_or(0);
        frame.set_cursor_position(Position::new(column.min(area.right() - 1), area.y));
    }
}

fn draw_status(view: &View, now_ms: u64, frame: &mut Frame, area: Rect) {
    let (words, mood) = view.status(now_ms);
    let waiting = match view.outbox.waiting() {
        0 => String::new(),
        count => format!(" · {count} on the way"),
    };
    let help = "/help ";
    let columns = usize::from(area.width);
    let left = cut(&format!(" {words}{waiting}"), columns.saturating_sub(help.len() + 1));
    let space = columns.saturating_sub(width(&left) + help.len());
    let line = format!("{left}{}{help}", " ".repeat(space));
    let style = match mood {
        Mood::Calm => Style::new().add_modifier(Modifier::REVERSED),
        mood => mood_style(mood).add_modifier(Modifier::REVERSED),
    };
    frame.render_widget(Paragraph::new(line).style(style), area);
}

const fn mood_style(mood: Mood) -> Style {
    match mood {
        Mood::Calm => Style::new(),
        Mood::Good => Style::new().fg(Color::Green),
        Mood::Bad => Style::new().fg(Color::Red),
    }
}

fn draw_overlay(overlay: &Overlay, frame: &mut Frame, area: Rect) {
    let sight = overlay.sight((area.width, area.height));
    let (columns, rows) = sight.size;
    let area = Rect {
        x: area.x + (area.width - columns) / 2,
        y: area.y + (area.height - rows) / 2,
        width: columns,
        height: rows,
    };
    frame.render_widget(Clear, area);
    let lines: Vec<_> = sight.rows.into_iter().map(Line::raw).collect();
    let inner = usize::from(columns.saturating_sub(BORDER));
    let mut block = Block::bordered().title(cut(&overlay.title, inner));
    if let Some(more) = sight.more {
        block = block.title_bottom(Line::raw(more).right_aligned());
    }
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

#[cfg(test)]
#[path = "draw/tests.rs"]
mod tests;
