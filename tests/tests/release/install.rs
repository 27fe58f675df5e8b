//! Installed by `terraform init`, from mirrors.

use std::fs;

use lakedr_e2e::servers::Mirror;
use lakedr_e2e::terraform::Terraform;

use crate::{Release, VERSION, configuration, machine};

/// Initialises, and uses the provider that was installed. Returns the lock file.
fn installs(terraform: &Terraform) -> String {
    let control = terraform.folder().join("control");
    terraform.configure(&configuration(&control)).unwrap();
    let outcome = terraform.succeed(&["init"]).unwrap();
    assert!(outcome.says(&format!("lakedr/lakedr v{VERSION}")), "{outcome}");
    terraform.apply().unwrap();
    terraform.plan_is_empty().unwrap();
    fs::read_to_string(terraform.folder().join(".terraform.lock.hcl")).unwrap()
}

#[test]
fn from_a_filesystem_mirror_with_the_hash_of_what_was_packed() {
    let release = Release::packed();
    let mirror = release.filesystem_mirror();
    let terraform = machine(&format!("filesystem_mirror {{ path = {:?} }}", mirror.display()));
    let lock = installs(&terraform);
    assert!(lock.contains(&format!("\"{}\"", release.h1())), "{lock}");
}

#[test]
fn from_a_network_mirror_with_the_hash_of_what_was_packed() {
    let release = Release::packed();
    let mirror = Mirror::of(&release.network_mirror()).unwrap();
    let mut terraform = machine(&format!("network_mirror {{ url = {:?} }}", mirror.url()));
    terraform.write("authority.pem", mirror.authority()).unwrap();
    terraform.set("SSL_CERT_FILE", terraform.folder().join("authority.pem"));
    let lock = installs(&terraform);
    assert!(lock.contains(&format!("\"{}\"", release.h1())), "{lock}");
}

#[test]
fn a_provider_that_was_changed_on_the_way_is_not_installed() {
    let release = Release::packed();
    let files = release.network_mirror();
    let mirror = Mirror::of(&files).unwrap();
    let archive = files.join(crate::ADDRESS).join(format!("{VERSION}.json"));
    let told = fs::read_to_string(&archive)
        .unwrap()
        .replace(&release.h1(), "h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    fs::write(archive, told).unwrap();
    let mut terraform = machine(&format!("network_mirror {{ url = {:?} }}", mirror.url()));
    terraform.write("authority.pem", mirror.authority()).unwrap();
    terraform.set("SSL_CERT_FILE", terraform.folder().join("authority.pem"));
    terraform.configure(&configuration(&terraform.folder().join("control"))).unwrap();
    let outcome = terraform.fail(&["init"]).unwrap();
    assert!(outcome.says("checksum"), "{outcome}");
}
