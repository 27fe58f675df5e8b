//! The files of a release, from built programs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use super::archive::{Entry, zip};
use super::checksums::{lines, sha256, sign};
use super::platform::Platform;
use crate::{console, paths, process};

const PROGRAM: &str = "terraform-provider-lakedr";
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// What the registries ask about a release beside its programs.
const MANIFEST: &str = "terraform-registry-manifest.json";

/// Arguments of `cargo xtask dist`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder with one folder a platform, such as linux_amd64, that holds the built provider; without it, the provider is
    /// built for this machine
    #[arg(long, value_name = "DIR")]
    binaries: Option<PathBuf>,
    /// Folder to write to
    #[arg(long, value_name = "DIR", default_value = "target/dist")]
    out: PathBuf,
    /// Id of the GPG key (RSA or DSA) that signs the checksums; without it, they are not signed
    #[arg(long, env = "LAKEDR_GPG_KEY", value_name = "KEY")]
    key: Option<String>,
}

/// Writes the files of a release.
///
/// # Errors
/// The provider does not build, a folder is no platform, or gpg does not sign.
pub(crate) fn run(args: &Args) -> Result<()> {
    let programs = match &args.binaries {
        Some(dir) => found(dir)?,
        None => BTreeMap::from([(Platform::host()?, built()?)]),
    };
    std::fs::create_dir_all(&args.out).with_context(|| format!("create {}", args.out.display()))?;
    let mut digests = BTreeMap::new();
    let mut write = |name: String, bytes: &[u8]| {
        let file = args.out.join(&name);
        digests.insert(name, sha256(bytes));
        std::fs::write(&file, bytes).with_context(|| format!("write {}", file.display()))
    };
    for (platform, program) in &programs {
        write(format!("{PROGRAM}_{VERSION}_{platform}.zip"), &packed(platform, program)?)?;
    }
    let manifest = paths::root().join(MANIFEST);
    let manifest = std::fs::read(&manifest).with_context(|| format!("read {}", manifest.display()))?;
    write(format!("{PROGRAM}_{VERSION}_manifest.json"), &manifest)?;
    let sums = args.out.join(format!("{PROGRAM}_{VERSION}_SHA256SUMS"));
    std::fs::write(&sums, lines(&digests)).with_context(|| format!("write {}", sums.display()))?;
    match &args.key {
        Some(key) => sign(&sums, key)?,
        None => console::say("dist: no key, so the checksums are not signed: give --key"),
    }
    console::say(&format!("dist: {} platforms in {}", programs.len(), args.out.display()));
    Ok(())
}

fn built() -> Result<PathBuf> {
    process::run(&mut process::cargo(&["build", "--release", "--locked", "--package", PROGRAM]))?;
    Ok(paths::target().join("release").join(PROGRAM))
}

/// The programs in a folder, by platform.
fn found(dir: &Path) -> Result<BTreeMap<Platform, PathBuf>> {
    let mut programs = BTreeMap::new();
    for entry in std::fs::read_dir(dir).with_context(|| format!("list {}", dir.display()))? {
        let folder = entry?.path();
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let platform: Platform = name.parse()?;
        let program = folder.join(format!("{PROGRAM}{}", platform.suffix()));
        programs.insert(platform, program);
    }
    ensure!(!programs.is_empty(), "{} holds no platform", dir.display());
    Ok(programs)
}

fn packed(platform: &Platform, program: &Path) -> Result<Vec<u8>> {
    let bytes = std::fs::read(program).with_context(|| format!("read {}", program.display()))?;
    let license = std::fs::read(paths::root().join("LICENSE")).context("read LICENSE")?;
    let name = format!("{PROGRAM}_v{VERSION}{}", platform.suffix());
    zip(&[
        Entry { name: "LICENSE", mode: 0o644, bytes: &license },
        Entry { name: &name, mode: 0o755, bytes: &bytes },
    ])
}
