//! Points 14 and 16: the schema as Terraform sees it, and calls without having asked for it.

use std::fs;

use lakedr_e2e::environment::checkout;
use lakedr_e2e::plugin::Plugin;
use lakedr_e2e::terraform::Terraform;
use serde_json::Value;
use tfplugin::tfplugin6::provider_client::ProviderClient;
use tfplugin::tfplugin6::{DynamicValue, validate_data_resource_config};

/// Set to write the golden file instead of comparing with it.
const BLESS: &str = "LAKEDR_BLESS";

fn told_to(terraform: &Terraform) -> Value {
    terraform.configure("").unwrap();
    terraform.succeed(&["providers", "schema", "-json"]).unwrap().json().unwrap()
}

/// The host of the ring, and the newest one, which asks for more.
#[test]
fn the_schema_is_the_golden_one() {
    let newest = told_to(&Terraform::newest().unwrap());
    let golden = checkout().join("docs/schemas/provider-schema.json");
    if std::env::var_os(BLESS).is_some() {
        fs::create_dir_all(golden.parent().unwrap()).unwrap();
        fs::write(&golden, serde_json::to_string_pretty(&newest).unwrap() + "\n").unwrap();
    }
    let expected: Value = serde_json::from_slice(&fs::read(&golden).unwrap()).unwrap();
    // what is around it belongs to the version of Terraform
    let ours = |dump: &Value| dump["provider_schemas"]["registry.terraform.io/lakedr/lakedr"].clone();
    let host = told_to(&Terraform::new().unwrap());
    let everywhere = ["provider", "resource_schemas", "data_source_schemas", "functions"];
    let searches = ["resource_identity_schemas", "list_resource_schemas"];
    let compared = everywhere.map(|part| (&host, part)).into_iter();
    for (dump, part) in compared.chain(everywhere.iter().chain(&searches).map(|part| (&newest, *part))) {
        let hint = format!(
            "{part} has changed; run the test with {BLESS}=1 and look at git diff {}",
            golden.display()
        );
        assert!(ours(dump)[part].is_object(), "{part} is not told: {dump}");
        assert!(ours(dump)[part] == ours(&expected)[part], "{hint}");
    }
}

#[tokio::test]
async fn calls_are_answered_before_anybody_asks_for_the_schema() {
    let plugin = Plugin::start(None, "6").unwrap();
    let mut client = ProviderClient::new(plugin.connect(None).await.unwrap());
    let mut config = vec![0xde, 0, 17];
    for name in [
        "active_region",
        "epoch",
        "group",
        "last_error",
        "last_verified_at",
        "last_verified_equal",
        "last_verified_level",
        "last_verified_seq",
        "paused",
        "reachable",
        "recovery_point",
        "role",
        "rpo_lag_seconds",
        "rpo_met",
        "rpo_target",
        "seq",
        "standby_region",
    ] {
        config.push(0xa0 | u8::try_from(name.len()).unwrap());
        config.extend_from_slice(name.as_bytes());
        config.extend_from_slice(if name == "group" { b"\xa3Etl" } else { b"\xc0" });
    }
    let request = validate_data_resource_config::Request {
        type_name: "lakedr_sync_status".to_owned(),
        config: Some(DynamicValue { msgpack: config, json: Vec::new() }),
    };
    let answer = client.validate_data_resource_config(request).await.unwrap().into_inner();
    assert_eq!(answer.diagnostics.len(), 1, "{answer:?}");
    assert!(answer.diagnostics[0].detail.contains("\"Etl\" is not a valid name"), "{answer:?}");
}
