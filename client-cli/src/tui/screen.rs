//! The terminal as a screen. Must never leave it in another state than it was found in, whether
//! it is closed, dropped or torn down by a panic.

use std::io::{self, stdout};

use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::execute;
use ratatui::DefaultTerminal;

use crate::view::View;
use crate::view::draw::draw;

/// A terminal that is painted on.
pub(crate) struct Screen {
    terminal: DefaultTerminal,
    open: bool,
}

impl Screen {
    /// Takes the terminal.
    pub(crate) fn open() -> io::Result<Self> {
        // ratatui puts a hook of its own before this one, which gives back the rest.
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            drop(execute!(stdout(), DisableBracketedPaste));
            hook(info);
        }));
        let terminal = ratatui::try_init().inspect_err(|_| drop(ratatui::try_restore()))?;
        let screen = Self { terminal, open: true };
        execute!(stdout(), EnableBracketedPaste)?;
        Ok(screen)
    }

    /// Columns and rows.
    pub(crate) fn size(&self) -> io::Result<(u16, u16)> {
        let size = self.terminal.size()?;
        Ok((size.width, size.height))
    }

    /// Paints the view as it is now.
    pub(crate) fn paint(&mut self, view: &View, now_ms: u64) -> io::Result<()> {
        self.terminal.draw(|frame| draw(view, now_ms, frame)).map(drop)
    }

    /// Forgets what is on the screen.
    pub(crate) fn clear(&mut self) -> io::Result<()> {
        self.terminal.clear()
    }

    /// Gives the terminal back.
    pub(crate) fn close(&mut self) {
        if std::mem::take(&mut self.open) {
            // Nothing else can be done for a terminal that does not even take this.
            drop(execute!(stdout(), DisableBracketedPaste));
            drop(ratatui::try_restore());
            drop(self.terminal.show_cursor());
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.close();
    }
}
