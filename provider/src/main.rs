//! The provider's program: Terraform starts it, or with `--debug` a developer.

use std::error::Error;
use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;
use terraform_provider_lakedr::serve::{Mode, run};

/// Terraform provider of lakedr. Terraform starts it by itself; start it by hand only with --debug.
#[derive(Parser)]
#[command(name = "terraform-provider-lakedr", version)]
struct Arguments {
    /// Wait for terraform to attach: prints the variable to run terraform with, and serves until Ctrl-C
    #[arg(long)]
    debug: bool,
}

fn main() -> ExitCode {
    let mode = if Arguments::parse().debug { Mode::Debug } else { Mode::Plugin };
    match run(mode) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{}", with_causes(&error));
            ExitCode::FAILURE
        }
    }
}

/// The error and all its causes, on one line.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
