//! What the Jobs API answers, as far as it matters. Pure.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::cut::{Began, Run, RunState, Spell};

/// A page of `jobs/list`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct JobsPage {
    pub(super) jobs: Vec<Job>,
    pub(super) next_page_token: Option<String>,
}

/// A job.
#[derive(Debug, Deserialize)]
pub(super) struct Job {
    pub(super) job_id: i64,
    #[serde(default)]
    pub(super) settings: Settings,
}

/// Settings of a job.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Settings {
    pub(super) name: String,
}

/// A page of `jobs/runs/list`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RunsPage {
    pub(super) runs: Vec<JobRun>,
    pub(super) next_page_token: Option<String>,
}

/// A page of `jobs/runs/get`: the run, and at most a hundred elements of each of its lists.
#[derive(Debug, Deserialize)]
pub(super) struct RunPage {
    #[serde(flatten)]
    pub(super) run: JobRun,
    pub(super) next_page_token: Option<String>,
}

/// A run. Lists of states are open: what is not known is no success.
#[derive(Debug, Deserialize)]
pub(super) struct JobRun {
    run_id: i64,
    #[serde(flatten)]
    was: Execution,
    #[serde(default)]
    repair_history: Vec<Execution>,
}

/// A run as a whole, its first execution, or a repair.
#[derive(Debug, Deserialize)]
struct Execution {
    #[serde(default)]
    start_time: i64,
    /// 0 while it is under way.
    #[serde(default)]
    end_time: i64,
    status: Option<Status>,
    state: Option<State>,
}

#[derive(Debug, Deserialize)]
struct Status {
    state: String,
    termination_details: Option<Termination>,
}

#[derive(Debug, Deserialize)]
struct Termination {
    #[serde(default)]
    code: String,
}

/// What `status` replaces.
#[derive(Debug, Deserialize)]
struct State {
    #[serde(default)]
    life_cycle_state: String,
    #[serde(default)]
    result_state: String,
}

/// 0 is no time.
fn instant(ms: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(ms).filter(|_| ms > 0)
}

impl Execution {
    fn life(&self) -> &str {
        match (&self.status, &self.state) {
            (Some(status), _) => &status.state,
            (None, Some(state)) => &state.life_cycle_state,
            (None, None) => "",
        }
    }

    fn is_under_way(&self) -> bool {
        let active =
            ["BLOCKED", "PENDING", "QUEUED", "RUNNING", "TERMINATING", "WAITING", "WAITING_FOR_RETRY"];
        self.end_time <= 0 || active.contains(&self.life())
    }

    fn succeeded(&self) -> bool {
        let result = match (&self.status, &self.state) {
            (Some(status), _) => status.termination_details.as_ref().map(|details| details.code.as_str()),
            (None, Some(state)) => Some(state.result_state.as_str()),
            (None, None) => None,
        };
        self.life() == "TERMINATED" && result == Some("SUCCESS")
    }

    /// Whether it waits for its turn, and has written nothing.
    fn is_queued(&self) -> bool {
        self.life() == "QUEUED"
    }

    fn spell(&self) -> Spell {
        Spell {
            began: instant(self.start_time).map_or(Began::Unknown, Began::At),
            ended: if self.is_under_way() { None } else { instant(self.end_time) },
        }
    }
}

impl JobRun {
    /// The same run with what a further page tells of it.
    pub(super) fn and(mut self, more: Self) -> Self {
        self.repair_history.extend(more.repair_history);
        self
    }

    /// The stretches in which it may have written, as its history has them; an execution in the queue is none.
    fn history(&self) -> Vec<Spell> {
        let waits = |execution: &Execution| {
            execution.is_queued() || (self.was.is_queued() && execution.end_time <= 0)
        };
        let executions = self.repair_history.iter().filter(|execution| !waits(execution));
        executions.map(Execution::spell).collect()
    }
}

impl From<JobRun> for Run {
    fn from(run: JobRun) -> Self {
        let state = match (run.was.is_under_way(), run.was.succeeded()) {
            (true, _) => RunState::Active,
            (false, true) => RunState::Success,
            (false, false) => RunState::Failed,
        };
        let mut spells = run.history();
        if run.was.is_queued() {
            return Self { id: run.run_id.to_string(), spells, state };
        }
        if spells.is_empty() {
            spells.push(run.was.spell());
        }
        // the end of the run is that of its last execution, whatever the history has seen of it
        let told = run.was.spell().ended;
        if let Some(last) = spells.last_mut() {
            last.ended = told.map(|told| last.ended.map_or(told, |ended| ended.max(told)));
        }
        Self { id: run.run_id.to_string(), spells, state }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn run(fields: &Value) -> Run {
        let mut run = json!({"run_id": 7, "start_time": 1_000, "end_time": 5_000});
        run.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        serde_json::from_value::<JobRun>(run).unwrap().into()
    }

    fn status(state: &str, code: &str) -> Value {
        json!({"state": state, "termination_details": {"code": code, "type": "SUCCESS", "message": ""}})
    }

    fn at(ms: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(ms).unwrap()
    }

    #[test]
    fn only_a_success_is_a_success() {
        for (fields, state) in [
            (json!({"status": status("TERMINATED", "SUCCESS")}), RunState::Success),
            (json!({"status": status("TERMINATED", "SUCCESS_WITH_FAILURES")}), RunState::Failed),
            (json!({"status": status("TERMINATED", "RUN_EXECUTION_ERROR")}), RunState::Failed),
            (json!({"status": status("TERMINATED", "OF_TOMORROW")}), RunState::Failed),
            (json!({"status": status("OF_TOMORROW", "SUCCESS")}), RunState::Failed),
            (json!({"status": {"state": "TERMINATED"}}), RunState::Failed),
            (json!({"status": {"state": "RUNNING"}, "end_time": 0}), RunState::Active),
            (json!({"status": {"state": "TERMINATING"}}), RunState::Active),
            (json!({"status": status("TERMINATED", "SUCCESS"), "end_time": 0}), RunState::Active),
            (json!({}), RunState::Failed),
        ] {
            assert_eq!(run(&fields).state, state, "{fields}");
        }
    }

    #[test]
    fn status_wins_over_the_state_that_it_replaces() {
        let failed = json!({"life_cycle_state": "TERMINATED", "result_state": "FAILED"});
        let success = json!({"life_cycle_state": "TERMINATED", "result_state": "SUCCESS"});
        assert_eq!(run(&json!({"state": success})).state, RunState::Success);
        assert_eq!(run(&json!({"state": failed})).state, RunState::Failed);
        let both = json!({"state": success, "status": status("TERMINATED", "CANCELED")});
        assert_eq!(run(&both).state, RunState::Failed);
        let active = json!({"state": {"life_cycle_state": "WAITING_FOR_RETRY"}});
        assert_eq!(run(&active).state, RunState::Active);
    }

    #[test]
    fn a_repaired_run_has_a_stretch_for_each_execution_and_ends_with_the_last() {
        let repaired = run(&json!({
            "end_time": 30_000, "status": status("TERMINATED", "SUCCESS"),
            "repair_history": [
                {"type": "ORIGINAL", "start_time": 1_000, "end_time": 5_000, "status": status("TERMINATED", "RUN_EXECUTION_ERROR")},
                {"type": "REPAIR", "id": 1, "start_time": 20_000, "end_time": 29_900, "status": status("TERMINATED", "SUCCESS")},
            ],
        }));
        assert_eq!(repaired.finished(), Some(at(30_000)));
        assert_eq!(repaired.spells[0], Spell { began: Began::At(at(1_000)), ended: Some(at(5_000)) });
        assert_eq!(repaired.spells[1].began, Began::At(at(20_000)));
        let under_way = run(&json!({
            "end_time": 0, "status": {"state": "RUNNING"},
            "repair_history": [{"type": "ORIGINAL", "start_time": 1_000, "end_time": 5_000}, {"type": "REPAIR", "start_time": 20_000}],
        }));
        assert_eq!((under_way.ended(), under_way.spells.len()), (None, 2));
    }

    #[test]
    fn a_run_in_the_queue_has_written_nothing() {
        let queued = json!({"end_time": 0, "status": {"state": "QUEUED"}});
        let told = |fields: &Value| run(fields);
        assert_eq!((told(&queued).state, told(&queued).spells.len()), (RunState::Active, 0));
        let mut with_history = queued.clone();
        with_history["repair_history"] = json!([{"type": "ORIGINAL", "start_time": 1_000, "end_time": 0}]);
        assert_eq!(told(&with_history).spells.len(), 0);
    }

    #[test]
    fn a_repair_in_the_queue_hides_nothing_of_what_was_written_before() {
        let original = json!({"type": "ORIGINAL", "start_time": 1_000, "end_time": 5_000});
        for waiting in [
            json!({"type": "REPAIR", "start_time": 9_000}),
            json!({"type": "REPAIR", "start_time": 9_000, "end_time": 9_000, "status": {"state": "QUEUED"}}),
        ] {
            let history = json!([original, waiting]);
            let waits =
                run(&json!({"end_time": 0, "status": {"state": "QUEUED"}, "repair_history": history}));
            assert_eq!(waits.ended(), None);
            assert_eq!(waits.spells, [Spell { began: Began::At(at(1_000)), ended: Some(at(5_000)) }]);
        }
    }

    #[test]
    fn pages_of_a_run_are_put_together() {
        let page = |history: Value| {
            let page =
                json!({"run_id": 7, "start_time": 1_000, "end_time": 9_000, "repair_history": history});
            serde_json::from_value::<RunPage>(page).unwrap().run
        };
        let first = page(json!([{"type": "ORIGINAL", "start_time": 1_000, "end_time": 5_000}]));
        let whole: Run =
            first.and(page(json!([{"type": "REPAIR", "start_time": 7_000, "end_time": 9_000}]))).into();
        assert_eq!(whole.spells.len(), 2);
    }
}
