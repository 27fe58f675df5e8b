//! What must be on the machine already, and what to say when it is not.

use std::process::Command;

use anyhow::{Result, bail};

use crate::process;

/// A program that a tool is installed or run with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Prerequisite {
    /// The program on the `PATH`.
    pub(crate) program: &'static str,
    /// What to install, as a person would say it.
    pub(crate) remedy: &'static str,
    /// The oldest major version that works; `None` when any will do.
    pub(crate) oldest: Option<Oldest>,
}

/// An oldest acceptable major version, and how the program is asked for its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Oldest {
    pub(crate) major: u32,
    pub(crate) flag: &'static str,
}

pub(crate) const GO: Prerequisite = Prerequisite { program: "go", remedy: "Go 1.26 or newer", oldest: None };
pub(crate) const NPM: Prerequisite =
    Prerequisite { program: "npm", remedy: "Node.js 20 or newer with npm", oldest: None };
pub(crate) const NODE: Prerequisite = Prerequisite {
    program: "node",
    remedy: "Node.js 20 or newer with npm",
    oldest: Some(Oldest { major: 20, flag: "--version" }),
};
pub(crate) const PYTHON: Prerequisite =
    Prerequisite { program: "python3", remedy: "Python 3.10 or newer with its venv module", oldest: None };
pub(crate) const JAVA: Prerequisite = Prerequisite {
    program: "java",
    remedy: "a Java runtime, version 17 or newer",
    oldest: Some(Oldest { major: 17, flag: "-version" }),
};
pub(crate) const MAVEN: Prerequisite =
    Prerequisite { program: "mvn", remedy: "Apache Maven 3.8 or newer", oldest: None };
pub(crate) const APT: Prerequisite =
    Prerequisite { program: "apt-get", remedy: "rclone, or run this on Debian", oldest: None };
pub(crate) const DPKG: Prerequisite =
    Prerequisite { program: "dpkg-deb", remedy: "rclone, or run this on Debian", oldest: None };
pub(crate) const ZSTD: Prerequisite =
    Prerequisite { program: "zstd", remedy: "zstd, which unpacks the golden tables", oldest: None };

pub(crate) const SSH_KEYGEN: Prerequisite = Prerequisite {
    program: "ssh-keygen",
    remedy: "the client of OpenSSH, which verifies signed reports",
    oldest: None,
};

/// Checks all of them and names everything that is missing at once.
pub(crate) fn check(wanted: &[Prerequisite]) -> Result<()> {
    let mut missing: Vec<String> = wanted.iter().filter_map(complaint).collect();
    missing.sort();
    missing.dedup();
    if !missing.is_empty() {
        bail!("the tests need more than this machine has: {}", missing.join("; "));
    }
    Ok(())
}

fn complaint(wanted: &Prerequisite) -> Option<String> {
    if process::find(wanted.program).is_none() {
        return Some(format!("`{}` is not on the PATH, install {}", wanted.program, wanted.remedy));
    }
    let oldest = wanted.oldest?;
    let found = major_version(&version_text(wanted.program, oldest.flag)?)?;
    (found < oldest.major)
        .then(|| format!("`{}` is of version {found}, install {}", wanted.program, wanted.remedy))
}

fn version_text(program: &str, flag: &str) -> Option<String> {
    let output = Command::new(program).arg(flag).output().ok()?;
    // java answers on stderr
    Some(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

/// The first number of a version text: 17 of `openjdk version "17.0.15"`, 20 of `v20.20.2`.
fn major_version(text: &str) -> Option<u32> {
    let digits = text.trim_start_matches(|c: char| !c.is_ascii_digit());
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_the_first_number() {
        assert_eq!(major_version("openjdk version \"17.0.15\" 2025-04-15"), Some(17));
        assert_eq!(major_version("v20.20.2\n"), Some(20));
        assert_eq!(major_version("no number"), None);
    }

    #[test]
    fn everything_missing_is_named_at_once_with_its_remedy() {
        let nothing = Prerequisite { program: "no-such-a", remedy: "A", oldest: None };
        let other = Prerequisite { program: "no-such-b", remedy: "C", oldest: None };
        let error = check(&[nothing, other]).unwrap_err().to_string();
        assert!(error.contains("`no-such-a` is not on the PATH, install A"), "{error}");
        assert!(error.contains("`no-such-b` is not on the PATH, install C"), "{error}");
    }
}
