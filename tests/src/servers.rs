//! Services on this machine. Object stores are S3 (versitygw), Azure Blob Storage (Azurite), Google Cloud Storage
//! (fake-gcs-server). Each is a child process on a loopback port, ends with its handle, and keeps its
//! objects in a folder of its own.

mod airflow;
mod airflow_process;
mod azurite;
mod databricks;
mod fake_gcs;
mod hooks;
mod http;
pub mod identities;
mod mail;
mod mirror;
mod process;
mod proxy;
mod sql_warehouse;
mod stand_in;
mod terraform_cloud;
mod unity_catalog;
mod versitygw;

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Result;
use futures::future::BoxFuture;
use object_store::ObjectStore;

pub use airflow::Airflow;
pub use airflow_process::AirflowProcess;
pub use azurite::Azurite;
pub use databricks::Databricks;
pub use fake_gcs::FakeGcs;
pub use hooks::Hooks;
pub use identities::Identities;
pub use mail::MailServer;
pub use mirror::Mirror;
pub use proxy::{Counts, Fault, Kind, Proxy, Watch};
pub use sql_warehouse::SqlWarehouse;
pub use terraform_cloud::TerraformCloud;
pub use unity_catalog::UnityCatalog;
pub use versitygw::Versitygw;

/// What the three servers have in common.
pub trait ObjectServer: Send + Sync {
    /// What it is called in messages.
    fn name(&self) -> &'static str;

    /// Where it listens, `http://127.0.0.1:PORT`.
    fn endpoint(&self) -> String;

    /// The URL of a bucket or container, in the form that lakedr takes: `s3://bucket`.
    fn url(&self, bucket: &str) -> String;

    /// The `object_store` options that reach this server, credentials included.
    fn options(&self) -> BTreeMap<String, String>;

    /// Makes a bucket or container.
    fn create_bucket<'a>(&'a self, bucket: &'a str) -> BoxFuture<'a, Result<()>>;

    /// A client of one bucket, at its root.
    ///
    /// # Errors
    /// The options do not fit together.
    fn store(&self, bucket: &str) -> Result<Arc<dyn ObjectStore>> {
        let (store, _root) = object_store::parse_url_opts(&self.url(bucket).parse()?, self.options())?;
        Ok(Arc::from(store))
    }
}

fn options<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}
