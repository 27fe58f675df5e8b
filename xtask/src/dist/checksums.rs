//! `SHA256SUMS`, and the signature of it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::Result;
use sha2::{Digest as _, Sha256};

use crate::process;

/// The digest of a file, in hex.
pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The lines of `SHA256SUMS`, by file name.
pub(super) fn lines(digests: &BTreeMap<String, String>) -> String {
    digests.iter().map(|(name, digest)| format!("{digest}  {name}\n")).collect()
}

/// Signs a file: binary, detached, beside it. Registries take keys of RSA or DSA only.
pub(super) fn sign(file: &Path, key: &str) -> Result<()> {
    let mut signature = file.as_os_str().to_owned();
    signature.push(".sig");
    let mut gpg = Command::new("gpg");
    gpg.args(["--batch", "--yes", "--local-user", key, "--output"]).arg(signature);
    process::run(gpg.arg("--detach-sign").arg(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_what_sha256sum_writes() {
        let digests = BTreeMap::from([("b".to_owned(), sha256(b"")), ("a".to_owned(), "00".to_owned())]);
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(lines(&digests), format!("00  a\n{empty}  b\n"));
    }
}
