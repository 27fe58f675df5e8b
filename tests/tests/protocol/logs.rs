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

/// The entries of the provider's own log while Terraform plans one location, at the highest level.
fn entries_of_a_plan(set: &[(&str, &str)]) -> (Vec<Value>, Outcome) {
    let mut terraform = one_location();
    let log = terraform.folder().join("provider.log");
    terraform.set("TF_LOG_PATH", &log);
    for (name, value) in set {
        terraform.set(name, *value);
    }
    let outcome = terraform.succeed(&["plan"]).unwrap();
    let text = std::fs::read_to_string(&log).unwrap_or_default();
    let entries = text.lines().filter_map(|line| serde_json::from_str(line).ok());
    (entries.collect(), outcome)
}

#[test]
fn every_call_has_an_id_that_all_its_entries_carry() {
    let (entries, outcome) = entries_of_a_plan(&[("TF_LOG", "JSON")]);
    let calls: Vec<&Value> = entries.iter().filter(|entry| entry["@message"] == "Served request").collect();
    let of = |method: &str| calls.iter().find(|call| call["tf_rpc"] == method);
    for method in ["GetProviderSchema", "ConfigureProvider", "PlanResourceChange"] {
        let call = of(method).unwrap_or_else(|| panic!("{method} is not told: {outcome}"));
        assert_eq!(call["tf_provider_addr"], "registry.terraform.io/lakedr/lakedr");
        assert!(call["tf_req_duration_ms"].is_u64(), "{call}");
        let same = entries.iter().filter(|entry| entry["tf_req_id"] == call["tf_req_id"]);
        assert!(same.count() >= 2, "received and served: {call}");
    }
    assert_eq!(of("PlanResourceChange").unwrap()["tf_resource_type"], "lakedr_external_location");
    let mut ids: Vec<&str> = calls.iter().filter_map(|call| call["tf_req_id"].as_str()).collect();
    assert_eq!(ids.len(), calls.len());
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), calls.len(), "no two calls share an id");
}

/// Terraform keeps the schema of a command's first process, so that later ones are called without having been asked for it.
#[test]
fn terraform_calls_processes_that_it_never_asked_for_the_schema() {
    let (entries, outcome) = entries_of_a_plan(&[("TF_LOG", "JSON")]);
    let count = |key: &str, value: &str| entries.iter().filter(|entry| entry[key] == value).count();
    let asked =
        entries.iter().filter(|e| e["@message"] == "Served request" && e["tf_rpc"] == "GetProviderSchema");
    assert!(asked.count() < count("@message", "serving"), "each process was asked: {outcome}");
    assert!(count("tf_rpc", "PlanResourceChange") > 0, "{outcome}");
}

#[test]
fn calls_are_a_subsystem_with_a_level_of_its_own() {
    let told = |entries: &[Value]| entries.iter().any(|entry| entry["@message"] == "Served request");
    let quiet = entries_of_a_plan(&[("TF_LOG", "JSON"), ("TF_LOG_SDK_PROTO", "off")]).0;
    assert!(!told(&quiet) && quiet.iter().any(|entry| entry["@message"] == "serving"));
}

#[test]
fn no_secret_is_logged_at_any_level() {
    const OPTION: &str = "option-value-that-nobody-may-see";
    const SECRET: &str = "secret-value-that-nobody-may-see";
    let store = crate::silent_store::SilentStore::new();
    let mut terraform = store.hanging();
    let control = terraform.folder().join("control");
    // a local store has no options: the provider says so, and logs what it can
    let block = format!(
        "provider \"lakedr\" {{\n  region = \"eastus2\"\n  control_url = \"file://{}\"\n  \
         storage_options = {{ aws_secret_access_key = {OPTION:?} }}\n}}\n",
        control.display()
    );
    terraform.set("TF_LOG_PROVIDER", "trace");
    terraform.set("SILENT_STORE_SECRET", SECRET);
    let mut apply = terraform.start(&["apply", "-auto-approve"]).unwrap();
    let connection = store.first_request();
    apply.signal(nix::sys::signal::Signal::SIGINT).unwrap();
    let outcome = apply.wait(std::time::Duration::from_secs(20)).unwrap();
    drop(connection);
    assert!(outcome.says("Served request") && !outcome.says(SECRET), "{outcome}");

    terraform.configure(&format!("{block}{}", crate::LOCATION)).unwrap();
    let outcome = terraform.run(&["plan"]).unwrap();
    assert!(outcome.says("Served request") && !outcome.says(OPTION), "{outcome}");
}
