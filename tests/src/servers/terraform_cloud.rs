//! A stand-in for HCP Terraform, which cannot be had: the calls that lakedr makes, as the documentation of its API (v2:
//! workspaces, state versions) describes them. States lie in an archive of its own, which knows no tokens: its URLs are
//! signed, and the API leads there.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use serde_json::{Value, json};

use super::stand_in::{self, Answer, Request};

/// What only who was led to the archive knows.
const SIGNATURE: &str = "signed-by-the-archive";

/// The states of the workspaces of one organization, by name.
type States = Arc<Mutex<BTreeMap<String, Option<Value>>>>;

/// A running stand-in. It answers as long as the process lives.
#[derive(Debug)]
pub struct TerraformCloud {
    address: SocketAddr,
    states: States,
}

impl TerraformCloud {
    /// Starts it for one organization, whose workspaces may be read with a token.
    ///
    /// # Errors
    /// No port can be had.
    pub fn start(organization: &str, token: &str) -> Result<Self> {
        let states = States::default();
        let kept = Arc::clone(&states);
        let archive = stand_in::serve(move |request| archive(request, &kept))?;
        let (organization, token, kept) = (organization.to_owned(), token.to_owned(), Arc::clone(&states));
        let address = stand_in::serve(move |request| match request.bearer() == Some(&token) {
            true => api(request, &organization, archive, &kept),
            false => refused(401, "unauthorized"),
        })?;
        Ok(Self { address, states })
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Makes a workspace; without a state nothing has been applied there.
    pub fn put(&self, workspace: &str, state: Option<Value>) {
        self.states.lock().unwrap_or_else(PoisonError::into_inner).insert(workspace.to_owned(), state);
    }
}

fn api(request: &Request, organization: &str, archive: SocketAddr, states: &States) -> Answer {
    let states = states.lock().unwrap_or_else(PoisonError::into_inner);
    let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
    match (request.method.as_str(), path.as_slice()) {
        ("GET", ["api", "v2", "organizations", asked, "workspaces", name])
            if *asked == organization && states.contains_key(*name) =>
        {
            let attributes = json!({"name": name, "locked": false});
            let data = json!({"id": format!("ws-{name}"), "type": "workspaces", "attributes": attributes});
            Answer::new(200, json!({"data": data}))
        }
        ("GET", ["api", "v2", "workspaces", id, "current-state-version"]) => {
            let name = id.strip_prefix("ws-").unwrap_or_default();
            match states.get(name) {
                Some(Some(_)) => {
                    let place = format!("http://{}/api/state-versions/sv-{name}/hosted_state", request.host);
                    let attributes = json!({"serial": 9, "hosted-state-download-url": place});
                    let data = json!({"id": format!("sv-{name}"), "type": "state-versions", "attributes": attributes});
                    Answer::new(200, json!({"data": data}))
                }
                _ => refused(404, "not found"),
            }
        }
        ("GET", ["api", "state-versions", id, "hosted_state"]) => {
            let name = id.strip_prefix("sv-").unwrap_or_default();
            let place = format!("http://{archive}/object/{name}?signature={SIGNATURE}");
            Answer { headers: vec![("Location", place)], ..Answer::new(302, Value::Null) }
        }
        _ => refused(404, "not found"),
    }
}

/// A store that takes a token for a second way to say who asks, and refuses both at once, as S3 does.
fn archive(request: &Request, states: &States) -> Answer {
    let states = states.lock().unwrap_or_else(PoisonError::into_inner);
    let name = request.path.last().map(String::as_str).unwrap_or_default();
    match states.get(name) {
        Some(Some(state)) if request.get("signature") == Some(SIGNATURE) && request.bearer().is_none() => {
            Answer::new(200, state.clone())
        }
        _ => refused(403, "forbidden"),
    }
}

fn refused(status: u16, title: &str) -> Answer {
    Answer::new(status, json!({"errors": [{"status": status.to_string(), "title": title}]}))
}
