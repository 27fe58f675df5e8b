use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, Uri, header};
use object_store::ClientOptions;
use object_store::client::{HttpClient, HttpConnector as _, HttpRequest};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::ServiceError;
use super::login::Login;
use crate::store::Transport;

/// How often a question is asked before its failure is believed.
const ATTEMPTS: u32 = 4;

/// The wait before the second attempt; it doubles from then on.
const FIRST_WAIT: Duration = Duration::from_millis(200);

/// The longest wait, whatever a service asks for: groups are tried again with a patience of their own.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// A service, and who asks it. Nothing is sent by making one.
#[derive(Debug, Clone)]
pub struct Service {
    http: HttpClient,
    base: String,
    login: Login,
}

/// One question.
#[derive(Debug, Clone)]
pub struct Call {
    method: Method,
    path: String,
    body: Vec<u8>,
    content_type: Option<&'static str>,
}

impl Call {
    /// A question without body. `path` begins with a slash, and is encoded already.
    #[must_use]
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), body: Vec::new(), content_type: None }
    }

    /// The question with a JSON body.
    ///
    /// # Errors
    /// When the body has no JSON form.
    pub fn with_json(self, body: &impl Serialize) -> Result<Self, serde_json::Error> {
        Ok(Self { body: serde_json::to_vec(body)?, content_type: Some("application/json"), ..self })
    }

    /// The question with the body of a form.
    #[must_use]
    pub fn with_form(self, fields: &[(&str, &str)]) -> Self {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let content_type = Some("application/x-www-form-urlencoded");
        Self { body: body.into_bytes(), content_type, ..self }
    }
}

/// What a service says of an error.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Problem {
    #[serde(alias = "error")]
    error_code: String,
    #[serde(alias = "error_description")]
    message: String,
}

/// A failed attempt, and how long the service asks to be left alone.
struct Attempt {
    error: ServiceError,
    retry_after: Option<Duration>,
}

impl From<ServiceError> for Attempt {
    fn from(error: ServiceError) -> Self {
        Self { error, retry_after: None }
    }
}

impl Service {
    /// A service below a base URL. Plain http is a matter of the caller's rules
    /// ([`keeps_secrets`](crate::service_url::keeps_secrets)).
    ///
    /// # Errors
    /// [`ServiceError::Request`] when there can be no connections at all.
    pub fn new(base: &str, login: Login) -> Result<Self, ServiceError> {
        let base = base.trim_end_matches('/').to_owned();
        let options = ClientOptions::new().with_allow_http(base.starts_with("http:"));
        let connected = Transport::default().connect(&options);
        let http = connected
            .map_err(|cause| ServiceError::Request { url: base.clone(), problem: cause.to_string() })?;
        Ok(Self { http, base, login })
    }

    /// Its base URL, without trailing slash.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Asks, and asks again while the service is busy. An answer without body is read as `null`.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn ask<T: DeserializeOwned>(&self, call: &Call) -> Result<T, ServiceError> {
        let mut wait = FIRST_WAIT;
        let mut left = ATTEMPTS;
        loop {
            left -= 1;
            match self.once(call).await {
                Err(failed) if left > 0 && failed.error.passes() => {
                    tokio::time::sleep(failed.retry_after.unwrap_or(wait).min(LONGEST_WAIT)).await;
                    wait *= 2;
                }
                answer => return answer.map_err(|failed| failed.error),
            }
        }
    }

    async fn once<T: DeserializeOwned>(&self, call: &Call) -> Result<T, Attempt> {
        let url = self.url(call);
        let request = self.request(call)?;
        let lost = |cause| ServiceError::Connection { url: url.clone(), cause };
        let (parts, body) = self.http.execute(request).await.map_err(lost)?.into_parts();
        let body = body.bytes().await.map_err(lost)?;
        if !parts.status.is_success() {
            let Problem { error_code: code, message } = serde_json::from_slice(&body).unwrap_or_default();
            let error = ServiceError::Status { url, status: parts.status, code, message };
            return Err(Attempt { error, retry_after: retry_after(&parts.headers) });
        }
        let text: &[u8] = if body.is_empty() { b"null" } else { &body };
        serde_json::from_slice(text).map_err(|cause| ServiceError::Malformed { url, cause }.into())
    }

    fn url(&self, call: &Call) -> String {
        format!("{}{}", self.base, call.path)
    }

    fn request(&self, call: &Call) -> Result<HttpRequest, ServiceError> {
        let refuse = |problem: String| ServiceError::Request { url: self.url(call), problem };
        let mut request = HttpRequest::new(call.body.clone().into());
        *request.method_mut() = call.method.clone();
        *request.uri_mut() = self.url(call).parse::<Uri>().map_err(|error| refuse(error.to_string()))?;
        let headers = request.headers_mut();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(content_type) = call.content_type {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(call.body.len()));
        }
        let login = self.login.header();
        let login =
            login.map_err(|_| refuse("its credentials are no text that a header can hold".to_owned()))?;
        if let Some(login) = login {
            headers.insert(header::AUTHORIZATION, login);
        }
        Ok(request)
    }
}

/// How long a service asks to be left alone (RFC 9110, section 10.2.3), as far as it says so in seconds.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    #[test]
    fn a_request_says_who_asks_and_hides_it() {
        let service = Service::new("https://uc/", Login::Bearer(Secret::new("hunter2".to_owned()))).unwrap();
        let call = Call::new(Method::POST, "/x").with_json(&serde_json::json!({"a": 1})).unwrap();
        let request = service.request(&call).unwrap();
        assert_eq!(request.uri(), "https://uc/x");
        assert_eq!(request.headers()[header::AUTHORIZATION], "Bearer hunter2");
        assert!(!format!("{:?} {service:?}", request.headers()).contains("hunter2"));
    }

    #[test]
    fn forms_are_encoded() {
        let call = Call::new(Method::POST, "/t").with_form(&[("grant_type", "a b"), ("scope", "x&y")]);
        assert_eq!(call.body, b"grant_type=a+b&scope=x%26y");
    }

    #[test]
    fn a_service_may_ask_to_be_left_alone() {
        let mut headers = HeaderMap::new();
        assert_eq!(retry_after(&headers), None);
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("3"));
        assert_eq!(retry_after(&headers), Some(Duration::from_secs(3)));
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("Fri, 20 Nov 2026 08:00:00 GMT"));
        assert_eq!(retry_after(&headers), None);
    }
}
