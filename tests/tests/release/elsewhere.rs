//! As Terraform Cloud does it: one machine plans, another one applies what was planned, and all that they share is what is
//! carried from one to the other.

use std::fs;

use lakedr_e2e::servers::Mirror;
use lakedr_e2e::terraform::Terraform;

use crate::{Release, configuration, machine};

fn fresh(mirror: &Mirror) -> Terraform {
    let mut terraform = machine(&format!("network_mirror {{ url = {:?} }}", mirror.url()));
    terraform.write("authority.pem", mirror.authority()).unwrap();
    terraform.set("SSL_CERT_FILE", terraform.folder().join("authority.pem"));
    terraform
}

#[test]
fn a_plan_of_one_machine_is_applied_on_another() {
    let release = Release::packed();
    let mirror = Mirror::of(&release.network_mirror()).unwrap();
    let shared = tempfile::tempdir().unwrap();
    let control = shared.path().join("control");

    let planner = fresh(&mirror);
    planner.configure(&configuration(&control)).unwrap();
    planner.succeed(&["init"]).unwrap();
    planner.succeed(&["plan", "-out=plan.bin"]).unwrap();
    assert!(!control.exists(), "planning writes nothing");

    let applier = fresh(&mirror);
    for file in ["main.tf", ".terraform.lock.hcl", "plan.bin"] {
        fs::copy(planner.folder().join(file), applier.folder().join(file)).unwrap();
    }
    drop(planner);
    applier.succeed(&["init", "-lockfile=readonly"]).unwrap();
    applier.succeed(&["apply", "plan.bin"]).unwrap();
    assert!(control.join("v1/external_locations/west.json").is_file());
    applier.plan_is_empty().unwrap();
}
