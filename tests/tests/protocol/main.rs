//! The plugin protocol against the real Terraform: how the provider starts, talks, logs, stops and crashes.

#![expect(clippy::unwrap_used, reason = "tests")]

mod between;
mod crash;
mod end;
mod interrupt;
mod logs;
mod openssl;
mod reattach;
mod silent_store;
mod start;
mod transport;

use lakedr_e2e::running::Outcome;
use lakedr_e2e::terraform::Terraform;

/// A provider block that needs nothing but a folder.
fn provider_block(terraform: &Terraform) -> String {
    let control = terraform.folder().join("control");
    format!(
        "provider \"lakedr\" {{\n  region = \"eastus2\"\n  control_url = \"file://{}\"\n}}\n",
        control.display()
    )
}

/// An external location that is declared and not probed.
const LOCATION: &str = r#"
resource "lakedr_external_location" "west" {
  name            = "west_sync"
  region          = "westus2"
  url             = "s3://dr-sync/lakedr"
  skip_validation = true
}
"#;

/// A root module with the provider and [`LOCATION`].
fn one_location() -> Terraform {
    let terraform = Terraform::new().unwrap();
    terraform.configure(&format!("{}{LOCATION}", provider_block(&terraform))).unwrap();
    terraform
}

/// Runs `validate`, which starts the provider twice, and has to succeed.
fn validate(terraform: &Terraform) -> Outcome {
    terraform.succeed(&["validate"]).unwrap()
}
