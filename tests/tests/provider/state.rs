//! Point 40: states as other versions of the provider and of Terraform left them.

use std::fs;

use lakedr_e2e::terraform::Terraform;
use serde_json::{Value, json};

use crate::world::{World, assert_says, flat};

/// Changes what the state says of the only instance of a type.
pub(crate) fn edit_state(terraform: &Terraform, kind: &str, edit: impl FnOnce(&mut Value)) {
    let path = terraform.state_file();
    let mut state: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let resources = state["resources"].as_array_mut().unwrap();
    let resource = resources.iter_mut().find(|resource| resource["type"] == kind).unwrap();
    edit(&mut resource["instances"][0]);
    state["serial"] = (state["serial"].as_u64().unwrap() + 1).into();
    fs::write(&path, state.to_string()).unwrap();
}

fn instance(terraform: &Terraform) -> Value {
    let state: Value = serde_json::from_slice(&fs::read(terraform.state_file()).unwrap()).unwrap();
    state["resources"][0]["instances"][0].clone()
}

#[test]
fn a_state_without_a_newer_attribute_is_completed() {
    let world = World::applied();
    edit_state(&world.terraform, "lakedr_sync_group", |instance| {
        instance["attributes"].as_object_mut().unwrap().remove("compaction").unwrap();
    });
    world.terraform.plan_is_empty().unwrap();
}

#[test]
fn a_state_with_an_attribute_that_is_no_more_is_read_without_it() {
    let world = World::applied();
    edit_state(&world.terraform, "lakedr_sync_group", |instance| {
        instance["attributes"]["colour"] = json!({"of": ["the", "rainbow"]});
    });
    world.terraform.plan_is_empty().unwrap();
}

#[test]
fn a_state_of_a_newer_version_is_refused() {
    let world = World::applied();
    edit_state(&world.terraform, "lakedr_sync_group", |instance| instance["schema_version"] = 9.into());
    let said = flat(&world.terraform.fail(&["plan"]).unwrap());
    assert_says(&said, &["Resource instance managed by newer provider version"]);
}

/// Nothing of the object may get lost over it: it stays in the state, and in the control store.
#[test]
fn a_state_that_cannot_be_read_is_an_error_that_names_the_attribute() {
    let world = World::applied();
    let sound = fs::read(world.terraform.state_file()).unwrap();
    for (attribute, value) in
        [("generation", json!("many")), ("tables", json!({"name": 5})), ("primary", json!([]))]
    {
        edit_state(&world.terraform, "lakedr_sync_group", |instance| {
            instance["attributes"][attribute] = value;
        });
        let said = flat(&world.terraform.fail(&["plan"]).unwrap());
        assert_says(&said, &["lakedr_sync_group.etl", attribute]);
        assert!(!said.contains("plugin crashed") && !said.contains("rpc error"), "{said}");
        fs::write(world.terraform.state_file(), &sound).unwrap();
    }
    world.terraform.plan_is_empty().unwrap();
}

/// Terraform 0.11 wrote attributes as a flat map. No version of the provider has.
#[test]
fn a_flat_state_is_refused() {
    let world = World::applied();
    edit_state(&world.terraform, "lakedr_external_location", |instance| {
        let instance = instance.as_object_mut().unwrap();
        instance.remove("attributes");
        instance.insert("attributes_flat".to_owned(), json!({"id": "east", "name": "east"}));
    });
    let said = flat(&world.terraform.fail(&["plan"]).unwrap());
    assert_says(&said, &["0.11", "lakedr_external_location.east"]);
    assert!(!said.contains("plugin crashed"), "{said}");
}

/// A state of a Terraform that knows no identities, read by hosts that do.
#[test]
fn a_state_without_identities_gains_them() {
    for host in [Terraform::newest().unwrap(), Terraform::opentofu().unwrap()] {
        let mut world = World::new();
        world.terraform = host;
        world.declare(&[world.east()]);
        world.terraform.apply().unwrap();
        assert_eq!(instance(&world.terraform)["identity"], json!({"name": "east"}));
        edit_state(&world.terraform, "lakedr_external_location", |instance| {
            let instance = instance.as_object_mut().unwrap();
            instance.remove("identity").unwrap();
            instance.remove("identity_schema_version");
        });
        world.terraform.plan_is_empty().unwrap();
        world.terraform.succeed(&["apply", "-refresh-only", "-auto-approve"]).unwrap();
        assert_eq!(instance(&world.terraform)["identity"], json!({"name": "east"}));
        world.terraform.plan_is_empty().unwrap();
    }
}

#[test]
fn an_identity_of_a_newer_version_is_refused_by_its_host() {
    for host in [Terraform::newest().unwrap(), Terraform::opentofu().unwrap()] {
        let mut world = World::new();
        world.terraform = host;
        world.declare(&[world.east()]);
        world.terraform.apply().unwrap();
        edit_state(&world.terraform, "lakedr_external_location", |instance| {
            instance["identity_schema_version"] = 7.into();
        });
        let said = flat(&world.terraform.fail(&["plan"]).unwrap());
        assert_says(&said, &["lakedr_external_location.east", "newer provider version"]);
    }
}
