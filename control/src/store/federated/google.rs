//! Google Cloud with an `external_account`: workload identity federation, with a token from a file or a URL (AIP-4117).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use object_store::gcp::GcpCredential;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::FederationError;
use crate::secret::Secret;
use crate::service::{Answer, Call, Login, Service};
use crate::service_url::keeps_secrets;
use crate::store::{Lender, LentCredential, Loan, NotLent};

/// What a file says that is about federation; others are about keys and users.
const KIND: &str = "external_account";
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// What configurations of workforce pools have besides.
const UNSUPPORTED: [&str; 3] = ["client_id", "client_secret", "workforce_pool_user_project"];
/// How long a token lives where the service does not say.
const UNTOLD_LIFE: Duration = Duration::from_secs(600);
/// Seconds that the token of a service account is asked for.
const LIFETIME: u64 = 3600;

#[derive(Deserialize)]
struct Configuration {
    audience: String,
    subject_token_type: String,
    token_url: String,
    service_account_impersonation_url: Option<String>,
    #[serde(default)]
    service_account_impersonation: Impersonation,
    credential_source: Source,
}

#[derive(Default, Deserialize)]
struct Impersonation {
    token_lifetime_seconds: Option<u64>,
}

#[derive(Deserialize)]
struct Source {
    file: Option<PathBuf>,
    url: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    format: Format,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
enum Format {
    #[default]
    Text,
    Json {
        subject_token_field_name: String,
    },
}

/// Exchanges a token of this process for one of Google Cloud, and that for one of a service account where it is told to.
#[derive(Debug)]
pub(crate) struct GoogleFederation {
    exchange: Endpoint,
    impersonation: Option<Endpoint>,
    token: Place,
    audience: String,
    token_type: String,
    lifetime: u64,
    format: Format,
}

/// Where the token of this process is.
#[derive(Debug)]
enum Place {
    File(PathBuf),
    Url(Endpoint, Vec<(String, Secret)>),
}

#[derive(Debug)]
struct Endpoint {
    service: Service,
    path: String,
    query: Vec<(String, String)>,
}

#[derive(Deserialize)]
struct Exchanged {
    access_token: String,
    expires_in: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Impersonated {
    access_token: String,
    expire_time: DateTime<Utc>,
}

impl Endpoint {
    fn of(what: &'static str, url: &str) -> Result<Self, FederationError> {
        let insecure = || FederationError::Insecure { what, url: url.to_owned() };
        let parsed = Url::parse(url).ok().filter(keeps_secrets).ok_or_else(insecure)?;
        let service = Service::new(&parsed.origin().ascii_serialization(), Login::Anonymous)
            .map_err(|cause| FederationError::Service { step: "google cloud cannot be asked", cause })?;
        Ok(Self {
            service,
            path: parsed.path().to_owned(),
            query: parsed.query_pairs().into_owned().collect(),
        })
    }

    fn call(&self, call: fn(String) -> Call) -> Call {
        let pairs: Vec<(&str, &str)> =
            self.query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        call(self.path.clone()).with_query(&pairs)
    }
}

impl GoogleFederation {
    /// What a file of credentials says; none if it is about something else, or cannot be read at all. Nothing is sent.
    ///
    /// # Errors
    /// See [`FederationError`]: the file is about an external account of a kind that is not known here, or names a place
    /// where no token may be sent.
    pub(crate) fn of(file: &Path) -> Result<Option<Self>, FederationError> {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let document: Value = serde_json::from_str(&text).unwrap_or_default();
        if document["type"] != KIND {
            return Ok(None);
        }
        let unfit = |problem: String| FederationError::Configuration { file: file.to_path_buf(), problem };
        if let Some(name) = UNSUPPORTED.iter().find(|name| !document[**name].is_null()) {
            return Err(unfit(format!(
                "{name} is not supported: lakedr federates workloads, not a workforce"
            )));
        }
        let said: Configuration =
            serde_json::from_value(document).map_err(|error| unfit(error.to_string()))?;
        let source = said.credential_source;
        let token = match (source.file, source.url) {
            (Some(file), None) => Place::File(file),
            (None, Some(url)) => {
                let headers = source.headers.into_iter().map(|(name, value)| (name, Secret::new(value)));
                Place::Url(Endpoint::of("credential_source.url", &url)?, headers.collect())
            }

            _ => return Err(unfit("credential_source has to name a file or a URL".to_owned())),
        };
        let impersonation = said.service_account_impersonation_url;
        let impersonation = impersonation.map(|url| Endpoint::of("service_account_impersonation_url", &url));
        Ok(Some(Self {
            exchange: Endpoint::of("token_url", &said.token_url)?,
            impersonation: impersonation.transpose()?,
            token,
            audience: said.audience,
            token_type: said.subject_token_type,
            lifetime: said.service_account_impersonation.token_lifetime_seconds.unwrap_or(LIFETIME),
            format: source.format,
        }))
    }

    async fn token(&self) -> Result<Secret, FederationError> {
        let (place, text) = match &self.token {
            Place::File(file) => {
                let text = tokio::fs::read_to_string(file).await;
                let text = text.map_err(|cause| FederationError::Token { file: file.clone(), cause })?;
                (file.display().to_string(), text)
            }
            Place::Url(endpoint, headers) => {
                let question = headers.iter().fold(endpoint.call(Call::get), |call, (name, value)| {
                    call.with_header(name, value.clone())
                });
                let text = endpoint.service.text(&question).await.map_err(|cause| {
                    FederationError::Service { step: "there is no token of this process", cause }
                })?;
                (format!("{}{}", endpoint.service.base(), endpoint.path), text)
            }
        };
        self.format.token(&text).ok_or_else(|| FederationError::NoToken { place, field: self.format.field() })
    }

    async fn exchanged(&self) -> Result<Loan, FederationError> {
        let token = self.token().await?;
        let question = self.exchange.call(Call::post).with_form(&[
            ("grant_type", GRANT),
            ("audience", &self.audience),
            ("scope", SCOPE),
            ("requested_token_type", ACCESS_TOKEN),
            ("subject_token_type", &self.token_type),
            ("subject_token", token.reveal()),
        ]);
        let granted: Exchanged = self.exchange.service.ask(&question).await.map_err(|cause| {
            FederationError::Service { step: "google cloud does not take the token of this process", cause }
        })?;
        match &self.impersonation {
            None => {
                Ok(loan(granted.access_token, granted.expires_in.map_or(UNTOLD_LIFE, Duration::from_secs)))
            }
            Some(endpoint) => self.impersonated(endpoint, Secret::new(granted.access_token)).await,
        }
    }

    async fn impersonated(&self, endpoint: &Endpoint, token: Secret) -> Result<Loan, FederationError> {
        const STEP: &str = "google cloud gives no token of the service account";
        let failed = |cause| FederationError::Service { step: STEP, cause };
        let body = json!({"scope": [SCOPE], "lifetime": format!("{}s", self.lifetime)});
        let url = || format!("{}{}", endpoint.service.base(), endpoint.path);
        let question = endpoint.call(Call::post).with_json(&body).map_err(|error| {
            failed(crate::service::ServiceError::Request { url: url(), problem: error.to_string() })
        })?;
        let service = endpoint.service.asked_by(Login::Bearer(token));
        let Answer { value, date } = service.ask_dated::<Impersonated>(&question).await.map_err(failed)?;
        // by the clock that set the end, where it says what time it is
        let left = value.expire_time - date.unwrap_or_else(Utc::now);
        Ok(loan(value.access_token, left.to_std().unwrap_or_default()))
    }
}

fn loan(bearer: String, good_for: Duration) -> Loan {
    Loan { credential: LentCredential::Gcp(GcpCredential { bearer }), good_for }
}

impl Format {
    fn token(&self, text: &str) -> Option<Secret> {
        let token = match self {
            Self::Text => text.trim().to_owned(),
            Self::Json { subject_token_field_name } => {
                let document: Value = serde_json::from_str(text).ok()?;
                document.get(subject_token_field_name)?.as_str()?.to_owned()
            }
        };
        (!token.is_empty()).then(|| Secret::new(token))
    }

    fn field(&self) -> Option<String> {
        match self {
            Self::Text => None,
            Self::Json { subject_token_field_name } => Some(subject_token_field_name.clone()),
        }
    }
}

#[async_trait]
impl Lender for GoogleFederation {
    async fn lend(&self) -> Result<Loan, NotLent> {
        Ok(self.exchanged().await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(document: &Value) -> Result<Option<GoogleFederation>, FederationError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), document.to_string()).unwrap();
        GoogleFederation::of(file.path())
    }

    fn account(source: &Value) -> Value {
        json!({
            "type": "external_account", "audience": "//iam/pool", "subject_token_type": "jwt",
            "token_url": "https://sts.googleapis.com/v1/token", "universe_domain": "googleapis.com",
            "credential_source": source,
        })
    }

    #[test]
    fn other_credentials_are_left_to_others() {
        assert!(of(&json!({"type": "service_account"})).unwrap().is_none());
        assert!(GoogleFederation::of(Path::new("/no/such/file")).unwrap().is_none());
    }

    #[test]
    fn a_workforce_is_refused_rather_than_mistaken_for_a_workload() {
        for name in UNSUPPORTED {
            let mut document = account(&json!({"file": "/run/token"}));
            document[name] = json!("hunter2");
            let error = of(&document).unwrap_err().to_string();
            assert!(error.contains(name) && !error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn tokens_come_from_a_file_or_a_url_and_from_nowhere_else() {
        assert!(of(&account(&json!({"file": "/run/token"}))).unwrap().is_some());
        let headers = json!({"url": "https://token", "headers": {"authorization": "hunter2"}, "format": {"type": "json", "subject_token_field_name": "value"}});
        let federation = of(&account(&headers)).unwrap().unwrap();
        assert!(!format!("{federation:?}").contains("hunter2"));
        for (source, said) in [
            (json!({"environment_id": "aws1"}), "a file or a URL"),
            (json!({"executable": {"command": "x"}}), "a file or a URL"),
            (json!({"file": "x", "format": {"type": "json"}}), "subject_token_field_name"),
            (json!({"url": "http://token.example.com"}), "only sent over https"),
        ] {
            let error = of(&account(&source)).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn a_token_is_a_text_or_a_field() {
        let revealed =
            |format: &Format, text: &str| format.token(text).map(|token| token.reveal().to_owned());
        assert_eq!(revealed(&Format::Text, " a.b.c\n"), Some("a.b.c".to_owned()));
        assert_eq!(revealed(&Format::Text, "\n"), None);
        let json = Format::Json { subject_token_field_name: "value".to_owned() };
        assert_eq!(revealed(&json, r#"{"value":"a.b.c"}"#), Some("a.b.c".to_owned()));
        assert_eq!(revealed(&json, r#"{"count":1}"#), None);
        assert_eq!(revealed(&json, "a.b.c"), None);
    }
}
