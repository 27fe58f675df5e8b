//! The server itself: accept, authenticate, answer, end.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use futures::StreamExt as _;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::Server;
use tracing::{debug, warn};

use super::connection::Connection;
use super::error::ServeError;
use super::listener::Listener;

/// The host kills a plugin 2 s after it asked it to end; calls still running get half of that.
const LAST_CALLS: Duration = Duration::from_secs(1);
/// Nobody needs longer to prove who it is.
const TLS_HANDSHAKE: Duration = Duration::from_secs(10);
/// Pause after a failed accept, which is usually a lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Connections that are authenticated and not yet served.
const BACKLOG: usize = 16;

/// Serves until `end` is cancelled, and then as long as calls are running but no longer than 1 s.
///
/// # Errors
/// If the server fails; a connection that fails is only logged.
pub(crate) async fn serve(
    listener: Listener,
    tls: Option<TlsAcceptor>,
    routes: Routes,
    end: CancellationToken,
) -> Result<(), ServeError> {
    let (ready, connections) = mpsc::channel(BACKLOG);
    let server = Server::builder().add_routes(routes).serve_with_incoming_shutdown(
        ReceiverStream::new(connections).map(Ok::<_, Infallible>),
        end.clone().cancelled_owned(),
    );
    let deadline = async {
        end.cancelled().await;
        sleep(LAST_CALLS).await;
    };
    tokio::select! {
        served = server => served.map_err(|source| ServeError::Server { source }),
        () = deadline => Ok(()),
        never = accept(&listener, tls, ready) => match never {},
    }
}

/// Takes connections; each proves who it is by itself, so that a stalled one holds up no other.
async fn accept(
    listener: &Listener,
    tls: Option<TlsAcceptor>,
    ready: mpsc::Sender<Connection>,
) -> Infallible {
    loop {
        match listener.accept().await {
            Ok(connection) => {
                tokio::spawn(admit(connection, tls.clone(), ready.clone()));
            }
            Err(error) => {
                warn!(%error, "a connection could not be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn admit(connection: Connection, tls: Option<TlsAcceptor>, ready: mpsc::Sender<Connection>) {
    let admitted = match tls {
        None => Ok(connection),
        Some(acceptor) => authenticate(connection, &acceptor).await,
    };
    match admitted {
        Ok(connection) => {
            debug!("a client is connected");
            // fails only when the server is ending
            let _ = ready.send(connection).await;
        }
        Err(error) => warn!(%error, "a client was turned away: it did not prove to be the host"),
    }
}

async fn authenticate(connection: Connection, acceptor: &TlsAcceptor) -> io::Result<Connection> {
    let stream = timeout(TLS_HANDSHAKE, acceptor.accept(connection)).await??;
    Ok(Connection::new(stream))
}
