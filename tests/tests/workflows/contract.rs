//! What every source of runs has to bring about: the standby region shows finished runs and nothing of others.

use anyhow::Result;
use serde_json::json;

use crate::lake::{Lake, TABLES};
use crate::sources::{Dag, Job, Marked, Source};

/// Tells the story of five runs.
pub(crate) fn keep(source: &dyn Source) -> Result<()> {
    let mut attributes = source.attributes()?;
    attributes.insert("rpo_target".to_owned(), json!("1h"));
    let lake = Lake::new(&attributes, source.secrets())?;
    let world = &lake.world;
    assert_eq!(lake.lakedr(0, &["validate"])?["valid"], true);
    assert_eq!(lake.sync(3)?, "no_finished_run");
    assert_eq!(
        lake.lakedr(4, &["status"])?["rpo_met"],
        false,
        "nothing is safe yet, and the exit code says so"
    );

    let first = source.begin(world)?;
    lake.append("bronze", "1", None)?;
    assert_eq!(lake.sync(3)?, "no_finished_run", "a run under way is no cut");
    lake.append("gold", "1", None)?;
    source.end(world, &first, true)?;
    assert_eq!(lake.sync(0)?, "published");
    assert_eq!(lake.standby()?, ["bronze/1", "gold/1"]);
    assert_eq!(lake.sync(0)?, "up_to_date");
    let status = lake.lakedr(0, &["status"])?;
    assert_eq!((&status["runs_behind"], &status["rpo_met"]), (&json!(0), &json!(true)));

    let failed = source.begin(world)?;
    lake.append("bronze", "2", None)?;
    assert_eq!(lake.sync(0)?, "up_to_date");
    lake.append("gold", "2", None)?;
    source.end(world, &failed, false)?;
    assert_eq!(lake.sync(0)?, "up_to_date", "a run that failed is no cut");
    assert_eq!(lake.standby()?, ["bronze/1", "gold/1"]);

    let third = source.begin(world)?;
    for table in TABLES {
        lake.append(table, "3", None)?;
    }
    source.end(world, &third, true)?;
    assert_eq!(lake.lakedr(0, &["status"])?["runs_behind"], 1);
    let report = lake.lakedr(0, &["sync"])?;
    assert_eq!(report["cut"]["run"]["id"], third, "{report}");
    let what_is_there = ["bronze/1", "bronze/2", "bronze/3", "gold/1", "gold/2", "gold/3"];
    assert_eq!(lake.standby()?, what_is_there, "what a failed run left behind is part of the state");

    source.again(world, &third)?;
    lake.append("bronze", "4", None)?;
    assert_eq!(lake.sync(0)?, "up_to_date", "a run that begins again is under way");
    lake.append("gold", "4", None)?;
    source.end(world, &third, true)?;
    let again = lake.lakedr(0, &["sync"])?;
    assert_eq!((&again["outcome"], &again["cut"]["run"]["id"]), (&json!("published"), &json!(third)));
    assert_ne!(again["cut"]["run"]["ended_at"], report["cut"]["run"]["ended_at"], "it counts anew");
    assert_eq!(lake.standby()?.len(), 8);

    let last = source.begin(world)?;
    for table in TABLES {
        lake.append(table, "5", None)?;
    }
    source.end(world, &last, true)?;
    lake.optimize("bronze", "all")?;
    assert_eq!(lake.sync(0)?, "published", "maintenance is neutral");
    assert!(lake.standby()?.contains(&"bronze/5".to_owned()));
    assert_eq!(lake.lakedr(0, &["verify", "--level", "content"])?["equal"], true);
    Ok(())
}

#[test]
fn a_databricks_job_asked_with_a_token() -> Result<()> {
    keep(&Job::with_token()?)
}

#[test]
fn a_databricks_job_asked_as_a_service_principal() -> Result<()> {
    keep(&Job::with_client()?)
}

#[test]
fn a_dag_of_airflow_2() -> Result<()> {
    keep(&Dag::of(2)?)
}

#[test]
fn a_dag_of_airflow_3() -> Result<()> {
    keep(&Dag::of(3)?)
}

#[test]
fn marked_runs() -> Result<()> {
    keep(&Marked::new()?)
}
