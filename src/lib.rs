//! The Packetboat server: messages are accepted once stored, delivered once, and in order.

pub mod store;
