use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use lakedr_control::notification::Notice;
use lettre::message::Mailbox;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};

use super::super::news;
use super::error::ChannelError;
use super::server::{MailServer, Protection};

/// How long the server may be silent.
const PATIENCE: Duration = Duration::from_secs(15);

/// Sends a mail, and sends it again while the server is busy or away.
pub(super) async fn send(server: &MailServer, to: &str, notice: &Notice) -> Result<(), ChannelError> {
    let message = message(server, to, notice)?;
    let transport = transport(server).map_err(|cause| smtp(server, cause))?;
    let backoff = ExponentialBuilder::default()
        .with_jitter()
        .with_min_delay(Duration::from_millis(250))
        .with_max_delay(Duration::from_secs(5))
        .with_max_times(2);
    let once = || async { transport.send(message.clone()).await };
    let sent = once.retry(backoff).when(|error| !error.is_permanent() && !error.is_client()).await;
    sent.map(drop).map_err(|cause| smtp(server, cause))
}

fn smtp(server: &MailServer, cause: lettre::transport::smtp::Error) -> ChannelError {
    ChannelError::Smtp { server: server.place(), cause }
}

fn mailbox(address: &str) -> Result<Mailbox, ChannelError> {
    let parsed = address.parse::<lettre::Address>();
    let parsed = parsed.map_err(|cause| ChannelError::Address { address: address.to_owned(), cause })?;
    Ok(Mailbox::new(None, parsed))
}

fn message(server: &MailServer, to: &str, notice: &Notice) -> Result<Message, ChannelError> {
    let news::Mail { subject, message_id, thread, body } = news::mail(notice);
    let header = |name, value: &str| HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned());
    let mut message = Message::builder()
        .from(mailbox(&server.from)?)
        .to(mailbox(to)?)
        .subject(subject)
        .message_id(Some(message_id))
        .references(thread)
        .date(notice.at.into())
        // RFC 3834: no answering machine has to answer
        .raw_header(header("Auto-Submitted", "auto-generated"))
        .raw_header(header("X-Lakedr-Id", &notice.id))
        .header(ContentType::TEXT_PLAIN);
    if let Some(owner) = notice.owner.as_deref().and_then(|owner| mailbox(owner).ok()) {
        message = message.reply_to(owner);
    }
    Ok(message.body(body)?)
}

fn transport(
    server: &MailServer,
) -> Result<AsyncSmtpTransport<Tokio1Executor>, lettre::transport::smtp::Error> {
    let tls = match server.protection {
        Protection::Tls => Tls::Wrapper(TlsParameters::new(server.host.clone())?),
        Protection::StartTls => Tls::Required(TlsParameters::new(server.host.clone())?),
        Protection::IfOffered => Tls::Opportunistic(TlsParameters::new(server.host.clone())?),
    };
    let host = gethostname::gethostname().to_string_lossy().into_owned();
    let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(server.host.as_str())
        .port(server.port)
        .tls(tls)
        .timeout(Some(PATIENCE))
        .hello_name(ClientId::Domain(host));
    if let Some((user, password)) = &server.login {
        transport = transport.credentials(Credentials::new(user.clone(), password.reveal().to_owned()));
    }
    Ok(transport.build())
}
