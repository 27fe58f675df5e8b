//! Platforms, in the words of the registries: Go's.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context as _, Result, bail};

const SYSTEMS: [&str; 4] = ["darwin", "freebsd", "linux", "windows"];
const ARCHITECTURES: [&str; 4] = ["386", "amd64", "arm", "arm64"];

/// `linux_amd64`
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Platform {
    system: String,
    architecture: String,
}

impl Platform {
    /// The one that this program runs on.
    pub(super) fn host() -> Result<Self> {
        let system = match std::env::consts::OS {
            "macos" => "darwin",
            other => other,
        };
        let architecture = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        format!("{system}_{architecture}").parse()
    }

    /// What programs end with.
    pub(super) fn suffix(&self) -> &'static str {
        if self.system == "windows" { ".exe" } else { "" }
    }
}

impl FromStr for Platform {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (system, architecture) =
            text.split_once('_').with_context(|| format!("{text:?} is no platform"))?;
        if !SYSTEMS.contains(&system) || !ARCHITECTURES.contains(&architecture) {
            bail!("{text:?} is no platform: write one like linux_amd64, with the names that Go has");
        }
        Ok(Self { system: system.to_owned(), architecture: architecture.to_owned() })
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.system, self.architecture)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_have_the_names_of_go() {
        assert_eq!("linux_amd64".parse::<Platform>().unwrap().to_string(), "linux_amd64");
        assert_eq!("windows_arm64".parse::<Platform>().unwrap().suffix(), ".exe");
        for wrong in ["linux_x86_64", "macos_arm64", "linux"] {
            assert!(wrong.parse::<Platform>().is_err(), "{wrong}");
        }
        Platform::host().unwrap();
    }
}
