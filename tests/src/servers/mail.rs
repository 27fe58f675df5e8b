//! A real SMTP server: aiosmtpd, which keeps what it is sent.

use std::process::Command;

use anyhow::Result;
use serde_json::Value;

use super::process::ServerProcess;
use crate::environment::{checkout, tool};

/// Who may send mail.
const USER: &str = "dr@example.com";

/// A running mail server; it ends with this value.
#[derive(Debug)]
pub struct MailServer {
    process: ServerProcess,
}

impl MailServer {
    /// Starts a server that lets in `dr@example.com` with a password.
    ///
    /// # Errors
    /// It is not installed, or does not listen.
    pub fn start(password: &str) -> Result<Self> {
        let (python, script) = (tool("venv/bin/python")?, checkout().join("tests/mail/server.py"));
        let process = ServerProcess::start("mail", |port, folder| {
            let mut command = Command::new(&python);
            command.arg(&script).arg(port.to_string()).arg(folder).args([USER, password]);
            command
        })?;
        Ok(Self { process })
    }

    /// What `LAKEDR_SMTP_URL` is set to.
    #[must_use]
    pub fn url(&self) -> String {
        self.process.endpoint().replace("http://", "smtp://dr%40example.com@")
    }

    /// Every mail so far, in order: envelope, headers by lower-case name, text.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn mails(&self) -> Result<Vec<Value>> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(self.process.data())? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                files.push(path);
            }
        }
        files.sort();
        files.iter().map(|file| Ok(serde_json::from_slice(&std::fs::read(file)?)?)).collect()
    }
}
