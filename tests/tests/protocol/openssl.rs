//! The connection as OpenSSL sees it, through Python: a client that neither Rust's nor Go's TLS is part of.

use std::fs;
use std::process::Command;
use std::time::Duration;

use lakedr_e2e::environment::{checkout, tool};
use lakedr_e2e::plugin::{Host, Plugin};
use lakedr_e2e::running::Running;
use serde_json::Value;

const VERSIONS: [&str; 2] = ["TLSv1_2", "TLSv1_3"];

/// Connects once, showing the certificate of `who`, and tells what came of it: `alpn`, `served`, `error`.
fn connect(plugin: &Plugin, who: Option<&Host>, alpn: &str, tls: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let certificate = folder.path().join("plugin.der");
    fs::write(&certificate, plugin.handshake.certificate.as_ref().unwrap()).unwrap();
    let mut command = Command::new(tool("venv/bin/python").unwrap());
    command.arg(checkout().join("tests/tests/protocol/openssl.py"));
    command.arg("--socket").arg(&plugin.handshake.address).arg("--plugin").arg(&certificate);
    command.args(["--alpn", alpn, "--tls", tls]);
    if let Some(host) = who {
        let shown = folder.path().join("host.pem");
        fs::write(&shown, host.pem() + &host.key_pem()).unwrap();
        command.arg("--shown").arg(shown);
    }
    Running::spawn(&mut command).unwrap().wait(Duration::from_secs(30)).unwrap().json().unwrap()
}

#[test]
fn openssl_agrees_on_http2_with_the_certificate_that_was_announced() {
    let host = Host::new().unwrap();
    let plugin = Plugin::start(Some(&host), "5,6").unwrap();
    for tls in VERSIONS {
        let told = connect(&plugin, Some(&host), "h2", tls);
        assert_eq!((&told["alpn"], &told["served"]), (&"h2".into(), &true.into()), "{tls}: {told}");
    }
}

#[test]
fn openssl_is_turned_away_without_that_certificate() {
    let host = Host::new().unwrap();
    let plugin = Plugin::start(Some(&host), "5,6").unwrap();
    let stranger = Host::new().unwrap();
    for (who, tls) in [None, Some(&stranger)].into_iter().flat_map(|who| VERSIONS.map(|tls| (who, tls))) {
        let told = connect(&plugin, who, "h2", tls);
        assert!(told["served"] == false && told["error"].is_string(), "{tls}: {told}");
    }
    assert_eq!(
        connect(&plugin, Some(&host), "h2", "TLSv1_3")["served"],
        true,
        "the host is served after that"
    );
}

#[test]
fn openssl_is_turned_away_with_another_protocol_than_http2() {
    let host = Host::new().unwrap();
    let plugin = Plugin::start(Some(&host), "5,6").unwrap();
    for tls in VERSIONS {
        let told = connect(&plugin, Some(&host), "http/1.1", tls);
        assert_eq!(told["alpn"], Value::Null, "{told}");
        assert!(told["error"].as_str().unwrap().to_lowercase().contains("application protocol"), "{told}");
    }
}
