//! The Packetboat server: messages are accepted once stored, delivered once, and in order.
//!
//! Floors, lowest first: [`metrics`]; [`store`]; [`hub`].

pub mod hub;
pub mod metrics;
pub mod session;
pub mod store;
