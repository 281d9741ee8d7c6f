//! A finished `Send` of which the chat, the message id and the text change. Must never write a
//! field itself: the bytes come from the proto crate.

use bytes::BytesMut;
use packetboat_proto::content::Content;
use packetboat_proto::frame::put_with;
use packetboat_proto::id::MessageId;
use packetboat_proto::limits::{HEAD_BYTES, MESSAGE_ID_BYTES};
use packetboat_proto::packet::{Kind, Packet, Send};

use std::mem::{Discriminant, discriminant};

use super::names::Names;
use crate::wire::To;

/// A finished `Send`.
#[derive(Debug)]
pub(super) struct Template {
    body: Vec<u8>,
    kind: Discriminant<To>,
    chat_at: usize,
    chat_bytes: usize,
    id_at: usize,
    text_at: usize,
    text_bytes: usize,
}

impl Template {
    /// One for chats of that kind, and texts of that length.
    pub(super) fn new(names: &Names, to: To, text: &[u8]) -> Self {
        // Neither occurs in a name.
        let mark = "~".repeat(text.len());
        let id = MessageId::from([0xff; MESSAGE_ID_BYTES]);
        let chat = names.chat(to);
        let content = Content::text(mark.clone()).encode();
        let mut frame = BytesMut::new();
        Packet::Send(Send { chat: chat.clone(), id, content }).put(&mut frame);
        let body = frame.split_off(HEAD_BYTES).to_vec();
        Self {
            kind: discriminant(&to),
            chat_at: find(&body, chat.as_str().as_bytes()),
            chat_bytes: chat.as_str().len(),
            id_at: find(&body, id.as_bytes()),
            text_at: find(&body, mark.as_bytes()),
            text_bytes: text.len(),
            body,
        }
    }

    pub(super) fn fits(&self, to: To, text: &[u8]) -> bool {
        self.kind == discriminant(&to) && self.text_bytes == text.len()
    }

    /// Appends the frame of a message.
    pub(super) fn put(
        &mut self,
        names: &Names,
        to: To,
        id: &[u8; MESSAGE_ID_BYTES],
        text: &[u8],
        out: &mut BytesMut,
    ) {
        let body = &mut self.body;
        names.put_chat(to, &mut body[self.chat_at..self.chat_at + self.chat_bytes]);
        body[self.id_at..self.id_at + MESSAGE_ID_BYTES].copy_from_slice(id);
        body[self.text_at..self.text_at + self.text_bytes].copy_from_slice(text);
        put_with(out, Kind::Send as u8, |out| out.extend_from_slice(body));
    }
}

fn find(bytes: &[u8], mark: &[u8]) -> usize {
    let found = bytes.windows(mark.len()).position(|window| window == mark);
    found.expect("what was put in is in there")
}
