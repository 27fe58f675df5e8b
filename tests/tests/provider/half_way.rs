//! A control store on the other side of a network: answers get lost, connections break, and each document is read once.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use lakedr_e2e::servers::{Fault, Kind, ObjectServer as _, Proxy, Versitygw};
use lakedr_e2e::terraform::Terraform;
use tokio::runtime::Runtime;

struct Remote {
    proxy: Proxy,
    terraform: Terraform,
    _server: Versitygw,
}

impl Remote {
    fn start() -> Self {
        let server = Versitygw::start().unwrap();
        Runtime::new().unwrap().block_on(server.create_bucket("control")).unwrap();
        let proxy = Proxy::start(&server).unwrap();
        Self { proxy, terraform: Terraform::new().unwrap(), _server: server }
    }

    fn declare(&self, resources: &str) {
        let options: BTreeMap<String, String> = self.proxy.options();
        let options = options.iter().fold(String::new(), |mut text, (key, value)| {
            writeln!(text, "    {key} = {value:?}").unwrap();
            text
        });
        let provider = format!(
            "provider \"lakedr\" {{\n  region = \"eastus2\"\n  control_url = \"s3://control/lakedr\"\n  \
             storage_options = {{\n{options}  }}\n}}\n"
        );
        self.terraform.configure(&format!("{provider}{resources}")).unwrap();
    }
}

fn location(name: &str, region: &str, comment: &str) -> String {
    format!(
        "resource \"lakedr_external_location\" {name:?} {{\n  name = {name:?}\n  region = {region:?}\n  url = \"s3://{name}\"\n  \
         comment = {comment:?}\n  skip_validation = true\n}}\n"
    )
}

/// Whatever becomes of the write or of its answer, Terraform's state and the control store agree about it.
#[test]
fn a_write_that_goes_wrong_on_its_way_is_done_once() {
    let remote = Remote::start();
    let watch = remote.proxy.watch("external_locations");
    for (index, fault) in [
        Fault::InternalError,
        Fault::SlowDown,
        Fault::ResetBefore,
        Fault::DoneThenReset,
        Fault::DoneThenError,
        Fault::Twice,
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("l{index}");
        for comment in ["created", "changed"] {
            remote.declare(&location(&name, "westus2", comment));
            watch.inject(fault, &[Kind::Put], 1);
            remote.terraform.apply().unwrap();
            remote.terraform.plan_is_empty().unwrap();
        }
        let address = format!("lakedr_external_location.{name}");
        assert_eq!(remote.terraform.attributes(&address).unwrap()["generation"], 2, "{fault:?}");
    }
    remote.terraform.destroy().unwrap();
}

#[test]
fn a_refresh_reads_each_document_once() {
    const GROUPS: u64 = 12;
    let remote = Remote::start();
    let groups: String = (0..GROUPS)
        .map(|index| {
            format!(
                "resource \"lakedr_sync_group\" \"g{index}\" {{\n  name = \"g{index}\"\n  initial_active_region = \"eastus2\"\n  \
                 primary = {{ region = \"eastus2\", location = lakedr_external_location.east.name, table_root = \"s3://e\" }}\n  \
                 secondary = {{ region = \"westus2\", location = lakedr_external_location.west.name, table_root = \"s3://w\" }}\n  \
                 tables = [{{ name = \"c.s.t{index}\" }}]\n}}\n"
            )
        })
        .collect();
    let places = tempfile::tempdir().unwrap();
    let local = |name: &str, region: &str| {
        std::fs::create_dir(places.path().join(name)).unwrap();
        let place = format!("file://{}", places.path().join(name).display());
        location(name, region, "here").replace(&format!("s3://{name}"), &place)
    };
    remote.declare(&[local("east", "eastus2"), local("west", "westus2"), groups].concat());
    remote.terraform.apply().unwrap();
    let watches = ["external_locations", "sync_groups"].map(|segment| remote.proxy.watch(segment));
    remote.terraform.plan_is_empty().unwrap();
    let read = watches.map(|watch| watch.take_counts().of(Kind::Get));
    // a location is read by itself, and once more for all logs that lie there
    assert_eq!(read, [4, GROUPS]);
}
