//! What the calls do.

use serde_json::{Value, json};

use super::super::stand_in::{Answer, Request};
use super::{JobRun, Workspace};

/// Rows of a page, whatever is asked for.
const PAGE: usize = 2;

pub(super) fn refused(status: u16, code: &str, message: &str) -> Answer {
    Answer::new(status, json!({"error_code": code, "message": message, "details": []}))
}

impl Workspace {
    pub(super) fn answer(&mut self, request: &Request) -> Answer {
        let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
        let query: Vec<String> =
            request.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        self.asked.push(format!("{} {}?{}", request.method, path.join("/"), query.join("&")));
        match (request.method.as_str(), path.as_slice()) {
            ("POST", ["oidc", "v1", "token"]) => return self.grant(request),
            ("GET", [".well-known", "databricks-config"]) => {
                let metadata =
                    json!({"oidc_endpoint": format!("http://{}/oidc", request.host), "cloud": "AWS"});
                return Answer::new(200, metadata);
            }
            ("GET", ["oidc", ".well-known", "oauth-authorization-server"]) => {
                let here = format!("http://{}/oidc/v1", request.host);
                let endpoints = json!({"token_endpoint": format!("{here}/token"), "authorization_endpoint": format!("{here}/authorize")});
                return Answer::new(200, endpoints);
            }
            _ => {}
        }
        let token = request.bearer().unwrap_or_default();
        if token != self.token && !self.granted.iter().any(|granted| granted == token) {
            return refused(401, "UNAUTHENTICATED", "Credential was not sent or was of an unsupported type");
        }
        match (request.method.as_str(), path.as_slice()) {
            ("GET", ["api", _, "jobs", "list"]) => self.jobs(request),
            ("GET", ["api", _, "jobs", "get"]) => self.job(request),
            ("GET", ["api", _, "jobs", "runs", "list"]) => self.runs(request),
            ("GET", ["api", _, "jobs", "runs", "get"]) => self.run(request),
            _ => {
                let turned = self.turn(request);
                turned.unwrap_or_else(|| refused(404, "ENDPOINT_NOT_FOUND", "No API found"))
            }
        }
    }

    fn grant(&mut self, request: &Request) -> Answer {
        let form: Vec<(String, String)> = url::form_urlencoded::parse(&request.body).into_owned().collect();
        let asked = |name: &str, value: &str| form.iter().any(|(n, v)| n == name && v == value);
        let known = request.basic().is_some_and(|pair| pair == self.client);
        if !known || !asked("grant_type", "client_credentials") || !asked("scope", "all-apis") {
            return Answer::new(
                401,
                json!({"error": "invalid_client", "error_description": "no such client"}),
            );
        }
        let token = format!("granted-{}", self.granted.len() + self.asked.len());
        self.granted.push(token.clone());
        Answer::new(
            200,
            json!({"access_token": token, "token_type": "Bearer", "expires_in": 3600, "scope": "all-apis"}),
        )
    }

    fn jobs(&self, request: &Request) -> Answer {
        let name = request.get("name").map(str::to_lowercase);
        let found =
            self.jobs.iter().filter(|(_, job)| name.as_ref().is_none_or(|name| job.to_lowercase() == *name));
        let rows: Vec<Value> = found.map(|(id, name)| self.told_job(*id, name)).collect();
        page(request, "jobs", rows)
    }

    fn job(&self, request: &Request) -> Answer {
        let wanted: Option<i64> = request.number("job_id");
        match self.jobs.iter().find(|(id, _)| Some(*id) == wanted) {
            Some((id, name)) => Answer::new(200, self.told_job(*id, name)),
            None => refused(400, "INVALID_PARAMETER_VALUE", "Job does not exist."),
        }
    }

    fn told_job(&self, id: i64, name: &str) -> Value {
        let mut told = job(id, name);
        for (field, value) in self.compute.settings.get(&id).into_iter().flatten() {
            told["settings"][field] = value.clone();
        }
        told
    }

    fn runs(&self, request: &Request) -> Answer {
        if request.number::<u32>("limit").is_some_and(|limit| limit >= 25) {
            return refused(400, "INVALID_PARAMETER_VALUE", "limit must be under 25");
        }
        let wanted: Option<i64> = request.number("job_id");
        let active_only = request.get("active_only") == Some("true");
        let mut found: Vec<&JobRun> = self
            .runs
            .iter()
            .filter(|run| wanted.is_none_or(|job| run.job == job))
            .filter(|run| !active_only || run.state != "TERMINATED")
            .collect();
        found.sort_by_key(|run| run.id % 11);
        let rows = found.into_iter().map(|run| self.told(run)).collect();
        page(request, "runs", rows)
    }

    /// A run; with its repairs if they are asked for, a few a page.
    fn run(&self, request: &Request) -> Answer {
        let wanted: Option<i64> = request.number("run_id");
        let Some(run) = self.runs.iter().find(|run| Some(run.id) == wanted) else {
            return refused(400, "INVALID_PARAMETER_VALUE", "Run does not exist.");
        };
        let with_history = request.get("include_history") == Some("true");
        let history = if with_history { repairs(run) } else { Vec::new() };
        let mut answer = page(request, "repair_history", history);
        for (field, value) in self.told(run).as_object().into_iter().flatten() {
            answer.body[field] = value.clone();
        }
        answer
    }

    /// A run as a list has it: without its repairs.
    fn told(&self, run: &JobRun) -> Value {
        let (began, ..) = run.executions[0];
        let (_, ended, code) = run.executions[run.executions.len() - 1].clone();
        let mut told = json!({
            "job_id": run.job, "run_id": run.id, "job_run_id": run.id, "number_in_job": run.id,
            "original_attempt_run_id": run.id, "attempt_number": 0, "start_time": began, "end_time": ended,
            "run_type": "JOB_RUN", "trigger": "PERIODIC", "run_name": "etl", "creator_user_name": "somebody",
            "state": state(&run.state, &code),
        });
        if !self.deprecated {
            told["status"] = status(&run.state, &code);
        }
        told
    }
}

fn repairs(run: &JobRun) -> Vec<Value> {
    let executions = run.executions.iter().enumerate();
    let told = executions.map(|(number, (began, ended, code))| {
        let life = if *ended > 0 { "TERMINATED" } else { run.state.as_str() };
        json!({
            "type": if number == 0 { "ORIGINAL" } else { "REPAIR" }, "id": number,
            "start_time": began, "end_time": ended, "state": state(life, code), "status": status(life, code),
        })
    });
    told.collect()
}

fn job(id: i64, name: &str) -> Value {
    json!({
        "job_id": id, "creator_user_name": "somebody", "created_time": 1_700_000_000_000_i64,
        "settings": {"name": name, "max_concurrent_runs": 1, "format": "MULTI_TASK"},
    })
}

fn status(life: &str, code: &str) -> Value {
    if life != "TERMINATED" {
        return json!({"state": life});
    }
    let kind = if code == "SUCCESS" { "SUCCESS" } else { "CLIENT_ERROR" };
    json!({"state": life, "termination_details": {"code": code, "type": kind, "message": ""}})
}

fn state(life: &str, code: &str) -> Value {
    let mut state =
        json!({"life_cycle_state": life, "state_message": "", "user_cancelled_or_timedout": false});
    if life == "TERMINATED" {
        state["result_state"] = json!(if code == "SUCCESS" { "SUCCESS" } else { "FAILED" });
    }
    state
}

/// Pages are told apart by opaque tokens; the page before the last may be empty.
fn page(request: &Request, field: &str, rows: Vec<Value>) -> Answer {
    let from =
        request.get("page_token").and_then(|token| token.strip_prefix("page-")?.parse().ok()).unwrap_or(0);
    let limit = request.number::<usize>("limit").filter(|limit| *limit > 0).unwrap_or(20).min(PAGE);
    let more = rows.len() > from + limit;
    let shown: Vec<Value> = rows.into_iter().skip(from).take(limit).collect();
    let mut body = json!({"has_more": more});
    if !shown.is_empty() {
        body[field] = Value::Array(shown);
    }
    if more {
        body["next_page_token"] = json!(format!("page-{}", from + limit));
    }
    Answer::new(200, body)
}
