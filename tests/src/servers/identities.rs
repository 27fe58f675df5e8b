//! What exchanges tokens of a run for those of a cloud, as Azure and Google document it, and the stores that take the
//! latter: empty ones, which keep who asked.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};

use super::stand_in::{self, Answer, Request};

/// The token of the run: what says who it is.
pub const RUN: &str = "token-of-the-run";
/// What is granted by Azure.
pub const AZURE: &str = "token-of-azure";
/// What is granted by Google's token service.
pub const FEDERATED: &str = "token-of-the-pool";
/// What is granted to a service account of Google.
pub const GOOGLE: &str = "token-of-the-service-account";

/// A running stand-in. It answers as long as the process lives.
#[derive(Debug)]
pub struct Identities {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Identities {
    /// Starts it.
    ///
    /// # Errors
    /// No port can be had.
    pub fn start() -> Result<Self> {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        let address = stand_in::serve(move |request| match granted(request) {
            Some(answer) => answer,
            None => {
                let who = request.authorization().unwrap_or_default().to_owned();
                kept.lock().unwrap_or_else(PoisonError::into_inner).push(who);
                Answer::new(404, Value::String(String::new()))
            }
        })?;
        Ok(Self { address, asked })
    }

    /// Its URL, without trailing slash.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The `Authorization` headers of all that was asked of the stores.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The answer of a token service; none for a store.
fn granted(request: &Request) -> Option<Answer> {
    let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
    let form: BTreeMap<String, String> = url::form_urlencoded::parse(&request.body).into_owned().collect();
    let holds = |name: &str, value: &str| form.get(name).is_some_and(|known| known == value);
    let answer = match (request.method.as_str(), path.as_slice()) {
        ("POST", ["the-tenant", "oauth2", "v2.0", "token"]) => {
            let known = holds("client_assertion", RUN)
                && holds("client_id", "the-client")
                && holds("scope", "https://storage.azure.com/.default")
                && holds("grant_type", "client_credentials");
            known.then(|| json!({"token_type": "Bearer", "access_token": AZURE, "expires_in": 3599}))
        }
        ("POST", ["v1", "token"]) => {
            let known = holds("subject_token", RUN)
                && holds("audience", "//iam.googleapis.com/the-pool")
                && holds("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange");
            known.then(|| json!({"access_token": FEDERATED, "expires_in": 3599, "token_type": "Bearer"}))
        }
        ("POST", ["v1", "the-account:generateAccessToken"]) => {
            let end = (Utc::now() + TimeDelta::seconds(3600)).to_rfc3339();
            let known = request.bearer() == Some(FEDERATED);
            known.then(|| json!({"accessToken": GOOGLE, "expireTime": end}))
        }
        ("GET", ["run", "token"]) => {
            (request.bearer() == Some("who-asks-for-it")).then(|| json!({"value": RUN}))
        }
        _ => return None,
    };
    Some(match answer {
        Some(body) => Answer::new(200, body),
        None => Answer::new(
            403,
            json!({"error": "invalid_grant", "error_description": "this token is not known"}),
        ),
    })
}
