//! A bronze, silver, gold workflow on Delta tables: stands for the job whose tables lakedr protects.
//!
//! One call is one run. `--stop-after` ends it half-way, as a crash would; the same run called again
//! completes it.

mod batches;
mod lake;
mod orders;
mod workflow;

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Result;
use clap::{ArgGroup, Parser};

use lake::Lake;
use workflow::Step;

#[derive(Parser)]
#[command(about, group = ArgGroup::new("what").required(true).multiple(true).args(["run", "count"]))]
struct Cli {
    /// Where the lake is: a directory, or a URL such as s3://bucket/prefix (credentials from the environment)
    #[arg(long, value_name = "DIR|URL")]
    root: String,
    /// The number of the run, from 1; the rows of a run depend on its number alone
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    run: Option<u32>,
    /// End the run after this step
    #[arg(long, value_enum, value_name = "STEP", requires = "run")]
    stop_after: Option<Step>,
    /// Print the version and the number of rows of each table, as JSON
    #[arg(long)]
    count: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    match work(&Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // a closed stderr changes nothing about the failure
            drop(writeln!(std::io::stderr().lock(), "error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn work(cli: &Cli) -> Result<()> {
    let lake = Lake::open(&cli.root)?;
    if let Some(number) = cli.run {
        workflow::run(&lake, number, cli.stop_after.unwrap_or(Step::Gold)).await?;
    }
    if cli.count {
        let counts = workflow::count(&lake).await?;
        writeln!(std::io::stdout().lock(), "{counts:#}")?;
    }
    Ok(())
}
