//! Google Cloud Storage: fake-gcs-server, objects in memory, behind the front of `xtask/tools/fake-gcs`.
//!
//! Uploads in parts go through neither: the server does not know them in the XML API.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::Result;
use futures::future::BoxFuture;
use serde_json::json;

use super::process::ServerProcess;
use super::{ObjectServer, http, options};
use crate::environment;

/// A running fake-gcs-server.
#[derive(Debug)]
pub struct FakeGcs(ServerProcess);

impl FakeGcs {
    /// Starts a server without buckets.
    ///
    /// # Errors
    /// It is not installed, or does not come up; what it said is in the error.
    pub fn start() -> Result<Self> {
        let program = environment::tool("bin/fake-gcs")?;
        let command = |port: u16, _data: &Path| {
            let mut command = Command::new(&program);
            command.args(["-listen", &format!("127.0.0.1:{port}")]);
            command
        };
        Ok(Self(ServerProcess::start("fake-gcs-server", command)?))
    }
}

impl ObjectServer for FakeGcs {
    fn name(&self) -> &'static str {
        "fake-gcs-server"
    }

    fn endpoint(&self) -> String {
        self.0.endpoint()
    }

    fn url(&self, bucket: &str) -> String {
        format!("gs://{bucket}")
    }

    fn options(&self) -> BTreeMap<String, String> {
        // a key that says where the server is and that it asks for no token
        let key = json!({
            "gcs_base_url": self.endpoint(), "disable_oauth": true,
            "client_email": "", "private_key_id": "", "private_key": "",
        });
        options([("google_service_account_key", &key.to_string()), ("allow_http", "true")])
    }

    fn create_bucket<'a>(&'a self, bucket: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let url = format!("{}/storage/v1/b?project=lakedr", self.endpoint());
            let mut request = http::request("POST", &url, json!({"name": bucket}).to_string())?;
            request.headers_mut().insert("content-type", "application/json".parse()?);
            http::send(request).await
        })
    }
}
