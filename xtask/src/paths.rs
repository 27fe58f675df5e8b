//! Where things are in the checkout. The only place that spells these paths.

use std::path::{Path, PathBuf};

/// The root of the checkout.
pub(crate) fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_path_buf()
}

/// What cargo builds, and everything that xtask installs.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// The debug binaries of the workspace.
pub(crate) fn bin_dir() -> PathBuf {
    target().join("debug")
}

/// Everything that `cargo xtask tools` installs.
pub(crate) fn tools() -> PathBuf {
    target().join("tools")
}

/// The pin files of the tools.
pub(crate) fn pins() -> PathBuf {
    root().join("xtask/tools")
}

/// The golden tables (an archive and its index), kept beside the checkout; `LAKEDR_GOLDEN` overrides.
pub(crate) fn golden() -> PathBuf {
    std::env::var_os("LAKEDR_GOLDEN").map_or_else(|| root().join("../shared/golden"), PathBuf::from)
}
