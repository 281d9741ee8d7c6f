//! What is written to stdout. Must never write what has not been cleaned, nor panic when nobody
//! reads it.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

use crate::clean;
use crate::failure::Failure;
use crate::format::json::Object;

/// Where lines go, and in which form.
pub(crate) struct Out {
    sink: Box<dyn Write + Send>,
    json: bool,
}

impl Out {
    /// To stdout.
    pub(crate) fn stdout(json: bool) -> Self {
        Self { sink: Box::new(io::stdout()), json }
    }

    /// To anything else.
    #[cfg(test)]
    pub(crate) fn new(sink: impl Write + Send + 'static, json: bool) -> Self {
        Self { sink: Box::new(sink), json }
    }

    /// Whether JSON is wanted.
    pub(crate) const fn is_json(&self) -> bool {
        self.json
    }

    /// Writes a line in the form that is wanted, and sees it off.
    pub(crate) fn put(
        &mut self,
        json: impl FnOnce() -> Object,
        text: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        let line = if self.json { clean::json(&json().to_string()) } else { text() };
        self.line(line)
    }

    /// Writes a line for programs only: to people no news is good news.
    pub(crate) fn done(&mut self, json: impl FnOnce() -> Object) -> Result<(), Failure> {
        if self.json { self.line(clean::json(&json().to_string())) } else { Ok(()) }
    }

    /// Writes a line for people only.
    pub(crate) fn note(&mut self, text: impl Display) -> Result<(), Failure> {
        if self.json { Ok(()) } else { self.line(text) }
    }

    fn line(&mut self, line: impl Display) -> Result<(), Failure> {
        self.raw(format!("{line}\n").as_bytes())
    }

    /// Writes bytes of this program's own making.
    pub(crate) fn raw(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.sink.write_all(bytes).and_then(|()| self.sink.flush()).map_err(|error| {
            match error.kind() {
                ErrorKind::BrokenPipe => Failure::Unread,
                _ => Failure::Output(error),
            }
        })
    }
}

/// Writes a line to stderr. Nothing is to be done if nobody reads it.
pub(crate) fn complain(message: &str) {
    let text = clean::lines(message).join("\n");
    #[cfg(test)]
    tests::COMPLAINTS.with_borrow_mut(|all| all.push(text.clone()));
    drop(writeln!(io::stderr(), "packetboat-cli: {text}"));
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::sync::{Arc, Mutex};

    thread_local! {
        /// What this thread has complained of.
        pub(super) static COMPLAINTS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    }

    /// What this thread has complained of since this was asked last.
    pub(crate) fn complaints() -> Vec<String> {
        COMPLAINTS.take()
    }

    /// A sink that a test can look into.
    #[derive(Clone, Default)]
    pub(crate) struct Page(Arc<Mutex<Vec<u8>>>);

    impl Page {
        pub(crate) fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A pipe that nobody reads.
    pub(crate) struct Closed;

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A file on a disk that is full.
    pub(crate) struct Full;

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn one_form_is_written() {
        let page = Page::default();
        for json in [true, false] {
            let mut out = Out::new(page.clone(), json);
            let one = || Object::new("one", serde_json::json!({ "n": 1 }));
            out.put(one, || "one".to_owned()).unwrap();
            out.note("for people").unwrap();
            out.done(|| Object::new("done", serde_json::json!({}))).unwrap();
        }
        assert_eq!(
            page.text(),
            "{\"n\":1,\"type\":\"one\"}\n{\"type\":\"done\"}\none\nfor people\n"
        );
    }

    #[test]
    fn a_closed_pipe_is_told_apart() {
        let error = Out::new(Closed, false).note("x").unwrap_err();
        assert!(matches!(error, Failure::Unread));
    }
}
