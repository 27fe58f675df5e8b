//! The contract of the document store, against every store there is.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Result;
use lakedr_control::location::StoreUrl;
use lakedr_control::store::{MemoryStore, contract, open_doc_store};
use lakedr_e2e::servers::{Azurite, FakeGcs, ObjectServer, Versitygw};

async fn holds(url: &str, options: &BTreeMap<String, String>) -> Result<()> {
    let store = open_doc_store(&url.parse::<StoreUrl>()?, options)?;
    Ok(contract::run(store, "contract").await?)
}

async fn holds_on(server: impl ObjectServer) -> Result<()> {
    server.create_bucket("control").await?;
    holds(&format!("{}/some/prefix", server.url("control")), &server.options()).await
}

#[tokio::test]
async fn memory() -> Result<()> {
    Ok(contract::run(Arc::new(MemoryStore::default()), "contract").await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn local_disk() -> Result<()> {
    let dir = tempfile::tempdir()?;
    holds(&format!("file://{}/some/prefix", dir.path().display()), &BTreeMap::new()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn s3_on_versitygw() -> Result<()> {
    holds_on(Versitygw::start()?).await
}

#[tokio::test(flavor = "multi_thread")]
async fn azure_on_azurite() -> Result<()> {
    holds_on(Azurite::start()?).await
}

#[tokio::test(flavor = "multi_thread")]
async fn gcs_on_fake_gcs_server() -> Result<()> {
    holds_on(FakeGcs::start()?).await
}
