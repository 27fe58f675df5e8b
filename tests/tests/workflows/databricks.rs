//! A Databricks job: whose runs overlap, are repaired, and whose service has no time.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use lakedr_e2e::environment::{checkout, tool};
use lakedr_e2e::running::Running;
use serde_json::{Value, json};

use crate::lake::{Lake, TABLES};
use crate::sources::{Job, Source as _};

fn lake(job: &Job) -> Result<Lake> {
    Lake::new(&job.attributes()?, job.secrets())
}

#[test]
fn commits_that_name_their_run_are_told_apart_while_runs_overlap() -> Result<()> {
    let job = Job::with_token()?;
    let lake = lake(&job)?;
    let (first, second) = (job.workspace.begin(job.id), job.workspace.begin(job.id));
    let (named_first, named_second) = (first.to_string(), second.to_string());
    lake.append("bronze", "1", Some(&named_first))?;
    lake.append("gold", "1", Some(&named_first))?;
    lake.append("bronze", "2", Some(&named_second))?;
    job.workspace.end(first, "SUCCESS")?;
    assert_eq!(lake.sync(0)?, "published");
    assert_eq!(lake.standby()?, ["bronze/1", "gold/1"], "nothing of the run that goes on");
    lake.append("gold", "2", Some(&named_second))?;
    job.workspace.end(second, "SUCCESS")?;
    assert_eq!(lake.sync(0)?, "published");
    assert_eq!(lake.standby()?, ["bronze/1", "bronze/2", "gold/1", "gold/2"]);
    Ok(())
}

#[test]
fn c1_06_other_runs_inside_the_window_are_never_taken() -> Result<()> {
    let job = Job::with_token()?;
    let lake = lake(&job)?;
    let (first, second) = (job.workspace.begin(job.id), job.workspace.begin(job.id));
    // both write the same table, in turns
    lake.append("bronze", "2", Some(&second.to_string()))?;
    lake.append("bronze", "1", Some(&first.to_string()))?;
    lake.append("gold", "1", Some(&first.to_string()))?;
    job.workspace.end(first, "SUCCESS")?;
    let refusal = lake.refusal()?;
    assert!(refusal.contains("is no boundary in world.etl.t000"), "{refusal}");
    assert!(refusal.contains("belongs to a later state"), "{refusal}");
    job.workspace.end(second, "RUN_EXECUTION_ERROR")?;
    let third = job.workspace.begin(job.id);
    job.workspace.end(third, "SUCCESS")?;
    assert_eq!(lake.sync(0)?, "published", "a run that ends alone is a boundary");
    assert_eq!(lake.standby()?, ["bronze/1", "bronze/2", "gold/1"]);
    Ok(())
}

#[test]
fn c1_06_of_commits_that_name_nobody_overlapping_runs_leave_doubt() -> Result<()> {
    let job = Job::with_token()?;
    let lake = lake(&job)?;
    let (first, second) = (job.workspace.begin(job.id), job.workspace.begin(job.id));
    lake.append("bronze", "?", None)?;
    job.workspace.end(first, "SUCCESS")?;
    let refusal = lake.refusal()?;
    assert!(refusal.contains(&format!("may be of run {second}")), "{refusal}");
    job.workspace.end(second, "SUCCESS")?;
    assert_eq!(lake.sync(0)?, "published");
    Ok(())
}

#[test]
fn c1_05_a_run_that_began_before_the_last_one_ended_is_seen() -> Result<()> {
    let job = Job::with_token()?;
    let lake = lake(&job)?;
    let long = job.workspace.begin(job.id);
    let short = job.workspace.begin(job.id);
    lake.append("bronze", "short", Some(&short.to_string()))?;
    job.workspace.end(short, "SUCCESS")?;
    assert_eq!(lake.sync(0)?, "published");
    lake.append("gold", "long", Some(&long.to_string()))?;
    job.workspace.end(long, "SUCCESS")?;
    let report = lake.lakedr(0, &["sync"])?;
    assert_eq!(report["cut"]["run"]["id"], long.to_string(), "{report}");
    assert_eq!(lake.standby()?, ["bronze/short", "gold/long"]);
    Ok(())
}

#[test]
fn c1_05_a_run_between_failure_and_repair_of_another_is_a_boundary() -> Result<()> {
    let job = Job::with_token()?;
    let lake = lake(&job)?;
    let repaired = job.workspace.begin(job.id);
    lake.append("bronze", "half", None)?;
    job.workspace.end(repaired, "RUN_EXECUTION_ERROR")?;
    let between = job.workspace.begin(job.id);
    lake.append("gold", "between", None)?;
    job.workspace.end(between, "SUCCESS")?;
    lake.append("gold", "nobody's", None)?;
    job.workspace.repair(repaired)?;
    lake.append("bronze", "rest", None)?;
    assert_eq!(lake.sync(0)?, "published");
    assert_eq!(lake.standby()?, ["bronze/half", "gold/between"]);
    job.workspace.end(repaired, "SUCCESS")?;
    assert_eq!(lake.sync(0)?, "published");
    assert_eq!(lake.standby()?.len(), 4);
    Ok(())
}

#[test]
fn c1_05_a_repair_that_waits_hides_nothing_of_what_the_run_wrote_before() -> Result<()> {
    let job = Job::with_token()?;
    let lake = lake(&job)?;
    let (repaired, short) = (job.workspace.begin(job.id), job.workspace.begin(job.id));
    lake.append("bronze", "half", None)?;
    job.workspace.end(short, "SUCCESS")?;
    lake.append("gold", "half", None)?;
    job.workspace.end(repaired, "RUN_EXECUTION_ERROR")?;
    job.workspace.queue_repair(repaired)?;
    let refusal = lake.refusal()?;
    assert!(refusal.contains(&format!("may be of run {repaired}, begun ")), "{refusal}");
    Ok(())
}

#[test]
fn c1_09_success_with_failures_and_unknown_codes_are_no_success() -> Result<()> {
    let job = Job::with_token()?;
    let lake = lake(&job)?;
    for code in ["SUCCESS_WITH_FAILURES", "A_CODE_OF_TOMORROW"] {
        let run = job.workspace.begin(job.id);
        job.workspace.end(run, code)?;
        assert_eq!(lake.sync(3)?, "no_finished_run", "{code}");
    }
    let run = job.workspace.begin(job.id);
    job.workspace.end(run, "SUCCESS")?;
    job.workspace.speak_deprecated();
    assert_eq!(lake.sync(0)?, "published", "a workspace that has only `state` is understood");
    Ok(())
}

#[test]
fn c1_10_an_older_success_is_found_behind_many_failures() -> Result<()> {
    let job = Job::with_token()?;
    let lake = lake(&job)?;
    let success = job.workspace.begin(job.id);
    for table in TABLES {
        lake.append(table, "1", None)?;
    }
    job.workspace.end(success, "SUCCESS")?;
    std::thread::sleep(Duration::from_millis(20));
    for _ in 0..30 {
        let failed = job.workspace.begin(job.id);
        job.workspace.end(failed, "RUN_EXECUTION_ERROR")?;
    }
    let report = lake.lakedr(0, &["sync"])?;
    assert_eq!(report["cut"]["run"]["id"], success.to_string());
    let pages = job.workspace.asked().iter().filter(|asked| asked.contains("page_token")).count();
    assert!(pages >= 15, "{pages} pages");
    assert!(job.workspace.asked().iter().all(|asked| !asked.contains("/2.1/")));
    Ok(())
}

#[test]
fn c1_11_a_job_is_named_or_numbered_and_never_guessed() -> Result<()> {
    let job = Job::with_token()?;
    let lake = lake(&job)?;
    let others: Vec<i64> = (0..4).map(|_| job.workspace.job("Etl")).collect();
    let report = lake.lakedr(2, &["sync"])?;
    let message = report["error"]["message"].as_str().unwrap_or_default();
    let ids = std::iter::once(job.id).chain(others).map(|id| id.to_string()).collect::<Vec<_>>().join(", ");
    assert!(message.contains(&format!("has 5 jobs named \"etl\", with the ids {ids}")), "{message}");
    lake.declare(&job.named(&json!({"id": job.id})))?;
    assert_eq!(lake.sync(3)?, "no_finished_run");
    lake.declare(&job.named(&json!({"id": 77})))?;
    let report = lake.lakedr(2, &["validate"])?;
    assert!(report.to_string().contains("Job does not exist"), "{report}");
    lake.declare(&job.named(&json!({"name": "no such job"})))?;
    let report = lake.lakedr(2, &["validate"])?;
    assert!(report.to_string().contains("has no job named"), "{report}");
    Ok(())
}

#[test]
fn c1_12_a_service_that_has_no_time_is_asked_again_and_an_error_is_never_green() -> Result<()> {
    let job = Job::with_client()?;
    let lake = lake(&job)?;
    let run = job.workspace.begin(job.id);
    for table in TABLES {
        lake.append(table, "1", None)?;
    }
    job.workspace.end(run, "SUCCESS")?;
    for (status, wait) in [(429, Some(1)), (503, None), (500, None)] {
        job.workspace.trouble(status, wait);
    }
    assert_eq!(lake.sync(0)?, "published");
    // more than patience allows: out of reach, worth retrying, and nothing of the standby changes
    job.workspace.trouble(429, Some(3_600));
    let report = lake.lakedr(5, &["sync"])?;
    assert!(report.to_string().contains("429"), "{report}");
    assert_eq!(lake.standby()?, ["bronze/1", "gold/1"]);
    Ok(())
}

#[test]
fn c1_02_without_any_finished_run_the_group_waits_and_says_so() -> Result<()> {
    let job = Job::with_token()?;
    let lake = lake(&job)?;
    let run = job.workspace.begin(job.id);
    job.workspace.end(run, "USER_CANCELED")?;
    let refusal = lake.refusal()?;
    assert!(
        refusal.contains("no run of the workflow has finished with success (1 run(s) seen)"),
        "{refusal}"
    );
    Ok(())
}

#[test]
fn c1_03_a_stale_group_is_an_alert_and_never_a_torn_copy() -> Result<()> {
    let job = Job::with_token()?;
    let mut attributes = job.attributes()?;
    attributes.insert("rpo_target".to_owned(), json!("1s"));
    let lake = Lake::new(&attributes, job.secrets())?;
    let run = job.workspace.begin(job.id);
    for table in TABLES {
        lake.append(table, "1", None)?;
    }
    job.workspace.end(run, "SUCCESS")?;
    assert_eq!(lake.sync(0)?, "published");
    let _under_way = job.workspace.begin(job.id);
    lake.append("bronze", "2", None)?;
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(lake.sync(0)?, "up_to_date");
    assert_eq!(lake.standby()?, ["bronze/1", "gold/1"]);
    let status = lake.lakedr(4, &["status"])?;
    assert_eq!((&status["rpo_met"], &status["runs_behind"]), (&json!(false), &json!(0)), "{status}");
    Ok(())
}

#[test]
fn c1_08_subsecond_end_is_kept_to_the_millisecond() -> Result<()> {
    let job = Job::with_token()?;
    let lake = lake(&job)?;
    // the end of the run lies in the same second as its last commit, and as the first one after it
    let run = job.workspace.begin(job.id);
    for table in TABLES {
        lake.append(table, "1", None)?;
    }
    job.workspace.end(run, "SUCCESS")?;
    let _next = job.workspace.begin(job.id);
    lake.append("bronze", "2", None)?;
    let report = lake.lakedr(0, &["sync"])?;
    assert_eq!(lake.standby()?, ["bronze/1", "gold/1"], "{report}");
    Ok(())
}

#[test]
fn c1_13_a_table_that_did_not_exist_refuses_the_whole_group() -> Result<()> {
    let job = Job::with_token()?;
    let lake = lake(&job)?;
    let run = job.workspace.begin(job.id);
    lake.append("bronze", "1", None)?;
    job.workspace.end(run, "SUCCESS")?;
    std::thread::sleep(Duration::from_millis(20));
    std::fs::remove_dir_all(lake.world.source("gold"))?;
    lake.create("gold")?;
    let report = lake.lakedr(3, &["sync"])?;
    assert_eq!(report["error"]["type"], "table_missing", "{report}");
    assert!(!lake.world.target("bronze").exists(), "nothing is copied");
    Ok(())
}

#[test]
fn a_token_that_is_withdrawn_is_asked_for_again_and_a_wrong_one_is_said() -> Result<()> {
    let job = Job::with_client()?;
    let lake = lake(&job)?;
    let run = job.workspace.begin(job.id);
    job.workspace.end(run, "SUCCESS")?;
    job.workspace.trouble(401, None);
    assert_eq!(lake.sync(0)?, "published");
    let asked = job.workspace.asked();
    assert_eq!(asked.iter().filter(|asked| asked.contains("oidc/v1/token")).count(), 2, "{asked:?}");
    job.workspace.trouble(403, None);
    let report = lake.lakedr(4, &["sync"])?;
    assert_eq!(report["error"]["type"], "denied", "{report}");
    Ok(())
}

/// What the vendor's SDK makes of a workspace.
fn sdk(job: &Job, login: &[(&str, &str)], more: &[&str]) -> Result<Value> {
    let mut command = Command::new(tool("venv/bin/python")?);
    command.arg(checkout().join("tests/databricks/ask.py")).args([&job.workspace.url(), "etl"]).args(more);
    command.env("DATABRICKS_CONFIG_FILE", "/dev/null").env("PYTHONDONTWRITEBYTECODE", "1");
    command.envs(login.iter().copied());
    let outcome = Running::spawn(&mut command)?.wait(Duration::from_secs(120))?;
    ensure!(outcome.code == Some(0), "{outcome}");
    outcome.json()
}

#[test]
fn the_sdk_of_the_vendor_understands_the_stand_in() -> Result<()> {
    let job = Job::with_client()?;
    let secrets = job.secrets();
    let secret = |name: &str| secrets.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value);
    let client = [
        ("DATABRICKS_CLIENT_ID", secret("RING_CLIENT")),
        ("DATABRICKS_CLIENT_SECRET", secret("RING_SECRET")),
    ];
    let (first, second, third) =
        (job.workspace.begin(job.id), job.workspace.begin(job.id), job.workspace.begin(job.id));
    job.workspace.end(first, "SUCCESS")?;
    for code in ["RUN_EXECUTION_ERROR", "CLUSTER_ERROR"] {
        job.workspace.end(second, code)?;
        job.workspace.repair(second)?;
    }
    job.workspace.end(second, "SUCCESS")?;
    for (auth, login) in [("pat", &[("DATABRICKS_TOKEN", secret("RING_TOKEN"))][..]), ("oauth-m2m", &client)]
    {
        job.workspace.trouble(429, Some(0));
        let found = sdk(&job, login, &[])?;
        assert_eq!((&found["auth"], &found["name"]), (&json!(auth), &json!("ETL")), "{found}");
        assert_eq!((&found["jobs"], &found["active"]), (&json!([job.id]), &json!([third])), "{found}");
        let runs = found["runs"].as_array().context("runs")?;
        let of = |id: i64| runs.iter().find(|run| run["id"] == id).context("a run");
        assert_eq!(runs.len(), 3, "all pages: {found}");
        assert_eq!((&of(first)?["state"], &of(first)?["code"]), (&json!("TERMINATED"), &json!("SUCCESS")));
        assert_eq!((&of(third)?["state"], &of(third)?["ended"]), (&json!("RUNNING"), &json!(0)));
        let executions = of(second)?["executions"].as_array().context("executions")?;
        let codes: Vec<&Value> = executions.iter().map(|execution| &execution["code"]).collect();
        assert_eq!(codes, ["RUN_EXECUTION_ERROR", "CLUSTER_ERROR", "SUCCESS"], "all pages: {found}");
    }
    // lakedr sees the same: the newest end is that of the repair
    let report = lake(&job)?.lakedr(0, &["status"])?;
    assert_eq!(report["runs_behind"], 2, "{report}");
    Ok(())
}

#[test]
fn the_sdk_of_the_vendor_stops_and_starts_what_the_stand_in_has() -> Result<()> {
    let job = Job::with_token()?;
    let schedule =
        json!({"quartz_cron_expression": "0 0 * * * ?", "timezone_id": "UTC", "pause_status": "UNPAUSED"});
    job.workspace.set_up(job.id, &json!({"schedule": schedule}));
    job.workspace.warehouse("wh", "RUNNING");
    job.workspace.cluster("cl", "RUNNING");
    job.workspace.pool("pool", 2);
    let secrets = job.secrets();
    let token = secrets.iter().find(|(name, _)| name == "RING_TOKEN").context("a token")?;
    let found = sdk(&job, &[("DATABRICKS_TOKEN", &token.1)], &["turn"])?;
    let expected = json!({
        "paused": "PAUSED", "cron": "0 0 * * * ?", "stopped": "STOPPED", "started": "RUNNING",
        "terminated": "TERMINATED", "running": "RUNNING", "min_idle": 0,
    });
    assert_eq!(found, expected);
    Ok(())
}
