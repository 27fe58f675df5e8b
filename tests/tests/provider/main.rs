//! The provider's values, plans, resources and data source against the real Terraform, with a control store on the
//! local disk.

#![expect(clippy::unwrap_used, reason = "tests")]

mod attributes;
mod bad_input;
mod catalog;
mod conflict;
mod drift;
mod every_example;
mod everything;
mod federation;
mod functions;
mod half_way;
mod identity;
mod import;
mod location_data;
mod outage;
mod probe;
mod query;
mod references;
mod replace;
mod schema;
mod shapes;
mod state;
mod status;
mod unknown;
mod values;
mod warnings;
mod world;
