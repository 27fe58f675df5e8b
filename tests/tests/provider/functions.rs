//! Points 43 and 44: functions as expressions, and the kinds of things that this provider does not have.

use lakedr_e2e::plugin::Plugin;
use lakedr_e2e::terraform::Terraform;
use tfplugin::tfplugin6 as wire;
use tfplugin::tfplugin6::provider_client::ProviderClient;

use crate::world::{World, assert_says, flat};

fn output(expression: &str) -> Terraform {
    let later = "resource \"terraform_data\" \"later\" {\n  input = \"lake\"\n}\n";
    Terraform::with(&format!("{later}output \"x\" {{\n  value = {expression}\n}}\n")).unwrap()
}

#[test]
fn a_function_of_what_is_not_known_yet_is_called_when_it_is() {
    let terraform =
        output(r#"provider::lakedr::table_url("s3://${terraform_data.later.output}", "cat.raw.bronze")"#);
    let plan = terraform.plan_json().unwrap();
    assert_eq!(plan["output_changes"]["x"]["after_unknown"], true, "{plan}");
    terraform.apply().unwrap();
    assert_eq!(terraform.show_json().unwrap()["values"]["outputs"]["x"]["value"], "s3://lake/cat/raw/bronze");
    terraform.plan_is_empty().unwrap();
}

#[test]
fn a_function_names_the_argument_that_is_wrong() {
    for (expression, parts) in [
        (
            r#"provider::lakedr::table_url("lake", "cat.raw.bronze")"#,
            ["Invalid value for \"root\" parameter", "lake"],
        ),
        (
            r#"provider::lakedr::table_url("s3://lake", "bronze")"#,
            ["Invalid value for \"name\" parameter", "bronze"],
        ),
        (
            r#"provider::lakedr::table_url(null, "a.b.c")"#,
            ["Invalid value for \"root\" parameter", "must not be null"],
        ),
        (
            r#"provider::lakedr::cron_next("* *", "UTC", "2026-11-20T08:00:00Z")"#,
            ["Invalid value for \"expression\" parameter", "five fields"],
        ),
    ] {
        let said = flat(&output(expression).fail(&["plan"]).unwrap());
        assert_says(&said.replace("cannot be null", "must not be null"), &parts);
        assert!(!said.contains(".."), "the host ends the sentence: {said}");
    }
}

/// OpenTofu asks a configured provider for its functions, and calls them there.
#[test]
fn opentofu_calls_the_same_functions() {
    let world = World::new();
    let terraform = Terraform::opentofu().unwrap();
    let call =
        "output \"x\" {\n  value = provider::lakedr::table_url(\"s3://lake\", \"cat.raw.bronze\")\n}\n";
    terraform.configure(&format!("{}{call}", world.provider("eastus2"))).unwrap();
    terraform.apply().unwrap();
    assert_eq!(terraform.show_json().unwrap()["values"]["outputs"]["x"]["value"], "s3://lake/cat/raw/bronze");
}

#[test]
fn terraform_says_that_there_are_no_ephemeral_resources() {
    let world = World::new();
    let terraform = Terraform::newest().unwrap();
    let secret = "ephemeral \"lakedr_resolved_secret\" \"x\" {}\n";
    terraform.configure(&format!("{}{secret}", world.provider("eastus2"))).unwrap();
    let said = flat(&terraform.fail(&["validate"]).unwrap());
    assert_says(&said, &["does not support ephemeral resource \"lakedr_resolved_secret\""]);
}

/// A resolved secret as an ephemeral resource would be a secret in Terraform; actions and state stores are others' work.
#[tokio::test]
async fn what_the_provider_does_not_have_is_not_offered_and_refused() {
    let plugin = Plugin::start(None, "6").unwrap();
    let mut client = ProviderClient::new(plugin.connect(None).await.unwrap());
    let schema =
        client.get_provider_schema(wire::get_provider_schema::Request {}).await.unwrap().into_inner();
    assert!(schema.ephemeral_resource_schemas.is_empty() && schema.action_schemas.is_empty());
    assert!(schema.state_store_schemas.is_empty() && schema.provider_meta.is_none());
    let request = wire::open_ephemeral_resource::Request {
        type_name: "lakedr_secret".to_owned(),
        ..Default::default()
    };
    let opened = client.open_ephemeral_resource(request).await.unwrap().into_inner();
    assert!(opened.diagnostics[0].summary.contains("Not supported"), "{opened:?}");
    let request =
        wire::plan_action::Request { action_type: "lakedr_sync_now".to_owned(), ..Default::default() };
    assert_eq!(client.plan_action(request).await.unwrap_err().code(), tonic::Code::Unimplemented);
}
