use std::time::Duration;

use http::Method;
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;

use super::client::{Call, Service};
use super::error::ServiceError;
use super::login::Login;
use crate::secret::Secret;

/// A token is replaced this long before it ends.
const BEFORE_THE_END: Duration = Duration::from_secs(60);

/// How long a token is taken to live when the workspace does not say.
const UNTOLD_LIFE: Duration = Duration::from_secs(600);

/// How a caller proves itself to a Databricks workspace.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// A personal access token, or any other bearer token.
    Token(Secret),
    /// A service principal (OAuth, client credentials).
    Client {
        /// Its client id.
        id: Secret,
        /// Its OAuth secret.
        secret: Secret,
    },
}

/// A Databricks workspace, and who asks it.
#[derive(Debug)]
pub struct Workspace {
    url: Url,
    credentials: Credentials,
    issued: Mutex<Option<Issued>>,
}

#[derive(Debug)]
struct Issued {
    token: Secret,
    until: Instant,
}

/// Answer of the token endpoint (RFC 6749, section 5.1).
#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    #[serde(default)]
    expires_in: Option<u64>,
}

impl Workspace {
    /// The workspace. Nothing is sent.
    #[must_use]
    pub fn new(url: Url, credentials: Credentials) -> Self {
        Self { url, credentials, issued: Mutex::new(None) }
    }

    /// The workspace's APIs, for a call that is made soon: the token of a service principal is fetched when there is
    /// none that lives long enough.
    ///
    /// # Errors
    /// When no token is issued.
    pub async fn service(&self) -> Result<Service, ServiceError> {
        let token = match &self.credentials {
            Credentials::Token(token) => token.clone(),
            Credentials::Client { id, secret } => self.issued(id, secret).await?,
        };
        Service::new(self.url.as_str(), Login::Bearer(token))
    }

    async fn issued(&self, id: &Secret, secret: &Secret) -> Result<Secret, ServiceError> {
        let mut issued = self.issued.lock().await;
        if let Some(held) = issued.as_ref().filter(|held| held.until > Instant::now() + BEFORE_THE_END) {
            return Ok(held.token.clone());
        }
        let login = Login::Basic { user: id.clone(), password: secret.clone() };
        let fields = [("grant_type", "client_credentials"), ("scope", "all-apis")];
        let call = Call::new(Method::POST, "/oidc/v1/token").with_form(&fields);
        let asked = Instant::now();
        let answer: TokenAnswer = Service::new(self.url.as_str(), login)?.ask(&call).await?;
        let token = Secret::new(answer.access_token);
        let life = answer.expires_in.map_or(UNTOLD_LIFE, Duration::from_secs);
        *issued = Some(Issued { token: token.clone(), until: asked + life });
        Ok(token)
    }
}
