//! Google Cloud Storage: copies inside the store, by rewriting in steps.

use http::Method;
use lakedr_control::store::GcsHandle;
use object_store::path::Path;
use serde::Deserialize;
use url::Url;

use super::{Request, Signing, send};
use crate::copy::error::WireError;
use crate::copy::retry::Patience;

const VERB: &str = "copy inside the store to";

/// The answer to a step.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rewritten {
    #[serde(default)]
    done: bool,
    rewrite_token: Option<String>,
    resource: Option<Resource>,
}

#[derive(Debug, Deserialize)]
struct Resource {
    etag: Option<String>,
}

/// Copies an object to another bucket with the credentials of the target, if the target is absent; gives its tag.
pub(in crate::copy) async fn rewrite(
    source: &GcsHandle,
    from: &Path,
    target: &GcsHandle,
    to: &Path,
    patience: &Patience,
) -> Result<Option<String>, WireError> {
    let mut token: Option<String> = None;
    loop {
        let mut request = Request::new(VERB, Method::POST, rewrite_url(source, from, target, to)?)
            .query("ifGenerationMatch", "0");
        if let Some(token) = &token {
            request = request.query("rewriteToken", token);
        }
        let answer = send(Signing::Gcs(target), &request, patience).await?;
        let step: Rewritten = serde_json::from_slice(&answer.body).map_err(|cause| problem(to, &cause))?;
        if step.done {
            return Ok(step.resource.and_then(|resource| resource.etag));
        }
        if step.rewrite_token.is_none() {
            return Err(problem(to, &"neither done nor a token to go on with"));
        }
        token = step.rewrite_token;
    }
}

fn problem(to: &Path, problem: &dyn std::fmt::Display) -> WireError {
    WireError::Answer { verb: VERB, url: to.to_string(), problem: problem.to_string() }
}

/// `/storage/v1/b/<bucket>/o/<object>/rewriteTo/b/<bucket>/o/<object>`; a slash in a name is escaped.
fn rewrite_url(source: &GcsHandle, from: &Path, target: &GcsHandle, to: &Path) -> Result<Url, WireError> {
    let invalid = |cause: Box<dyn std::error::Error + Send + Sync>| WireError::Sign {
        verb: VERB,
        url: format!("gs://{}/{to}", target.bucket),
        cause,
    };
    let mut url: Url = target.service.parse().map_err(|cause| invalid(Box::new(cause)))?;
    match url.path_segments_mut() {
        Ok(mut segments) => {
            segments.pop_if_empty().extend(["storage", "v1", "b", &source.bucket, "o", from.as_ref()]);
            segments.extend(["rewriteTo", "b", &target.bucket, "o", to.as_ref()]);
        }
        Err(()) => return Err(invalid("the URL of the service has no path".into())),
    }
    Ok(url)
}
