//! The current state of a workspace of HCP Terraform or Terraform Enterprise, through its API (state versions, v2).
//!
//! Written `tfc://ORGANIZATION/WORKSPACE`, with `?host=` for another host than HCP Terraform's and `?token=` for another
//! reference than the variable that Terraform itself reads: `TF_TOKEN_app_terraform_io`.

use std::str::FromStr;

use lakedr_control::group_log::FailureClass;
use lakedr_control::secret::Secret;
use lakedr_control::secret::{NotASecretRef, SecretRef};
use lakedr_control::service::{Call, Login, Service, ServiceError};
use lakedr_control::service_url::keeps_secrets;
use lakedr_control::vault::{SecretError, Secrets};
use serde::Deserialize;
use serde_json::value::RawValue;
use url::Url;

use crate::error::Classify;

/// What the name of such a state begins with.
pub(super) const SCHEME: &str = "tfc://";
const HOST: &str = "app.terraform.io";
/// What a workspace, its newest state, and the place of that state are called.
const API: &str = "/api/v2";

/// Why a state cannot be had from a workspace.
#[derive(Debug, thiserror::Error)]
pub enum CloudStateError {
    /// The name of the workspace is none.
    #[error(
        "{given:?} names no workspace: {problem}; write tfc://ORGANIZATION/WORKSPACE, and ?host=HOST for another host than {HOST}"
    )]
    Malformed {
        /// What was given.
        given: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The reference to the token is none.
    #[error("the token of the workspace {0}")]
    Reference(#[from] NotASecretRef),
    /// The token cannot be had.
    #[error("the token for {host} cannot be had; name another one with ?token=env://NAME")]
    Token {
        /// The host that it is for.
        host: String,
        /// Why.
        #[source]
        cause: SecretError,
    },
    /// The workspace cannot be asked, or has no state.
    #[error(
        "{what} of workspace {workspace} cannot be read; a workspace that is not there, has no state, or may not be read \
             with this token is not found"
    )]
    Api {
        /// `organization/name`
        workspace: String,
        /// What was asked for.
        what: &'static str,
        /// What the host says.
        #[source]
        cause: Box<ServiceError>,
    },
    /// The host names a place for the state that is none.
    #[error("{host} names a place for the state that cannot be used: {problem}")]
    Place {
        /// The host.
        host: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl Classify for CloudStateError {
    fn class(&self) -> FailureClass {
        match self {
            Self::Api { cause, .. } => cause.class(),
            Self::Token { cause, .. } => cause.class(),
            Self::Malformed { .. } | Self::Reference(_) => FailureClass::Configuration,
            Self::Place { .. } => FailureClass::Unsupported,
        }
    }
}

/// A workspace, and how it is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Workspace {
    host: Url,
    organization: String,
    name: String,
    token: SecretRef,
}

impl FromStr for Workspace {
    type Err = CloudStateError;

    fn from_str(given: &str) -> Result<Self, CloudStateError> {
        let malformed = |problem: &str| CloudStateError::Malformed {
            given: given.to_owned(),
            problem: problem.to_owned(),
        };
        let rest = given.strip_prefix(SCHEME).ok_or_else(|| malformed("it does not begin with tfc://"))?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (organization, name) = path.split_once('/').ok_or_else(|| malformed("it has one part only"))?;
        if organization.is_empty() || name.is_empty() || name.contains('/') {
            return Err(malformed("it has not exactly two parts"));
        }
        let (mut host, mut token) = (HOST.to_owned(), None);
        for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match key.as_ref() {
                "host" => host = value.into_owned(),
                "token" => token = Some(value.parse::<SecretRef>()?),
                _ => return Err(malformed("it asks for more than host and token")),
            }
        }
        let url = if host.contains("://") { host.clone() } else { format!("https://{host}") };
        let url: Url = url.parse().map_err(|_| malformed("its host is none"))?;
        if !keeps_secrets(&url) {
            return Err(malformed("its host would be told the token in plain text"));
        }
        let token = match token {
            Some(token) => token,
            None => format!("env://{}", variable(url.host_str().unwrap_or_default())).parse()?,
        };
        Ok(Self { host: url, organization: organization.to_owned(), name: name.to_owned(), token })
    }
}

/// The environment variable in which Terraform looks for the token of a host.
fn variable(host: &str) -> String {
    format!("TF_TOKEN_{}", host.replace('-', "__").replace('.', "_"))
}

#[derive(Deserialize)]
struct Found<T> {
    data: T,
}

#[derive(Deserialize)]
struct WorkspaceData {
    id: String,
}

#[derive(Deserialize)]
struct StateVersion {
    attributes: Attributes,
}

#[derive(Deserialize)]
struct Attributes {
    #[serde(rename = "hosted-state-download-url")]
    download_url: String,
}

impl Workspace {
    /// Reads the newest state: the text of a state file.
    ///
    /// # Errors
    /// See [`CloudStateError`].
    pub(super) async fn state(&self, secrets: &Secrets) -> Result<Vec<u8>, CloudStateError> {
        let host = || self.host.host_str().unwrap_or_default().to_owned();
        let token = secrets.get(&self.token).await;
        let token = token.map_err(|cause| CloudStateError::Token { host: host(), cause })?;
        let failed = |what| {
            let workspace = format!("{}/{}", self.organization, self.name);
            move |cause| CloudStateError::Api { workspace, what, cause: Box::new(cause) }
        };
        let api = format!("{}{API}", self.host.as_str().trim_end_matches('/'));
        let api = Service::new(&api, Login::Bearer(token.clone())).map_err(failed("the id"))?;
        let call = Call::get_at(&["organizations", &self.organization, "workspaces", &self.name]);
        let workspace: Found<WorkspaceData> = api.ask(&call).await.map_err(failed("the id"))?;
        let call = Call::get_at(&["workspaces", &workspace.data.id, "current-state-version"]);
        let version: Found<StateVersion> =
            api.ask(&call).await.map_err(failed("the newest state version"))?;
        let place: Url = version
            .data
            .attributes
            .download_url
            .parse()
            .map_err(|_| CloudStateError::Place { host: host(), problem: "it is no URL".to_owned() })?;
        let (service, call) = self.download(&place, token)?;
        let service = service.map_err(failed("the state"))?;
        let state: Box<RawValue> = service.ask(&call).await.map_err(failed("the state"))?;
        Ok(state.get().as_bytes().to_vec())
    }

    /// How the state is asked for. The host itself wants the token and leads on to where the state lies; anybody else is
    /// named by a URL that is a secret itself, and is not told the token.
    fn download(
        &self,
        place: &Url,
        token: Secret,
    ) -> Result<(Result<Service, ServiceError>, Call), CloudStateError> {
        if !keeps_secrets(place) {
            let problem = "it would be read in plain text".to_owned();
            let host = self.host.host_str().unwrap_or_default().to_owned();
            return Err(CloudStateError::Place { host, problem });
        }
        let login =
            if place.origin() == self.host.origin() { Login::Bearer(token) } else { Login::Anonymous };
        let rest = &place[url::Position::BeforePath..url::Position::AfterQuery];
        let service = Service::new(&place.origin().ascii_serialization(), login);
        Ok((service, Call::get("").at_hidden(Secret::new(rest.to_owned()))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace(given: &str) -> Result<Workspace, String> {
        given.parse::<Workspace>().map_err(|error| error.to_string())
    }

    #[test]
    fn a_workspace_is_named_by_organization_and_name() {
        let found = workspace("tfc://Acme_Corp/dr-prod").unwrap();
        assert_eq!((found.organization.as_str(), found.name.as_str()), ("Acme_Corp", "dr-prod"));
        assert_eq!(found.host.as_str(), "https://app.terraform.io/");
        assert_eq!(found.token.to_string(), "env://TF_TOKEN_app_terraform_io");
    }

    #[test]
    fn another_host_has_another_token() {
        let found = workspace("tfc://a/b?host=tfe.my-corp.example").unwrap();
        assert_eq!(found.token.to_string(), "env://TF_TOKEN_tfe_my__corp_example");
        let found = workspace("tfc://a/b?token=file:///run/secrets/tfc&host=tfe.example.com:8443").unwrap();
        assert_eq!(
            (found.host.port(), found.token.to_string().as_str()),
            (Some(8443), "file:///run/secrets/tfc")
        );
    }

    #[test]
    fn what_names_no_workspace_is_said_with_what_to_write() {
        for given in
            ["tfc://a", "tfc:///b", "tfc://a/b/c", "tfc://a/b?x=y", "tfc://a/b?host=http://tfe.example.com"]
        {
            assert!(workspace(given).unwrap_err().contains("tfc://ORGANIZATION/WORKSPACE"), "{given}");
        }
        assert!(workspace("tfc://a/b?token=hunter2").is_err_and(|error| !error.contains("hunter2")));
    }

    #[test]
    fn only_the_host_itself_is_told_the_token() {
        let found = workspace("tfc://a/b").unwrap();
        let asks = |place: &str| {
            let download = found.download(&place.parse().unwrap(), Secret::new("t".to_owned()));
            format!("{:?}", download.unwrap().0.unwrap())
        };
        assert!(asks("https://app.terraform.io/api/state-versions/sv-1/hosted_state").contains("Bearer"));
        assert!(asks("https://archivist.terraform.io/v1/object/x").contains("Anonymous"));
        assert!(
            found.download(&"http://example.com/x".parse().unwrap(), Secret::new("t".to_owned())).is_err()
        );
    }
}
