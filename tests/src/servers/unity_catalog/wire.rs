//! HTTP/1.1, one request a connection.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::calls::{Asked, Catalog};

pub(super) fn serve(listener: &TcpListener, catalog: &Mutex<Catalog>) {
    for stream in listener.incoming().flatten() {
        // a client that went away is its own affair
        let _ = answer(stream, catalog);
    }
}

fn answer(mut stream: TcpStream, catalog: &Mutex<Catalog>) -> Result<()> {
    let request = read(&stream)?;
    let (status, body) = catalog.lock().unwrap_or_else(PoisonError::into_inner).asked(&request);
    let body = body.to_string();
    write!(
        stream,
        "HTTP/1.1 {status} -\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )?;
    Ok(stream.flush()?)
}

fn read(stream: &TcpStream) -> Result<Asked> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut words = first.split(' ');
    let (method, target) = (words.next().context("a method")?, words.next().context("a path")?);
    let url = url::Url::parse(&format!("http://localhost{target}"))?;
    let (mut length, mut login) = (0, None);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse()?,
            "authorization" => login = Some(value.to_owned()),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Asked {
        method: method.to_owned(),
        path: url.path().to_owned(),
        query: url.query_pairs().into_owned().collect(),
        login,
        // a form is no JSON, and its content is not looked at
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
    })
}
