use std::str::FromStr as _;

use lakedr_control::secret::{Secret, SecretRef};
use lakedr_control::service_url::is_loopback;
use lakedr_control::vault::{Lookup, SecretError, Secrets};
use url::Url;

/// `smtp://[user@]host[:port]` or `smtps://…`.
const SMTP_URL: &str = "LAKEDR_SMTP_URL";
/// The password of that user: itself, or a secret reference.
const SMTP_PASSWORD: &str = "LAKEDR_SMTP_PASSWORD";
/// Who mails are from.
const SMTP_FROM: &str = "LAKEDR_SMTP_FROM";

/// Ports of mail submission (RFC 8314, sections 3.3 and 7.3).
const SUBMISSION: u16 = 587;
const SUBMISSIONS: u16 = 465;

/// Why there is no mail server.
#[derive(Debug, thiserror::Error)]
pub enum MailServerError {
    /// Nobody says which.
    #[error(
        "mail cannot be sent: LAKEDR_SMTP_URL is not set in the environment of this process; set it to \
         smtps://user@host:465 or smtp://user@host:587, and LAKEDR_SMTP_PASSWORD to the password or its secret reference"
    )]
    NotSet,
    /// What the variable holds is no server.
    #[error(
        "mail cannot be sent: LAKEDR_SMTP_URL {problem} (the value is not shown): write smtp(s)://[user@]host[:port]"
    )]
    Url {
        /// What is wrong.
        problem: &'static str,
    },
    /// There is a user and no password.
    #[error(
        "mail cannot be sent: LAKEDR_SMTP_URL names a user; set LAKEDR_SMTP_PASSWORD to the password or its secret reference"
    )]
    NoPassword,
    /// The password cannot be had.
    #[error("mail cannot be sent")]
    Secret(#[from] SecretError),
}

/// How connections are protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protection {
    /// TLS from the first byte.
    Tls,
    /// STARTTLS, or no mail.
    StartTls,
    /// STARTTLS where the server has it: nobody logs in, or nothing leaves this machine.
    IfOffered,
}

/// A server that takes mails.
#[derive(Debug, Clone)]
pub struct MailServer {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) protection: Protection,
    pub(super) login: Option<(String, Secret)>,
    pub(super) from: String,
}

/// What the environment says of the server, before any secret is fetched.
#[derive(Debug)]
struct Declared {
    server: MailServer,
    user: Option<String>,
}

impl MailServer {
    /// The server that the environment of this process names.
    ///
    /// # Errors
    /// See [`MailServerError`].
    pub async fn of_process(secrets: &Secrets) -> Result<Self, MailServerError> {
        Self::of_environment(|name| std::env::var(name).ok(), secrets).await
    }

    async fn of_environment(lookup: Lookup, secrets: &Secrets) -> Result<Self, MailServerError> {
        let Declared { mut server, user } =
            declared(lookup(SMTP_URL).as_deref(), lookup(SMTP_FROM), gethostname::gethostname().to_str())?;
        if let Some(user) = user {
            let password = lookup(SMTP_PASSWORD).ok_or(MailServerError::NoPassword)?;
            let password = match SecretRef::from_str(&password) {
                Ok(reference) => secrets.get(&reference).await?,
                Err(_) => Secret::new(password),
            };
            server.login = Some((user, password));
        }
        Ok(server)
    }

    /// Host and port.
    #[must_use]
    pub fn place(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

fn declared(
    url: Option<&str>,
    from: Option<String>,
    this_host: Option<&str>,
) -> Result<Declared, MailServerError> {
    let url = url.filter(|url| !url.is_empty()).ok_or(MailServerError::NotSet)?;
    let wrong = |problem| MailServerError::Url { problem };
    let url = Url::parse(url).map_err(|_| wrong("is no URL"))?;
    let tls = match url.scheme() {
        "smtp" => false,
        "smtps" => true,
        _ => return Err(wrong("begins with neither smtp:// nor smtps://")),
    };
    if url.password().is_some() {
        return Err(wrong("holds a password; move it to LAKEDR_SMTP_PASSWORD"));
    }
    if !matches!(url.path(), "" | "/") || url.query().is_some() {
        return Err(wrong("has a path or a query"));
    }
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| wrong("names no host"))?;
    let user = Some(url.username()).filter(|user| !user.is_empty());
    let user = user.map(|user| percent_encoding::percent_decode_str(user).decode_utf8_lossy().into_owned());
    let protection = match (tls, &user) {
        (true, _) => Protection::Tls,
        (false, Some(_)) if !is_loopback(host) => Protection::StartTls,
        (false, _) => Protection::IfOffered,
    };
    let from = from.or_else(|| user.clone().filter(|user| user.contains('@')));
    let server = MailServer {
        host: host.to_owned(),
        port: url.port().unwrap_or(if tls { SUBMISSIONS } else { SUBMISSION }),
        protection,
        login: None,
        from: from.unwrap_or_else(|| format!("lakedr@{}", this_host.unwrap_or("localhost"))),
    };
    Ok(Declared { server, user })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(url: &str, from: Option<&str>) -> Result<Declared, MailServerError> {
        declared(Some(url), from.map(str::to_owned), Some("box"))
    }

    #[test]
    fn the_environment_names_the_server() {
        for (url, from, place, protection, sender) in [
            ("smtps://mail.example.com", None, "mail.example.com:465", Protection::Tls, "lakedr@box"),
            ("smtp://relay.internal:25", None, "relay.internal:25", Protection::IfOffered, "lakedr@box"),
            (
                "smtp://dr%40example.com@mail.example.com",
                None,
                "mail.example.com:587",
                Protection::StartTls,
                "dr@example.com",
            ),
            (
                "smtp://dr@localhost:25",
                Some("ops@example.com"),
                "localhost:25",
                Protection::IfOffered,
                "ops@example.com",
            ),
        ] {
            let Declared { server, .. } = server(url, from).unwrap();
            assert_eq!(
                (server.place().as_str(), server.protection, server.from.as_str()),
                (place, protection, sender)
            );
        }
    }

    #[test]
    fn a_url_that_is_none_is_told_and_not_shown() {
        for url in
            ["mail.example.com", "https://mail", "smtp://u:hunter2@mail", "smtp://mail/hunter2", "smtp:///"]
        {
            let error = server(url, None).unwrap_err();
            assert!(matches!(error, MailServerError::Url { .. }), "{error}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
        assert!(matches!(declared(None, None, None), Err(MailServerError::NotSet)));
    }

    #[tokio::test]
    async fn the_password_is_itself_or_a_reference() {
        let secrets = Secrets::of_process();
        let with = |lookup: Lookup| MailServer::of_environment(lookup, &secrets);
        let server = with(|name| match name {
            SMTP_URL => Some("smtps://dr@mail".to_owned()),
            SMTP_PASSWORD => Some("hunter2".to_owned()),
            _ => None,
        });
        let server = server.await.unwrap();
        assert_eq!(server.login.as_ref().map(|(_, password)| password.reveal()), Some("hunter2"));
        assert!(!format!("{server:?}").contains("hunter2"));
        let missing = with(|name| match name {
            SMTP_URL => Some("smtps://dr@mail".to_owned()),
            SMTP_PASSWORD => Some("env://LAKEDR_TEST_IS_NOT_SET".to_owned()),
            _ => None,
        });
        assert!(matches!(missing.await, Err(MailServerError::Secret(_))));
        let none = with(|name| (name == SMTP_URL).then(|| "smtps://dr@mail".to_owned()));
        assert!(matches!(none.await, Err(MailServerError::NoPassword)));
    }
}
