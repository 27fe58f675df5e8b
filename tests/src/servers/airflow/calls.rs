//! What the calls do.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::super::stand_in::{Answer, Request};
use super::{Airflow2Or3, DagRun, USER};

/// Rows of a page, whatever is asked for (`maximum_page_limit`).
const PAGE: usize = 2;
const SESSION: &str = "a-session";

fn refused(status: u16, title: &str) -> Answer {
    Answer::new(status, json!({"status": status, "title": title, "detail": title, "type": "about:blank"}))
}

fn text(at: Option<DateTime<Utc>>) -> Option<String> {
    at.map(|at| at.to_rfc3339_opts(SecondsFormat::Micros, false))
}

impl Airflow2Or3 {
    pub(super) fn answer(&mut self, request: &Request) -> Answer {
        if self.lost {
            return refused(503, "the stand-in was told to say so");
        }
        let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
        let api = if self.major == 2 { "v1" } else { "v2" };
        match (request.method.as_str(), path.as_slice()) {
            ("GET", ["air", "api", "v2", "version"]) if self.major == 3 => {
                Answer::new(200, json!({"version": "3.0.6", "git_version": null}))
            }
            ("POST", ["air", "auth", "token"]) if self.major == 3 => self.token(request),
            ("GET" | "PATCH", ["air", "api", version, "dags", dag, rest @ ..]) if *version == api => {
                if !self.lets_in(request) {
                    return refused(401, "Unauthorized");
                }
                if *dag != self.dag {
                    return refused(404, "DAG not found");
                }
                self.of_dag(request, rest)
            }
            _ => refused(404, "Not Found"),
        }
    }

    fn lets_in(&self, request: &Request) -> bool {
        match self.major {
            2 => request.basic().is_some_and(|(user, password)| user == USER && password == self.password),
            _ => request.bearer() == Some(SESSION),
        }
    }

    fn token(&self, request: &Request) -> Answer {
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        if body["username"] == USER && body["password"] == *self.password {
            return Answer::new(201, json!({"access_token": SESSION}));
        }
        refused(401, "Invalid credentials")
    }

    fn of_dag(&mut self, request: &Request, rest: &[&str]) -> Answer {
        if request.method == "PATCH" {
            return self.pause(request, rest);
        }
        match rest {
            [] => Answer::new(200, json!({"dag_id": self.dag, "is_paused": self.paused})),
            ["dagRuns"] => self.runs(request),
            ["dagRuns", run, "taskInstances"] => match self.runs.iter().find(|known| known.id == *run) {
                None => refused(404, "DAGRun not found"),
                Some(run) => {
                    let task = |name: &str, tries: u32| json!({"task_id": name, "dag_run_id": run.id, "try_number": tries, "state": run.state});
                    let rows = vec![task("load", 1.min(run.tries)), task("sum", run.tries), task("say", 1)];
                    page(request, "task_instances", rows)
                }
            },
            _ => refused(404, "Not Found"),
        }
    }

    fn pause(&mut self, request: &Request, rest: &[&str]) -> Answer {
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        match (rest, request.get("update_mask"), body["is_paused"].as_bool()) {
            ([], Some("is_paused"), Some(paused)) => {
                self.paused = paused;
                Answer::new(200, json!({"dag_id": self.dag, "is_paused": paused}))
            }
            _ => refused(400, "Bad Request"),
        }
    }

    fn runs(&self, request: &Request) -> Answer {
        let states: Vec<&str> = request.all("state").collect();
        let since: Option<DateTime<Utc>> = request.number("end_date_gte");
        let wanted = |run: &&DagRun| {
            (states.is_empty() || states.contains(&run.state))
                && since.is_none_or(|since| run.ended.is_some_and(|ended| ended >= since))
        };
        let rows = self.runs.iter().filter(wanted).map(|run| self.run(run)).collect();
        page(request, "dag_runs", rows)
    }

    fn run(&self, run: &DagRun) -> Value {
        let mut told = json!({
            "dag_id": self.dag, "dag_run_id": run.id, "state": run.state, "run_type": "manual", "conf": {},
            "logical_date": null, "start_date": text(run.began), "end_date": text(run.ended),
            "data_interval_start": null, "data_interval_end": null, "note": null,
        });
        if self.major == 2 {
            told["external_trigger"] = json!(true);
        }
        told
    }
}

fn page(request: &Request, field: &str, rows: Vec<Value>) -> Answer {
    let (total, from) = (rows.len(), request.number("offset").unwrap_or(0));
    let shown: Vec<Value> = rows.into_iter().skip(from).take(PAGE).collect();
    Answer::new(200, json!({field: shown, "total_entries": total}))
}
