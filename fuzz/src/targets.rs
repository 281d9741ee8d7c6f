//! Every target by its name, which is that of its corpus and of its binary in `cargo-fuzz/`. Must
//! never lack one.

/// A target.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name.
    pub name: &'static str,
    /// Its body.
    pub run: fn(&[u8]),
    /// Bytes of the longest input that is worth its time.
    pub bytes_max: usize,
}

macro_rules! targets {
    ($($name:ident: $bytes_max:literal;)*) => {
        /// All of them.
        pub const TARGETS: &[Target] = &[$(
            Target { name: stringify!($name), run: crate::$name::run, bytes_max: $bytes_max },
        )*];
    };
}

targets! {
    frames: 2048;
    packets: 4096;
    round_trip: 2048;
    flow: 1024;
    ledger: 1024;
    store_codecs: 1024;
    tokens: 1024;
    config: 1024;
}

/// The target of that name.
pub fn named(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
