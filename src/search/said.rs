//! What an entry says in words. Must never give words of a content that is gone.

use bytes::Bytes;
use packetboat_proto::content::{Alteration, Body, Content};
use packetboat_proto::entry::Entry;

/// The data that is read as text.
const TEXT: &str = "text/";

/// What an entry means to the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It says something.
    Words {
        /// When it was stored.
        at_ms: u64,
        /// What it says.
        text: String,
        /// When its time is over, if it ever is.
        expires_ms: Option<u64>,
    },
    /// Another entry says something else from now on.
    Edits(u64),
    /// Another entry says nothing any more.
    Recalls(u64),
    /// There are no words in it.
    Nothing,
}

/// What an encoded entry means to the index.
pub(super) fn meaning_of(body: &Bytes) -> Meaning {
    let Ok(entry) = Entry::decode(body.clone()) else { return Meaning::Nothing };
    // A content of a later version has no words that this one knows.
    let Ok((content, context)) = Content::decode_whole(&entry.content, usize::MAX) else {
        return Meaning::Nothing;
    };
    match &content {
        Content::Entry(Alteration::Edited { seq, .. }) => Meaning::Edits(*seq),
        Content::Entry(Alteration::Recalled { seq }) => Meaning::Recalls(*seq),
        _ => match text_of(content) {
            Some(text) => {
                let expires_ms = context.expires_ms(entry.at_ms);
                Meaning::Words { at_ms: entry.at_ms, text, expires_ms }
            }
            None => Meaning::Nothing,
        },
    }
}

/// What an encoded entry, or an edit, says in words.
pub(super) fn text_in(body: &Bytes) -> Option<String> {
    let entry = Entry::decode(body.clone()).ok()?;
    text_of(Content::decode(&entry.content, usize::MAX).ok()?)
}

fn text_of(content: Content) -> Option<String> {
    match content {
        Content::Text(text) | Content::Entry(Alteration::Edited { new: Body::Text(text), .. }) => {
            Some(text)
        }
        Content::Data { media_type, body }
        | Content::Entry(Alteration::Edited { new: Body::Data { media_type, body }, .. }) => {
            let text = media_type.starts_with(TEXT).then(|| String::from_utf8(body.to_vec()));
            text?.ok()
        }
        Content::File(sent) => Some(format!("{} {}", sent.name, sent.caption)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use packetboat_proto::content::{Context, Erasure};
    use packetboat_proto::id::{ChatId, MessageId, UserId};

    fn entry(content: Bytes) -> Bytes {
        let (chat, sender) = (ChatId::new("dm:ann:bob").unwrap(), UserId::new("ann").unwrap());
        Entry { chat, seq: 9, sender, id: MessageId::from([7; 16]), at_ms: 5, content }.encode()
    }

    #[test]
    fn words_are_read_of_what_has_some() {
        let data = |media_type: &str, body: &'static [u8]| Content::Data {
            media_type: media_type.to_owned(),
            body: Bytes::from_static(body),
        };
        let edited = Alteration::Edited { seq: 3, new: Body::Text("new".into()) };
        for (content, text) in [
            (Content::text("hi"), Some("hi")),
            (data("text/markdown", b"# tide"), Some("# tide")),
            (data("text/plain", b"\xff\xfe"), None),
            (data("image/png", b"png"), None),
            (Content::Entry(edited), Some("new")),
            (Content::Entry(Alteration::Pinned { seq: 3, unpinned: false }), None),
            (Content::Erased(Erasure::Recalled { by: 10 }), None),
        ] {
            assert_eq!(text_in(&entry(content.encode())).as_deref(), text, "{content:?}");
        }
        assert_eq!(text_in(&Bytes::from_static(b"\xff")), None);
    }

    #[test]
    fn what_an_entry_means_to_the_index_is_told() {
        let context = Context { expires_after_ms: 1_000, ..Context::default() };
        let text = entry(Content::text("hi").encode_in(&context));
        let words = Meaning::Words { at_ms: 5, text: "hi".into(), expires_ms: Some(1_005) };
        assert_eq!(meaning_of(&text), words);
        let edited = Alteration::Edited { seq: 3, new: Body::Text("new".into()) };
        assert_eq!(meaning_of(&entry(Content::Entry(edited).encode())), Meaning::Edits(3));
        let recalled = Content::Entry(Alteration::Recalled { seq: 4 });
        assert_eq!(meaning_of(&entry(recalled.encode())), Meaning::Recalls(4));
        assert_eq!(meaning_of(&Bytes::new()), Meaning::Nothing);
    }
}
