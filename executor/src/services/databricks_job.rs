//! Jobs API 2.2. `jobs/update` replaces a top-level field whole, so what is sent is the complete object with another
//! `pause_status`.

use async_trait::async_trait;
use lakedr_control::group_log::Power;
use lakedr_control::service::{Call, Service, ServiceError};
use lakedr_control::spec::DatabricksJobSpec;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::Url;

use super::fault::ServiceFault;
use super::switch::{Seen, State, Switch};
use crate::observe::workflow::job_id;

/// What makes a job run by itself. One of them has to be unpaused for that.
const TRIGGERS: [&str; 3] = ["schedule", "trigger", "continuous"];

/// Runs of a page: `limit` has to be under 25.
const RUNS: &str = "24";

/// A job of a workspace.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) service: Service,
    pub(super) workspace: Url,
    pub(super) job: DatabricksJobSpec,
}

#[derive(Deserialize)]
struct JobAnswer {
    #[serde(default)]
    settings: Map<String, Value>,
}

#[derive(Deserialize)]
struct RunsPage {
    #[serde(default)]
    runs: Vec<Run>,
    #[serde(default)]
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
struct Run {
    run_id: i64,
}

impl Job {
    async fn settings(&self) -> Result<(i64, Map<String, Value>), ServiceFault> {
        let id = job_id(&self.service, &self.workspace, &self.job).await?;
        let call = Call::get("/api/2.2/jobs/get").with_query(&[("job_id", &id.to_string())]);
        let answer: JobAnswer = self.service.ask(&call).await?;
        if has_unknown_triggers(&answer.settings) {
            return Err(ServiceFault::UnknownTriggers { id });
        }
        Ok((id, answer.settings))
    }
}

#[async_trait]
impl Switch for Job {
    async fn look(&self) -> Result<Option<Seen>, ServiceFault> {
        let (_, settings) = self.settings().await?;
        Ok(Some(seen(&settings)))
    }

    async fn ask(&self, wanted: Power) -> Result<(), ServiceFault> {
        let (id, settings) = self.settings().await?;
        let body = json!({"job_id": id, "new_settings": turned(&settings, wanted)});
        let url = self.workspace.to_string();
        let call = Call::post("/api/2.2/jobs/update").with_json(&body);
        let call = call.map_err(|cause| ServiceError::Malformed { url, cause })?;
        Ok(self.service.tell(&call).await?)
    }

    async fn runs_under_way(&self) -> Result<Vec<String>, ServiceFault> {
        let id = job_id(&self.service, &self.workspace, &self.job).await?.to_string();
        let (mut runs, mut token) = (Vec::new(), None::<String>);
        loop {
            let mut query = vec![("job_id", id.as_str()), ("active_only", "true"), ("limit", RUNS)];
            query.extend(token.as_deref().map(|token| ("page_token", token)));
            let page: RunsPage =
                self.service.ask(&Call::get("/api/2.2/jobs/runs/list").with_query(&query)).await?;
            runs.extend(page.runs.iter().map(|run| run.run_id.to_string()));
            token = page.next_page_token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(runs);
            }
        }
    }
}

fn triggers(settings: &Map<String, Value>) -> impl Iterator<Item = (&'static str, &Map<String, Value>)> {
    TRIGGERS.into_iter().filter_map(|name| Some((name, settings.get(name)?.as_object()?)))
}

/// Whether a job runs by itself for nothing but what a list of triggers says. Newer versions of the API have one; how to
/// pause those is not known, and such a job is not one without triggers.
fn has_unknown_triggers(settings: &Map<String, Value>) -> bool {
    let listed = settings.get("triggers").is_some_and(|listed| match listed {
        Value::Null => false,
        Value::Array(listed) => !listed.is_empty(),
        _ => true,
    });
    listed && triggers(settings).next().is_none()
}

/// A trigger that does not say is not paused: that is the default of the API.
fn seen(settings: &Map<String, Value>) -> Seen {
    let paused = |trigger: &Map<String, Value>| trigger.get("pause_status") == Some(&json!("PAUSED"));
    let mut all = triggers(settings).map(|(_, trigger)| paused(trigger)).peekable();
    if all.peek().is_none() {
        return Seen::new(State::Neither, "a job without schedule, trigger and continuous run");
    }
    Seen::of(if all.all(|paused| paused) { Power::Off } else { Power::On })
}

/// The settings that turn a job on or off, everything else as it is.
fn turned(settings: &Map<String, Value>, wanted: Power) -> Map<String, Value> {
    let status = match wanted {
        Power::On => "UNPAUSED",
        Power::Off => "PAUSED",
    };
    let turned = triggers(settings).map(|(name, trigger)| {
        let mut trigger = trigger.clone();
        trigger.insert("pause_status".to_owned(), json!(status));
        (name.to_owned(), Value::Object(trigger))
    });
    turned.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn everything_of_a_schedule_but_its_pause_is_sent_back_as_it_is() {
        let schedule = json!({"quartz_cron_expression": "0 0 * * * ?", "timezone_id": "UTC", "pause_status": "UNPAUSED", "tomorrow": {"a": 1}});
        let job = settings(&json!({"name": "etl", "schedule": schedule, "max_concurrent_runs": 1}));
        assert_eq!(seen(&job), Seen::of(Power::On));
        let turned = turned(&job, Power::Off);
        assert_eq!(
            Value::Object(turned.clone()),
            json!({"schedule": {"quartz_cron_expression": "0 0 * * * ?", "timezone_id": "UTC", "pause_status": "PAUSED", "tomorrow": {"a": 1}}})
        );
        assert_eq!(seen(&turned), Seen::of(Power::Off));
    }

    #[test]
    fn a_trigger_that_does_not_say_runs() {
        for (job, state) in [
            (json!({"continuous": {}}), State::Is(Power::On)),
            (
                json!({"trigger": {"file_arrival": {"url": "s3://b/"}, "pause_status": "PAUSED"}}),
                State::Is(Power::Off),
            ),
            (json!({"name": "started by another one"}), State::Neither),
        ] {
            assert_eq!(seen(&settings(&job)).state, state, "{job}");
            assert!(!has_unknown_triggers(&settings(&job)), "{job}");
        }
    }

    #[test]
    fn triggers_that_are_not_known_are_not_none() {
        for (job, unknown) in [
            (json!({"triggers": [{"table_update": {}}]}), true),
            (json!({"triggers": {"0": {}}, "schedule": null}), true),
            (json!({"triggers": []}), false),
            (json!({"triggers": null}), false),
            (json!({"triggers": [{}], "schedule": {"pause_status": "PAUSED"}}), false),
        ] {
            assert_eq!(has_unknown_triggers(&settings(&job)), unknown, "{job}");
        }
    }
}
