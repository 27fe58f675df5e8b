//! Azure Blob Storage: Azurite, its blob service alone.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::Result;
use futures::future::BoxFuture;
use object_store::azure::{AzureAccessKey, AzureAuthorizer, AzureCredential};

use super::process::ServerProcess;
use super::{ObjectServer, http, options};
use crate::environment;

/// The account and key that every Azurite has; both are published with it.
const ACCOUNT: &str = "devstoreaccount1";
const KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// A running Azurite.
#[derive(Debug)]
pub struct Azurite(ServerProcess);

impl Azurite {
    /// Starts a server without containers.
    ///
    /// # Errors
    /// It is not installed, or does not come up; what it said is in the error.
    pub fn start() -> Result<Self> {
        let program = environment::tool("azurite/node_modules/.bin/azurite-blob")?;
        let command = |port: u16, data: &Path| {
            let mut command = Command::new(&program);
            command.args(["--blobHost", "127.0.0.1", "--blobPort", &port.to_string()]);
            command.args(["--silent", "--disableTelemetry", "--skipApiVersionCheck", "--location"]).arg(data);
            command
        };
        Ok(Self(ServerProcess::start("azurite", command)?))
    }

    fn account_url(&self) -> String {
        format!("{}/{ACCOUNT}", self.endpoint())
    }

    async fn put_container(&self, container: &str) -> Result<()> {
        let url = format!("{}/{container}?restype=container", self.account_url());
        let mut request = http::request("PUT", &url, String::new())?;
        request.headers_mut().insert("content-length", "0".parse()?);
        let credential = AzureCredential::AccessKey(AzureAccessKey::try_new(KEY)?);
        AzureAuthorizer::new(&credential, ACCOUNT).authorize(&mut request);
        http::send(request).await
    }
}

impl ObjectServer for Azurite {
    fn name(&self) -> &'static str {
        "azurite"
    }

    fn endpoint(&self) -> String {
        self.0.endpoint()
    }

    fn url(&self, bucket: &str) -> String {
        format!("az://{bucket}")
    }

    fn options(&self) -> BTreeMap<String, String> {
        options([
            ("azure_storage_account_name", ACCOUNT),
            ("azure_storage_account_key", KEY),
            ("azure_storage_endpoint", &self.account_url()),
            ("azure_allow_http", "true"),
        ])
    }

    fn create_bucket<'a>(&'a self, bucket: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.put_container(bucket))
    }
}
