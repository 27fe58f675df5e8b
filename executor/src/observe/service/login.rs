use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderValue, Method, header};
use lakedr_control::secret::{Secret, SecretRef};
use lakedr_control::vault::{SecretError, Secrets};
use object_store::client::HttpRequest;
use serde::Deserialize;

/// How a service knows who asks.
#[derive(Debug, Clone)]
pub enum Login {
    /// It does not ask.
    Nobody,
    /// A token.
    Token(SecretRef),
    /// User name and password with each request (RFC 7617).
    Basic(SecretRef, SecretRef),
    /// A token that is granted for a client and its secret (RFC 6749, 4.4).
    Client {
        /// Where, below the base of the service.
        path: &'static str,
        /// Client id.
        id: SecretRef,
        /// Its secret.
        secret: SecretRef,
    },
    /// A token that is granted for user name and password in a JSON document, as Airflow 3 does.
    Session {
        /// Where, below the base of the service.
        path: &'static str,
        /// User name.
        username: SecretRef,
        /// Password.
        password: SecretRef,
    },
}

/// A token that was granted.
#[derive(Debug, Clone)]
pub(super) struct Granted {
    pub(super) token: Secret,
    pub(super) lives: Option<Duration>,
}

/// What a service answers that grants a token.
#[derive(Deserialize)]
pub(super) struct Grant {
    access_token: String,
    expires_in: Option<u64>,
}

impl From<Grant> for Granted {
    fn from(grant: Grant) -> Self {
        Self { token: Secret::new(grant.access_token), lives: grant.expires_in.map(Duration::from_secs) }
    }
}

/// A value that is sent and never shown.
fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

pub(super) fn bearer(token: &Secret) -> Option<HeaderValue> {
    sensitive(&format!("Bearer {}", token.reveal()))
}

fn basic(user: &Secret, password: &Secret) -> Option<HeaderValue> {
    let pair = STANDARD.encode(format!("{}:{}", user.reveal(), password.reveal()));
    sensitive(&format!("Basic {pair}"))
}

impl Login {
    /// What is sent with each request, where no token has to be asked for; none where one has to be.
    pub(super) async fn header(&self, secrets: &Secrets) -> Result<Option<Option<HeaderValue>>, SecretError> {
        Ok(match self {
            Self::Nobody => Some(None),
            Self::Token(token) => Some(bearer(&secrets.get(token).await?)),
            Self::Basic(user, password) => {
                Some(basic(&secrets.get(user).await?, &secrets.get(password).await?))
            }
            Self::Client { .. } | Self::Session { .. } => None,
        })
    }

    /// Where a token is asked for, below the base of the service.
    pub(super) fn grants_at(&self) -> Option<&'static str> {
        match self {
            Self::Client { path, .. } | Self::Session { path, .. } => Some(path),
            Self::Nobody | Self::Token(_) | Self::Basic(..) => None,
        }
    }

    /// The request for a token, but for its URL.
    pub(super) async fn ask(&self, secrets: &Secrets) -> Result<Option<HttpRequest>, SecretError> {
        let (body, kind, authorization) = match self {
            Self::Client { id, secret, .. } => (
                Bytes::from_static(b"grant_type=client_credentials&scope=all-apis"),
                "application/x-www-form-urlencoded",
                basic(&secrets.get(id).await?, &secrets.get(secret).await?),
            ),
            Self::Session { username, password, .. } => {
                let (username, password) = (secrets.get(username).await?, secrets.get(password).await?);
                let body = serde_json::json!({"username": username.reveal(), "password": password.reveal()});
                (Bytes::from(body.to_string()), "application/json", None)
            }
            Self::Nobody | Self::Token(_) | Self::Basic(..) => return Ok(None),
        };
        let length = body.len();
        let mut request = HttpRequest::new(body.into());
        *request.method_mut() = Method::POST;
        let headers = request.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        if let Some(authorization) = authorization {
            headers.insert(header::AUTHORIZATION, authorization);
        }
        Ok(Some(request))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_never_shown() {
        let header = basic(&Secret::new("user".to_owned()), &Secret::new("hunter2".to_owned())).unwrap();
        assert_eq!(header.as_bytes(), b"Basic dXNlcjpodW50ZXIy");
        assert_eq!(format!("{header:?}"), "Sensitive");
        let granted = Granted::from(Grant { access_token: "hunter2".to_owned(), expires_in: Some(60) });
        assert!(!format!("{granted:?}").contains("hunter2"));
    }
}
