//! S3: versitygw with its posix backend. Buckets are folders, objects are files, ETags are extended
//! attributes; conditional writes are made atomic by its lock files.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use futures::future::BoxFuture;
use http_body_util::{BodyExt as _, Full};
use hyper::{Method, Request};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use object_store::aws::{AwsAuthorizer, AwsCredential};
use object_store::client::HttpRequest;
use serde_json::Value;

use super::process::ServerProcess;
use super::{ObjectServer, options};
use crate::environment;

const ACCESS_KEY: &str = "lakedr-test";
const SECRET_KEY: &str = "lakedr-test-secret";
const REGION: &str = "us-east-1";
/// Folders that the server works in.
const BUCKETS: &str = "buckets";
const USERS: &str = "users";

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
            command.arg("--iam-dir").arg(data.join(USERS)).arg("posix").arg(data.join(BUCKETS));
            command
        };
        Ok(Self(ServerProcess::start_in("versitygw", &[BUCKETS, USERS], command)?))
    }

    /// Makes a user who may do nothing until a bucket policy says otherwise: options that log in as that user.
    ///
    /// # Errors
    /// The server refuses.
    pub fn create_user(&self, name: &str) -> Result<BTreeMap<String, String>> {
        let secret = format!("{name}-secret");
        let mut command = Command::new(environment::tool("bin/versitygw")?);
        command.args(["admin", "--access", ACCESS_KEY, "--secret", SECRET_KEY, "--region", REGION]);
        command.args(["--endpoint-url", &self.endpoint(), "create-user"]);
        command.args(["--access", name, "--secret", &secret, "--role", "user"]);
        let made = command.output().context("run versitygw admin")?;
        ensure!(made.status.success(), "create-user: {}", String::from_utf8_lossy(&made.stderr));
        let mut options = self.options();
        options.insert("aws_access_key_id".to_owned(), name.to_owned());
        options.insert("aws_secret_access_key".to_owned(), secret);
        Ok(options)
    }

    /// Gives a bucket a policy.
    ///
    /// # Errors
    /// The server refuses it.
    pub async fn put_policy(&self, bucket: &str, policy: &Value) -> Result<()> {
        self.put(&format!("{bucket}?policy="), policy.to_string()).await.context("put a bucket policy")
    }

    /// A request of the root user.
    async fn put(&self, place: &str, body: String) -> Result<()> {
        let mut request = HttpRequest::new(body.clone().into_bytes().into());
        *request.method_mut() = Method::PUT;
        *request.uri_mut() = format!("{}/{place}", self.endpoint()).parse()?;
        let (key_id, secret_key) = (ACCESS_KEY.to_owned(), SECRET_KEY.to_owned());
        let credential = AwsCredential { key_id, secret_key, token: None };
        AwsAuthorizer::new(&credential, "s3", REGION).authorize(&mut request, None);
        let (parts, _) = request.into_parts();
        let client = Client::builder(TokioExecutor::new()).build_http();
        let answer = client.request(Request::from_parts(parts, Full::new(Bytes::from(body)))).await?;
        let status = answer.status();
        let said = answer.into_body().collect().await?.to_bytes();
        ensure!(status.is_success(), "{status}, {}", String::from_utf8_lossy(&said));
        Ok(())
    }

    /// The folder that holds a bucket's objects as files.
    #[must_use]
    pub fn bucket_dir(&self, bucket: &str) -> PathBuf {
        self.0.data().join(BUCKETS).join(bucket)
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
        Box::pin(async move { self.put(bucket, String::new()).await.context("create a bucket") })
    }
}
