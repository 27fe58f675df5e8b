//! What the provider logs, and what Terraform makes of it.

use std::process::Stdio;

use chrono::NaiveDateTime;
use lakedr_e2e::plugin::{self, COOKIE, Plugin};
use lakedr_e2e::running::Outcome;
use serde_json::Value;

use crate::{one_location, validate};

const PROVIDER_LINE: &str = "provider.terraform-provider-lakedr: ";

/// The provider's lines in Terraform's log, without time.
fn provider_lines(outcome: &Outcome) -> Vec<&str> {
    outcome.stderr.lines().filter(|line| line.contains(PROVIDER_LINE)).collect()
}

#[test]
fn terraform_filters_the_providers_lines_by_level() {
    for (level, info, debug) in [
        ("trace", true, true),
        ("debug", true, true),
        ("info", true, false),
        ("warn", false, false),
        ("error", false, false),
    ] {
        let mut terraform = one_location();
        terraform.set("TF_LOG_PROVIDER", level);
        let outcome = validate(&terraform);
        let lines = provider_lines(&outcome);
        assert_eq!(
            lines.iter().any(|line| line.contains("[INFO]") && line.contains("serving")),
            info,
            "{level}: {outcome}"
        );
        assert_eq!(
            lines.iter().any(|line| line.contains("[DEBUG]") && line.contains("a client is connected")),
            debug,
            "{level}: {outcome}"
        );
    }
}

#[test]
fn terraform_understands_every_line() {
    let mut terraform = one_location();
    terraform.set("TF_LOG", "trace");
    let outcome = validate(&terraform);
    let raw: Vec<_> = provider_lines(&outcome).into_iter().filter(|line| line.contains("@level")).collect();
    assert!(raw.is_empty(), "not taken for entries: {raw:#?}");
    assert!(
        !outcome.says("unexpected data"),
        "something besides the handshake was written to stdout: {outcome}"
    );
}

#[test]
fn the_providers_own_variable_comes_first() {
    let mut terraform = one_location();
    terraform.set("TF_LOG", "trace");
    terraform.set("TF_LOG_PROVIDER_LAKEDR", "off");
    let outcome = validate(&terraform);
    assert_eq!(provider_lines(&outcome), Vec::<&str>::new());
}

#[tokio::test]
async fn lines_are_json_with_text_where_terraform_would_crash_otherwise() {
    let logged = tempfile::NamedTempFile::new().unwrap();
    let mut command = plugin::command().unwrap();
    command.env("TF_PLUGIN_MAGIC_COOKIE", COOKIE).env("TF_LOG", "trace");
    command.stdin(Stdio::null()).stderr(logged.reopen().unwrap());
    let plugin = Plugin::start_command(command).unwrap();
    // one line more: the connection
    let channel = plugin.connect(None).await.unwrap();
    let mut controller = tfplugin::goplugin::grpc_controller_client::GrpcControllerClient::new(channel);
    controller.shutdown(tfplugin::goplugin::Empty {}).await.unwrap();
    plugin.wait(std::time::Duration::from_secs(2)).unwrap();

    let text = std::fs::read_to_string(logged.path()).unwrap();
    assert!(text.lines().count() >= 2, "{text}");
    for line in text.lines() {
        let entry: Value = serde_json::from_str(line).unwrap();
        assert!(
            ["@level", "@message", "@module", "@timestamp"].iter().all(|key| entry[key].is_string()),
            "{line}"
        );
        let time = entry["@timestamp"].as_str().unwrap();
        assert!(NaiveDateTime::parse_from_str(time, "%Y-%m-%dT%H:%M:%S%.6fZ").is_ok(), "{line}");
        assert_eq!(time.len(), "2026-11-20T08:00:00.000000Z".len(), "{line}");
    }
}
