//! One authenticated connection: the pure `flow` decides, the task carries out. Must never know
//! which store or transport it runs on.

pub mod deliveries;
pub mod rate;
