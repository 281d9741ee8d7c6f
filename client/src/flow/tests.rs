//! The flow in virtual time, packet by packet.
