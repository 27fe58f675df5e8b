//! Points 23 and 24: another name is another document.

use crate::world::World;

#[test]
fn another_name_replaces_the_document() {
    for create_first in [false, true] {
        let world = World::new();
        let lifecycle = |name: &str| {
            let block = world.west().text_attribute("name", name);
            if create_first { block.block("lifecycle { create_before_destroy = true }") } else { block }
        };
        world.declare(&[lifecycle("west")]);
        world.terraform.apply().unwrap();
        world.declare(&[lifecycle("far_west")]);
        let plan = world.terraform.plan_json().unwrap();
        let change = &plan["resource_changes"][0]["change"];
        let expected = if create_first { ["create", "delete"] } else { ["delete", "create"] };
        assert_eq!(change["actions"], serde_json::json!(expected));
        assert_eq!(change["replace_paths"], serde_json::json!([["name"]]));
        assert_eq!(change["after_unknown"]["id"], true, "a new document has another id");
        world.terraform.apply().unwrap();
        assert!(world.document_path("external_locations", "far_west").is_file());
        assert!(!world.document_path("external_locations", "west").exists());
        world.terraform.plan_is_empty().unwrap();
    }
}

#[test]
fn a_document_is_replaced_on_demand() {
    let world = World::new();
    world.declare(&[world.west()]);
    world.terraform.apply().unwrap();
    world.terraform.succeed(&["apply", "-auto-approve", "-replace=lakedr_external_location.west"]).unwrap();
    assert_eq!(world.document("external_locations", "west")["generation"], 1);
    world.terraform.succeed(&["taint", "lakedr_external_location.west"]).unwrap();
    world.terraform.apply().unwrap();
    world.terraform.plan_is_empty().unwrap();
}
