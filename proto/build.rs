//! Compiles the `.proto` files with protox, so that no protoc has to be installed.

use std::env;
use std::error::Error;
use std::io::{self, Write as _};

const ROOT: &str = "proto";
const FILES: [&str; 4] = [
    "tfplugin6/provider.proto",
    "goplugin/controller.proto",
    "goplugin/broker.proto",
    "goplugin/stdio.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    let descriptors = protox::compile(FILES, [ROOT])?;
    tonic_prost_build::configure()
        .build_server(env::var_os("CARGO_FEATURE_SERVER").is_some())
        .build_client(env::var_os("CARGO_FEATURE_CLIENT").is_some())
        // a method that a server leaves out answers UNIMPLEMENTED
        .generate_default_stubs(true)
        // sorted maps make equal messages equal bytes
        .btree_map(".")
        .compile_fds(descriptors)?;
    writeln!(io::stdout(), "cargo:rerun-if-changed={ROOT}")?;
    Ok(())
}
