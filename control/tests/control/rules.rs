use lakedr_control::spec::{ExternalLocationSpec, SyncGroupSpec};
use lakedr_control::validate::{self, SideName, Specs, Violation, Workflow};

fn group(change: impl FnOnce(&mut SyncGroupSpec)) -> SyncGroupSpec {
    let text = r#"{"name":"etl","initial_active_region":"eastus2",
        "primary":{"region":"eastus2","location":"east","table_root":"s3://lake-east"},
        "secondary":{"region":"westus2","location":"west","table_root":"s3://lake-west"},
        "tables":[{"name":"cat.raw.bronze"},{"name":"cat.stage.silver"}]}"#;
    let mut spec = serde_json::from_str(text).unwrap();
    change(&mut spec);
    spec
}

fn location(name: &str, region: &str) -> ExternalLocationSpec {
    serde_json::from_value(
        serde_json::json!({"name": name, "region": region, "url": format!("s3://dr-{name}")}),
    )
    .unwrap()
}

fn messages(violations: &[Violation]) -> String {
    violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_good_group_is_good() {
    let valid = validate::sync_group(&group(|_| {})).unwrap();
    assert_eq!(valid.tables[0].primary.as_ref().unwrap().as_str(), "s3://lake-east/cat/raw/bronze");
}

#[test]
fn all_mistakes_are_found_at_once() {
    let spec = group(|g| {
        g.name = "ETL".to_owned();
        g.initial_active_region = "eastus".to_owned();
        g.tables[1].name = "CAT.raw.bronze".to_owned();
        g.primary.table_root = Some("lake".to_owned());
        g.clock_skew = "soon".to_owned();
        g.retry.max_attempts = 0;
        g.secondary.workspace =
            serde_json::from_value(serde_json::json!({"url": "http://x", "token": "dapi-hunter2"})).unwrap();
        g.schedule =
            serde_json::from_value(serde_json::json!({"cron": "* * *", "timezone": "Mars"})).unwrap();
    });
    let text = messages(&validate::sync_group(&spec).unwrap_err());
    assert!(!text.contains("hunter2"), "{text}");
    insta::assert_snapshot!(text, @r#"
name: "ETL" is not a valid name; use 1 to 63 characters, lower-case letters, digits, `_` and `-`, beginning with a letter or digit
primary.table_root: "lake" is not a URL (relative URL without a base); write file:///dir, s3://bucket/prefix, abfss://container@account.dfs.core.windows.net/prefix, az://container/prefix or gs://bucket/prefix
secondary.workspace.url: "http://x" is not an https URL; write https://host, for example https://adb-123.4.azuredatabricks.net
secondary.workspace.token: is not a secret reference (the value is not shown, it may be a secret); write env://NAME, file:///path or databricks://scope/key, and keep the secret itself where the reference points
initial_active_region: "eastus" is an unknown region for this group; write "eastus2" or "westus2"
tables[1].name: CAT.raw.bronze is listed twice; list each table once
schedule.cron: "* * *" does not have five fields; write minute, hour, day of month, month and day of week, for example */15 * * * *
schedule.timezone: "Mars" is not a time zone; write an IANA name, for example UTC or Europe/Berlin
retry.max_attempts: is 0; give at least 1: the first attempt counts
clock_skew: "soon" is not a duration (expected number at 0); write a number and a unit, for example 30s, 15m, 1h 30m or 7d
"#);
}

#[test]
fn logins_are_whole_and_named_once() {
    let spec = |workspace: serde_json::Value, dag: serde_json::Value| {
        group(|g| {
            g.primary.workspace = Some(serde_json::from_value(workspace).unwrap());
            g.workflow = serde_json::from_value(dag).unwrap();
        })
    };
    let dag = |more: serde_json::Value| {
        let mut dag = serde_json::json!({"url": "https://a.example.com", "dag_id": "etl"});
        dag.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::json!({"airflow_dag": dag})
    };
    let url = "https://w.example.com";
    let good = [
        serde_json::json!({"url": url, "token": "env://T"}),
        serde_json::json!({"url": url, "client_id": "env://I", "client_secret": "env://S"}),
    ];
    for workspace in good {
        let login = serde_json::json!({"username": "env://U", "password": "env://P"});
        for dag in [dag(serde_json::json!({})), dag(login)] {
            validate::sync_group(&spec(workspace.clone(), dag)).unwrap();
        }
    }
    let bad = serde_json::json!({"url": url, "token": "env://T", "client_id": "env://I"});
    let text = messages(
        &validate::sync_group(&spec(bad, dag(serde_json::json!({"username": "env://U"})))).unwrap_err(),
    );
    insta::assert_snapshot!(text, @r"
primary.workspace: names nobody who logs in, or names them twice; set either token, or both client_id and client_secret
workflow.airflow_dag: has a user name without a password, or a password without a user name; set both username and password, or neither
");
}

#[test]
fn exceptions_of_a_table_are_its_own() {
    let spec = group(|g| {
        g.tables[1].shallow_clone = Some(true);
        g.tables[1].allow_writer_features = Some(vec!["later".to_owned()]);
    });
    let valid = validate::sync_group(&spec).unwrap();
    let [bronze, silver] = &valid.tables[..] else { panic!("two tables: {:?}", valid.tables) };
    assert!(!bronze.shallow_clone && bronze.allowed_writer_features.is_empty());
    assert!(silver.shallow_clone && silver.allowed_writer_features.contains("later"));
    let text = serde_json::to_string(&group(|_| {})).unwrap();
    assert!(!text.contains("shallow_clone") && !text.contains("allow_writer_features"), "{text}");

    let features = ["later", " ", "later"].map(str::to_owned).to_vec();
    let wrong = group(|g| g.tables[1].allow_writer_features = Some(features));
    insta::assert_snapshot!(messages(&validate::sync_group(&wrong).unwrap_err()), @r#"
tables[1].allow_writer_features[1]: is empty; write the name of a table feature, as the refusal gives it
tables[1].allow_writer_features[2]: "later" is listed twice; list each feature once
"#);
}

#[test]
fn a_group_names_locations_that_fit() {
    let locations = [location("east", "eastus2"), location("west", "northeurope")];
    let text =
        messages(&validate::group_references(&group(|g| g.primary.location = "est".to_owned()), &locations));
    insta::assert_snapshot!(text, @r#"
primary.location: there is no external location "est" in this control store; declare a lakedr_external_location of that name and refer to it
secondary.location: "west" lies in northeurope, but this side in westus2; name an external location of the same region, or correct the region
"#);
}

#[test]
fn a_table_belongs_to_one_group() {
    let ours = validate::sync_group(&group(|_| {})).unwrap();
    let theirs = validate::sync_group(&group(|g| {
        g.name = "other".to_owned();
        g.tables.remove(1);
    }))
    .unwrap();
    insta::assert_snapshot!(messages(&validate::group_conflicts(&ours, &[theirs])), @r#"
tables[0]: cat.raw.bronze is a table of sync group "other"; keep the table in one group: two groups would overwrite each other
"#);
}

#[test]
fn users_of_a_location_are_named() {
    let specs = Specs { sync_groups: vec![group(|_| {})], ..Specs::default() };
    assert_eq!(validate::location_users("west", &specs).len(), 1);
    assert!(validate::location_users("north", &specs).is_empty());
}

#[test]
fn whom_a_group_tells() {
    let told = |notifications: serde_json::Value| {
        validate::sync_group(&group(|g| g.notifications = serde_json::from_value(notifications).unwrap()))
    };
    let good = serde_json::json!({
        "on_failure": ["mailto:user@example.com", "pagerduty://env://PD", "env://SLACK", "https://hooks.example.com/x"],
    });
    let valid = told(good).unwrap().notifications;
    assert_eq!((valid.targets().len(), valid.events.len()), (4, 8));
    let few =
        told(serde_json::json!({"on_success": ["env://HOOK"], "events": ["success", "stale"]})).unwrap();
    assert_eq!(few.notifications.events.len(), 2);

    let bad = serde_json::json!({
        "on_failure": [
            "mailto:nobody", "https://hooks.slack.com/services/hunter2", "slack+https://chat/hunter2",
            "pagerduty://hunter2", "https://hooks.example.com/x?sig=hunter2", "ftp://example.com"
        ],
        "events": ["failure", "recovery"],
    });
    let text = messages(&told(bad).unwrap_err());
    assert!(!text.contains("hunter2"), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn a_sql_warehouse_needs_all_that_it_publishes_with() {
    let engine = |warehouse_id: Option<&str>, primary: Option<&str>| {
        group(|g| {
            g.publish.engine = lakedr_control::spec::PublishEngine::DatabricksSql;
            g.publish.warehouse_id = warehouse_id.map(str::to_owned);
            g.publish.primary_warehouse_id = primary.map(str::to_owned);
        })
    };
    let direct = validate::sync_group(&engine(None, Some("a/b"))).unwrap_err();
    let native = validate::sync_group(&group(|g| {
        g.publish.warehouse_id = Some("a".to_owned());
        g.publish.primary_warehouse_id = Some("b".to_owned());
    }));
    let text = format!("{}\n{}", messages(&direct), messages(&native.unwrap_err()));
    insta::assert_snapshot!(text);
}

#[test]
fn the_job_of_the_secondary_region_is_named_as_that_of_the_primary() {
    let with_workspaces = |job: serde_json::Value| {
        group(|g| {
            let workspace = serde_json::json!({"url": "https://w", "token": "env://T"});
            g.primary.workspace = serde_json::from_value(workspace.clone()).unwrap();
            g.secondary.workspace = serde_json::from_value(workspace).unwrap();
            g.workflow = serde_json::from_value(serde_json::json!({"databricks_job": job})).unwrap();
        })
    };
    let mixed = with_workspaces(serde_json::json!({"name": "etl", "secondary_id": 8}));
    insta::assert_snapshot!(messages(&validate::sync_group(&mixed).unwrap_err()), @"workflow.databricks_job.secondary_id: is the id of a job that goes by its name in the primary region; set id beside it, or leave it out: a name is looked up in the workspace of the active region");

    let valid =
        validate::sync_group(&with_workspaces(serde_json::json!({"id": 7, "secondary_id": 8}))).unwrap();
    let Some(Workflow::DatabricksJob(job)) = valid.workflow else { panic!("{:?}", valid.workflow) };
    assert_eq!((job.at(SideName::Primary).id, job.at(SideName::Secondary).id), (Some(7), Some(8)));
    let one = validate::sync_group(&with_workspaces(serde_json::json!({"id": 7}))).unwrap();
    let Some(Workflow::DatabricksJob(job)) = one.workflow else { panic!("{:?}", one.workflow) };
    assert_eq!(job.at(SideName::Secondary).id, Some(7), "where both workspaces have the same id");
}

#[test]
fn all_mistakes_in_services_are_found_at_once() {
    let spec = group(|g| {
        g.services = serde_json::from_value(serde_json::json!({
            "primary": {
                "databricks_jobs": [{"name": "etl"}, {"name": "etl"}, {"name": "a", "id": 1}],
                "sql_warehouses": ["Starter Warehouse"],
                "instance_pools": [{"id": "p", "min_idle": 0}],
            },
            "secondary": {
                "airflow_dags": [{"url": "http://airflow", "dag_id": "", "username": "env://U"}],
                "hooks": [
                    {"name": "dns", "url": "https://dns?key=hunter2"},
                    {"name": "dns", "command": "bin/dns", "token": "hunter2"},
                    {"name": "both", "url": "https://x", "command": "/x"},
                    {"name": "slow", "command": "/x", "timeout": "2h"},
                    {"name": "token", "command": "/x", "token": "env://T"},
                    {"name": "good", "command": "/x"},
                    {"name": "good", "command": "/y"},
                ],
            },
        }))
        .unwrap();
    });
    let text = messages(&validate::sync_group(&spec).unwrap_err());
    assert!(!text.contains("hunter2"), "{text}");
    insta::assert_snapshot!(text, @r#"
services.primary.databricks_jobs: are of a Databricks workspace, and primary has none; set workspace of primary
services.primary.sql_warehouses: are of a Databricks workspace, and primary has none; set workspace of primary
services.primary.instance_pools: are of a Databricks workspace, and primary has none; set workspace of primary
services.primary.instance_pools[0].min_idle: is 0, which is what the pool gets in the standby region; give the number of idle instances that it keeps while its region is active
services.primary.sql_warehouses[0]: "Starter Warehouse" is not an id; write the id that the workspace shows in the URL of its page, not the name
services.primary.databricks_jobs[1]: job "etl" is listed twice; list each service once
services.primary.databricks_jobs[2]: names no job, or names it twice; set either name or id
services.secondary.airflow_dags[0].url: "http://airflow" is not an https URL; write https://host, for example https://adb-123.4.azuredatabricks.net
services.secondary.airflow_dags[0].dag_id: is empty; write the id of the DAG
services.secondary.airflow_dags[0]: has a user name without a password, or a password without a user name; set both username and password, or neither
services.secondary.hooks[0].url: the URL holds credentials or a query, which may be a secret (the URL is not shown); give the URL without them, and the credentials by reference
services.secondary.hooks[1].token: belongs to url, and there is a command; leave it out
services.secondary.hooks[1].command: "bin/dns" is not the absolute path of an executable; write a path such as /etc/lakedr/hooks/dns; it gets no arguments, the request is on its standard input
services.secondary.hooks[2]: names nothing to call, or names two things; set either url or command
services.secondary.hooks[3].timeout: "2h" is too long: an operator waits for it; give at most 10m, and let the hook go on in the background
services.secondary.hooks[4].token: belongs to url, and there is a command; leave it out
services.secondary.hooks[6]: hook good is listed twice; list each service once
"#);
}

#[test]
fn services_are_named_for_the_log_and_kept_in_the_order_of_their_start() {
    let spec = group(|g| {
        let workspace = serde_json::json!({"url": "https://w", "token": "env://T"});
        g.primary.workspace = serde_json::from_value(workspace).unwrap();
        g.services = serde_json::from_value(serde_json::json!({"primary": {
            "hooks": [{"name": "dns", "command": "/etc/lakedr/dns"}],
            "databricks_jobs": [{"name": "etl"}, {"id": 7}],
            "clusters": ["0923-164208-meows279"], "sql_warehouses": ["abc"],
            "instance_pools": [{"id": "p", "min_idle": 2}],
            "airflow_dags": [{"url": "https://air/flow/", "dag_id": "etl"}],
        }}))
        .unwrap();
    });
    let valid = validate::sync_group(&spec).unwrap();
    let ids: Vec<&str> = valid.services.primary.iter().map(|service| service.id.as_str()).collect();
    insta::assert_snapshot!(ids.join("\n"), @r#"
eastus2: instance pool p
eastus2: SQL warehouse abc
eastus2: cluster 0923-164208-meows279
eastus2: job "etl"
eastus2: job 7
eastus2: DAG etl of https://air/flow
eastus2: hook dns
"#);
    assert!(valid.services.secondary.is_empty());
}
