//! `cargo xtask docs`: the generated pages. JSON Schemas of the stored documents (`docs/schemas`), and the pages
//! of the Terraform registry (`docs/index.md`, `docs/resources`, `docs/data-sources`, `docs/functions`, `docs/list-resources`) from the schema that the
//! built provider tells Terraform, with the examples of `examples/`.

mod attribute;
mod document_schemas;
mod function;
mod generate;
mod page;
mod provider_schema;
mod searches;
mod tree;

pub(crate) use generate::{Args, check, run};
