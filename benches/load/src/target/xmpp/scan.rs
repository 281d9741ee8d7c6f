//! The XML of an XMPP stream, cut into its stanzas and read where it came: names and attributes as
//! slices, no tree, no copy, no entities. XMPP has no comments, declarations or processing
//! instructions (RFC 6120, 11.1), which is what makes this possible. Must never panic at what came.

use thiserror::Error;

/// Bytes of a stanza at most: a text of the longest, and much room.
const STANZA_BYTES_MAX: usize = 1 << 20;
/// Elements within each other at most.
const DEPTH_MAX: u32 = 64;

/// What came is not the XML of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum Malformed {
    /// A stanza that is too long.
    #[error("a stanza of more than {STANZA_BYTES_MAX} bytes came")]
    TooLong,
    /// Something that is not allowed in a stream, or not there.
    #[error("what came is not the XML of a stream")]
    Senseless,
}

/// A piece of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// The stream begins.
    Open,
    /// The stream ends.
    Close,
    /// A stanza, or something of the stream itself.
    Whole(Element<'a>),
}

/// An element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Element<'a> {
    /// Its name, with the prefix if there is one.
    pub(super) name: &'a [u8],
    /// Its attributes, as they are written.
    attributes: &'a [u8],
    /// What stands within it.
    pub(super) inner: &'a [u8],
}

/// A tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tag<'a> {
    Open {
        name: &'a [u8],
        attributes: &'a [u8],
    },
    Empty {
        name: &'a [u8],
        attributes: &'a [u8],
    },
    Close {
        name: &'a [u8],
    },
    /// `<?xml … ?>`, which stands before a stream.
    Declaration,
}

/// The first piece of some bytes, and how many are its own and what stands before it; `None` if it
/// is not whole.
pub(super) fn piece(bytes: &[u8]) -> Result<Option<(Piece<'_>, usize)>, Malformed> {
    let found = find(bytes)?;
    if found.is_none() && bytes.len() > STANZA_BYTES_MAX {
        return Err(Malformed::TooLong);
    }
    Ok(found)
}

fn find(bytes: &[u8]) -> Result<Option<(Piece<'_>, usize)>, Malformed> {
    let mut at = spaces(bytes);
    loop {
        let Some((tag, length)) = tag(&bytes[at..])? else { return Ok(None) };
        match tag {
            Tag::Declaration => at += length,
            Tag::Open { name: b"stream:stream", .. } => {
                return Ok(Some((Piece::Open, at + length)));
            }
            Tag::Close { name: b"stream:stream" } => return Ok(Some((Piece::Close, at + length))),
            Tag::Close { .. } => return Err(Malformed::Senseless),
            Tag::Open { .. } | Tag::Empty { .. } => break,
        }
        at += spaces(&bytes[at..]);
    }
    let whole = element(&bytes[at..])?;
    Ok(whole.map(|(element, length)| (Piece::Whole(element), at + length)))
}

/// The element with which some bytes begin, and its length; `None` if it is not whole.
fn element(bytes: &[u8]) -> Result<Option<(Element<'_>, usize)>, Malformed> {
    let Some((first, begin)) = tag(bytes)? else { return Ok(None) };
    let (name, attributes) = match first {
        Tag::Open { name, attributes } => (name, attributes),
        Tag::Empty { name, attributes } => {
            return Ok(Some((Element { name, attributes, inner: &[] }, begin)));
        }
        Tag::Close { .. } | Tag::Declaration => return Err(Malformed::Senseless),
    };
    let (mut at, mut depth) = (begin, 1_u32);
    loop {
        let rest = &bytes[at..];
        let Some(text) = rest.iter().position(|byte| *byte == b'<') else { return Ok(None) };
        let Some((tag, length)) = tag(&rest[text..])? else { return Ok(None) };
        match tag {
            Tag::Open { .. } => depth += 1,
            Tag::Close { .. } => depth -= 1,
            Tag::Empty { .. } => {}
            Tag::Declaration => return Err(Malformed::Senseless),
        }
        if depth > DEPTH_MAX {
            return Err(Malformed::Senseless);
        }
        if depth == 0 {
            if tag != (Tag::Close { name }) {
                return Err(Malformed::Senseless);
            }
            let inner = &bytes[begin..at + text];
            return Ok(Some((Element { name, attributes, inner }, at + text + length)));
        }
        at += text + length;
    }
}

/// The tag with which some bytes begin, and its length; `None` if it is not whole.
fn tag(bytes: &[u8]) -> Result<Option<(Tag<'_>, usize)>, Malformed> {
    match bytes {
        [b'<', b'!', ..] => return Err(Malformed::Senseless),
        [b'<', ..] => {}
        [] => return Ok(None),
        _ => return Err(Malformed::Senseless),
    }
    let (mut quote, mut end) = (None, None);
    for (byte, at) in bytes.iter().zip(0..).skip(1) {
        match (quote, byte) {
            (None, b'>') => {
                end = Some(at);
                break;
            }
            (None, b'<') => return Err(Malformed::Senseless),
            (None, b'"' | b'\'') => quote = Some(*byte),
            (Some(open), close) if open == *close => quote = None,
            _ => {}
        }
    }
    let Some(end) = end else { return Ok(None) };
    let inside = &bytes[1..end];
    let tag = match inside {
        [b'?', ..] => Tag::Declaration,
        [b'/', name @ ..] => Tag::Close { name: name.trim_ascii_end() },
        [inside @ .., b'/'] => {
            let (name, attributes) = named(inside);
            Tag::Empty { name, attributes }
        }
        inside => {
            let (name, attributes) = named(inside);
            Tag::Open { name, attributes }
        }
    };
    Ok(Some((tag, end + 1)))
}

fn named(inside: &[u8]) -> (&[u8], &[u8]) {
    let end = inside.iter().position(u8::is_ascii_whitespace).unwrap_or(inside.len());
    inside.split_at(end)
}

fn spaces(bytes: &[u8]) -> usize {
    bytes.len() - bytes.trim_ascii_start().len()
}

impl<'a> Element<'a> {
    /// The value of an attribute, as it is written.
    pub(super) fn attribute(&self, name: &str) -> Option<&'a [u8]> {
        let mut rest = self.attributes.trim_ascii_start();
        while let Some(equals) = rest.iter().position(|byte| *byte == b'=') {
            let (key, value) =
                (rest[..equals].trim_ascii_end(), rest[equals + 1..].trim_ascii_start());
            let (quote, value) = value.split_first()?;
            let end = value.iter().position(|byte| byte == quote)?;
            if key == name.as_bytes() {
                return Some(&value[..end]);
            }
            rest = value[end + 1..].trim_ascii_start();
        }
        None
    }

    /// The first element of that name that stands directly within.
    pub(super) fn child(&self, name: &str) -> Option<Element<'a>> {
        let mut rest = self.inner;
        while let Some(text) = rest.iter().position(|byte| *byte == b'<') {
            let (element, length) = element(&rest[text..]).ok()??;
            if element.name == name.as_bytes() {
                return Some(element);
            }
            rest = &rest[text + length..];
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As ejabberd 23.01 sends them.
    const STREAM: &[u8] =
        b"<?xml version='1.0'?><stream:stream id='1' version='1.0' xml:lang='en' \
        xmlns:stream='http://etherx.jabber.org/streams' from='localhost' xmlns='jabber:client'>";
    const MESSAGE: &[u8] = b"<message xml:lang='en' to='u2@localhost/load' \
        from='u0@localhost/load' type='chat' id='0af1'><body>4Fe>/</body><x a=\"'>\"/></message>";

    fn whole(bytes: &[u8]) -> Element<'_> {
        match piece(bytes).unwrap().unwrap() {
            (Piece::Whole(element), length) => {
                assert_eq!(length, bytes.len());
                element
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_stanza_is_read_with_its_attributes_and_what_stands_within() {
        let message = whole(MESSAGE);
        assert_eq!(message.name, b"message");
        assert_eq!(message.attribute("type"), Some(&b"chat"[..]));
        assert_eq!(message.attribute("id"), Some(&b"0af1"[..]));
        assert_eq!(message.attribute("lang"), None, "that is xml:lang");
        assert_eq!(message.child("body").unwrap().inner, b"4Fe>/");
        assert_eq!(message.child("x").unwrap().attribute("a"), Some(&b"'>"[..]));
        assert_eq!(message.child("subject"), None);
        let answer = whole(b"<a h='12' xmlns='urn:xmpp:sm:3'/>");
        assert_eq!((answer.name, answer.attribute("h")), (&b"a"[..], Some(&b"12"[..])));
        let nested = whole(b"<a><b><c/></b><c d = 'e' /></a>");
        assert_eq!(nested.child("c").unwrap().attribute("d"), Some(&b"e"[..]));
    }

    #[test]
    fn pieces_come_one_after_the_other_and_never_before_they_are_whole() {
        let close = b"</stream:stream>";
        let all = [STREAM, b"\n ", MESSAGE, b"<r xmlns='urn:xmpp:sm:3'/>", close].concat();
        let mut ends = vec![STREAM.len()];
        ends.push(ends[0] + 2 + MESSAGE.len());
        ends.push(all.len() - close.len());
        ends.push(all.len());
        let mut begin = 0;
        for (end, at) in ends.into_iter().zip(0..) {
            for split in begin..end {
                assert_eq!(piece(&all[begin..split]), Ok(None), "{split}");
            }
            let (piece, length) = piece(&all[begin..]).unwrap().unwrap();
            assert_eq!(begin + length, end);
            match at {
                0 => assert_eq!(piece, Piece::Open),
                3 => assert_eq!(piece, Piece::Close),
                _ => assert!(matches!(piece, Piece::Whole(_)), "{piece:?}"),
            }
            begin = end;
        }
    }

    #[test]
    fn what_is_no_stream_is_refused() {
        for bytes in [
            &b"hello"[..],
            b"<!DOCTYPE x>",
            b"<a><!-- --></a>",
            b"<a><![CDATA[x]]></a>",
            b"<a><?x?></a>",
            b"</message>",
            b"<a></b>",
            b"<a <b>",
        ] {
            let text = String::from_utf8_lossy(bytes);
            assert_eq!(piece(bytes), Err(Malformed::Senseless), "{text}");
        }
        let deep = b"<a>".repeat(DEPTH_MAX as usize + 1);
        assert_eq!(piece(&deep), Err(Malformed::Senseless));
        let long = [b"<a>".to_vec(), vec![b'x'; STANZA_BYTES_MAX]].concat();
        assert_eq!(piece(&long), Err(Malformed::TooLong));
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_or_refused(text in "[<>/='\"a-b ?!:]{0,40}") {
            if let Ok(Some((Piece::Whole(element), length))) = piece(text.as_bytes()) {
                prop_assert!(length <= text.len());
                let _ = (element.attribute("a"), element.child("a"));
            }
        }
    }
}
