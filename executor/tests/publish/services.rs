//! Services and the ledger: nothing is done to a service by an executor whose log is out of date.

use std::path::Path;

use lakedr::failover::{Approved, Kind, execute, plan_id, standing};
use lakedr::report::Outcome;
use lakedr::services::retry;
use lakedr_control::group_log::{Appended, Event};
use serde_json::json;

use crate::checks::case;
use crate::lab::{GROUP, Lab};

/// A hook that fails, and keeps count of its calls.
fn hook(folder: &Path) -> String {
    let path = folder.join("hook");
    // by a process of its own: a file that a child of another test still has open cannot be run
    let write = r#"printf '#!/bin/sh\necho called >> %s\nexit 1\n' "$1" > "$0" && chmod 700 "$0""#;
    let mut shell = std::process::Command::new("sh");
    assert!(shell.args(["-c", write]).arg(&path).arg(folder.join("calls")).status().unwrap().success());
    path.display().to_string()
}

#[tokio::test]
async fn an_executor_that_wakes_up_late_calls_no_service() {
    for overtaken in [false, true] {
        case(&format!("overtaken: {overtaken}"));
        let folder = tempfile::tempdir().unwrap();
        let calls =
            || std::fs::read_to_string(folder.path().join("calls")).unwrap_or_default().lines().count();
        let lab = Lab::after_run(1);
        let mut spec = lab.spec();
        let services = json!({"primary": {"hooks": [{"name": "dns", "command": hook(folder.path())}]}});
        spec.services = serde_json::from_value(services).unwrap();
        let executor = lab.executor_of(&spec);
        assert_eq!(executor.sync().await.outcome, Outcome::Published);
        let scene = executor.scene().await;
        let approved = Approved { kind: Kind::Failover, plan: "", by: "ada" };
        let part = standing(&scene, approved).await.unwrap().unwrap().part;
        let plan = plan_id([(GROUP, part.as_str())]);
        let switched = execute(&scene, Approved { plan: &plan, ..approved }, &part, Vec::new()).await;
        assert!(switched.switched, "{:?}", switched.error);
        assert_eq!(calls(), 1, "the hook of the region that is left, which fails");

        let other = lab.executor_of(&spec);
        let paused = other.scene().await;
        let asleep = paused.log.read().await.unwrap();
        if overtaken {
            let open = asleep.state.as_ref().unwrap().open_services().next().unwrap().service.clone();
            let (wanted, seen) = ("on".to_owned(), "on".to_owned());
            let event =
                Event::Shutdown { service: open, wanted, seen, attempts: 1, before: None, note: None };
            let now = scene.world.now();
            let appended = scene.log.append(asleep.clone(), event, now, scene.world.author.clone()).await;
            assert!(matches!(appended.unwrap(), Appended::Done(_)));
        }
        let ended = retry(&paused, asleep).await;
        assert_eq!(ended.is_err(), overtaken, "{ended:?}");
        assert_eq!(calls(), if overtaken { 1 } else { 2 });
    }
}
