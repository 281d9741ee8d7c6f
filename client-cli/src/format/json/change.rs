//! Messages in their context, and what changes others, as JSON. Must never leave out which entry is
//! meant.

use packetboat_client::{Alteration, Body, Content, Context, Forwarded, UserId};
use serde_json::{Map, Value, json};

use super::{file, hex};

fn body(body: &Body) -> Value {
    match body {
        Body::Text(text) => json!({ "kind": "text", "text": text }),
        Body::Data { media_type, body } => {
            json!({ "kind": "data", "media_type": media_type, "hex": hex(body) })
        }
    }
}

/// A text, data or file, with what it belongs to.
pub(super) fn message(said: Content, context: &Context) -> Value {
    let mut value = match said {
        Content::File(sent) => file::sent(&sent),
        said => said.body().map_or(Value::Null, |said| body(&said)),
    };
    let Some(object) = value.as_object_mut() else { return value };
    if context.reply_to > 0 {
        object.insert("reply_to".into(), context.reply_to.into());
    }
    if context.thread > 0 {
        object.insert("thread".into(), context.thread.into());
    }
    match &context.forwarded {
        None => {}
        Some(Forwarded::Somewhere) => drop(object.insert("forwarded".into(), Value::Null)),
        Some(Forwarded::From(origin)) => {
            let (chat, sender) = (origin.chat.as_str(), origin.sender.as_str());
            let from = json!({ "chat": chat, "seq": origin.seq, "sender": sender });
            object.insert("forwarded".into(), from);
        }
    }
    if !context.mentions.is_empty() {
        let users: Vec<&str> = context.mentions.iter().map(UserId::as_str).collect();
        object.insert("mentions".into(), users.into());
    }
    if context.mentions_all {
        object.insert("mentions_all".into(), true.into());
    }
    value
}

/// What changes another entry.
pub(super) fn alteration(alteration: &Alteration) -> Value {
    let mut value = match alteration {
        Alteration::Edited { new, .. } => body(new),
        Alteration::Recalled { .. } => Value::Object(Map::new()),
        Alteration::Reacted { reaction, taken_back, .. } => {
            json!({ "reaction": reaction, "taken_back": taken_back })
        }
        Alteration::Pinned { unpinned, .. } => json!({ "unpinned": unpinned }),
    };
    let kind = match alteration {
        Alteration::Edited { .. } => "edited",
        Alteration::Recalled { .. } => "recalled",
        Alteration::Reacted { .. } => "reacted",
        Alteration::Pinned { .. } => "pinned",
    };
    value["kind"] = kind.into();
    value["of"] = alteration.seq().into();
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use packetboat_client::Origin;

    #[test]
    fn a_message_has_what_it_belongs_to() {
        let plain = message(Content::text("hi"), &Context::default());
        assert_eq!(plain, json!({ "kind": "text", "text": "hi" }));
        let (chat, sender) = ("dm:a:b".parse().unwrap(), "a".parse().unwrap());
        let whole = Context {
            reply_to: 3,
            thread: 2,
            forwarded: Some(Forwarded::From(Origin { chat, seq: 9, sender })),
            mentions: vec!["bob".parse().unwrap()],
            mentions_all: true,
            expires_after_ms: 0,
        };
        let expected = json!({
            "kind": "text", "text": "hi", "reply_to": 3, "thread": 2,
            "forwarded": { "chat": "dm:a:b", "seq": 9, "sender": "a" },
            "mentions": ["bob"], "mentions_all": true,
        });
        assert_eq!(message(Content::text("hi"), &whole), expected);
    }

    #[test]
    fn what_changes_an_entry_names_it() {
        let edited = Alteration::Edited { seq: 3, new: Body::Text("new".into()) };
        let expected = json!({ "kind": "edited", "of": 3, "text": "new" });
        assert_eq!(alteration(&edited), expected);
        let recalled = json!({ "kind": "recalled", "of": 3 });
        assert_eq!(alteration(&Alteration::Recalled { seq: 3 }), recalled);
        let reacted = Alteration::Reacted { seq: 3, reaction: "+1".into(), taken_back: false };
        let expected = json!({ "kind": "reacted", "of": 3, "reaction": "+1", "taken_back": false });
        assert_eq!(alteration(&reacted), expected);
        let pinned = json!({ "kind": "pinned", "of": 3, "unpinned": true });
        assert_eq!(alteration(&Alteration::Pinned { seq: 3, unpinned: true }), pinned);
    }
}
