//! Load on a messaging server over loopback: figures for docs/BENCH.md.
//!
//! Floors, lowest first: [`clock`], [`histogram`], [`stamp`], [`schedule`], [`fields`]; [`check`],
//! [`wire`]; [`error`], [`figure`]; [`stop`], [`process`], [`usage`]; [`relay`] (a program of its
//! own); [`target`] with its adapters; [`fleet`]; [`ground`]; [`traffic`]; [`work`]; [`memory`],
//! [`sessions`]; [`place`], [`program`], [`targets`], [`args`]; [`run`], [`series`], [`report`],
//! [`compare`], [`plot`].
//!
//! Must never put load on another machine, nor show a figure of a run that was not good.

pub mod args;
pub mod check;
pub mod clock;
pub mod compare;
pub mod error;
pub mod fields;
pub mod figure;
pub mod fleet;
pub mod ground;
pub mod histogram;
pub mod memory;
pub mod place;
pub mod plot;
pub mod process;
pub mod program;
pub mod relay;
pub mod report;
pub mod run;
pub mod schedule;
pub mod series;
pub mod sessions;
pub mod stamp;
pub mod stop;
pub mod target;
pub mod targets;
pub mod traffic;
pub mod usage;
pub mod wire;
pub mod work;
