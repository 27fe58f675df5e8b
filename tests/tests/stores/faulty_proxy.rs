//! A proxy in front of a server that spoils one request.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::Result;

use crate::http_request::Request;

/// What becomes of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The connection ends before the server hears of it.
    Reset,
    /// The server answers, and the answer is lost.
    AnswerLost,
    /// The answer breaks off in the middle.
    Truncated,
    /// 500.
    Broken,
    /// 503, slow down.
    Busy,
    /// 404, of reads only.
    Forgotten,
}

impl Fault {
    pub(crate) const ALL: [Self; 6] =
        [Self::Reset, Self::AnswerLost, Self::Truncated, Self::Broken, Self::Busy, Self::Forgotten];

    /// The answer that the proxy gives instead of the server.
    fn answer(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Broken => Some(("500 Internal Server Error", "<Error><Code>InternalError</Code></Error>")),
            Self::Busy => Some(("503 Slow Down", "<Error><Code>SlowDown</Code></Error>")),
            Self::Forgotten => Some(("404 Not Found", "<Error><Code>NoSuchKey</Code></Error>")),
            Self::Reset | Self::AnswerLost | Self::Truncated => None,
        }
    }
}

/// A running proxy; it ends with the process.
#[derive(Debug)]
pub(crate) struct FaultyProxy {
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
}

impl FaultyProxy {
    /// Spoils request number `at`, counted from 0.
    pub(crate) fn start(server: SocketAddr, spoiled: Option<(usize, Fault)>) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let (address, requests) = (listener.local_addr()?, Arc::new(AtomicUsize::new(0)));
        let counter = Arc::clone(&requests);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let counter = Arc::clone(&counter);
                // an error is the end of a connection, which is what the client sees
                thread::spawn(move || drop(serve(client, server, &counter, spoiled)));
            }
        });
        Ok(Self { address, requests })
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Requests so far.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

/// Serves one request; the connection then ends, and the client opens another.
fn serve(
    mut client: TcpStream,
    server: SocketAddr,
    counter: &AtomicUsize,
    spoiled: Option<(usize, Fault)>,
) -> Result<()> {
    let request = Request::read(&mut client)?;
    let number = counter.fetch_add(1, Ordering::SeqCst);
    let fault = spoiled.filter(|(at, _)| *at == number).map(|(_, fault)| fault);
    let fault = fault.filter(|fault| *fault != Fault::Forgotten || reads(&request));
    if let Some((status, text)) = fault.and_then(Fault::answer) {
        let text = if request.method() == "HEAD" { "" } else { text };
        write!(
            client,
            "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{text}",
            text.len()
        )?;
        return Ok(());
    }
    if fault == Some(Fault::Reset) {
        return Ok(());
    }
    let mut upstream = TcpStream::connect(server)?;
    let head = request.head.replacen("\r\n", "\r\nConnection: close\r\n", 1);
    upstream.write_all(head.as_bytes())?;
    upstream.write_all(&request.body)?;
    let mut answer = Vec::new();
    upstream.read_to_end(&mut answer)?;
    match fault {
        Some(Fault::AnswerLost) => {}
        Some(Fault::Truncated) => client.write_all(&answer[..answer.len() / 2])?,
        _ => client.write_all(&answer)?,
    }
    client.shutdown(Shutdown::Both)?;
    Ok(())
}

/// Reads of an object; a listing is never forgotten.
fn reads(request: &Request) -> bool {
    matches!(request.method(), "GET" | "HEAD") && !request.target().contains('?')
}
