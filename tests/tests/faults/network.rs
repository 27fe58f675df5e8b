//! The proxy itself: what a client sees of each fault.

use std::sync::Arc;

use anyhow::Result;
use lakedr_control::location::StoreUrl;
use lakedr_control::store::{contract, open_doc_store};
use lakedr_e2e::servers::{Fault, Kind, ObjectServer as _, Proxy, Versitygw, Watch};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, RetryConfig};

struct Network {
    server: Versitygw,
    // the proxy ends before its server
    _proxy: Proxy,
    watch: Arc<Watch>,
    /// A client that tries everything once.
    client: Box<dyn ObjectStore>,
}

impl Network {
    async fn start() -> Result<Self> {
        let server = Versitygw::start()?;
        server.create_bucket("bucket").await?;
        let proxy = Proxy::start(&server)?;
        let watch = proxy.watch("bucket");
        let options = proxy.options();
        let mut builder = object_store::aws::AmazonS3Builder::new()
            .with_bucket_name("bucket")
            .with_retry(RetryConfig { max_retries: 0, ..RetryConfig::default() });
        for (key, value) in
            options.iter().map(|(key, value)| (key.as_str(), value.as_str())).chain([("timeout", "1s")])
        {
            builder = builder.with_config(key.parse()?, value);
        }
        Ok(Self { server, _proxy: proxy, watch, client: Box::new(builder.build()?) })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signatures_hold_and_the_contract_of_stores_with_them() -> Result<()> {
    let server = Versitygw::start()?;
    server.create_bucket("contract").await?;
    let proxy = Proxy::start(&server)?;
    let watch = proxy.watch("contract");
    let url: StoreUrl = server.url("contract").parse()?;
    contract::run(open_doc_store(&url, &proxy.options())?, "contract").await?;
    let counts = watch.take_counts();
    assert!([Kind::Get, Kind::List, Kind::Put].into_iter().all(|kind| counts.of(kind) > 0), "{counts}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reading_client_sees_each_fault_once() -> Result<()> {
    let network = Network::start().await?;
    let (path, body) = (Path::from("x"), vec![7_u8; 100_000]);
    network.client.put(&path, body.clone().into()).await?;
    for fault in Fault::ALL.into_iter().filter(|fault| fault.can_hit(Kind::Get)) {
        network.watch.inject(fault, &Kind::ALL, 1);
        let broken = match network.client.get(&path).await {
            Ok(found) => found.bytes().await.err(),
            Err(error) => Some(error),
        };
        let error = broken.map(|error| format!("{error:?}")).unwrap_or_default();
        assert!(error.contains(symptom(fault)), "{fault}: {error}");
        assert_eq!(network.watch.disarm().as_deref(), Some("get bucket/x"));
        assert_eq!(network.client.get(&path).await?.bytes().await?, body, "{fault} happens once");
    }
    Ok(())
}

/// Words of the client for the fault.
fn symptom(fault: Fault) -> &'static str {
    match fault {
        Fault::Silence => "TimedOut",
        Fault::InternalError => "500",
        Fault::SlowDown => "SlowDown",
        Fault::ResetBefore | Fault::ResetMidway => "ConnectionReset",
        Fault::Truncated => "IncompleteBody",
        Fault::NotFound => "NotFound",
        _ => "no symptom of a reading client",
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_may_be_done_whatever_its_client_sees() -> Result<()> {
    let network = Network::start().await?;
    for (fault, done, seen) in [
        (Fault::Silence, false, "TimedOut"),
        (Fault::ResetBefore, false, "ConnectionReset"),
        (Fault::ResetMidway, true, "ConnectionReset"),
        (Fault::InternalError, false, "500"),
        (Fault::DoneThenReset, true, "ConnectionReset"),
        (Fault::DoneThenError, true, "500"),
        (Fault::Twice, true, "AlreadyExists"),
    ] {
        let name = format!("{fault:?}");
        network.watch.inject(fault, &Kind::ALL, 1);
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        let answer = network.client.put_opts(&Path::from(name.as_str()), "body".into(), options).await;
        let error = answer.err().map(|error| format!("{error:?}")).unwrap_or_default();
        assert!(error.contains(seen), "{fault}: {error}");
        assert_eq!(network.server.bucket_dir("bucket").join(&name).exists(), done, "{fault}");
    }
    Ok(())
}
