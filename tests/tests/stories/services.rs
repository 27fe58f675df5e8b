//! Services change hands with a failover, whoever can be reached, and come home.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use lakedr_e2e::environment::script;
use lakedr_e2e::regions::{Region, Regions};
use lakedr_e2e::running::{Outcome, Running};
use lakedr_e2e::servers::{Airflow, Databricks, Hooks};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

const TOKENS: [(&str, &str); 2] = [("EAST_TOKEN", "dapi-of-the-east"), ("WEST_TOKEN", "dapi-of-the-west")];
const PASSWORD: (&str, &str) = ("DAG_PASSWORD", "password-of-the-dag");
const TIMEOUT: Duration = Duration::from_secs(120);

/// The job that writes the tables, and one that somebody paused long ago.
struct Side {
    workspace: Databricks,
    etl: i64,
    old: i64,
}

fn schedule(pause_status: &str) -> Value {
    let schedule = json!({"quartz_cron_expression": "0 0 * * * ?", "timezone_id": "Europe/Berlin", "pause_status": pause_status});
    json!({ "schedule": schedule })
}

impl Side {
    fn new(token: &str, active: bool) -> Result<Self> {
        let workspace = Databricks::start(token, ("", ""))?;
        let (etl, old) = (workspace.job("etl"), workspace.job("old"));
        workspace.set_up(etl, &schedule(if active { "UNPAUSED" } else { "PAUSED" }));
        workspace.set_up(old, &json!({"continuous": {"pause_status": "PAUSED", "tomorrow": 1}}));
        workspace.warehouse("wh", if active { "RUNNING" } else { "STOPPED" });
        workspace.cluster("cl", if active { "RUNNING" } else { "TERMINATED" });
        workspace.pool("pool", if active { 2 } else { 0 });
        Ok(Self { workspace, etl, old })
    }

    /// What is on: the two jobs, cluster, pool, warehouse.
    fn on(&self) -> Value {
        let paused = |job, field: &str| self.workspace.settings(job)[field]["pause_status"] == "PAUSED";
        let compute = self.workspace.compute();
        json!([
            !paused(self.etl, "schedule"),
            !paused(self.old, "continuous"),
            compute["cl"] == "RUNNING" || compute["cl"] == "PENDING",
            compute["pool"],
            compute["wh"] == "RUNNING" || compute["wh"] == "STARTING"
        ])
    }
}

/// Two regions, and in each a workspace, a DAG and hooks.
struct World {
    regions: Regions,
    east: Side,
    west: Side,
    dags: [Airflow; 2],
    hooks: Hooks,
    folder: TempDir,
}

impl World {
    fn new() -> Result<Self> {
        let regions = Regions::folders()?;
        let (east, west) = (Side::new(TOKENS[0].1, true)?, Side::new(TOKENS[1].1, false)?);
        let dags = [Airflow::start(2, "etl", PASSWORD.1)?, Airflow::start(3, "etl", PASSWORD.1)?];
        dags[1].pause(true);
        let (hooks, folder) = (Hooks::start()?, tempfile::tempdir()?);
        let world = Self { regions, east, west, dags, hooks, folder };
        let hook = world.hook();
        let told = world.folder.path().join("told");
        script(&hook, &format!("cat >> {}\nif env | grep -q TOKEN; then exit 9; fi", told.display()))?;
        for region in Region::BOTH {
            let terraform = world.regions.terraform(region)?;
            terraform.write("services_override.tf", &world.declaration())?;
            terraform.apply()?;
            terraform.plan_is_empty()?;
        }
        Ok(world)
    }

    fn hook(&self) -> PathBuf {
        self.folder.path().join("dns")
    }

    fn declaration(&self) -> String {
        let side = |name: &str, side: &Side, token: &str| {
            format!(
                "  {name} = {{\n    region = var.{0}.region\n    location = lakedr_external_location.{0}.name\n    \
                 table_root = var.{0}.lake\n    workspace = {{ url = \"{1}\", token = \"env://{token}\" }}\n  }}\n",
                if name == "primary" { "east" } else { "west" },
                side.workspace.url()
            )
        };
        let services = |name: &str, side: &Side, dag: &Airflow| {
            format!(
                "    {name} = {{\n      databricks_jobs = [{{ name = \"etl\" }}, {{ id = {} }}]\n      \
                 sql_warehouses = [\"wh\"]\n      clusters = [\"cl\"]\n      instance_pools = [{{ id = \"pool\", min_idle = 2 }}]\n      \
                 airflow_dags = [{{ url = \"{}\", dag_id = \"etl\", username = \"env://DAG_USER\", password = \"env://DAG_PASSWORD\" }}]\n      \
                 hooks = [\n        {{ name = \"users\", url = \"{}/{name}\" }},\n        \
                 {{ name = \"dns\", command = \"{}\", timeout = \"10s\" }}\n      ]\n    }}\n",
                side.old,
                dag.url(),
                self.hooks.url(),
                self.hook().display()
            )
        };
        format!(
            "resource \"lakedr_sync_group\" \"etl\" {{\n{}{}  services = {{\n{}{}  }}\n  \
             notifications = {{ on_failure = [\"{}/people\"] }}\n}}\n",
            side("primary", &self.east, TOKENS[0].0),
            side("secondary", &self.west, TOKENS[1].0),
            services("primary", &self.east, &self.dags[0]),
            services("secondary", &self.west, &self.dags[1]),
            self.hooks.url()
        )
    }

    fn start(&self, arguments: &[&str]) -> Result<Running> {
        let mut command = self.regions.lakedr_command(Region::West, arguments)?;
        command.envs(TOKENS).envs([PASSWORD, ("DAG_USER", self.dags[0].user())]);
        Running::spawn(&mut command)
    }

    fn lakedr(&self, arguments: &[&str]) -> Result<Outcome> {
        let outcome = self.start(arguments)?.wait(TIMEOUT)?;
        for secret in TOKENS.iter().chain([&PASSWORD]).map(|(_, secret)| secret) {
            ensure!(!outcome.says(secret), "a secret is shown: {outcome}");
        }
        Ok(outcome)
    }

    /// The only group of the document of a command that ends with this code.
    fn group(&self, code: i32, arguments: &[&str]) -> Result<Value> {
        let outcome = self.lakedr(&[arguments, &["--output", "json"]].concat())?;
        ensure!(outcome.code == Some(code), "exit code {code} was expected: {outcome}");
        Ok(outcome.json()?["groups"][0].clone())
    }

    fn run(&self, region: Region, number: u32) -> Result<()> {
        self.regions.run_in(region, number, None)?;
        assert_eq!(self.group(0, &["sync"])?["outcome"], "published");
        Ok(())
    }

    fn plan(&self, command: &str) -> Result<(String, Value)> {
        let outcome = self.lakedr(&[command, "plan", "--output", "json"])?;
        ensure!(outcome.code == Some(0), "{outcome}");
        let planned = outcome.json()?;
        Ok((planned["plan"].as_str().context("a plan id")?.to_owned(), planned["groups"][0].clone()))
    }

    fn execute(&self, code: i32, command: &str, plan: &str) -> Result<Value> {
        self.group(code, &[command, "execute", "--plan", plan, "--approve", "ada@example.com"])
    }

    /// Events that the hook of a side was told, by both means.
    fn told(&self, side: &str, region: Region) -> Result<(Vec<String>, Vec<String>)> {
        let event = |request: &Value| request["event"].as_str().unwrap_or_default().to_owned();
        let posted = self.hooks.at(&format!("/{side}")).iter().map(event).collect();
        let told = std::fs::read_to_string(self.folder.path().join("told")).unwrap_or_default();
        let requests: Vec<Value> =
            serde_json::Deserializer::from_str(&told).into_iter().collect::<Result<_, _>>()?;
        let own = requests.iter().filter(|request| request["region"] == region.name());
        Ok((posted, own.map(event).collect()))
    }

    fn lose_the_east(&self, lost: bool) -> Result<()> {
        self.east.workspace.lose(lost);
        if lost { self.regions.lose(Region::East) } else { self.regions.recover(Region::East) }
    }
}

fn steps(switched: &Value) -> Vec<&str> {
    switched["steps"].as_array().into_iter().flatten().filter_map(|step| step["step"].as_str()).collect()
}

fn not_done(switched: &Value) -> Vec<(&str, &str)> {
    let services = switched["services"].as_array().into_iter().flatten();
    let open = services.filter(|service| service["done"] == false);
    open.filter_map(|service| Some((service["service"].as_str()?, service["seen"].as_str()?))).collect()
}

#[test]
fn services_change_hands_and_come_home() -> Result<()> {
    let world = World::new()?;
    world.run(Region::East, 1)?;
    let asked = world.west.workspace.asked().len() + world.east.workspace.asked().len();
    assert_eq!(asked, 0, "nothing is done to services at any other time");

    world.lose_the_east(true)?;
    let (plan, group) = world.plan("failover")?;
    let text = group["steps"].to_string();
    for part in [
        "stop, as far as eastus2 answers",
        "eastus2: job \\\"etl\\\"",
        "if every table is usable, start",
        "westus2: hook dns",
    ] {
        ensure!(text.contains(part), "{part} is not in {text}");
    }
    let switched = world.execute(0, "failover", &plan)?;
    assert_eq!(steps(&switched)[..1], ["role"], "{switched}");
    assert_eq!(steps(&switched).last(), Some(&"start"), "{switched}");
    assert_eq!(world.west.on(), json!([true, true, true, 2, true]), "{switched}");
    assert!(!world.dags[1].is_paused() && world.dags[0].is_paused(), "an Airflow that outlives its region");
    assert_eq!(world.told("secondary", Region::West)?, (vec!["start".to_owned()], vec!["start".to_owned()]));
    let lost = not_done(&switched);
    assert_eq!(lost.len(), 5, "workspace of the east: {lost:?}");
    assert!(lost.iter().all(|(service, _)| service.starts_with("eastus2: ")), "{lost:?}");
    let status = world.group(0, &["status"])?;
    assert_eq!(status["services"]["open"].as_array().map(Vec::len), Some(5), "{status}");

    let told = world.hooks.at("/people");
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["event"], "failover");
    let text = told[0]["text"].as_str().unwrap_or_default();
    for part in
        ["approved by ada@example.com", "goes on from run 1", "RTO target: 4h (met)", "job \"etl\": NOT off"]
    {
        ensure!(text.contains(part), "{part:?} is not in {text}");
    }

    the_east_is_back(&world, &plan)?;
    home_again(&world)?;
    let told = world.hooks.at("/people");
    let events: Vec<_> = told.iter().filter_map(|told| told["event"].as_str()).collect();
    assert_eq!(events, ["failover", "services", "recovered", "failover"], "{told:?}");
    ensure!(
        told[3]["title"].as_str().is_some_and(|title| title.contains("failback: eastus2 is active")),
        "{told:?}"
    );
    Ok(())
}

/// The next sync stops what could not be reached; after that a sync asks nobody anything.
fn the_east_is_back(world: &World, plan: &str) -> Result<()> {
    world.lose_the_east(false)?;
    assert_eq!(world.group(0, &["sync"])?["outcome"], "published");
    let after = || world.group(0, &["status"]);
    // a warehouse and a cluster are on their way down
    let on_their_way = after()?["services"]["open"].as_array().map_or(0, Vec::len);
    assert_eq!(on_their_way, 2, "{}", after()?);
    let switched = world.execute(0, "failover", plan)?;
    assert_eq!(not_done(&switched), Vec::<(&str, &str)>::new(), "{switched}");
    assert_eq!(world.east.on(), json!([false, false, false, 0, false]));
    assert_eq!(after()?["services"], Value::Null);
    let schedule = world.east.workspace.settings(world.east.etl);
    assert_eq!(schedule, self::schedule("PAUSED"), "all else of it is kept");
    let asked = || world.west.workspace.asked().len() + world.east.workspace.asked().len();
    let before = asked();
    assert_eq!(world.group(0, &["sync"])?["outcome"], "up_to_date");
    assert_eq!(asked(), before, "a sync with nothing open asks no service");
    Ok(())
}

fn home_again(world: &World) -> Result<()> {
    world.run(Region::West, 2)?;
    let (plan, group) = world.plan("failback")?;
    let first = group["steps"][0].as_str().unwrap_or_default();
    ensure!(first.starts_with("pause what writes in westus2"), "{group}");
    // a run of the job is under way when the failback begins
    let run = world.west.workspace.begin(world.west.etl);
    let execute =
        ["failback", "execute", "--plan", &plan, "--approve", "ada@example.com", "--output", "json"];
    // interrupted, it leaves the schedules paused, and says so
    let mut cut_short = world.start(&execute)?;
    std::thread::sleep(Duration::from_secs(3));
    cut_short.signal(Signal::SIGINT)?;
    let outcome = cut_short.wait(TIMEOUT)?;
    ensure!(outcome.code == Some(130), "{outcome}");
    let said = "etl: the failback is cut short, and may leave paused: westus2: job \"etl\"";
    ensure!(outcome.stderr.contains(said), "{outcome}");
    let held_back = world.group(0, &["status"])?["services"]["held_back"].clone();
    for schedule in held_back.as_array().context("held back")? {
        ensure!(outcome.stderr.contains(schedule.as_str().unwrap_or("?")), "{schedule}: {outcome}");
    }
    // and the same plan goes on
    let under_way = world.start(&execute)?;
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(world.group(0, &["status"])?["epoch"], 2, "it waits for the run");
    world.west.workspace.end(run, "SUCCESS")?;
    let outcome = under_way.wait(TIMEOUT)?;
    ensure!(outcome.code == Some(0), "{outcome}");
    let switched = outcome.json()?["groups"][0].clone();
    assert_eq!(steps(&switched), ["pause", "sync", "role", "stop", "check", "start"], "{switched}");
    assert_eq!(world.west.on(), json!([false, false, false, 0, false]), "{switched}");
    assert_eq!(world.east.on(), json!([true, false, true, 2, true]), "what was paused before stays paused");
    assert!(world.dags[1].is_paused() && !world.dags[0].is_paused());
    let pool = world.east.workspace.whole_pool("pool");
    assert_eq!((&pool["custom_tags"]["owner"], &pool["max_capacity"]), (&json!("etl"), &json!(10)));
    let history = world.group(0, &["history"])?;
    let entries = history["entries"].as_array().context("entries")?;
    let of_etl = entries.iter().filter(|entry| entry["event"]["service"] == "eastus2: job \"etl\"");
    let seen: Vec<_> = of_etl.filter_map(|entry| entry["event"]["seen"].as_str()).collect();
    assert_eq!(
        seen,
        ["unreachable", "on", "off", "off", "on"],
        "an entry before each act, and one about what came of it"
    );
    Ok(())
}

#[test]
fn nothing_starts_on_a_copy_that_is_not_usable() -> Result<()> {
    let world = World::new()?;
    world.run(Region::East, 1)?;
    let (plan, _) = world.plan("failover")?;
    let table = world.regions.table_dir(Region::West, "cat.mart.gold");
    let data = |entry: std::io::Result<std::fs::DirEntry>| {
        entry
            .ok()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|end| end == "parquet"))
    };
    let file = std::fs::read_dir(&table)?.find_map(data).context("a data file")?;
    std::fs::rename(&file, file.with_extension("away"))?;
    let switched = world.execute(4, "failover", &plan)?;
    assert_eq!((&switched["switched"], &switched["rto_met"]), (&json!(true), &json!(false)), "{switched}");
    assert_eq!(
        world.east.on(),
        json!([false, false, false, 0, false]),
        "what runs in the old region stops in any case"
    );
    assert_eq!(world.west.on(), json!([false, false, false, 0, false]), "{switched}");
    assert_eq!(world.group(0, &["sync"])?["outcome"], "published");
    assert_eq!(
        world.west.on(),
        json!([false, false, false, 0, false]),
        "a sync starts nothing that was not looked at"
    );
    std::fs::rename(file.with_extension("away"), &file)?;
    let switched = world.execute(0, "failover", &plan)?;
    assert_eq!(steps(&switched), ["role", "stop", "check", "start"], "the same plan goes on: {switched}");
    assert_eq!(world.west.on(), json!([true, true, true, 2, true]));
    let stops = world.told("primary", Region::East)?.0;
    assert_eq!(stops, ["stop"], "what is done is not done again");
    Ok(())
}

#[test]
fn a_failback_that_is_given_up_lets_everything_go_on() -> Result<()> {
    let world = World::new()?;
    world.run(Region::East, 1)?;
    let (plan, _) = world.plan("failover")?;
    world.execute(0, "failover", &plan)?;
    world.run(Region::West, 2)?;
    let (plan, _) = world.plan("failback")?;
    // the Airflow of the west cannot be asked any more, its jobs can
    world.dags[1].lose(true);
    let refused = world.execute(3, "failback", &plan)?;
    assert_eq!(refused["error"]["type"], "unseen", "{refused}");
    assert_eq!(world.west.on(), json!([true, true, true, 2, true]), "{refused}");
    assert_eq!(world.east.on(), json!([false, false, false, 0, false]));
    let status = world.group(0, &["status"])?;
    assert_eq!((&status["epoch"], &status["services"]), (&json!(2), &Value::Null), "{status}");
    // what the failback wanted of it is nobody's wish any more
    world.dags[1].lose(false);
    world.group(0, &["sync", "--force"])?;
    assert_eq!(world.west.on(), json!([true, true, true, 2, true]));
    ensure!(!world.dags[1].is_paused(), "a sync pauses nothing in the active region");
    let switched = world.execute(0, "failback", &plan)?;
    assert_eq!(world.east.on(), json!([true, false, true, 2, true]), "{switched}");
    Ok(())
}

#[test]
fn a_drill_looks_at_the_services_and_leaves_them_alone() -> Result<()> {
    let world = World::new()?;
    world.run(Region::East, 1)?;
    let before = (world.east.on(), world.west.on());
    let drilled = world.group(0, &["drill"])?;
    assert_eq!(steps(&drilled), ["log", "check", "services", "copy", "clean"], "{drilled}");
    let services = drilled["services"].as_array().context("services")?;
    assert_eq!(services.len(), 8, "of the region that would take over: {drilled}");
    assert!(services.iter().all(|service| service["problem"].is_null()), "{drilled}");
    assert_eq!((world.east.on(), world.west.on()), before);
    assert!(world.dags[1].is_paused());
    let asked = world.west.workspace.asked();
    let acts = ["update", "reset", "edit", "start", "stop", "delete", "run-now"];
    assert!(!asked.iter().any(|call| acts.iter().any(|act| call.contains(act))), "{asked:?}");
    assert_eq!(world.east.workspace.asked(), Vec::<String>::new(), "it is taken for lost");
    assert_eq!(world.told("secondary", Region::West)?, (Vec::new(), Vec::new()));
    assert_eq!(world.hooks.at("/people")[0]["title"], "etl: drill 1 passed: westus2 could take over");

    world.west.workspace.lose(true);
    let failed = world.group(4, &["drill"])?;
    let problems = failed["problems"].to_string();
    ensure!(problems.contains("a failover could not start westus2: job"), "{problems}");
    assert_eq!(world.hooks.at("/people")[1]["class"], "drill_failed");
    Ok(())
}
