//! A server that answers as a test says, and remembers what it was asked.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread;

use anyhow::Result;

use crate::http_request::Request;

/// Status, further headers, body.
pub(crate) type Answer = (u16, String, String);

/// A running server; it ends with the process.
#[derive(Debug)]
pub(crate) struct ScriptedServer {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Request>>>,
}

/// What a read of the headers of an object of so many bytes is answered with.
pub(crate) fn object(size: u64) -> Answer {
    let headers = format!(
        "ETag: \"0x8D\"\r\nLast-Modified: Fri, 20 Nov 2026 08:00:00 GMT\r\nContent-Length: {size}\r\n"
    );
    (200, headers, String::new())
}

pub(crate) fn absent() -> Answer {
    (404, "Content-Length: 0\r\n".to_owned(), String::new())
}

pub(crate) fn text(status: u16, body: &str) -> Answer {
    (status, format!("ETag: \"0x8D\"\r\nContent-Length: {}\r\n", body.len()), body.to_owned())
}

impl ScriptedServer {
    /// `answer` gets the requests so far, the newest last.
    pub(crate) fn start(answer: impl Fn(&[Request]) -> Answer + Send + Sync + 'static) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let (address, asked) = (listener.local_addr()?, Arc::new(Mutex::new(Vec::new())));
        let (seen, answer) = (Arc::clone(&asked), Arc::new(answer));
        thread::spawn(move || {
            for mut client in listener.incoming().flatten() {
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                thread::spawn(move || {
                    let Ok(request) = Request::read(&mut client) else { return };
                    let (status, headers, body) = {
                        let mut seen = seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                        seen.push(request);
                        answer(&seen)
                    };
                    let head = format!("HTTP/1.1 {status} Scripted\r\nConnection: close\r\n{headers}\r\n");
                    // a client that is gone misses its answer
                    let _ =
                        client.write_all(head.as_bytes()).and_then(|()| client.write_all(body.as_bytes()));
                });
            }
        });
        Ok(Self { address, asked })
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests that hold a text in their first line or headers.
    pub(crate) fn asked(&self, text: &str) -> Vec<Request> {
        let asked = self.asked.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        asked.iter().filter(|request| request.head.contains(text)).cloned().collect()
    }
}
