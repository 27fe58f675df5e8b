//! One process from start to end.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::thread::available_parallelism;

use tfplugin::tfplugin6::provider_server::ProviderServer;
use tokio::runtime::{Builder, Runtime};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tracing::info;

use super::environment::HostEnvironment;
use super::error::ServeError;
use super::handshake::{Endpoint, Handshake};
use super::listener::Listener;
use super::request::Told;
use super::signals::Signals;
use super::tls::{Identity, server_config};
use super::{crash, debug, logging, orphan, server, support};
use crate::rpc::ProviderService;

/// Largest message taken or sent, in bytes: what Terraform's own providers allow.
const MESSAGE_LIMIT: usize = 256 << 20;
/// The provider waits far more than it computes.
const MAX_WORKERS: usize = 4;

/// Who starts the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Terraform does, once per phase of a command.
    Plugin,
    /// A developer does, and Terraform attaches to it.
    Debug,
}

/// Serves until the host asks the process to end, or in [`Mode::Debug`] until Ctrl-C.
///
/// # Errors
/// If the process was started by hand, or the system does not let it listen.
pub fn run(mode: Mode) -> Result<(), ServeError> {
    let host = HostEnvironment::of_this_process();
    crash::install_hook();
    logging::install();
    let runtime = runtime()?;
    let outcome = match mode {
        Mode::Plugin => Handshake::with_host(&host).and_then(|agreed| runtime.block_on(plugin(agreed))),
        Mode::Debug => Endpoint::for_host(&host).and_then(|at| runtime.block_on(attachable(at))),
    };
    // a call that is stuck must not keep the process alive
    runtime.shutdown_background();
    outcome
}

fn runtime() -> Result<Runtime, ServeError> {
    let workers = available_parallelism().map_or(1, usize::from).min(MAX_WORKERS);
    Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()
        .map_err(|source| ServeError::System { action: "start threads", source })
}

async fn plugin(handshake: Handshake) -> Result<(), ServeError> {
    let (end, hung_up) = (CancellationToken::new(), CancellationToken::new());
    // Ctrl-C reaches the whole process group; it is the host that decides what it means
    let mut signals = signals()?;
    let listener = Listener::bind(&handshake.endpoint).await?;
    let (tls, certificate) = match handshake.client_certificate.clone() {
        None => (None, None),
        Some(client) => {
            let identity = Identity::generate()?;
            let certificate = identity.certificate.clone();
            (Some(TlsAcceptor::from(Arc::new(server_config(identity, client)?))), Some(certificate))
        }
    };
    info!(address = listener.address().text, tls = tls.is_some(), "serving");
    print(&handshake.line(&listener.address(), certificate.as_ref()))?;
    let over = async {
        tokio::select! {
            () = signals.terminated() => {}
            () = orphan::host_gone(&hung_up) => {}
        }
    };
    let routes = routes(&end, hung_up.clone()).await;
    serve_until(over, listener, tls, routes, end).await
}

async fn attachable(endpoint: Endpoint) -> Result<(), ServeError> {
    let end = CancellationToken::new();
    let mut signals = signals()?;
    let listener = Listener::bind(&endpoint).await?;
    print(&debug::instructions(&listener.address(), std::process::id()))?;
    // hosts come and go
    let routes = routes(&end, CancellationToken::new()).await;
    serve_until(signals.any(), listener, None, routes, end).await
}

/// Serves until `end` is cancelled; `over` cancels it.
async fn serve_until(
    over: impl Future<Output = ()>,
    listener: Listener,
    tls: Option<TlsAcceptor>,
    routes: Routes,
    end: CancellationToken,
) -> Result<(), ServeError> {
    let serving = server::serve(listener, tls, routes, end.clone());
    let ending = async {
        over.await;
        end.cancel();
        std::future::pending().await
    };
    tokio::select! {
        served = serving => served,
        never = ending => match never {},
    }
}

/// All services. Their running work is cancelled with `end`; `hung_up` is cancelled when a host closes its stream.
async fn routes(end: &CancellationToken, hung_up: CancellationToken) -> Routes {
    support::add_to(provider(end), end.clone(), hung_up).await
}

/// The provider's own service. Its running work is cancelled with `end`.
fn provider(end: &CancellationToken) -> Routes {
    let service = ProviderServer::new(ProviderService::new(end.child_token()))
        .max_decoding_message_size(MESSAGE_LIMIT)
        .max_encoding_message_size(MESSAGE_LIMIT);
    #[cfg(debug_assertions)]
    let service = super::fault::PanicsIn::new(service, super::environment::variable(super::fault::METHOD));
    Routes::new(Told(service))
}

fn signals() -> Result<Signals, ServeError> {
    Signals::listen().map_err(|source| ServeError::System { action: "listen for signals", source })
}

/// Writes what the starter of the process waits for. Nothing else goes to stdout.
fn print(line: &str) -> Result<(), ServeError> {
    let mut stdout = io::stdout().lock();
    stdout
        .write_all(line.as_bytes())
        .and_then(|()| stdout.flush())
        .map_err(|source| ServeError::System { action: "write to standard output", source })
}
