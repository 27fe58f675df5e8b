//! Requests that servers are set up with: those that make a bucket, for which `object_store` has no call, and those of
//! services with JSON.

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use object_store::ClientOptions;
use object_store::client::{HttpConnector as _, HttpRequest, ReqwestConnector};
use serde_json::Value;

/// Builds a request; `HttpRequest` is `http::Request`, which the text forms below parse into.
pub(super) fn request(method: &str, url: &str, body: String) -> Result<HttpRequest> {
    let mut request = HttpRequest::new(body.into());
    *request.method_mut() = method.parse()?;
    *request.uri_mut() = url.parse()?;
    Ok(request)
}

/// Sends it and expects success.
pub(super) async fn send(request: HttpRequest) -> Result<()> {
    let what = format!("{} {}", request.method(), request.uri());
    let client = ReqwestConnector::default().connect(&ClientOptions::new().with_allow_http(true))?;
    let response = client.execute(request).await.with_context(|| what.clone())?;
    let status = response.status();
    if !status.is_success() {
        let text = String::from_utf8_lossy(&response.into_body().bytes().await?).into_owned();
        bail!("{what}: {status}: {text}");
    }
    Ok(())
}

/// User name and password as a header holds them.
pub(super) fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}")))
}

/// Asks a service for a JSON document; none when it does not answer with success.
pub(super) fn ask(
    method: &str,
    url: &str,
    authorization: Option<&str>,
    body: &Value,
) -> Result<Option<Value>> {
    let text = if body.is_null() { String::new() } else { body.to_string() };
    let mut request = request(method, url, text)?;
    let headers = request.headers_mut();
    if let Some(authorization) = authorization {
        headers.insert("authorization", authorization.parse()?);
    }
    headers.insert("content-type", "application/json".parse()?);
    let client = ReqwestConnector::default().connect(&ClientOptions::new().with_allow_http(true))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let Ok(response) = client.execute(request).await else { return Ok(None) };
        if !response.status().is_success() {
            return Ok(None);
        }
        Ok(Some(serde_json::from_slice(&response.into_body().bytes().await?)?))
    })
}
