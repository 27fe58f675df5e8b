//! What a Databricks workspace has beside its catalog: logins of service principals, and secret scopes.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use super::super::stand_in::Request;
use super::calls::{Answer, refused};

/// What a host is, for those who know its name only.
pub(super) fn metadata(host: &str) -> Answer {
    (200, json!({"oidc_endpoint": format!("http://{host}/oidc"), "cloud": "AWS"}))
}

/// Where logins are, for those who do not know it (RFC 8414).
pub(super) fn endpoints(host: &str) -> Answer {
    let at = |path: &str| format!("http://{host}/oidc/v1/{path}");
    (200, json!({"authorization_endpoint": at("authorize"), "token_endpoint": at("token")}))
}

/// Logins and secrets.
#[derive(Debug)]
pub(super) struct Workspace {
    token: String,
    /// Id and secret of the service principal.
    pub(super) client: Option<(String, String)>,
    issued: Vec<String>,
    pub(super) secrets: BTreeMap<(String, String), String>,
}

impl Workspace {
    pub(super) fn new(token: &str) -> Self {
        Self { token: token.to_owned(), client: None, issued: Vec::new(), secrets: BTreeMap::new() }
    }

    /// Whether a call brings a token that was given out.
    pub(super) fn knows(&self, request: &Request) -> bool {
        request
            .bearer()
            .is_some_and(|token| token == self.token || self.issued.iter().any(|issued| issued == token))
    }

    /// `POST /oidc/v1/token`
    pub(super) fn issue(&mut self, request: &Request) -> Answer {
        if self.client.is_none() || self.client != request.basic() {
            return (
                401,
                json!({"error": "invalid_client", "error_description": "Client authentication failed"}),
            );
        }
        let token = format!("issued-token-{}", self.issued.len() + 1);
        self.issued.push(token.clone());
        (200, json!({"access_token": token, "token_type": "Bearer", "expires_in": 3600, "scope": "all-apis"}))
    }

    /// `GET /api/2.0/secrets/get`
    pub(super) fn secret(&self, request: &Request) -> Answer {
        let field = |name: &str| request.get(name).unwrap_or_default().to_owned();
        let (scope, key) = (field("scope"), field("key"));
        if !self.secrets.keys().any(|(known, _)| *known == scope) {
            let message = format!("Scope {scope} does not exist!");
            return refused(404, "RESOURCE_DOES_NOT_EXIST", &message);
        }
        match self.secrets.get(&(scope, key.clone())) {
            Some(value) => (200, json!({"key": key, "value": BASE64_STANDARD.encode(value)})),
            None => refused(404, "RESOURCE_DOES_NOT_EXIST", &format!("Failed to get secret {key}")),
        }
    }
}
