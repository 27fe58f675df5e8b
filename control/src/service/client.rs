use std::sync::Arc;

use backon::Retryable as _;
use chrono::{DateTime, Utc};
use http::{HeaderName, HeaderValue, StatusCode, Uri, header};
use object_store::ClientOptions;
use object_store::client::{HttpClient, HttpConnector as _, HttpRequest};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;

use super::call::Call;
use super::error::ServiceError;
use super::grant::{Grant, Granted};
use super::login::Login;
use super::retry::{backoff, instant, retry_after, wait};
use crate::secret::Secret;
use crate::store::Transport;

/// A service, and who asks it. Nothing is sent by making one. Clones share the token that was granted to them.
#[derive(Debug, Clone)]
pub struct Service {
    http: HttpClient,
    base: String,
    login: Login,
    granted: Arc<Mutex<Option<Granted>>>,
}

/// An answer.
#[derive(Debug)]
pub struct Answer<T> {
    /// What was asked for.
    pub value: T,
    /// When it was given, by the clock of the service, in whole seconds; none when it does not say.
    pub date: Option<DateTime<Utc>>,
}

/// What services say of an error: Databricks and Unity Catalog the first two, OAuth the same under other names, Airflow
/// the others.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Problem {
    #[serde(alias = "error", alias = "title")]
    error_code: String,
    #[serde(alias = "error_description")]
    message: String,
    detail: serde_json::Value,
}

impl Problem {
    fn message(self) -> String {
        let detail = self.detail.as_str().unwrap_or_default();
        if self.message.is_empty() { detail.to_owned() } else { self.message }
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
        Ok(Self { http, base, login, granted: Arc::default() })
    }

    /// The same service, asked by somebody else.
    #[must_use]
    pub fn asked_by(&self, login: Login) -> Self {
        Self { login, granted: Arc::default(), ..self.clone() }
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
        Ok(self.ask_dated(call).await?.value)
    }

    /// As [`Self::ask`], with the date of the answer.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn ask_dated<T: DeserializeOwned>(&self, call: &Call) -> Result<Answer<T>, ServiceError> {
        self.read(call, &self.patiently(call).await?)
    }

    /// Asks as [`Self::ask`] does, for a text.
    ///
    /// # Errors
    /// See [`ServiceError`]; never [`ServiceError::Malformed`].
    pub async fn text(&self, call: &Call) -> Result<String, ServiceError> {
        let answer = self.patiently(call).await?;
        Ok(String::from_utf8_lossy(&answer.value).into_owned())
    }

    /// Asks for something to be done, as [`Self::ask`] does. What the answer says beside that it is done is not looked at:
    /// some services answer in words.
    ///
    /// # Errors
    /// See [`ServiceError`]; never [`ServiceError::Malformed`].
    pub async fn tell(&self, call: &Call) -> Result<(), ServiceError> {
        self.patiently(call).await.map(drop)
    }

    /// Asks again while the service is busy, or has withdrawn its token.
    async fn patiently(&self, call: &Call) -> Result<Answer<Vec<u8>>, ServiceError> {
        let once = || async {
            match self.once(call).await {
                // the service may have withdrawn the token
                Err(error) if error.status() == Some(StatusCode::UNAUTHORIZED) && self.forget().await => {
                    self.once(call).await
                }
                answer => answer,
            }
        };
        let patiently = once.retry(backoff()).when(ServiceError::passes).adjust(wait);
        let patiently = patiently.notify(|error, wait| {
            tracing::debug!(wait_ms = wait.as_millis(), "{error}; asking again");
        });
        patiently.await
    }

    async fn once(&self, call: &Call) -> Result<Answer<Vec<u8>>, ServiceError> {
        let authorization = match self.login.asks() {
            Some(question) => Some(self.bearer(&question).await?),
            None => self.login.header().map_err(|_| self.unfit(call))?,
        };
        self.send(call, authorization).await
    }

    fn unfit(&self, call: &Call) -> ServiceError {
        let problem = "its credentials are no text that a header can hold".to_owned();
        ServiceError::Request { url: self.url(call), problem }
    }

    /// The header with a token that lives long enough: the one that was granted last, or another one.
    async fn bearer(&self, question: &Call) -> Result<HeaderValue, ServiceError> {
        let mut granted = self.granted.lock().await;
        let token = match granted.as_ref().filter(|granted| granted.lives()) {
            Some(granted) => granted.token(),
            None => {
                let asked = Granted::ask_begins();
                let login = self.login.header().map_err(|_| self.unfit(question))?;
                let answer: Answer<Grant> = self.read(question, &self.send(question, login).await?)?;
                granted.insert(Granted::of(answer.value, asked)).token()
            }
        };
        let header = Login::Bearer(token).header().map_err(|_| self.unfit(question))?;
        header.ok_or_else(|| self.unfit(question))
    }

    /// Forgets a token that was granted, and says whether there was one.
    async fn forget(&self) -> bool {
        self.granted.lock().await.take().is_some()
    }

    async fn send(
        &self,
        call: &Call,
        authorization: Option<HeaderValue>,
    ) -> Result<Answer<Vec<u8>>, ServiceError> {
        let url = self.url(call);
        let request = self.request(call, authorization)?;
        let lost = |cause| ServiceError::Connection { url: url.clone(), cause };
        let (parts, body) = self.http.execute(request).await.map_err(lost)?.into_parts();
        let body = body.bytes().await.map_err(lost)?;
        if !parts.status.is_success() {
            let said = call.hidden.is_none().then(|| serde_json::from_slice(&body).ok()).flatten();
            let mut problem: Problem = said.unwrap_or_default();
            let code = std::mem::take(&mut problem.error_code);
            let (status, retry_after) = (parts.status, retry_after(&parts.headers));
            return Err(ServiceError::Status { url, status, code, message: problem.message(), retry_after });
        }
        Ok(Answer { value: body.into(), date: instant(&parts.headers, &header::DATE) })
    }

    fn read<T: DeserializeOwned>(
        &self,
        call: &Call,
        answer: &Answer<Vec<u8>>,
    ) -> Result<Answer<T>, ServiceError> {
        let text: &[u8] = if answer.value.is_empty() { b"null" } else { &answer.value };
        let malformed = |cause| ServiceError::Malformed { url: self.url(call), cause };
        Ok(Answer { value: serde_json::from_slice(text).map_err(malformed)?, date: answer.date })
    }

    /// Where a call goes, without its query: queries hold names and page tokens, and make errors hard to read.
    fn url(&self, call: &Call) -> String {
        format!("{}{}", self.base, call.path)
    }

    fn request(&self, call: &Call, authorization: Option<HeaderValue>) -> Result<HttpRequest, ServiceError> {
        let mut url = self.url(call);
        url.push_str(call.hidden.as_ref().map(Secret::reveal).unwrap_or_default());
        let refuse = |problem: String| ServiceError::Request { url: self.url(call), problem };
        if !call.query.is_empty() {
            url.push('?');
            url.push_str(&call.query);
        }
        let mut request = HttpRequest::new(call.body.clone().into());
        *request.method_mut() = call.method.clone();
        *request.uri_mut() = url.parse::<Uri>().map_err(|error| refuse(error.to_string()))?;
        let headers = request.headers_mut();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(content_type) = call.content_type {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(call.body.len()));
        }
        if let Some(authorization) = authorization {
            headers.insert(header::AUTHORIZATION, authorization);
        }
        for (name, value) in &call.headers {
            let unfit = || refuse(format!("{name:?} and its value are no header"));
            let key: HeaderName = name.parse().map_err(|_| unfit())?;
            let mut value = HeaderValue::from_str(value.reveal()).map_err(|_| unfit())?;
            value.set_sensitive(true);
            headers.insert(key, value);
        }
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hidden_part_of_an_address_is_sent_and_not_shown() {
        let service = Service::new("https://hooks.example.com", Login::Anonymous).unwrap();
        let call = Call::post("").at_hidden(Secret::new("/services/hunter2?sig=hunter3".to_owned()));
        let request = service.request(&call, None).unwrap();
        assert_eq!(request.uri(), "https://hooks.example.com/services/hunter2?sig=hunter3");
        assert!(!format!("{} {call:?}", service.url(&call)).contains("hunter"));
    }

    #[test]
    fn a_request_says_who_asks_and_hides_it() {
        let service = Service::new("https://uc/", Login::Bearer(Secret::new("hunter2".to_owned()))).unwrap();
        let call = Call::post("/x").with_query(&[("a", "b")]);
        let call = call.with_json(&serde_json::json!({"a": 1})).unwrap();
        let request = service.request(&call, service.login.header().ok().flatten()).unwrap();
        assert_eq!(request.uri(), "https://uc/x?a=b");
        assert_eq!(service.url(&call), "https://uc/x");
        assert_eq!(request.headers()[header::AUTHORIZATION], "Bearer hunter2");
        assert!(!format!("{:?} {service:?}", request.headers()).contains("hunter2"));
        let own = Call::get("/x").with_header("metadata-key", Secret::new("hunter3".to_owned()));
        let request = service.request(&own, None).unwrap();
        assert_eq!(request.headers()["metadata-key"], "hunter3");
        assert!(!format!("{:?} {own:?}", request.headers()).contains("hunter3"));
    }

    #[test]
    fn what_services_say_of_errors() {
        let said = |text: &str| {
            let mut problem = serde_json::from_str::<Problem>(text).unwrap();
            (std::mem::take(&mut problem.error_code), problem.message())
        };
        let pair = |code: &str, message: &str| (code.to_owned(), message.to_owned());
        assert_eq!(said(r#"{"error_code":"NO","message":"not you","details":[]}"#), pair("NO", "not you"));
        assert_eq!(
            said(r#"{"title":"DAG not found","detail":"x","status":404,"type":"t"}"#),
            pair("DAG not found", "x")
        );
        assert_eq!(said(r#"{"detail":[{"loc":["query"]}]}"#), pair("", ""));
        assert_eq!(
            said(r#"{"error":"invalid_client","error_description":"who?"}"#),
            pair("invalid_client", "who?")
        );
    }
}
