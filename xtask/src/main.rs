//! Set-up, tests and docs of lakedr: `cargo xtask --help`.
//!
//! Every command sets up what it needs, inside `target/` and nowhere else.

mod bench;
mod console;
mod demo;
mod dist;
mod docs;
mod paths;
mod process;
mod schema;
mod test;
mod tools;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Set-up, tests and docs of lakedr")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Shows the main job on this machine: two regions as folders, a workflow, a sync, a proof
    Demo,
    /// Installs the servers, readers and Spark that the tests need, into target/tools
    Tools,
    /// Measures release builds of the provider and the executor
    Bench(bench::Args),
    /// Writes the generated pages below docs/, or compares them
    Docs(docs::Args),
    /// Packs a release of the provider for the registries
    Dist(dist::Args),
    /// Says what has changed in the provider's schema since the last release
    Schema(schema::Args),
    /// Runs every check and test that CI runs
    Test(test::Args),
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Demo => demo::run(),
        Command::Tools => tools::install_all().map(drop),
        Command::Bench(args) => bench::run(&args),
        Command::Docs(args) => docs::run(&args),
        Command::Dist(args) => dist::run(&args),
        Command::Schema(args) => schema::run(&args),
        Command::Test(args) => test::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            console::say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
