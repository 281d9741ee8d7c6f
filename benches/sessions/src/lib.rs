//! Many live sessions in one process, over streams in memory, where the system's limit of
//! descriptors does not count: what each costs. Must never hold a rule of the server.
//!
//! Floors, lowest first: [`usage`], [`wire`], [`quay`], [`crowd`].

pub mod crowd;
pub mod quay;
pub mod usage;
pub mod wire;
