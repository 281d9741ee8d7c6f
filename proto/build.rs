//! Compiles the .proto files with protox, so that no protoc is needed. Must write to `OUT_DIR`
//! only.

use std::io;

const SCHEMA: &str = "packetboat/v1/packetboat.proto";

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed={SCHEMA}");
    let files = protox::compile([SCHEMA], ["."]).map_err(io::Error::other)?;
    prost_build::Config::new()
        // `bytes` fields borrow the frame that they came in: no copy on the way to the log.
        .bytes(["."])
        .skip_protoc_run()
        .compile_fds(files)
}
