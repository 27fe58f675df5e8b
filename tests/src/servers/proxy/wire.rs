//! A client's connection that can be made to break in the middle of what is written to it.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// In good order: what was written arrives, then the end.
    Closed,
    /// By a reset.
    Reset,
}

#[derive(Debug)]
struct Cut {
    bytes_left: usize,
    end: End,
}

/// The handle with which the connection is broken.
#[derive(Debug, Clone, Default)]
pub(super) struct Breaker(Arc<Mutex<Option<Cut>>>);

impl Breaker {
    /// Lets `bytes` more be written, and then ends the connection.
    pub(super) fn cut_after(&self, bytes: usize, end: End) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Cut { bytes_left: bytes, end });
    }

    /// The bytes that may still be written; `None` while nothing is to break.
    fn left(&self) -> Option<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|cut| cut.bytes_left)
    }

    fn written(&self, bytes: usize) {
        if let Some(cut) = self.0.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            cut.bytes_left = cut.bytes_left.saturating_sub(bytes);
        }
    }

    fn resets(&self) -> bool {
        let cut = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cut.as_ref().is_some_and(|cut| cut.end == End::Reset)
    }
}

/// The connection.
#[derive(Debug)]
pub(super) struct Wire {
    stream: TcpStream,
    breaker: Breaker,
}

impl Wire {
    /// Puts a breaker into a connection.
    pub(super) fn new(stream: TcpStream, breaker: Breaker) -> Self {
        Self { stream, breaker }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.breaker.resets() {
            // closing a socket that lingers for no time sends a reset; a client that has gone needs none
            drop(self.stream.set_zero_linger());
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let allowed = match self.breaker.left() {
            Some(0) => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            Some(left) => bytes.len().min(left),
            None => bytes.len(),
        };
        let written = Pin::new(&mut self.stream).poll_write(context, bytes.get(..allowed).unwrap_or(bytes));
        if let Poll::Ready(Ok(written)) = written {
            self.breaker.written(written);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
