//! Terraform and the provider with a script between them, which listens to what the one tells the other, or changes it.

use std::collections::BTreeSet;
use std::fs;

use lakedr_e2e::plugin::Host;

use crate::{one_location, validate};

/// go-plugin tells its versions in the order in which Go walks through a map, which is another one each time.
#[test]
fn terraform_offers_its_versions_in_either_order_and_is_understood() {
    let mut terraform = one_location();
    terraform
        .start_through("echo \"$PLUGIN_PROTOCOL_VERSIONS\" >> \"$OFFERED\"\nexec \"$PROVIDER\"")
        .unwrap();
    let file = terraform.folder().join("offered");
    terraform.set("OFFERED", &file);
    let mut offered = BTreeSet::new();
    for _ in 0..30 {
        validate(&terraform);
        offered.extend(fs::read_to_string(&file).unwrap().lines().map(str::to_owned));
        if offered.len() > 1 {
            break;
        }
    }
    assert!(offered.iter().eq(["5,6", "6,5"]), "{offered:?}");
}

/// The provider was told another certificate than the one that Terraform then shows.
#[test]
fn terraform_itself_is_turned_away_with_another_certificate() {
    let mut terraform = one_location();
    let announced = "exec env PLUGIN_CLIENT_CERT=\"$(cat \"$ANNOUNCED\")\" \"$PROVIDER\"";
    terraform.start_through(announced).unwrap();
    terraform.write("announced.pem", &Host::new().unwrap().pem()).unwrap();
    terraform.set("ANNOUNCED", terraform.folder().join("announced.pem"));
    terraform.set("TF_LOG_PROVIDER", "trace");
    let refused = terraform.fail(&["validate"]).unwrap();
    assert!(refused.says("serving") && refused.says("lakedr"), "the provider has started: {refused}");
    assert!(!refused.says("Served request"), "a stranger was served: {refused}");
    assert!(!refused.says("plugin crashed"), "{refused}");
}
