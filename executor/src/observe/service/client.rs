use std::time::{Duration, Instant};

use backon::Retryable as _;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{HeaderValue, Method, StatusCode, Uri, header};
use object_store::ClientOptions;
use object_store::client::{HttpClient, HttpConnector as _, HttpRequest, ReqwestConnector};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;
use url::Url;

use super::error::ServiceError;
use super::login::{Grant, Granted, Login, bearer};
use super::patience::{backoff, instant, retry_after, wait};
use crate::error::Classify as _;

/// A token is not used so shortly before its end.
const MARGIN: Duration = Duration::from_secs(60);

/// A service, and who asks it.
#[derive(Debug)]
pub struct Service {
    http: HttpClient,
    base: Url,
    /// What it is, for people.
    kind: &'static str,
    login: Login,
    granted: Mutex<Option<(Granted, Instant)>>,
}

/// An answer.
#[derive(Debug)]
pub struct Answer<T> {
    /// What was asked for.
    pub value: T,
    /// When it was given, by the clock of the service, in whole seconds; none when it does not say.
    pub date: Option<DateTime<Utc>>,
}

/// What services say of an error: Databricks the first two, Airflow the others.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Problem {
    error_code: Option<String>,
    message: Option<String>,
    title: Option<String>,
    detail: serde_json::Value,
}

impl Problem {
    fn text(&self) -> String {
        let code = self.error_code.as_ref().or(self.title.as_ref());
        let detail = self.message.as_deref().or(self.detail.as_str());
        [code.map(String::as_str), detail].into_iter().flatten().collect::<Vec<_>>().join(": ")
    }
}

impl Service {
    /// A service at a URL. Nothing is sent; secrets are resolved with each request.
    ///
    /// # Errors
    /// [`ServiceError::Request`] when there can be no connections at all.
    pub fn new(base: Url, kind: &'static str, login: Login) -> Result<Self, ServiceError> {
        // the rules of a group let plain http pass for this machine only
        let options = ClientOptions::new().with_allow_http(base.scheme() == "http");
        let http = ReqwestConnector::default().connect(&options).map_err(|cause| ServiceError::Request {
            service: base.to_string(),
            problem: cause.to_string(),
        })?;
        Ok(Self { http, base, kind, login, granted: Mutex::new(None) })
    }

    /// The same service, asked by somebody else.
    #[must_use]
    pub fn asked_by(self, login: Login) -> Self {
        Self { login, granted: Mutex::new(None), ..self }
    }

    /// Asks for a JSON document; the parts of the path are encoded. Asks again, with patience, while the service has no
    /// time.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Answer<T>, ServiceError> {
        let mut url = self.url(path)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let once = || async {
            match self.get_once(&url).await {
                // the service may have withdrawn the token
                Err(error) if error.is_status(StatusCode::UNAUTHORIZED) && self.forget().await => {
                    self.get_once(&url).await
                }
                answer => answer,
            }
        };
        let retried =
            once.retry(backoff()).when(ServiceError::retryable).adjust(wait).notify(|error, wait| {
                tracing::debug!(wait_ms = wait.as_millis(), "{error}; asking again");
            });
        retried.await
    }

    fn url(&self, path: &[&str]) -> Result<Url, ServiceError> {
        let mut url = self.base.clone();
        match url.path_segments_mut() {
            Ok(mut segments) => {
                segments.pop_if_empty().extend(path);
            }
            Err(()) => return Err(self.refuse(&"its url has no path")),
        }
        Ok(url)
    }

    fn refuse(&self, problem: &impl ToString) -> ServiceError {
        ServiceError::Request { service: self.base.to_string(), problem: problem.to_string() }
    }

    async fn get_once<T: DeserializeOwned>(&self, url: &Url) -> Result<Answer<T>, ServiceError> {
        let mut request = HttpRequest::new(Bytes::new().into());
        *request.method_mut() = Method::GET;
        if let Some(authorization) = self.authorization().await? {
            request.headers_mut().insert(header::AUTHORIZATION, authorization);
        }
        self.send(request, url).await
    }

    async fn send<T: DeserializeOwned>(
        &self,
        mut request: HttpRequest,
        url: &Url,
    ) -> Result<Answer<T>, ServiceError> {
        *request.uri_mut() = url.as_str().parse::<Uri>().map_err(|error| self.refuse(&error))?;
        request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        // queries hold names and page tokens, and make errors hard to read
        let mut shown = url.clone();
        shown.set_query(None);
        let url = shown.to_string();
        let lost = |cause| ServiceError::Connection { url: url.clone(), cause };
        let (parts, body) = self.http.execute(request).await.map_err(lost)?.into_parts();
        let body = body.bytes().await.map_err(lost)?;
        if !parts.status.is_success() {
            let problem: Problem = serde_json::from_slice(&body).unwrap_or_default();
            return Err(ServiceError::Status {
                url,
                status: parts.status,
                message: problem.text(),
                retry_after: retry_after(&parts.headers),
            });
        }
        let value = serde_json::from_slice(&body).map_err(|cause| ServiceError::Malformed {
            url,
            expected: self.kind,
            cause,
        })?;
        Ok(Answer { value, date: instant(&parts.headers, &header::DATE) })
    }

    async fn authorization(&self) -> Result<Option<HeaderValue>, ServiceError> {
        let secret = |cause| ServiceError::Secret { service: self.base.to_string(), cause };
        let unfit = || self.refuse(&"its credentials are no text that a header can hold");
        match self.login.header().map_err(secret)? {
            Some(None) if matches!(self.login, Login::Nobody) => Ok(None),
            Some(header) => header.map(Some).ok_or_else(unfit),
            None => bearer(&self.granted().await?.token).map(Some).ok_or_else(unfit),
        }
    }

    /// A token that lives long enough: the one that was granted last, or another one.
    async fn granted(&self) -> Result<Granted, ServiceError> {
        let mut known = self.granted.lock().await;
        let lives = |(granted, since): &(Granted, Instant)| {
            granted.lives.is_none_or(|lives| since.elapsed() + MARGIN < lives)
        };
        if let Some((granted, _)) = known.as_ref().filter(|known| lives(known)) {
            return Ok(granted.clone());
        }
        let (asked_at, granted) = (Instant::now(), self.grant().await?);
        *known = Some((granted.clone(), asked_at));
        Ok(granted)
    }

    async fn grant(&self) -> Result<Granted, ServiceError> {
        let secret = |cause| ServiceError::Secret { service: self.base.to_string(), cause };
        let path: Vec<&str> = self.login.grants_at().into_iter().flat_map(|path| path.split('/')).collect();
        let url = self.url(&path)?;
        let request = self.login.ask().map_err(secret)?;
        let request = request.ok_or_else(|| self.refuse(&"there is no token to ask for"))?;
        let answer: Answer<Grant> = self.send(request, &url).await?;
        Ok(answer.value.into())
    }

    /// Forgets a token that was granted, and says whether there was one.
    async fn forget(&self) -> bool {
        self.granted.lock().await.take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_put_below_the_base() {
        for base in ["https://w/air", "https://w/air/"] {
            let service = Service::new(base.parse().unwrap(), "a service", Login::Nobody).unwrap();
            let url = service.url(&["api", "v1", "dags", "a/b c", "dagRuns"]).unwrap();
            assert_eq!(url.as_str(), "https://w/air/api/v1/dags/a%2Fb%20c/dagRuns");
        }
    }

    #[test]
    fn what_services_say_of_errors() {
        let said = |text: &str| serde_json::from_str::<Problem>(text).unwrap().text();
        assert_eq!(said(r#"{"error_code":"NO","message":"not you","details":[]}"#), "NO: not you");
        assert_eq!(
            said(r#"{"title":"DAG not found","detail":"x","status":404,"type":"t"}"#),
            "DAG not found: x"
        );
        assert_eq!(said(r#"{"detail":[{"loc":["query"]}]}"#), "");
    }
}
