//! Azure with a token of the run, as HCP Terraform hands it to the azurerm provider: OAuth 2.0 client credentials with a
//! federated credential for the client's assertion (Microsoft identity platform, "third case").

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use object_store::azure::AzureCredential;
use serde::Deserialize;
use url::Url;

use super::FederationError;
use crate::secret::Secret;
use crate::service::{Call, Login, Service};
use crate::service_url::keeps_secrets;
use crate::store::{Lender, LentCredential, Loan, NotLent};

const SWITCH: &str = "ARM_USE_OIDC";
const CLIENT: &str = "ARM_CLIENT_ID";
const TENANT: &str = "ARM_TENANT_ID";
const TOKEN: &str = "ARM_OIDC_TOKEN";
const TOKEN_FILE: &str = "ARM_OIDC_TOKEN_FILE_PATH";

/// The authority of the public cloud.
const PUBLIC: &str = "https://login.microsoftonline.com";
const SCOPE: &str = "https://storage.azure.com/.default";
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Exchanges a token of the run for one of Azure Storage.
#[derive(Debug)]
pub(crate) struct AzureFederation {
    service: Service,
    tenant: String,
    client: String,
    token: RunToken,
}

#[derive(Debug)]
enum RunToken {
    Text(Secret),
    File(PathBuf),
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: u64,
}

/// Whether the variables ask for federation.
pub(crate) fn is_asked_for(variable: impl Fn(&str) -> Option<String>) -> bool {
    variable(SWITCH).is_some_and(|value| ["true", "1"].contains(&value.to_ascii_lowercase().as_str()))
}

impl AzureFederation {
    /// What the variables ask for, at an authority other than that of the public cloud where one is given; none if they
    /// ask for nothing. Nothing is sent.
    ///
    /// # Errors
    /// See [`FederationError`]: some variables are missing, or the authority is no place for a token.
    pub(crate) fn of(
        variable: impl Fn(&str) -> Option<String>,
        authority: Option<String>,
    ) -> Result<Option<Self>, FederationError> {
        if !is_asked_for(&variable) {
            return Ok(None);
        }
        let needed = |name: &'static str| {
            variable(name).ok_or(FederationError::Incomplete { switch: SWITCH, missing: name })
        };
        let token = match (variable(TOKEN), variable(TOKEN_FILE)) {
            (Some(token), _) => RunToken::Text(Secret::new(token)),
            (None, Some(file)) => RunToken::File(file.into()),
            (None, None) => return Err(FederationError::Incomplete { switch: SWITCH, missing: TOKEN }),
        };
        let authority = authority.unwrap_or_else(|| PUBLIC.to_owned());
        if !Url::parse(&authority).is_ok_and(|url| keeps_secrets(&url)) {
            return Err(FederationError::Insecure { what: "the authority host", url: authority });
        }
        let service = Service::new(&authority, Login::Anonymous)
            .map_err(|cause| FederationError::Service { step: "azure cannot be asked for a token", cause })?;
        Ok(Some(Self { service, tenant: needed(TENANT)?, client: needed(CLIENT)?, token }))
    }

    async fn exchange(&self) -> Result<Loan, FederationError> {
        let token = match &self.token {
            RunToken::Text(token) => token.clone(),
            RunToken::File(file) => {
                let text = tokio::fs::read_to_string(file).await;
                let token = text.map_err(|cause| FederationError::Token { file: file.clone(), cause })?;
                Secret::new(token.trim().to_owned())
            }
        };
        let question = Call::post_at(&[&self.tenant, "oauth2", "v2.0", "token"]).with_form(&[
            ("client_id", &self.client),
            ("client_assertion_type", ASSERTION),
            ("client_assertion", token.reveal()),
            ("scope", SCOPE),
            ("grant_type", "client_credentials"),
        ]);
        let granted: Granted = self.service.ask(&question).await.map_err(|cause| {
            FederationError::Service { step: "azure does not take the token of this run", cause }
        })?;
        let credential = LentCredential::Azure(AzureCredential::BearerToken(granted.access_token));
        Ok(Loan { credential, good_for: Duration::from_secs(granted.expires_in) })
    }
}

#[async_trait]
impl Lender for AzureFederation {
    async fn lend(&self) -> Result<Loan, NotLent> {
        Ok(self.exchange().await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(set: &[(&str, &str)], authority: Option<&str>) -> Result<Option<AzureFederation>, FederationError> {
        let variable =
            |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        AzureFederation::of(variable, authority.map(str::to_owned))
    }

    const ALL: [(&str, &str); 4] =
        [(SWITCH, "true"), (CLIENT, "client"), (TENANT, "tenant"), (TOKEN, "hunter2")];

    #[test]
    fn nothing_is_federated_unless_it_is_asked_for() {
        assert!(of(&[], None).unwrap().is_none());
        assert!(of(&ALL[1..], None).unwrap().is_none());
        assert!(of(&[(SWITCH, "false"), (CLIENT, "c")], None).unwrap().is_none());
        assert!(!format!("{:?}", of(&ALL, None).unwrap().unwrap()).contains("hunter2"));
    }

    #[test]
    fn what_is_missing_is_named() {
        for missing in [CLIENT, TENANT, TOKEN] {
            let set: Vec<_> = ALL.into_iter().filter(|(name, _)| *name != missing).collect();
            let error = of(&set, None).unwrap_err().to_string();
            assert!(error.contains(missing) && error.contains(SWITCH), "{error}");
        }
    }

    #[test]
    fn no_token_is_sent_in_the_clear() {
        let error = of(&ALL, Some("http://login.example.com")).unwrap_err();
        assert!(matches!(error, FederationError::Insecure { .. }), "{error}");
        assert!(of(&ALL, Some("http://127.0.0.1:1")).unwrap().is_some());
    }
}
