//! Airflows that nobody here wrote, with web server, scheduler and SQLite, keep the contract, too.

use anyhow::Result;

use crate::contract::keep;
use crate::sources::RealDag;

#[test]
fn a_real_airflow_2_whose_third_run_is_cleared_and_repeated() -> Result<()> {
    keep(&RealDag::of(2)?)
}

#[test]
fn a_real_airflow_3_whose_third_run_is_cleared_and_repeated() -> Result<()> {
    keep(&RealDag::of(3)?)
}
