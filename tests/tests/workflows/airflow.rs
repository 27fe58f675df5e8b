//! Airflow: real ones, with web server, scheduler and SQLite, that keep the contract, and stand-ins whose runs overlap.

use anyhow::Result;

use crate::contract::keep;
use crate::lake::{Lake, TABLES};
use crate::sources::{Dag, RealDag, Source as _};

#[test]
fn a_real_airflow_2_whose_third_run_is_cleared_and_repeated() -> Result<()> {
    keep(&RealDag::of(2)?)
}

#[test]
fn a_real_airflow_3_whose_third_run_is_cleared_and_repeated() -> Result<()> {
    keep(&RealDag::of(3)?)
}

/// A group whose standby region holds the first run.
fn synced(dag: &Dag) -> Result<Lake> {
    let lake = Lake::new(&dag.attributes()?, dag.secrets())?;
    let first = dag.server.begin();
    for table in TABLES {
        lake.append(table, "1", None)?;
    }
    dag.server.end(&first, true)?;
    assert_eq!(lake.sync(0)?, "published");
    Ok(lake)
}

#[test]
fn a_run_that_overlaps_the_end_of_another_one_is_seen() -> Result<()> {
    for major in [2, 3] {
        let dag = Dag::of(major)?;
        let lake = synced(&dag)?;
        let (long, short) = (dag.server.begin(), dag.server.begin());
        lake.append("bronze", "long", None)?;
        lake.append("gold", "short", None)?;
        dag.server.end(&short, true)?;
        let refusal = lake.refusal()?;
        assert!(refusal.contains(&format!("may be of run {long}, begun ")), "{refusal}");
        dag.server.end(&long, true)?;
        assert_eq!(lake.sync(0)?, "published");
        assert_eq!(lake.standby()?, ["bronze/1", "bronze/long", "gold/1", "gold/short"]);
    }
    Ok(())
}

#[test]
fn a_run_that_was_cleared_hides_nothing_of_what_it_did_before() -> Result<()> {
    for major in [2, 3] {
        let dag = Dag::of(major)?;
        let lake = synced(&dag)?;
        let (cleared, short) = (dag.server.begin(), dag.server.begin());
        lake.append("bronze", "half", None)?;
        dag.server.end(&short, true)?;
        dag.server.end(&cleared, false)?;
        // by what Airflow tells of it, it begins after the other one's end
        dag.server.clear(&cleared)?;
        let refusal = lake.refusal()?;
        assert!(refusal.contains(&format!("may be of run {cleared} which")), "{refusal}");
        dag.server.begin_again(&cleared)?;
        let refusal = lake.refusal()?;
        assert!(refusal.contains(&format!("may be of run {cleared} which")), "{refusal}");
        dag.server.end(&cleared, true)?;
        assert_eq!(lake.sync(0)?, "published");
    }
    Ok(())
}
