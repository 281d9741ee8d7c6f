//! Fields of the messages that are encoded by hand, since each message of a user passes there: the
//! generated form would want a copy of every id. Must never differ from what the schema says.

use bytes::BufMut;
use prost::encoding::{
    WireType, encode_key, encode_varint, encoded_len_varint, key_len as tag_len,
};

/// One field of a protobuf message, left out when it is empty or 0.
pub(crate) enum Field<'a> {
    Number(u32, u64),
    Bytes(u32, &'a [u8]),
}

impl Field<'_> {
    /// How many bytes it takes.
    pub(crate) fn encoded_len(&self) -> usize {
        match *self {
            Self::Number(_, 0) | Self::Bytes(_, []) => 0,
            Self::Number(tag, number) => tag_len(tag) + encoded_len_varint(number),
            Self::Bytes(tag, bytes) => {
                tag_len(tag) + encoded_len_varint(bytes.len() as u64) + bytes.len()
            }
        }
    }

    /// Appends it to `out`.
    pub(crate) fn put(&self, out: &mut impl BufMut) {
        match *self {
            Self::Number(_, 0) | Self::Bytes(_, []) => {}
            Self::Number(tag, number) => {
                encode_key(tag, WireType::Varint, out);
                encode_varint(number, out);
            }
            Self::Bytes(tag, bytes) => {
                encode_key(tag, WireType::LengthDelimited, out);
                encode_varint(bytes.len() as u64, out);
                out.put_slice(bytes);
            }
        }
    }
}
