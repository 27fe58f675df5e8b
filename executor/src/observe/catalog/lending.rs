//! Temporary credentials: the catalog lends them for a table or for a path, when nothing else gives access to it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use http::StatusCode;
use lakedr_control::location::StoreUrl;
use lakedr_control::service::{Call, ServiceError};
use lakedr_control::store::{Lender, LentCredential, Loan, NotLent};
use object_store::aws::AwsCredential;
use object_store::azure::AzureCredential;
use object_store::gcp::GcpCredential;
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};

use super::client::UnityCatalog;

/// How long credentials are taken to be good that come without an end: the vendor's shortest life is an hour.
const UNTOLD_LIFE: Duration = Duration::from_secs(900);

/// What credentials are for, as the calls for them spell it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
enum Purpose {
    Table { table_id: String, operation: &'static str },
    Path { url: String, operation: &'static str },
}

/// Lends credentials for one table or one path.
#[derive(Debug)]
pub struct CatalogLender {
    catalog: Arc<UnityCatalog>,
    purpose: Purpose,
}

impl CatalogLender {
    /// For the files of a table, by its id in the catalog.
    #[must_use]
    pub fn for_table(catalog: Arc<UnityCatalog>, table_id: &str, write: bool) -> Self {
        let operation = if write { "READ_WRITE" } else { "READ" };
        Self { catalog, purpose: Purpose::Table { table_id: table_id.to_owned(), operation } }
    }

    /// For everything below an external location of the catalog.
    #[must_use]
    pub fn for_path(catalog: Arc<UnityCatalog>, url: &StoreUrl, write: bool) -> Self {
        let operation = if write { "PATH_READ_WRITE" } else { "PATH_READ" };
        Self { catalog, purpose: Purpose::Path { url: url.to_string(), operation } }
    }

    async fn ask(&self) -> Result<Answer, NotLent> {
        let path = match self.purpose {
            Purpose::Table { .. } => "/temporary-table-credentials",
            Purpose::Path { .. } => "/temporary-path-credentials",
        };
        let call = Call::post(path).with_json(&self.purpose);
        let call = call.map_err(|cause| NotLent::Failed(Box::new(cause)))?;
        self.catalog.service().ask(&call).await.map_err(|cause| {
            if refuses(&cause) {
                NotLent::Refused(Box::new(cause))
            } else if cause.is_denied() {
                NotLent::Denied(Box::new(cause))
            } else {
                NotLent::Failed(Box::new(cause))
            }
        })
    }
}

/// Whether the catalog lends nothing, or not to this caller: it has no such call, external access is off, a privilege is
/// missing. A token that is wrong is none of these.
fn refuses(error: &ServiceError) -> bool {
    let statuses = [
        StatusCode::BAD_REQUEST,
        StatusCode::FORBIDDEN,
        StatusCode::NOT_FOUND,
        StatusCode::METHOD_NOT_ALLOWED,
        StatusCode::NOT_IMPLEMENTED,
    ];
    error.status().is_some_and(|status| statuses.contains(&status))
}

#[async_trait]
impl Lender for CatalogLender {
    async fn lend(&self) -> Result<Loan, NotLent> {
        let answer = self.ask().await?;
        let ends = answer.expiration_time;
        let nothing = || NotLent::Refused("the answer holds no credentials that this version knows".into());
        let credential = answer.credential().ok_or_else(nothing)?;
        Ok(Loan { credential, good_for: good_for(ends, Utc::now()) })
    }
}

/// What is left until the end, in milliseconds since 1970.
fn good_for(ends: Option<i64>, now: DateTime<Utc>) -> Duration {
    let left = ends.map(|ends| TimeDelta::milliseconds(ends.saturating_sub(now.timestamp_millis())));
    left.map_or(UNTOLD_LIFE, |left| left.to_std().unwrap_or_default())
}

/// Answer to both calls. Its text is never kept: all of it is secret.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Answer {
    aws_temp_credentials: Option<Aws>,
    r2_temp_credentials: Option<Aws>,
    azure_user_delegation_sas: Option<Sas>,
    azure_aad: Option<Aad>,
    gcp_oauth_token: Option<OauthToken>,
    expiration_time: Option<i64>,
}

#[derive(Deserialize)]
struct Aws {
    access_key_id: String,
    secret_access_key: String,
    #[serde(default)]
    session_token: Option<String>,
}

#[derive(Deserialize)]
struct Sas {
    sas_token: String,
}

#[derive(Deserialize)]
struct Aad {
    aad_token: String,
}

#[derive(Deserialize)]
struct OauthToken {
    oauth_token: String,
}

impl Answer {
    fn credential(self) -> Option<LentCredential> {
        if let Some(aws) = self.aws_temp_credentials.or(self.r2_temp_credentials) {
            return Some(LentCredential::Aws(AwsCredential {
                key_id: aws.access_key_id,
                secret_key: aws.secret_access_key,
                token: aws.session_token.filter(|token| !token.is_empty()),
            }));
        }
        if let Some(Sas { sas_token }) = self.azure_user_delegation_sas {
            return Some(LentCredential::Azure(AzureCredential::SASToken(pairs(&sas_token)?)));
        }
        if let Some(Aad { aad_token }) = self.azure_aad {
            return Some(LentCredential::Azure(AzureCredential::BearerToken(aad_token)));
        }
        let OauthToken { oauth_token } = self.gcp_oauth_token?;
        Some(LentCredential::Gcp(GcpCredential { bearer: oauth_token }))
    }
}

/// The parameters of a shared access signature, decoded.
fn pairs(token: &str) -> Option<Vec<(String, String)>> {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8().map(String::from).ok();
    let pairs = token.trim_start_matches('?').split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').and_then(|(key, value)| Some((decoded(key)?, decoded(value)?))))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn credential(answer: Value) -> Option<LentCredential> {
        serde_json::from_value::<Answer>(answer).expect("answer").credential()
    }

    #[test]
    fn every_provider_has_its_credentials() {
        let aws = json!({"access_key_id": "a", "secret_access_key": "s", "session_token": ""});
        for field in ["aws_temp_credentials", "r2_temp_credentials"] {
            let lent = credential(json!({field: aws, "expiration_time": 1, "url": "s3://b"}));
            assert!(matches!(lent, Some(LentCredential::Aws(AwsCredential { token: None, .. }))));
        }
        let sas = json!({"azure_user_delegation_sas": {"sas_token": "?sv=2024&sig=a%2Bb%3D"}});
        let Some(LentCredential::Azure(AzureCredential::SASToken(pairs))) = credential(sas) else {
            panic!("no SAS");
        };
        assert_eq!(pairs[1], ("sig".to_owned(), "a+b=".to_owned()));
        let aad = credential(json!({"azure_aad": {"aad_token": "t"}}));
        assert!(matches!(aad, Some(LentCredential::Azure(AzureCredential::BearerToken(_)))));
        assert!(matches!(
            credential(json!({"gcp_oauth_token": {"oauth_token": "t"}})),
            Some(LentCredential::Gcp(_))
        ));
        assert!(credential(json!({"later_credentials": {}})).is_none());
    }

    #[test]
    fn a_loan_ends_when_the_answer_says() {
        let now = DateTime::from_timestamp_millis(1_000_000).expect("instant");
        assert_eq!(good_for(Some(1_060_000), now), Duration::from_secs(60));
        assert_eq!(good_for(Some(900_000), now), Duration::ZERO);
        assert_eq!(good_for(None, now), UNTOLD_LIFE);
    }

    #[test]
    fn purposes_are_spelled_as_the_api_spells_them() {
        let catalog =
            Arc::new(UnityCatalog::new(&"https://uc".parse().expect("url"), None).expect("catalog"));
        let table = CatalogLender::for_table(Arc::clone(&catalog), "id", true).purpose;
        assert_eq!(
            serde_json::to_value(table).expect("json"),
            json!({"table_id": "id", "operation": "READ_WRITE"})
        );
        let path = CatalogLender::for_path(catalog, &"s3://b/x/".parse().expect("url"), false).purpose;
        assert_eq!(
            serde_json::to_value(path).expect("json"),
            json!({"url": "s3://b/x", "operation": "PATH_READ"})
        );
    }
}
