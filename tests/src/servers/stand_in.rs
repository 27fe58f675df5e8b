//! What stand-ins for services have in common: HTTP/1.1, one request a connection, answers in JSON, or in words.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use chrono::Utc;
use serde_json::Value;

/// A request.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: String,
    /// Parts of the path, decoded.
    pub(super) path: Vec<String>,
    pub(super) query: Vec<(String, String)>,
    pub(super) host: String,
    authorization: Option<String>,
    pub(super) body: Vec<u8>,
}

/// An answer: status, further headers, body. A body that is a text is sent as it is, and not as JSON.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Value,
}

impl Answer {
    pub(super) fn new(status: u16, body: Value) -> Self {
        Self { status, headers: Vec::new(), body }
    }
}

impl Request {
    /// The first value of a parameter.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// All values of a parameter.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.query.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn number<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.get(name)?.parse().ok()
    }

    pub(super) fn authorization(&self) -> Option<&str> {
        self.authorization.as_deref()
    }

    pub(super) fn bearer(&self) -> Option<&str> {
        self.authorization.as_deref()?.strip_prefix("Bearer ")
    }

    /// User name and password.
    pub(super) fn basic(&self) -> Option<(String, String)> {
        let pair = self.authorization.as_deref()?.strip_prefix("Basic ")?;
        let pair = base64::engine::general_purpose::STANDARD.decode(pair).ok()?;
        let (user, password) = std::str::from_utf8(&pair).ok()?.split_once(':')?;
        Some((user.to_owned(), password.to_owned()))
    }
}

/// Serves as long as the process lives.
pub(super) fn serve(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            // a client that went away is its own affair
            std::thread::spawn(move || converse(client, answer.as_ref()));
        }
    });
    Ok(address)
}

fn converse(mut client: TcpStream, answer: &dyn Fn(&Request) -> Answer) -> Result<()> {
    let request = read(&client)?;
    let Answer { status, headers, body } = answer(&request);
    let (kind, body) = match body {
        Value::String(words) => ("text/plain; charset=utf-8", words),
        body => ("application/json", body.to_string()),
    };
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let date = Utc::now().format("%a, %d %b %Y %H:%M:%S GMT");
    write!(
        client,
        "HTTP/1.1 {status} -\r\ndate: {date}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n{body}",
        body.len()
    )?;
    Ok(client.flush()?)
}

fn read(client: &TcpStream) -> Result<Request> {
    let mut reader = BufReader::new(client);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut words = first.split(' ');
    let (method, target) = (words.next().context("a method")?, words.next().context("a path")?);
    let url = url::Url::parse("http://stand-in")?.join(target)?;
    let (mut length, mut authorization, mut host) = (0, None, String::new());
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse()?,
            "host" => value.clone_into(&mut host),
            "authorization" => authorization = Some(value.to_owned()),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let decoded = |part: &str| percent_encoding::percent_decode_str(part).decode_utf8_lossy().into_owned();
    Ok(Request {
        method: method.to_owned(),
        path: url.path_segments().into_iter().flatten().map(decoded).collect(),
        query: url.query_pairs().into_owned().collect(),
        host,
        authorization,
        body,
    })
}
