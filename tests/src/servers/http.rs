//! The few requests that make a bucket, for which `object_store` has no call.

use anyhow::{Context as _, Result, bail};
use object_store::ClientOptions;
use object_store::client::{HttpConnector as _, HttpRequest, ReqwestConnector};

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
