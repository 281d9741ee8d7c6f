//! Messages as rows of a given width. Must never make a row that is wider.

use std::hash::{DefaultHasher, Hash, Hasher};

use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};

use super::outbox::Outgoing;
use super::receipts::Receipts;
use super::roster::Chat;
use super::timeline::{Message, Timeline};
use crate::cells::{width, wrap};
use crate::clock::Clock;

/// Cells of the time before a message, and of the space below it.
const TIME_CELLS: usize = 6;
/// The fewest cells that are left for the ticks behind a message.
const TICK_CELLS_MIN: usize = 3;
/// What the user is called.
const YOU: &str = "you";
/// The fewest cells that a text is wrapped to.
const TEXT_CELLS_MIN: usize = 4;
/// What senders are told apart by.
const COLOURS: [Color; 6] = [
    Color::Yellow,
    Color::Green,
    Color::Magenta,
    Color::Red,
    Color::LightYellow,
    Color::LightGreen,
];

/// A row, and of which entry it is.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// The entry's seq; the highest for what has none yet.
    pub(crate) seq: u64,
    /// What it shows.
    pub(crate) line: Line<'static>,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tick {
    None,
    Sending,
    Stored,
    Delivered,
    Read,
    /// So many members of a group have read it, but not all, and whether all have it.
    ReadBy(u32, bool),
    Failed,
}

/// All rows of a chat: its timeline, and what is on its way there.
pub(crate) fn rows<'a>(
    clock: &Clock,
    (chat, receipts): (&Chat, &Receipts),
    timeline: &Timeline,
    outgoing: impl Iterator<Item = &'a Outgoing>,
    cells: usize,
) -> Vec<Row> {
    let mut sheet = Sheet { clock, cells, day: None, rows: Vec::new() };
    for message in timeline.messages() {
        let tick = if message.own && !message.change {
            tick(chat, receipts, message.seq)
        } else {
            Tick::None
        };
        sheet.message(message, tick);
    }
    for message in outgoing {
        sheet.outgoing(message);
    }
    sheet.rows
}

fn tick(chat: &Chat, receipts: &Receipts, seq: u64) -> Tick {
    let step = receipts.of(seq).filter(|step| step.members > 0);
    match (&chat.peer, step) {
        (Some(_), _) if seq <= chat.peer_read => Tick::Read,
        (Some(_), _) if seq <= chat.peer_delivered => Tick::Delivered,
        (None, Some(step)) if step.read >= step.members => Tick::Read,
        (None, Some(step)) if step.read > 0 => {
            Tick::ReadBy(step.read, step.delivered >= step.members)
        }
        (None, Some(step)) if step.delivered >= step.members => Tick::Delivered,
        _ => Tick::Stored,
    }
}

struct Sheet<'a> {
    clock: &'a Clock,
    cells: usize,
    day: Option<String>,
    rows: Vec<Row>,
}

impl Sheet<'_> {
    fn message(&mut self, message: &Message, tick: Tick) {
        let style = sender_style(&message.sender, message.own);
        let sender = (if message.own { YOU } else { message.sender.as_str() }, style);
        self.block(message.seq, message.at_ms, sender, message.change, &message.lines, tick);
    }

    fn outgoing(&mut self, message: &Outgoing) {
        let tick = if message.failed.is_some() { Tick::Failed } else { Tick::Sending };
        let sender = (YOU, sender_style(YOU, true));
        self.block(u64::MAX, message.at_ms, sender, message.change, &message.lines, tick);
        if let Some(why) = &message.failed {
            let style = Style::new().fg(Color::Red);
            for row in wrap(&format!("not sent: {why}"), self.text_cells(tick)) {
                self.push(
                    u64::MAX,
                    vec![Span::raw(" ".repeat(TIME_CELLS)), Span::styled(row, style)],
                );
            }
        }
    }

    fn text_cells(&self, tick: Tick) -> usize {
        let ticks = tick.span().map_or(0, |span| width(&span.content)).max(TICK_CELLS_MIN);
        self.cells.saturating_sub(TIME_CELLS + ticks).max(TEXT_CELLS_MIN)
    }

    fn block(
        &mut self,
        seq: u64,
        at_ms: u64,
        (sender, sender_style): (&str, Style),
        change: bool,
        lines: &[String],
        tick: Tick,
    ) {
        self.day_of(seq, at_ms);
        let label = if change { format!("{sender} ") } else { format!("{sender}: ") };
        let text_style = if change {
            Style::new().add_modifier(Modifier::ITALIC | Modifier::DIM)
        } else {
            Style::new()
        };
        let mut texts = Vec::new();
        for (at, line) in lines.iter().enumerate() {
            let line = if at == 0 { format!("{label}{line}") } else { line.clone() };
            texts.extend(wrap(&line, self.text_cells(tick)));
        }
        let last = texts.len().saturating_sub(1);
        for (at, text) in texts.into_iter().enumerate() {
            let time = if at == 0 { self.clock.minute(at_ms) } else { String::new() };
            let time = format!("{time:<TIME_CELLS$}");
            let mut spans = vec![Span::styled(time, Style::new().add_modifier(Modifier::DIM))];
            match text.strip_prefix(label.trim_end()).filter(|_| at == 0 && !change) {
                Some(rest) => {
                    spans.push(Span::styled(label.trim_end().to_owned(), sender_style));
                    spans.push(Span::styled(rest.to_owned(), text_style));
                }
                None => spans.push(Span::styled(text, text_style)),
            }
            if at == last {
                spans.extend(tick.span());
            }
            self.push(seq, spans);
        }
    }

    /// A line between two days.
    fn day_of(&mut self, seq: u64, at_ms: u64) {
        let day = self.clock.day(at_ms);
        if self.day.as_ref() != Some(&day) {
            let title = format!("── {day} ──");
            let indent = self.cells.saturating_sub(width(&title)) / 2;
            let style = Style::new().add_modifier(Modifier::DIM);
            self.push(seq, vec![Span::raw(" ".repeat(indent)), Span::styled(title, style)]);
            self.day = Some(day);
        }
    }

    fn push(&mut self, seq: u64, spans: Vec<Span<'static>>) {
        self.rows.push(Row { seq, line: Line::from(spans) });
    }
}

impl Tick {
    fn span(self) -> Option<Span<'static>> {
        let dim = Style::new().add_modifier(Modifier::DIM);
        let (text, style) = match self {
            Self::None => return None,
            Self::Sending => (" …".to_owned(), dim),
            Self::Stored => (" ✓".to_owned(), dim),
            Self::Delivered => (" ✓✓".to_owned(), dim),
            Self::ReadBy(count, false) => (format!(" ✓ {count} read"), dim),
            Self::ReadBy(count, true) => (format!(" ✓✓ {count} read"), dim),
            Self::Read => {
                let style = Style::new().fg(Color::LightBlue).add_modifier(Modifier::BOLD);
                (" ✓✓".to_owned(), style)
            }
            Self::Failed => (" ✗".to_owned(), Style::new().fg(Color::Red)),
        };
        Some(Span::styled(text, style))
    }
}

fn sender_style(sender: &str, own: bool) -> Style {
    let colour = if own {
        Color::Cyan
    } else {
        let mut hasher = DefaultHasher::new();
        sender.hash(&mut hasher);
        COLOURS[usize::try_from(hasher.finish() % COLOURS.len() as u64).unwrap_or(0)]
    };
    Style::new().fg(colour).add_modifier(Modifier::BOLD)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::roster::Roster;
    use packetboat_client::{ChatId, Edge};
    use proptest::prelude::*;

    fn message(seq: u64, own: bool, text: &str) -> Message {
        let sender = if own { "bob" } else { "alice" };
        let said = packetboat_client::Content::text(text);
        let made = crate::format::tests::entry("dm:alice:bob", seq, sender, &said);
        let at_ms = 1_795_251_900_000 + seq * 40_000_000;
        Message { at_ms, lines: crate::clean::lines(text), ..Message::new(&made, own) }
    }

    fn chat(delivered: u64, read: u64) -> Chat {
        let id: ChatId = "dm:alice:bob".parse().unwrap();
        let mut roster = Roster::new("bob".parse().unwrap());
        let chat = roster.entry(&id);
        (chat.peer_delivered, chat.peer_read) = (delivered, read);
        chat.clone()
    }

    fn texts(messages: Vec<Message>, chat: &Chat, cells: usize) -> Vec<String> {
        let mut timeline = Timeline::new();
        timeline.page(Edge::Before(0), messages, false, 0);
        let chat = (chat, &Receipts::new());
        let rows = rows(&Clock::utc(), chat, &timeline, std::iter::empty(), cells);
        rows.iter().map(|row| row.line.to_string()).collect()
    }

    #[test]
    fn days_are_told_apart_and_ticks_stand_at_the_end() {
        let messages = vec![
            message(0, false, "hello there, how are you?"),
            message(1, true, "read"),
            message(2, true, "delivered"),
            message(3, true, "stored"),
        ];
        let expected = [
            "   ── Sat 21 November 2026 ──",
            "09:05 alice: hello there, how",
            "      are you?",
            "20:11 you: read ✓✓",
            "   ── Sun 22 November 2026 ──",
            "07:18 you: delivered ✓✓",
            "18:25 you: stored ✓",
        ];
        assert_eq!(texts(messages, &chat(2, 1), 33), expected);
    }

    #[test]
    fn the_ticks_of_a_group_tell_how_many_have_read() {
        let mut roster = Roster::new("bob".parse().unwrap());
        let mut group = roster.entry(&"group:crew".parse().unwrap()).clone();
        group.peer_read = 9;
        let mut receipts = Receipts::new();
        assert_eq!(tick(&group, &receipts, 1), Tick::Stored);
        let step = |seq, delivered, read| packetboat_client::ReceiptStep {
            first: seq,
            last: seq,
            members: 3,
            delivered,
            read,
        };
        let steps = [(3, 3), (3, 2), (2, 1), (3, 0), (2, 0)];
        let steps = (1..).zip(steps).map(|(seq, (had, read))| step(seq, had, read));
        receipts.take(Some(steps.collect()));
        let wanted = [
            Tick::Read,
            Tick::ReadBy(2, true),
            Tick::ReadBy(1, false),
            Tick::Delivered,
            Tick::Stored,
            Tick::Stored,
        ];
        assert_eq!([1, 2, 3, 4, 5, 6].map(|seq| tick(&group, &receipts, seq)), wanted);
        let span = Tick::ReadBy(2, true).span().unwrap();
        assert_eq!(span.content, " ✓✓ 2 read");
    }

    proptest! {
        #[test]
        fn no_row_is_wider_than_it_may_be(text in any::<String>(), cells in 20..80_usize) {
            let rows = texts(vec![message(1, true, &text)], &chat(1, 1), cells);
            let title = "── Sat 21 November 2026 ──".chars().count();
            prop_assert!(rows.iter().all(|row| width(row) <= cells.max(title)));
        }
    }
}
