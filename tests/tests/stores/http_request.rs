//! Reading HTTP requests from a socket, as far as servers of tests need it.

use std::io::Read as _;
use std::net::TcpStream;

use anyhow::{Context as _, Result, ensure};

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// First line and headers.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// The next request of a connection.
    pub(crate) fn read(client: &mut TcpStream) -> Result<Self> {
        let mut bytes = Vec::new();
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            let mut block = [0; 16 << 10];
            let read = client.read(&mut block)?;
            ensure!(read > 0, "the client is gone");
            bytes.extend_from_slice(&block[..read]);
        };
        let mut body = bytes.split_off(end);
        let mut request = Self { head: String::from_utf8(bytes)?, body: Vec::new() };
        let length = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let had = body.len();
        body.resize(had.max(length), 0);
        client.read_exact(&mut body[had..]).context("the body of a request")?;
        request.body = body;
        Ok(request)
    }

    pub(crate) fn method(&self) -> &str {
        self.head.split(' ').next().unwrap_or_default()
    }

    /// Path and query.
    pub(crate) fn target(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    pub(crate) fn header(&self, wanted: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(wanted).then_some(value.trim())
        })
    }
}
