use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::StatusCode;
use serde::Deserialize;
use url::Url;

use super::{Lookup, SecretError, Vault};
use crate::secret::{Secret, SecretRef};
use crate::service::{Call, Login, Service, ServiceError};
use crate::service_url::keeps_secrets;

/// The secret scopes of one Databricks workspace.
#[derive(Debug)]
pub struct DatabricksVault {
    workspace: Result<Service, &'static str>,
}

/// Answer to `GET /api/2.0/secrets/get`.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    value: String,
}

impl DatabricksVault {
    /// The workspace that the standard variables of Databricks name: `DATABRICKS_HOST`, with `DATABRICKS_TOKEN`, or
    /// with `DATABRICKS_CLIENT_ID` and `DATABRICKS_CLIENT_SECRET`. What is missing is told when a secret is fetched.
    #[must_use]
    pub fn of_environment(lookup: Lookup) -> Self {
        Self { workspace: workspace(lookup) }
    }

    async fn ask(workspace: &Service, scope: &str, key: &str) -> Result<Answer, ServiceError> {
        workspace.ask(&Call::get("/api/2.0/secrets/get").with_query(&[("scope", scope), ("key", key)])).await
    }
}

fn workspace(lookup: Lookup) -> Result<Service, &'static str> {
    let set = |name| lookup(name).filter(|value| !value.is_empty());
    let host = set("DATABRICKS_HOST").ok_or("DATABRICKS_HOST is not set")?;
    // the vendor's own tools take a host without scheme, too
    let host = if host.contains("://") { host } else { format!("https://{host}") };
    let url = host.parse::<Url>().map_err(|_| "DATABRICKS_HOST is not a URL")?;
    if !keeps_secrets(&url) {
        return Err("DATABRICKS_HOST is not an https URL");
    }
    let secret = |name| set(name).map(Secret::new);
    let login = match (secret("DATABRICKS_TOKEN"), secret("DATABRICKS_CLIENT_ID")) {
        (Some(token), _) => Login::Bearer(token),
        (None, Some(id)) => {
            let secret = secret("DATABRICKS_CLIENT_SECRET").ok_or("DATABRICKS_CLIENT_SECRET is not set")?;
            Login::databricks_client(id, secret)
        }
        (None, None) => return Err("neither DATABRICKS_TOKEN nor DATABRICKS_CLIENT_ID is set"),
    };
    Service::new(url.as_str(), login).map_err(|_| "no connection can be made from this machine")
}

#[async_trait]
impl Vault for DatabricksVault {
    fn holds(&self, reference: &SecretRef) -> bool {
        matches!(reference, SecretRef::Databricks { .. })
    }

    async fn fetch(&self, reference: &SecretRef) -> Result<Secret, SecretError> {
        let at = || reference.clone();
        let SecretRef::Databricks { scope, key } = reference else {
            return Err(SecretError::NoVault { reference: at() });
        };
        let workspace = self.workspace.as_ref();
        let workspace = workspace.map_err(|problem| SecretError::NoWorkspace { reference: at(), problem })?;
        let answer = Self::ask(workspace, scope, key).await.map_err(|cause| {
            let absent = cause.is_absent() || cause.status() == Some(StatusCode::FORBIDDEN);
            let cause = Arc::new(cause);
            if absent {
                SecretError::Absent { reference: at(), cause }
            } else {
                SecretError::Service { reference: at(), cause }
            }
        })?;
        let bytes = BASE64_STANDARD.decode(answer.value).ok();
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        text.map(Secret::new).ok_or_else(|| SecretError::NotText { reference: at() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(lookup: Lookup) -> Option<&'static str> {
        workspace(lookup).err()
    }

    #[test]
    fn the_environment_names_the_workspace() {
        let by_token: Lookup = |name| match name {
            "DATABRICKS_HOST" => Some("adb-1.azuredatabricks.net".to_owned()),
            "DATABRICKS_TOKEN" => Some("hunter2".to_owned()),
            _ => None,
        };
        assert_eq!(problem(by_token), None);
        assert!(!format!("{:?}", workspace(by_token)).contains("hunter2"));
        let as_client: Lookup = |name| match name {
            "DATABRICKS_HOST" => Some("http://127.0.0.1:9".to_owned()),
            "DATABRICKS_CLIENT_ID" | "DATABRICKS_CLIENT_SECRET" => Some("x".to_owned()),
            _ => None,
        };
        assert_eq!(problem(as_client), None);
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(problem(|_| None), Some("DATABRICKS_HOST is not set"));
        let host_alone: Lookup = |name| (name == "DATABRICKS_HOST").then(|| "https://x".to_owned());
        assert_eq!(problem(host_alone), Some("neither DATABRICKS_TOKEN nor DATABRICKS_CLIENT_ID is set"));
        assert_eq!(
            problem(|_| Some("http://example.com".to_owned())),
            Some("DATABRICKS_HOST is not an https URL")
        );
        let half: Lookup = |name| match name {
            "DATABRICKS_HOST" => Some("https://x".to_owned()),
            "DATABRICKS_CLIENT_ID" => Some("id".to_owned()),
            _ => None,
        };
        assert_eq!(problem(half), Some("DATABRICKS_CLIENT_SECRET is not set"));
    }
}
