//! Copies inside a store, as the documentation of the providers has them on the wire: for what the servers of this
//! machine do not know.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use crate::copy_worker::{copy, outcomes, receipts, start, transfer};
use crate::http_request::Request;
use crate::scripted_server::{Answer, ScriptedServer, absent, object, text};

const WITHIN: Duration = Duration::from_secs(60);

fn options<const N: usize>(pairs: [(&str, String); N]) -> BTreeMap<String, String> {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn s3(server: &ScriptedServer) -> BTreeMap<String, String> {
    options([
        ("aws_endpoint", server.endpoint()),
        ("aws_allow_http", "true".to_owned()),
        ("aws_region", "us-east-1".to_owned()),
        ("aws_access_key_id", "key".to_owned()),
        ("aws_secret_access_key", "secret".to_owned()),
    ])
}

fn newest(asked: &[Request]) -> (&str, &str) {
    asked.last().map_or(("", ""), |request| (request.method(), request.target()))
}

const COPIED: &str = "<CopyObjectResult><ETag>\"0x8D\"</ETag></CopyObjectResult>";

#[test]
fn s3_may_say_late_that_a_copy_failed() -> Result<()> {
    let late =
        "<?xml version=\"1.0\"?>\n<Error><Code>InternalError</Code><Message>try again</Message></Error>";
    let server = ScriptedServer::start(move |asked| match newest(asked) {
        ("HEAD", target) if target.starts_with("/east/") => object(9),
        ("PUT", _) if asked.iter().filter(|request| request.method() == "PUT").count() == 1 => {
            text(200, late)
        }
        ("PUT", _) => text(200, COPIED),
        _ => absent(),
    })?;
    let receipts = copy(&s3(&server), &[transfer("s3://east/t", "s3://west/t", "p=1/a b.parquet", 9)], 0)?;
    ensure!(outcomes(&receipts) == ["copied_in_store"], "{receipts:?}");
    let puts = server.asked("PUT /west/t/p%3D1/a%20b.parquet ");
    ensure!(puts.len() == 2, "{puts:?}");
    for put in puts {
        ensure!(put.header("x-amz-copy-source") == Some("/east/t/p%3D1/a%20b.parquet"), "{put:?}");
        ensure!(put.header("if-none-match") == Some("*"), "{put:?}");
        ensure!(put.header("x-amz-copy-source-if-match") == Some("\"0x8D\""), "{put:?}");
        let signed = put.header("authorization").context("unsigned")?;
        ensure!(signed.contains("x-amz-copy-source;"), "{signed}");
    }
    Ok(())
}

/// Answers as a server that copies nothing, but stores what it is sent.
fn no_copies(asked: &[Request]) -> Answer {
    match newest(asked) {
        ("HEAD", target) if target.starts_with("/east/") => object(9),
        ("GET", target) if target.starts_with("/east/") => {
            let (status, headers, _) = object(9);
            (status, headers, "nine byte".to_owned())
        }
        ("PUT", _) if asked.last().is_some_and(|request| request.header("x-amz-copy-source").is_some()) => {
            text(501, "<Error><Code>NotImplemented</Code><Message>no copies</Message></Error>")
        }
        ("PUT", _) => text(200, ""),
        _ => absent(),
    }
}

#[test]
fn what_a_store_does_not_copy_is_streamed_and_said_once() -> Result<()> {
    let server = ScriptedServer::start(no_copies)?;
    let keys = (0..40).map(|n| format!("{n:02}.parquet"));
    let lines: Vec<_> = keys.map(|key| transfer("s3://east/t", "s3://west/t", &key, 9)).collect();
    let outcome = start(&s3(&server), &lines, &[])?.wait(WITHIN)?;
    ensure!(outcome.stderr.matches("does not copy between them").count() == 1, "{outcome}");
    let receipts = receipts(&outcome, 0)?;
    ensure!(outcomes(&receipts) == vec!["moved"; 40], "{receipts:?}");
    let stored = server.asked("PUT /west/");
    let stored = stored.iter().filter(|put| put.header("x-amz-copy-source").is_none());
    ensure!(stored.clone().count() == 40, "{}", stored.count());
    for put in stored {
        ensure!(put.body == b"nine byte" && put.header("if-none-match") == Some("*"), "{put:?}");
    }
    Ok(())
}

#[test]
fn azure_copies_large_blobs_by_block_with_the_token_of_the_caller() -> Result<()> {
    const SIZE: u64 = (600 << 20) + 5;
    let server = ScriptedServer::start(|asked| match newest(asked) {
        ("HEAD", target) if target.starts_with("/east/") => object(SIZE),
        ("HEAD", _) if asked.iter().any(|request| request.target().contains("blocklist")) => object(SIZE),
        ("PUT", _) => text(201, ""),
        _ => absent(),
    })?;
    let options = options([
        ("azure_storage_account_name", "account".to_owned()),
        ("azure_storage_token", "the-token".to_owned()),
        ("azure_storage_endpoint", server.endpoint()),
        ("azure_allow_http", "true".to_owned()),
    ]);
    let size = usize::try_from(SIZE)?;
    let receipts = copy(&options, &[transfer("az://east/t", "az://west/t", "a b.parquet", size)], 0)?;
    ensure!(outcomes(&receipts) == ["copied_in_store"], "{receipts:?}");
    let mut ranges = Vec::new();
    for block in server.asked("comp=block&") {
        let source = format!("{}/east/t/a%20b.parquet", server.endpoint());
        ensure!(block.header("x-ms-copy-source") == Some(&source), "{block:?}");
        ensure!(block.header("x-ms-copy-source-authorization") == Some("Bearer the-token"), "{block:?}");
        ensure!(block.header("x-ms-source-if-match") == Some("\"0x8D\""), "{block:?}");
        ranges.push(block.header("x-ms-source-range").context("no range")?.to_owned());
    }
    ranges.sort();
    ensure!(ranges == ["bytes=0-536870911", "bytes=536870912-629145604"], "{ranges:?}");
    let lists = server.asked("comp=blocklist");
    ensure!(lists.len() == 1 && lists[0].header("if-none-match") == Some("*"), "{lists:?}");
    let list = String::from_utf8_lossy(&lists[0].body).into_owned();
    ensure!(list.matches("<Uncommitted>").count() == 2, "{list}");
    Ok(())
}

#[test]
fn google_copies_in_steps() -> Result<()> {
    let server = ScriptedServer::start(|asked| match newest(asked) {
        ("HEAD", target) if target.starts_with("/east/") => object(9),
        ("POST", target) if target.contains("rewriteToken=more") => {
            text(200, r#"{"done":true,"resource":{"etag":"CJ"}}"#)
        }
        ("POST", _) => text(200, r#"{"done":false,"rewriteToken":"more","totalBytesRewritten":"4"}"#),
        _ => absent(),
    })?;
    let key = json!({
        "gcs_base_url": server.endpoint(), "disable_oauth": true,
        "client_email": "", "private_key_id": "", "private_key": "",
    });
    let options =
        options([("google_service_account_key", key.to_string()), ("google_allow_http", "true".to_owned())]);
    let receipts = copy(&options, &[transfer("gs://east/t", "gs://west/t", "p=1/a b.parquet", 9)], 0)?;
    ensure!(outcomes(&receipts) == ["copied_in_store"] && receipts[0]["etag"] == "CJ", "{receipts:?}");
    let from = "/storage/v1/b/east/o/t%2Fp=1%2Fa%20b.parquet/rewriteTo/b/west/o/t%2Fp=1%2Fa%20b.parquet";
    let steps: Vec<_> = server.asked("rewriteTo").iter().map(|step| step.target().to_owned()).collect();
    let first = format!("{from}?ifGenerationMatch=0");
    ensure!(steps == [first.clone(), format!("{first}&rewriteToken=more")], "{steps:?}");
    Ok(())
}
