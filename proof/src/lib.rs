//! What the proofs of Packetboat share. A proof lets clients work while something goes wrong,
//! records a [`history`], and has it checked. Must never be a dependency of what is shipped.

pub mod calls;
pub mod checker;
pub mod dice;
pub mod disk;
pub mod fleet;
pub mod history;
pub mod promises;
pub mod proxy;
pub mod roster;
pub mod route;
pub mod sailor;
pub mod ship;
pub mod suite;
pub mod traffic;
