use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::HeaderValue;
use serde_json::json;

use super::call::Call;
use crate::secret::Secret;

/// Who asks. It cannot be printed.
#[derive(Debug, Clone)]
pub enum Login {
    /// Nobody in particular.
    Anonymous,
    /// Whoever holds this token (RFC 6750).
    Bearer(Secret),
    /// A user with a password, or a client with its secret (RFC 7617).
    Basic {
        /// The user.
        user: Secret,
        /// The password.
        password: Secret,
    },
    /// A client that a token is granted to, in exchange for its secret (RFC 6749, section 4.4).
    Client {
        /// Where, below the base of the service.
        path: &'static str,
        /// Its id.
        id: Secret,
        /// Its secret.
        secret: Secret,
    },
    /// A user that a token is granted to, in exchange for name and password in a JSON document, as Airflow 3 does.
    Session {
        /// Where, below the base of the service.
        path: &'static str,
        /// The user.
        user: Secret,
        /// The password.
        password: Secret,
    },
}

/// The credentials are no text that a header can hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct NoHeader;

impl Login {
    /// The login of a Databricks service principal (OAuth M2M).
    #[must_use]
    pub fn databricks_client(id: Secret, secret: Secret) -> Self {
        Self::Client { path: "/oidc/v1/token", id, secret }
    }

    /// The question for a token, where one has to be asked for.
    pub(super) fn asks(&self) -> Option<Call> {
        match self {
            Self::Anonymous | Self::Bearer(_) | Self::Basic { .. } => None,
            Self::Client { path, .. } => {
                let fields = [("grant_type", "client_credentials"), ("scope", "all-apis")];
                Some(Call::post(*path).with_form(&fields))
            }
            Self::Session { path, user, password } => {
                let body = json!({"username": user.reveal(), "password": password.reveal()});
                Call::post(*path).with_json(&body).ok()
            }
        }
    }

    /// The value of the `Authorization` header, of the question for a token where there is one; marked so that nobody
    /// prints it.
    pub(super) fn header(&self) -> Result<Option<HeaderValue>, NoHeader> {
        let value = match self {
            Self::Anonymous | Self::Session { .. } => return Ok(None),
            Self::Bearer(token) => format!("Bearer {}", token.reveal()),
            Self::Basic { user, password } | Self::Client { id: user, secret: password, .. } => {
                let pair = format!("{}:{}", user.reveal(), password.reveal());
                format!("Basic {}", BASE64_STANDARD.encode(pair))
            }
        };
        let mut header = HeaderValue::from_str(&value).map_err(|_| NoHeader)?;
        header.set_sensitive(true);
        Ok(Some(header))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    #[test]
    fn a_login_never_prints() {
        let logins = [
            Login::Bearer(secret("hunter2")),
            Login::Basic { user: secret("hunter2"), password: secret("hunter2") },
        ];
        for login in logins {
            assert!(!format!("{login:?}").contains("hunter2"));
            let header = login.header().unwrap().unwrap();
            assert_eq!(format!("{header:?}"), "Sensitive");
        }
    }

    #[test]
    fn headers() {
        let basic = Login::Basic { user: secret("Aladdin"), password: secret("open sesame") };
        // the example of RFC 7617, section 2
        assert_eq!(basic.header().unwrap().unwrap(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert!(Login::Anonymous.header().unwrap().is_none());
        assert!(Login::Bearer(secret("two\nlines")).header().is_err());
    }
}
