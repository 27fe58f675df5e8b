//! Identities: what Terraform 1.12 and later and OpenTofu 1.12 and later ask, and older ones do not. Searches, as a client
//! of our own asks for them; Terraform itself is in `query.rs`.

use futures::StreamExt as _;
use lakedr_e2e::plugin::Plugin;
use lakedr_e2e::terraform::Terraform;
use serde_json::{Value, json};
use tfplugin::tfplugin6 as wire;
use tfplugin::tfplugin6::provider_client::ProviderClient;
use tonic::transport::Channel;

use crate::world::{World, assert_says, flat};

const TYPES: [&str; 3] = ["lakedr_external_location", "lakedr_snapshot_schedule", "lakedr_sync_group"];

fn import(kind: &str, name: &str) -> String {
    format!("import {{\n  to       = {kind}.{name}\n  identity = {{ name = {name:?} }}\n}}\n")
}

/// The hosts that know identities, whatever the Terraform of the machine is.
fn hosts() -> [Terraform; 2] {
    [Terraform::newest().unwrap(), Terraform::opentofu().unwrap()]
}

#[test]
fn an_import_block_names_an_object_by_its_identity() {
    for other in hosts() {
        imports_everything(&World::applied(), &other);
    }
}

fn imports_everything(world: &World, other: &Terraform) {
    let imports = [
        import("lakedr_external_location", "west"),
        import("lakedr_sync_group", "etl"),
        import("lakedr_snapshot_schedule", "weekly"),
    ]
    .concat();
    other.configure(&format!("{}{imports}", world.provider("eastus2"))).unwrap();
    other.succeed(&["plan", "-generate-config-out=generated.tf"]).unwrap();
    other.apply().unwrap();
    other.plan_is_empty().unwrap();
    assert_eq!(world.document("sync_groups", "etl")["generation"], 1, "importing writes nothing");

    let state: Value = serde_json::from_slice(&std::fs::read(other.state_file()).unwrap()).unwrap();
    let resources = state["resources"].as_array().unwrap();
    assert_eq!(resources.len(), 3, "{state}");
    for resource in resources {
        let instance = &resource["instances"][0];
        assert_eq!(instance["identity"]["name"], instance["attributes"]["name"], "{resource}");
    }
}

#[test]
fn an_identity_of_nothing_says_what_there_is() {
    let world = World::applied();
    for other in hosts() {
        let imports = import("lakedr_sync_group", "orders");
        other.configure(&format!("{}{imports}", world.provider("eastus2"))).unwrap();
        let said = flat(&other.fail(&["plan", "-generate-config-out=generated.tf"]).unwrap());
        assert_says(&said, &["No such sync group", "It holds: etl"]);
    }
}

/// Created, changed and replaced by a host that keeps identities.
#[test]
fn an_identity_follows_its_object() {
    for host in hosts() {
        let mut world = World::new();
        world.terraform = host;
        follows_its_object(&world);
    }
}

/// The identity of the only location, as the state has it.
fn kept_identity(terraform: &Terraform) -> Value {
    let state: Value = serde_json::from_slice(&std::fs::read(terraform.state_file()).unwrap()).unwrap();
    let mut resources = state["resources"].as_array().unwrap().iter();
    let location = resources.find(|resource| resource["type"] == "lakedr_external_location").unwrap();
    location["instances"][0]["identity"].clone()
}

fn follows_its_object(world: &World) {
    let east = world.east();
    for (block, name) in [
        (east.clone(), "east"),
        (east.clone().text_attribute("comment", "more"), "east"),
        (east.text_attribute("name", "east_2"), "east_2"),
    ] {
        world.declare(&[block]);
        world.terraform.apply().unwrap();
        assert_eq!(kept_identity(&world.terraform), json!({"name": name}));
        world.terraform.plan_is_empty().unwrap();
    }
    world.terraform.destroy().unwrap();
}

/// Neither a plan to create nor one to replace knows whose identity it is about.
#[test]
fn an_object_whose_name_is_not_known_yet_gains_its_identity_when_it_is() {
    for host in hosts() {
        let mut world = World::new();
        world.terraform = host;
        for (now, then) in [("first", json!(null)), ("second", json!("first"))] {
            let later = format!("resource \"terraform_data\" \"later\" {{\n  input = {now:?}\n}}\n");
            world.terraform.write("later.tf", &later).unwrap();
            world.declare(&[world.east().attribute("name", "terraform_data.later.output")]);
            let plan = world.terraform.plan_json().unwrap();
            let mut changes = plan["resource_changes"].as_array().unwrap().iter();
            let change =
                &changes.find(|change| change["type"] == "lakedr_external_location").unwrap()["change"];
            assert_eq!((&change["before"]["name"], &change["after_unknown"]["name"]), (&then, &json!(true)));
            world.terraform.succeed(&["apply", "plan.bin"]).unwrap();
            assert_eq!(kept_identity(&world.terraform), json!({"name": now}));
            world.terraform.plan_is_empty().unwrap();
        }
    }
}

fn of_json(value: &Value) -> Option<wire::DynamicValue> {
    Some(wire::DynamicValue { msgpack: Vec::new(), json: value.to_string().into_bytes() })
}

async fn configured(plugin: &Plugin, world: &World) -> ProviderClient<Channel> {
    let mut client = ProviderClient::new(plugin.connect(None).await.unwrap());
    let config = json!({"region": "eastus2", "control_url": world.url("control"), "storage_options": null});
    let request = wire::configure_provider::Request { config: of_json(&config), ..Default::default() };
    let answer = client.configure_provider(request).await.unwrap().into_inner();
    assert_eq!(answer.diagnostics, []);
    client
}

async fn search(
    client: &mut ProviderClient<Channel>,
    request: wire::list_resource::Request,
) -> Vec<wire::list_resource::Event> {
    let events = client.list_resource(request).await.unwrap().into_inner();
    events.map(Result::unwrap).collect().await
}

fn all(kind: &str) -> wire::list_resource::Request {
    wire::list_resource::Request {
        type_name: kind.to_owned(),
        config: of_json(&json!({"name_prefix": null})),
        include_resource_object: false,
        limit: 100,
    }
}

/// The bytes of `{name = …}`.
fn identity_of(name: &str) -> Vec<u8> {
    let length = u8::try_from(name.len()).unwrap();
    [b"\x81\xa4name".as_slice(), &[0xa0 | length], name.as_bytes()].concat()
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[tokio::test]
async fn every_type_has_an_identity_and_can_be_searched_for() {
    let plugin = Plugin::start(None, "6").unwrap();
    let mut client = ProviderClient::new(plugin.connect(None).await.unwrap());
    let request = wire::get_resource_identity_schemas::Request {};
    let identities =
        client.get_resource_identity_schemas(request).await.unwrap().into_inner().identity_schemas;
    let schema =
        client.get_provider_schema(wire::get_provider_schema::Request {}).await.unwrap().into_inner();
    assert!(identities.keys().eq(TYPES), "{:?}", identities.keys());
    assert!(schema.list_resource_schemas.keys().eq(TYPES), "{:?}", schema.list_resource_schemas.keys());
    for identity in identities.values() {
        let parts = &identity.identity_attributes;
        assert_eq!((parts.len(), parts[0].name.as_str()), (1, "name"));
        assert!(parts[0].required_for_import && !parts[0].optional_for_import);
        assert_eq!(parts[0].r#type, b"\"string\"");
    }
    for search in schema.list_resource_schemas.values() {
        assert!(search.block.as_ref().is_some_and(|block| !block.description.is_empty()));
    }
    let metadata = client.get_metadata(wire::get_metadata::Request {}).await.unwrap().into_inner();
    assert!(metadata.list_resources.iter().map(|known| known.type_name.as_str()).eq([
        "lakedr_external_location",
        "lakedr_sync_group",
        "lakedr_snapshot_schedule"
    ]));
}

#[tokio::test]
async fn a_search_finds_names_prefixes_and_objects_up_to_its_limit() {
    let world = tokio::task::spawn_blocking(World::applied).await.unwrap();
    let plugin = Plugin::start(None, "6").unwrap();
    let mut client = configured(&plugin, &world).await;

    for (kind, names) in TYPES.into_iter().zip([&["east", "west"][..], &["weekly"], &["etl"]]) {
        let found = search(&mut client, all(kind)).await;
        assert!(found.iter().map(|event| event.display_name.as_str()).eq(names.iter().copied()), "{found:?}");
        for event in &found {
            let identity = event.identity.as_ref().and_then(|known| known.identity_data.as_ref()).unwrap();
            assert_eq!(identity.msgpack, identity_of(&event.display_name));
            assert_eq!((&event.resource_object, event.diagnostic.len()), (&None, 0));
        }
    }

    let mut some = all("lakedr_external_location");
    some.config = of_json(&json!({"name_prefix": "we"}));
    some.include_resource_object = true;
    let found = search(&mut client, some).await;
    assert_eq!(found.len(), 1);
    let object = &found[0].resource_object.as_ref().unwrap().msgpack;
    assert!(holds(object, world.url("west").as_bytes()), "the object itself is there");

    let one = wire::list_resource::Request { limit: 1, ..all("lakedr_external_location") };
    assert_eq!(search(&mut client, one).await.len(), 1);
    tokio::task::spawn_blocking(move || drop(world)).await.unwrap();
}

#[tokio::test]
async fn one_damaged_document_does_not_end_a_search() {
    let world = tokio::task::spawn_blocking(World::applied).await.unwrap();
    std::fs::write(world.document_path("external_locations", "east"), "{").unwrap();
    let plugin = Plugin::start(None, "6").unwrap();
    let mut client = configured(&plugin, &world).await;
    let objects =
        wire::list_resource::Request { include_resource_object: true, ..all("lakedr_external_location") };
    let found = search(&mut client, objects).await;
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(found[0].display_name, "east");
    let object = &found[0].resource_object.as_ref().unwrap().msgpack;
    assert!(
        holds(object, b"\xa4name\xa4east") && holds(object, b"\xa3url\xc0"),
        "no more than its name: {object:?}"
    );
    assert_eq!(found[0].diagnostic[0].severity, i32::from(wire::diagnostic::Severity::Warning));
    assert!(found[1].resource_object.is_some() && found[1].diagnostic.is_empty(), "{found:?}");
    tokio::task::spawn_blocking(move || drop(world)).await.unwrap();
}

#[tokio::test]
async fn a_search_for_what_is_not_ours_ends_with_an_error() {
    let world = World::new();
    let plugin = Plugin::start(None, "6").unwrap();
    let mut client = configured(&plugin, &world).await;
    let found = search(&mut client, all("lakedr_volcano")).await;
    assert_eq!(found.len(), 1);
    assert!(found[0].diagnostic[0].detail.contains("lakedr_volcano"), "{found:?}");
}

#[tokio::test]
async fn a_stored_identity_is_read_and_one_of_a_newer_version_refused() {
    let plugin = Plugin::start(None, "6").unwrap();
    let mut client = ProviderClient::new(plugin.connect(None).await.unwrap());
    let request = |version| wire::upgrade_resource_identity::Request {
        type_name: "lakedr_sync_group".to_owned(),
        version,
        raw_identity: Some(wire::RawState { json: br#"{"name":"etl"}"#.to_vec(), ..Default::default() }),
    };
    let answer = client.upgrade_resource_identity(request(0)).await.unwrap().into_inner();
    let identity = answer.upgraded_identity.unwrap().identity_data.unwrap();
    assert_eq!(identity.msgpack, identity_of("etl"));
    let refused = client.upgrade_resource_identity(request(7)).await.unwrap().into_inner();
    assert!(refused.diagnostics[0].detail.contains("version 7"), "{refused:?}");
    assert_eq!(refused.upgraded_identity, None);
}

/// `terraform plan -generate-config-out` of 1.14 and later, and `terraform query`.
#[tokio::test]
async fn generated_configuration_says_what_is_not_meant_anyhow() {
    let plugin = Plugin::start(None, "6").unwrap();
    let mut client = ProviderClient::new(plugin.connect(None).await.unwrap());
    let state = json!({
        "name": "west", "region": "westus2", "url": "s3://b", "comment": null, "read_only": false,
        "storage_options": null, "secret_options": null, "skip_validation": true, "unity_catalog": null,
        "id": "west", "generation": 3, "digest": "sha256:0",
    });
    let request = wire::generate_resource_config::Request {
        type_name: "lakedr_external_location".to_owned(),
        state: of_json(&state),
    };
    let answer = client.generate_resource_config(request).await.unwrap().into_inner();
    assert_eq!(answer.diagnostics, []);
    let config = answer.config.unwrap().msgpack;
    for left_out in [&b"\xa9read_only\xc0"[..], b"\xa2id\xc0", b"\xaageneration\xc0", b"\xa6digest\xc0"] {
        assert!(holds(&config, left_out), "{:?}", String::from_utf8_lossy(&config));
    }
    for said in [&b"\xa4name\xa4west"[..], b"\xafskip_validation\xc3"] {
        assert!(holds(&config, said), "{:?}", String::from_utf8_lossy(&config));
    }
}

/// Terraform asks us for a `moved` block between types; what others manage cannot become a document.
#[test]
fn a_foreign_resource_cannot_be_moved_here() {
    let world = World::new();
    let provider = world.provider("eastus2");
    world.terraform.configure(&format!("{provider}resource \"terraform_data\" \"x\" {{}}\n")).unwrap();
    world.terraform.apply().unwrap();
    world.declare(&[world.east()]);
    let moved = "moved {\n  from = terraform_data.x\n  to   = lakedr_external_location.east\n}\n";
    world.terraform.write("moved.tf", moved).unwrap();
    let said = flat(&world.terraform.fail(&["plan"]).unwrap());
    assert_says(
        &said,
        &[
            "Resource cannot be moved to this type",
            "terraform.io/builtin/terraform",
            "Remove the moved block",
        ],
    );
}
