//! The way of a request to the server and of the answer back, with what happens to them.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::pending;
use std::net::TcpListener;
use std::sync::{Arc, PoisonError, RwLock};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Either, Full};
use hyper::body::{Body as _, Incoming};
use hyper::http::request::Parts;
use hyper::http::uri::{Authority, Scheme};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};

use super::fault::Fault;
use super::request::Asked;
use super::watch::Watch;
use super::wire::{Breaker, End, Wire};

/// A body on its way: streamed, or short and known.
type Streamed = Either<Incoming, Full<Bytes>>;

/// Where an answer without a body breaks: inside its head.
const INSIDE_HEAD: usize = 64;

/// Everything that the connections share.
#[derive(Debug, Clone)]
pub(super) struct Passage {
    server: Authority,
    client: Client<HttpConnector, Streamed>,
    watches: Arc<RwLock<HashMap<String, Arc<Watch>>>>,
}

impl Passage {
    /// A way to the server at this endpoint.
    pub(super) fn to(endpoint: &str) -> Result<Self> {
        let endpoint: Uri = endpoint.parse()?;
        let server = endpoint.authority().context("an endpoint with host and port")?.clone();
        let client = Client::builder(TokioExecutor::new()).build(HttpConnector::new());
        Ok(Self { server, client, watches: Arc::default() })
    }

    /// See [`super::Proxy::watch`].
    pub(super) fn watch(&self, segment: &str) -> Arc<Watch> {
        let mut watches = self.watches.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(watches.entry(segment.to_owned()).or_default())
    }

    /// Accepts connections for ever.
    pub(super) async fn serve(self, listener: TcpListener) {
        // a listener that the runtime does not take serves nobody: every client says so
        let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
        loop {
            // a connection that is gone before it is accepted concerns its client only
            let Ok((stream, _)) = listener.accept().await else { continue };
            let (passage, breaker) = (self.clone(), Breaker::default());
            let wire = TokioIo::new(Wire::new(stream, breaker.clone()));
            let service = service_fn(move |request| {
                let (passage, breaker) = (passage.clone(), breaker.clone());
                async move { passage.pass(request, &breaker).await }
            });
            // how a connection ends is what the client sees of it
            tokio::spawn(http1::Builder::new().serve_connection(wire, service));
        }
    }

    async fn pass(
        &self,
        request: Request<Incoming>,
        breaker: &Breaker,
    ) -> Result<Response<Streamed>, Infallible> {
        let (parts, body) = request.into_parts();
        let asked = Asked::of(&parts);
        let answer = match self.fate(&asked) {
            None => self.forward(parts, Either::Left(body)).await,
            Some(Fault::Silence) => pending().await,
            Some(Fault::InternalError) => {
                refuse(body, StatusCode::INTERNAL_SERVER_ERROR, "InternalError").await
            }
            Some(Fault::SlowDown) => refuse(body, StatusCode::SERVICE_UNAVAILABLE, "SlowDown").await,
            Some(Fault::NotFound) => {
                let head = parts.method == Method::HEAD;
                refuse(body, StatusCode::NOT_FOUND, if head { "" } else { "NoSuchKey" }).await
            }
            Some(Fault::ResetBefore) => {
                breaker.cut_after(0, End::Reset);
                refuse(body, StatusCode::BAD_GATEWAY, "").await
            }
            Some(Fault::ResetMidway) => {
                half(self.forward(parts, Either::Left(body)).await, breaker, End::Reset)
            }
            Some(Fault::Truncated) => {
                half(self.forward(parts, Either::Left(body)).await, breaker, End::Closed)
            }
            Some(Fault::DoneThenReset) => {
                let answer = self.forward(parts, Either::Left(body)).await;
                breaker.cut_after(0, End::Reset);
                answer
            }
            Some(Fault::DoneThenError) => {
                let answer = self.forward(parts, Either::Left(body)).await;
                refuse(answer.into_body(), StatusCode::INTERNAL_SERVER_ERROR, "InternalError").await
            }
            Some(Fault::Twice) => self.twice(parts, body).await,
        };
        Ok(answer)
    }

    /// What happens to the request, if it belongs to a watch.
    fn fate(&self, asked: &Asked) -> Option<Fault> {
        let watches = self.watches.read().unwrap_or_else(PoisonError::into_inner);
        let watch = asked.place.split('/').find_map(|segment| watches.get(segment))?;
        watch.note(asked)
    }

    async fn forward(&self, mut parts: Parts, body: Streamed) -> Response<Streamed> {
        let mut uri = parts.uri.into_parts();
        uri.scheme = Some(Scheme::HTTP);
        uri.authority = Some(self.server.clone());
        parts.uri = Uri::from_parts(uri).unwrap_or_default();
        match self.client.request(Request::from_parts(parts, body)).await {
            Ok(answer) => answer.map(Either::Left),
            Err(error) => answer(StatusCode::BAD_GATEWAY, error.to_string().into()),
        }
    }

    async fn twice(&self, parts: Parts, body: Incoming) -> Response<Streamed> {
        // a client that goes away while it sends has sent nothing
        let Ok(body) = body.collect().await else { return answer(StatusCode::BAD_REQUEST, Bytes::new()) };
        let body = Full::new(body.to_bytes());
        let first = self.forward(parts.clone(), Either::Right(body.clone())).await;
        drop(first.into_body().collect().await);
        self.forward(parts, Either::Right(body)).await
    }
}

/// Answers with an S3 error instead, once everything that was on its way has been taken.
async fn refuse<B: hyper::body::Body + Unpin>(
    mut taken: B,
    status: StatusCode,
    code: &str,
) -> Response<Streamed> {
    while let Some(Ok(_)) = taken.frame().await {}
    let body = match code {
        "" => String::new(),
        code => format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code></Error>"),
    };
    answer(status, body.into())
}

fn answer(status: StatusCode, body: Bytes) -> Response<Streamed> {
    let mut answer = Response::new(Either::Right(Full::new(body)));
    *answer.status_mut() = status;
    answer
}

/// Lets a half of the answer's body through, or a part of its head where it has no body.
fn half(answer: Response<Streamed>, breaker: &Breaker, end: End) -> Response<Streamed> {
    let body = answer.body().size_hint().exact().unwrap_or_default();
    let body = usize::try_from(body).unwrap_or_default();
    breaker.cut_after(if body == 0 { INSIDE_HEAD } else { head(&answer) + body / 2 }, end);
    answer
}

/// The bytes of an answer's head: `HTTP/1.1 200 OK`, then the headers, then an empty line.
fn head(answer: &Response<Streamed>) -> usize {
    let reason = answer.status().canonical_reason().unwrap_or_default();
    let headers =
        answer.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len());
    "HTTP/1.1 200 \r\n".len() + reason.len() + headers.sum::<usize>() + "\r\n".len()
}
