//! What the Airflow APIs answer, as far as it matters. Pure.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::cut::{Began, Run, RunState};

/// A page of `dagRuns`.
#[derive(Debug, Deserialize)]
pub(super) struct RunsPage {
    pub(super) dag_runs: Vec<DagRun>,
    pub(super) total_entries: u64,
}

/// A DAG run. States beside those that are known are no success.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct DagRun {
    #[serde(rename = "dag_run_id")]
    pub(super) id: String,
    state: Option<String>,
    start_date: Option<DateTime<Utc>>,
    end_date: Option<DateTime<Utc>>,
    run_type: Option<String>,
    /// Airflow 3: when it may begin at the earliest.
    run_after: Option<DateTime<Utc>>,
    /// When a scheduled run of Airflow 2 may begin at the earliest.
    data_interval_end: Option<DateTime<Utc>>,
}

/// A page of `taskInstances`.
#[derive(Debug, Deserialize)]
pub(super) struct TasksPage {
    pub(super) task_instances: Vec<TaskInstance>,
    pub(super) total_entries: u64,
}

/// A task of a run.
#[derive(Debug, Deserialize)]
pub(super) struct TaskInstance {
    try_number: Option<i64>,
}

impl TaskInstance {
    fn tries(&self) -> i64 {
        self.try_number.unwrap_or_default()
    }
}

impl DagRun {
    fn state(&self) -> RunState {
        match (self.state.as_deref(), self.end_date) {
            (_, None) | (Some("queued" | "running"), _) => RunState::Active,
            (Some("success"), Some(_)) => RunState::Success,
            _ => RunState::Failed,
        }
    }

    /// When it ended; none while it is under way.
    pub(super) fn ended(&self) -> Option<DateTime<Utc>> {
        self.end_date.filter(|_| self.state() != RunState::Active)
    }

    /// Whether it ended with success.
    pub(super) fn is_success(&self) -> bool {
        self.state() == RunState::Success
    }

    /// The run. Clearing a run makes it begin anew, and Airflow forgets when it began before; only the tries of its tasks
    /// tell of it.
    pub(super) fn into_run(self, tasks: &[TaskInstance]) -> Run {
        let tries = tasks.iter().map(TaskInstance::tries).max().unwrap_or_default();
        let (state, ended) = (self.state(), self.ended());
        let began_before = tries > 1 || (tries > 0 && self.start_date.is_none());
        if self.start_date.is_none() && !began_before && state == RunState::Active {
            return Run { id: self.id, spells: Vec::new(), state };
        }
        let earliest = self.earliest();
        let began = if began_before { earliest } else { self.start_date.or(earliest) };
        Run::once(self.id, began.map_or(Began::Unknown, Began::At), ended, state)
    }

    /// Before this no execution of it began.
    fn earliest(&self) -> Option<DateTime<Utc>> {
        let scheduled = self.run_type.as_deref() == Some("scheduled");
        self.run_after.or(self.data_interval_end.filter(|_| scheduled))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn run(fields: &Value, tries: &[i64]) -> Run {
        let mut run = json!({
            "dag_run_id": "r", "state": "success", "run_type": "manual", "start_date": "2026-11-20T08:00:01.250001+00:00",
            "end_date": "2026-11-20T08:00:09.999999+00:00", "data_interval_end": "2026-11-20T08:00:00+00:00",
        });
        run.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let tasks: Vec<TaskInstance> =
            tries.iter().map(|tries| TaskInstance { try_number: Some(*tries) }).collect();
        serde_json::from_value::<DagRun>(run).unwrap().into_run(&tasks)
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn ends_keep_every_digit() {
        let run = run(&json!({}), &[1, 1]);
        assert_eq!(run.finished(), Some(at("2026-11-20T08:00:09.999999Z")));
        assert_eq!(run.spells[0].began, Began::At(at("2026-11-20T08:00:01.250001Z")));
    }

    #[test]
    fn only_a_success_is_a_success() {
        for (fields, state) in [
            (json!({"state": "failed"}), RunState::Failed),
            (json!({"state": "of tomorrow"}), RunState::Failed),
            (json!({"state": null}), RunState::Failed),
            (json!({"state": "running"}), RunState::Active),
            (json!({"end_date": null}), RunState::Active),
        ] {
            assert_eq!(run(&fields, &[1]).state, state, "{fields}");
        }
    }

    #[test]
    fn a_run_that_was_cleared_may_have_begun_at_any_time_before() {
        assert_eq!(run(&json!({}), &[1, 2]).spells[0].began, Began::Unknown);
        let scheduled = run(&json!({"run_type": "scheduled"}), &[1, 2]);
        assert_eq!(scheduled.spells[0].began, Began::At(at("2026-11-20T08:00:00Z")));
        let third = run(&json!({"run_after": "2026-11-20T07:59:00Z"}), &[2]);
        assert_eq!(third.spells[0].began, Began::At(at("2026-11-20T07:59:00Z")));
        let waiting = json!({"state": "queued", "start_date": null, "end_date": null});
        assert_eq!(run(&waiting, &[1]).spells.len(), 1, "cleared, and not begun again");
        assert_eq!(run(&waiting, &[0]).spells.len(), 0, "never begun");
    }
}
