//! The start by hand and the handshake line.

use std::process::Stdio;
use std::time::Duration;

use lakedr_e2e::plugin::{self, COOKIE, Host, Plugin};
use lakedr_e2e::running::Running;

const SOON: Duration = Duration::from_secs(10);

#[test]
fn without_terraforms_cookie_it_explains_itself_and_exits_1() {
    for cookie in [None, Some("another")] {
        let mut command = plugin::command().unwrap();
        command.envs(cookie.map(|value| ("TF_PLUGIN_MAGIC_COOKIE", value))).stdin(Stdio::null());
        let outcome = Running::spawn(&mut command).unwrap().wait(SOON).unwrap();
        assert_eq!(outcome.code, Some(1), "{outcome}");
        assert_eq!(outcome.stdout, "");
        assert!(outcome.says("this program is a plugin of terraform"), "{outcome}");
    }
}

#[test]
fn the_order_of_the_offered_versions_does_not_matter() {
    for versions in ["6,5", "5,6"] {
        let plugin = Plugin::start(None, versions).unwrap();
        assert_eq!((plugin.handshake.core.as_str(), plugin.handshake.protocol.as_str()), ("1", "6"));
    }
}

#[test]
fn a_host_that_only_speaks_an_older_version_is_told_ours() {
    let plugin = Plugin::start(None, "5").unwrap();
    assert_eq!(plugin.handshake.protocol, "6");
}

#[test]
fn a_certificate_that_cannot_be_read_is_said_on_stderr_and_nothing_on_stdout() {
    let mut command = plugin::command().unwrap();
    command.env("TF_PLUGIN_MAGIC_COOKIE", COOKIE).env("PLUGIN_CLIENT_CERT", "no pem");
    let outcome = Running::spawn(command.stdin(Stdio::null())).unwrap().wait(SOON).unwrap();
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(1), ""), "{outcome}");
    assert!(outcome.says("PLUGIN_CLIENT_CERT"), "{outcome}");
}

#[test]
fn certificates_of_every_length_are_printed_without_padding() {
    let host = Host::new().unwrap();
    let lengths: Vec<usize> = (0..50)
        .map(|_| Plugin::start(Some(&host), "5,6").unwrap().handshake.certificate.unwrap().len())
        .collect();
    let padded = lengths.iter().filter(|length| *length % 3 != 0).count();
    assert!(padded > 0, "none of the lengths {lengths:?} would have shown padding");
}
