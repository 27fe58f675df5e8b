//! One way to tell for each kind of target. Errors and log lines name a target as [`Target`] displays it, never a secret.

mod delivery;
mod error;
mod http;
mod mail;
mod server;

use lakedr_control::notification::{Notice, Target};
use lakedr_control::vault::Secrets;

pub(super) use delivery::Delivery;
pub use error::ChannelError;
pub use server::{MailServer, MailServerError};

/// A declared target with the secrets that it needs.
#[derive(Debug)]
enum Channel {
    Mail { to: String, server: MailServer },
    Http(http::Hook),
    Pager(http::Pager),
}

/// How often a secret may refer to another one.
const REFERENCES: usize = 2;

impl Channel {
    /// Fetches what a declared target needs; sends nothing to it.
    async fn open(declared: &str, secrets: &Secrets) -> Result<Self, ChannelError> {
        let mut target: Target = declared.parse().map_err(ChannelError::Target)?;
        for _ in 0..REFERENCES {
            let Target::Secret(reference) = &target else { break };
            let text = secrets.get(reference).await?;
            let named = || ChannelError::SecretTarget { reference: reference.clone() };
            target = text.reveal().trim().parse().map_err(|_| named())?;
        }
        Ok(match target {
            Target::Mail(to) => Self::Mail { to, server: MailServer::of_process(secrets).await? },
            Target::Webhook(url) => Self::Http(http::Hook::new(url, false)?),
            Target::Slack(url) => Self::Http(http::Hook::new(url, true)?),
            Target::PagerDuty(key) => Self::Pager(http::Pager::new(secrets.get(&key).await?)?),
            Target::Secret(reference) => return Err(ChannelError::SecretTarget { reference }),
        })
    }

    async fn tell(&self, notice: &Notice) -> Result<(), ChannelError> {
        match self {
            Self::Mail { to, server } => mail::send(server, to, notice).await,
            Self::Http(hook) => hook.tell(notice).await,
            Self::Pager(pager) => pager.tell(notice).await,
        }
    }
}

/// Tells a declared target some notices in order.
pub(super) async fn deliver(declared: &str, notices: &[Notice], secrets: &Secrets) -> Delivery {
    let channel = match Channel::open(declared, secrets).await {
        Ok(channel) => channel,
        Err(error) => return Delivery::none(error),
    };
    let mut delivery = Delivery::default();
    for notice in notices {
        let answer = channel.tell(notice).await;
        if delivery.went(&notice.id, answer).is_break() {
            break;
        }
    }
    delivery
}

/// Whether a declared target could be told: its secrets can be had, and mail has a server. Sends nothing to it.
///
/// # Errors
/// See [`ChannelError`].
pub async fn reachable(declared: &str, secrets: &Secrets) -> Result<(), ChannelError> {
    Channel::open(declared, secrets).await.map(drop)
}

/// A declared target, for people.
pub(super) fn shown(declared: &str) -> String {
    declared.parse::<Target>().map_or_else(|_| "a target".to_owned(), |target| target.to_string())
}
