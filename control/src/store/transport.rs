use std::future::Future as _;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use http_body::{Body, Frame, SizeHint};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody,
    HttpService, ReqwestConnector,
};
use tokio::time::{Instant, Sleep, sleep};

/// How long a server may be silent: before it answers, and between two pieces of an answer.
const SILENCE: Duration = Duration::from_secs(30);

/// What a request with a body is given on top, per MiB of it: a connection that carries less than 128 KiB a second
/// is as good as broken.
const PER_MIB: Duration = Duration::from_secs(8);

/// An extension of a request whose answer may take its time: the server does something large before it says anything.
#[derive(Debug, Clone, Copy)]
pub struct SilentFor(pub Duration);

/// Connects a store, and remembers the client for requests that `object_store` has no call for.
///
/// A limit on the whole of a request, as `object_store` has it, cannot tell a slow transfer from a broken one. The
/// clients made here give up on silence instead: large bodies may take their time as long as they move, and a
/// region that is gone is known to be gone just as soon.
#[derive(Debug, Clone, Default)]
pub(crate) struct Transport {
    newest: Arc<Mutex<Option<HttpClient>>>,
}

impl Transport {
    /// The client of the store that was built with this connector: a builder connects it last, after those that
    /// fetch credentials.
    pub(super) fn client(&self) -> Option<HttpClient> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl HttpConnector for Transport {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let inner = ReqwestConnector::default().connect(options)?;
        let client = HttpClient::new(Patient { inner });
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = Some(client.clone());
        Ok(client)
    }
}

/// The server says nothing.
#[derive(Debug, thiserror::Error)]
#[error("the server was silent for {} s", .0.as_secs())]
struct Silent(Duration);

fn silent(waited: Duration) -> HttpError {
    HttpError::new(HttpErrorKind::Timeout, Silent(waited))
}

#[derive(Debug)]
struct Patient {
    inner: HttpClient,
}

#[async_trait]
impl HttpService for Patient {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let mib = u32::try_from(request.body().content_length() >> 20).unwrap_or(u32::MAX);
        let silence = request.extensions().get::<SilentFor>().map_or(SILENCE, |allowed| allowed.0);
        let patience = silence + PER_MIB * mib;
        let answer = tokio::time::timeout(patience, self.inner.execute(request)).await;
        let (parts, body) = answer.map_err(|_| silent(patience))??.into_parts();
        let body = Watched { body, silence: Box::pin(sleep(SILENCE)) };
        Ok(HttpResponse::from_parts(parts, HttpResponseBody::new(body)))
    }
}

/// The body of an answer that may not fall silent.
struct Watched {
    body: HttpResponseBody,
    silence: Pin<Box<Sleep>>,
}

impl Body for Watched {
    type Data = <HttpResponseBody as Body>::Data;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, HttpError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            self.silence.as_mut().reset(Instant::now() + SILENCE);
            return Poll::Ready(frame);
        }
        self.silence.as_mut().poll(context).map(|()| Some(Err(silent(SILENCE))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http_body::Body as _;

    use super::*;

    /// A body that never says anything.
    struct Mute;

    impl Body for Mute {
        type Data = Bytes;
        type Error = HttpError;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
            Poll::Pending
        }
    }

    #[derive(Debug)]
    struct MuteServer;

    #[async_trait]
    impl HttpService for MuteServer {
        async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
            if request.uri() == "/deaf" {
                std::future::pending::<()>().await;
            }
            Ok(HttpResponse::new(HttpResponseBody::new(Mute)))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn silence_ends_a_request_and_a_body() {
        let client = HttpClient::new(Patient { inner: HttpClient::new(MuteServer) });
        let mut request = HttpRequest::new(String::new().into());
        let answer = client.execute(request.clone()).await.unwrap();
        let mut body = answer.into_body();
        let began = Instant::now();
        let frame = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await;
        assert_eq!(frame.unwrap().unwrap_err().kind(), HttpErrorKind::Timeout);
        assert_eq!(began.elapsed(), SILENCE);

        *request.uri_mut() = "/deaf".parse().unwrap();
        let mut slow = request.clone();
        slow.extensions_mut().insert(SilentFor(10 * SILENCE));
        let began = Instant::now();
        client.execute(slow).await.unwrap_err();
        assert_eq!(began.elapsed(), 10 * SILENCE);

        let error = client.execute(request).await.unwrap_err();
        assert_eq!(error.kind(), HttpErrorKind::Timeout);
        assert!(error.to_string().contains("30 s"), "{error}");
    }
}
