use std::time::Duration;

use clap::Args;
use lakedr_control::secret::SecretRef;

/// Options of `lakedr drill`.
#[derive(Debug, Clone, Args)]
pub struct DrillArgs {
    /// Executable that judges the copy: it gets the place of each table as JSON on its standard input, and ends with 0 when all
    /// is well. What it writes to its standard output is in the report
    #[arg(long, value_name = "EXECUTABLE")]
    pub validate: Option<String>,
    /// Variable of the environment that the executable gets besides PATH and HOME; may be given several times
    #[arg(long, value_name = "NAME", requires = "validate")]
    pub pass_env: Vec<String>,
    /// How long the executable may take
    #[arg(long, value_name = "DURATION", default_value = "1h", requires = "validate", value_parser = patience)]
    pub validate_timeout: Duration,
    /// Sign the reports: reference of an ed25519 key of OpenSSH without a passphrase, for example file:///run/secrets/key
    #[arg(long, value_name = "REFERENCE", env = "LAKEDR_SIGNING_KEY")]
    pub signing_key: Option<SecretRef>,
    /// Leave the copy for people to look at, until the next drill
    #[arg(long)]
    pub keep: bool,
}

fn patience(given: &str) -> Result<Duration, String> {
    let patience = lakedr_control::time::parse_duration(given).map_err(|error| error.to_string())?;
    if patience.is_zero() { Err("give more than 0s".to_owned()) } else { Ok(patience) }
}
