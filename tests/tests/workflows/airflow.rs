//! A real Airflow 2, with a web server, a scheduler and SQLite, keeps the contract, too.

use anyhow::Result;

use crate::contract::keep;
use crate::sources::RealDag;

#[test]
fn a_real_airflow_whose_third_run_is_cleared_and_repeated() -> Result<()> {
    keep(&RealDag::new()?)
}
