//! The state of a workspace of HCP Terraform as the source of the specifications.

use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use lakedr_e2e::environment::program;
use lakedr_e2e::running::{Outcome, Running};
use lakedr_e2e::servers::TerraformCloud;
use serde_json::{Value, json};

const TOKEN: &str = "token-of-the-team-that-reads";

/// A state with one location, as Terraform writes it.
fn state() -> Value {
    let attributes = json!({"name": "west", "region": "westus2", "url": "s3://west", "comment": null, "read_only": false,
        "storage_options": null, "secret_options": null, "skip_validation": true, "unity_catalog": null,
        "id": "west", "generation": 1, "digest": "sha256:0"});
    json!({"version": 4, "terraform_version": "1.11.4", "serial": 9, "lineage": "l", "outputs": {}, "resources": [{
        "mode": "managed", "type": "lakedr_external_location", "name": "west",
        "provider": "provider[\"registry.terraform.io/lakedr/lakedr\"]",
        "instances": [{"schema_version": 0, "attributes": attributes}]}]})
}

fn show(from: &str, token: Option<&str>) -> Result<Outcome> {
    let mut command = Command::new(program("lakedr")?);
    command
        .args(["state", "show", "--output", "json", "-v", "--state", from])
        .env_remove("LAKEDR_CONTROL_URL");
    command.env_remove("TF_TOKEN_127_0_0_1").envs(token.map(|token| ("TF_TOKEN_127_0_0_1", token)));
    Running::spawn(&mut command)?.wait(Duration::from_secs(60))
}

#[test]
fn the_newest_state_of_a_workspace_is_read_and_the_token_goes_nowhere_else() -> Result<()> {
    let cloud = TerraformCloud::start("acme", TOKEN)?;
    cloud.put("dr-east", Some(state()));
    let from = |workspace: &str| format!("tfc://acme/{workspace}?host={}", cloud.url());
    let found = show(&from("dr-east"), Some(TOKEN))?;
    assert_eq!(found.code, Some(0), "{found}");
    assert_eq!(found.json()?["external_locations"][0]["name"], "west");
    assert!(!found.says(TOKEN) && !found.says("signed-by-the-archive"), "{found}");

    let named = format!("{}&token=env://TF_TOKEN_127_0_0_1", from("dr-east"));
    assert_eq!(show(&named, Some(TOKEN))?.json()?, found.json()?);
    Ok(())
}

#[test]
fn what_a_workspace_does_not_give_is_told_with_what_to_do() -> Result<()> {
    let cloud = TerraformCloud::start("acme", TOKEN)?;
    cloud.put("empty", None);
    let host = cloud.url();
    for (from, token, said) in [
        (format!("tfc://acme/gone?host={host}"), Some(TOKEN), "the id of workspace acme/gone cannot be read"),
        (
            format!("tfc://acme/empty?host={host}"),
            Some(TOKEN),
            "the newest state version of workspace acme/empty",
        ),
        (format!("tfc://acme/empty?host={host}"), Some("another"), "the id of workspace acme/empty"),
        (format!("tfc://acme/empty?host={host}"), None, "name another one with ?token=env://NAME"),
        ("tfc://acme".to_owned(), None, "write tfc://ORGANIZATION/WORKSPACE"),
    ] {
        let outcome = show(&from, token)?;
        assert!(outcome.code == Some(2) && outcome.says(said), "{from}: {outcome}");
        assert!(!outcome.says(TOKEN), "{outcome}");
    }
    // nobody is there: trying again may help
    let gone = show("tfc://acme/dr?host=http://127.0.0.1:9", Some(TOKEN))?;
    assert_eq!(gone.code, Some(5), "{gone}");
    Ok(())
}
