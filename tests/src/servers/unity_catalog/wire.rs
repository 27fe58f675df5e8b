//! HTTP/1.1, one request a connection.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::calls::Catalog;

/// Where the API begins.
const API: &str = "/api/2.1/unity-catalog";

pub(super) fn serve(listener: &TcpListener, catalog: &Mutex<Catalog>) {
    for stream in listener.incoming().flatten() {
        // a client that went away is its own affair
        let _ = answer(stream, catalog);
    }
}

struct Request {
    method: String,
    path: String,
    token: Option<String>,
    body: Value,
}

fn answer(mut stream: TcpStream, catalog: &Mutex<Catalog>) -> Result<()> {
    let request = read(&stream)?;
    let (status, body) = {
        let mut catalog = catalog.lock().unwrap_or_else(PoisonError::into_inner);
        match request.path.strip_prefix(API) {
            Some(path) => catalog.asked(request.token.as_deref(), &request.method, path, &request.body),
            None => (404, Value::Null),
        }
    };
    let body = body.to_string();
    write!(
        stream,
        "HTTP/1.1 {status} -\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )?;
    Ok(stream.flush()?)
}

fn read(stream: &TcpStream) -> Result<Request> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut words = first.split(' ');
    let (method, path) = (words.next().context("a method")?, words.next().context("a path")?);
    let (mut length, mut token) = (0, None);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse()?,
            "authorization" => token = value.strip_prefix("Bearer ").map(str::to_owned),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body)? };
    Ok(Request { method: method.to_owned(), path: path.to_owned(), token, body })
}
