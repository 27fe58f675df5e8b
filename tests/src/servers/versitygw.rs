//! S3: versitygw with its posix backend. Buckets are folders, objects are files, ETags are extended
//! attributes; conditional writes are made atomic by its lock files.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};
use futures::future::BoxFuture;

use super::process::ServerProcess;
use super::{ObjectServer, options};
use crate::environment;

const ACCESS_KEY: &str = "lakedr-test";
const SECRET_KEY: &str = "lakedr-test-secret";
const REGION: &str = "us-east-1";

/// A running versitygw.
#[derive(Debug)]
pub struct Versitygw(ServerProcess);

impl Versitygw {
    /// Starts a server without buckets.
    ///
    /// # Errors
    /// It is not installed, or does not come up; what it said is in the error.
    pub fn start() -> Result<Self> {
        let program = environment::tool("bin/versitygw")?;
        let command = |port, data: &std::path::Path| {
            let mut command = Command::new(&program);
            command.args(["--port", &format!("127.0.0.1:{port}"), "--quiet", "--keep-alive"]);
            command.args(["--access", ACCESS_KEY, "--secret", SECRET_KEY, "--region", REGION]);
            command.arg("posix").arg(data);
            command
        };
        Ok(Self(ServerProcess::start("versitygw", command)?))
    }

    /// The folder that holds a bucket's objects as files.
    #[must_use]
    pub fn bucket_dir(&self, bucket: &str) -> PathBuf {
        self.0.data().join(bucket)
    }

    /// The access key and the secret key.
    #[must_use]
    pub fn credentials(&self) -> (&'static str, &'static str) {
        (ACCESS_KEY, SECRET_KEY)
    }
}

impl ObjectServer for Versitygw {
    fn name(&self) -> &'static str {
        "versitygw"
    }

    fn endpoint(&self) -> String {
        self.0.endpoint()
    }

    fn url(&self, bucket: &str) -> String {
        format!("s3://{bucket}")
    }

    fn options(&self) -> BTreeMap<String, String> {
        options([
            ("aws_endpoint", &self.endpoint()),
            ("aws_allow_http", "true"),
            ("aws_region", REGION),
            ("aws_access_key_id", ACCESS_KEY),
            ("aws_secret_access_key", SECRET_KEY),
            ("aws_virtual_hosted_style_request", "false"),
        ])
    }

    fn create_bucket<'a>(&'a self, bucket: &'a str) -> BoxFuture<'a, Result<()>> {
        let dir = self.bucket_dir(bucket);
        Box::pin(
            async move { std::fs::create_dir(&dir).with_context(|| format!("create {}", dir.display())) },
        )
    }
}
