//! After a failover the runs of the other region's workflow define the cuts, and those of before it do not, whichever service
//! tells of them.

use anyhow::{Context as _, Result, ensure};
use lakedr_e2e::servers::{Airflow, Databricks};
use serde_json::{Map, Value, json};

use crate::lake::{Lake, TABLES};
use crate::sources::{CLIENT, PASSWORD, TOKEN, object};

const WEST_TOKEN: &str = "dapi-of-the-west";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Region {
    East,
    West,
}

/// The services that run the workflow in two regions, or one that does in both.
trait Services {
    fn attributes(&self) -> Map<String, Value>;
    fn secrets(&self) -> Vec<(String, String)>;
    fn begin(&self, region: Region) -> String;
    fn end(&self, region: Region, run: &str) -> Result<()>;
}

/// A job of the same name in the workspace of each region, with other ids and other credentials.
struct Jobs {
    by_id: bool,
    east: (Databricks, i64),
    west: (Databricks, i64),
}

impl Jobs {
    fn start(by_id: bool) -> Result<Self> {
        let (east, west) = (Databricks::start(TOKEN, CLIENT)?, Databricks::start(WEST_TOKEN, CLIENT)?);
        // no id of the west is one of the east
        let another = west.job("another job of the west");
        let _ = west.begin(another);
        let ids = (east.job("etl"), west.job("etl"));
        Ok(Self { by_id, east: (east, ids.0), west: (west, ids.1) })
    }

    fn of(&self, region: Region) -> &(Databricks, i64) {
        if region == Region::East { &self.east } else { &self.west }
    }
}

impl Services for Jobs {
    fn attributes(&self) -> Map<String, Value> {
        let side = |region: &str, url: String, token: &str| json!({"region": region, "location": region, "workspace": {"url": url, "token": token}});
        let job = if self.by_id {
            json!({"id": self.east.1, "secondary_id": self.west.1})
        } else {
            json!({"name": "etl"})
        };
        object([
            ("workflow", json!({"databricks_job": job})),
            ("primary", side("east", self.east.0.url(), "env://RING_TOKEN")),
            ("secondary", side("west", self.west.0.url(), "env://RING_WEST_TOKEN")),
        ])
    }

    fn secrets(&self) -> Vec<(String, String)> {
        let secrets = [("RING_TOKEN", TOKEN), ("RING_WEST_TOKEN", WEST_TOKEN)];
        secrets.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
    }

    fn begin(&self, region: Region) -> String {
        let (workspace, job) = self.of(region);
        workspace.begin(*job).to_string()
    }

    fn end(&self, region: Region, run: &str) -> Result<()> {
        self.of(region).0.end(run.parse()?, "SUCCESS")
    }
}

/// A DAG in an Airflow for each region, or in one for both.
struct Dags {
    east: Airflow,
    west: Option<Airflow>,
}

impl Dags {
    fn start(servers: usize) -> Result<Self> {
        let server = || Airflow::start(3, "the etl", PASSWORD);
        Ok(Self { east: server()?, west: if servers == 2 { Some(server()?) } else { None } })
    }

    fn of(&self, region: Region) -> &Airflow {
        self.west.as_ref().filter(|_| region == Region::West).unwrap_or(&self.east)
    }
}

impl Services for Dags {
    fn attributes(&self) -> Map<String, Value> {
        let mut dag = json!({
            "url": self.east.url(), "dag_id": "the etl", "username": "env://RING_USER", "password": "env://RING_PASSWORD",
        });
        if let Some(west) = &self.west {
            dag["secondary_url"] = json!(west.url());
        }
        object([("workflow", json!({"airflow_dag": dag}))])
    }

    fn secrets(&self) -> Vec<(String, String)> {
        let user = ("RING_USER".to_owned(), self.east.user().to_owned());
        vec![("RING_PASSWORD".to_owned(), PASSWORD.to_owned()), user]
    }

    fn begin(&self, region: Region) -> String {
        self.of(region).begin()
    }

    fn end(&self, region: Region, run: &str) -> Result<()> {
        self.of(region).end(run, true)
    }
}

/// A group, and the services of its workflow.
struct Story<'a> {
    services: &'a dyn Services,
    lake: Lake,
}

impl<'a> Story<'a> {
    fn new(services: &'a dyn Services) -> Result<Self> {
        Ok(Self { services, lake: Lake::new(&services.attributes(), services.secrets())? })
    }

    fn append(&self, region: Region, table: &str, file: &str) -> Result<()> {
        match region {
            Region::East => self.lake.append(table, file, None),
            Region::West => self.lake.append_in_the_west(table, file),
        }
    }

    /// A run that writes both tables and finishes; its id.
    fn run(&self, region: Region, file: &str) -> Result<String> {
        let run = self.services.begin(region);
        TABLES.iter().try_for_each(|table| self.append(region, table, file))?;
        self.services.end(region, &run)?;
        Ok(run)
    }

    /// Syncs, which brings over the end of this run.
    fn publishes(&self, run: &str) -> Result<()> {
        let report = self.lake.lakedr(0, &["sync"])?;
        ensure!(report["outcome"] == "published" && report["cut"]["run"]["id"] == run, "{report}");
        let status = self.lake.lakedr(0, &["status"])?;
        ensure!(status["runs_behind"] == 0, "{status}");
        Ok(())
    }

    /// Changes the roles; what the plan says would be lost.
    fn change_roles(&self, command: &str) -> Result<Value> {
        let planned = self.lake.document(0, &[command, "plan"])?;
        let plan = planned["plan"].as_str().context("the id of a plan")?;
        self.lake.lakedr(0, &[command, "execute", "--plan", plan, "--approve", "ada@example.com"])?;
        Ok(planned["groups"][0]["loss"].clone())
    }
}

fn both(files: &[&str]) -> Vec<String> {
    TABLES.iter().flat_map(|table| files.iter().map(move |file| format!("{table}/{file}"))).collect()
}

/// A run that was not sent, one that was cut short by the outage and ends later, and one that the west ran too early: none of
/// them is in the tables that the west goes on from.
fn there_and_back(services: &dyn Services) -> Result<()> {
    let story = Story::new(services)?;
    let lake = &story.lake;
    let first = story.run(Region::East, "1")?;
    story.publishes(&first)?;
    story.run(Region::East, "2")?;
    let cut_short = services.begin(Region::East);
    story.append(Region::East, "bronze", "3")?;
    let too_early = services.begin(Region::West);
    services.end(Region::West, &too_early)?;

    let loss = story.change_roles("failover")?;
    ensure!(loss["runs_under_way"].as_array().is_some_and(|runs| runs.contains(&json!(cut_short))), "{loss}");
    // the east gets what the west began with
    story.publishes(&first)?;
    assert_eq!(lake.east()?, both(&["1"]));
    services.end(Region::East, &cut_short)?;
    assert_eq!(lake.sync(0)?, "up_to_date", "what the outage cut short has written nothing here");

    let of_the_west = story.run(Region::West, "w1")?;
    assert_eq!(lake.lakedr(0, &["status"])?["runs_behind"], 1);
    story.publishes(&of_the_west)?;
    assert_eq!(lake.east()?, both(&["1", "w1"]));
    let half = services.begin(Region::West);
    story.append(Region::West, "bronze", "w2")?;
    assert_eq!(lake.sync(0)?, "up_to_date", "a run under way is no cut");
    let refused = lake.document(3, &["failback", "plan"])?;
    assert_eq!(refused["groups"][0]["problems"][0]["type"], "under_way", "{refused}");
    story.append(Region::West, "gold", "w2")?;
    services.end(Region::West, &half)?;
    story.publishes(&half)?;

    // a table that the east loses comes back, also while the service tells of no other run
    std::fs::remove_dir_all(lake.world.source("gold"))?;
    story.publishes(&half)?;
    assert_eq!(lake.east()?, both(&["1", "w1", "w2"]));

    story.change_roles("failback")?;
    story.publishes(&half)?;
    let at_home = story.run(Region::East, "4")?;
    story.publishes(&at_home)?;
    assert_eq!(lake.standby()?, both(&["1", "4", "w1", "w2"]));
    Ok(())
}

#[test]
fn jobs_of_two_workspaces() -> Result<()> {
    there_and_back(&Jobs::start(false)?)
}

#[test]
fn jobs_of_two_workspaces_by_their_ids() -> Result<()> {
    there_and_back(&Jobs::start(true)?)
}

#[test]
fn dags_of_two_servers() -> Result<()> {
    there_and_back(&Dags::start(2)?)
}

/// The unsent run of the east is in the list that the west is told, and newer than the recovery point.
#[test]
fn a_dag_of_one_server_for_both_regions() -> Result<()> {
    there_and_back(&Dags::start(1)?)
}

/// The region that lost a table gets it back as the recovery point has it, when the workspace tells of its run no more.
#[test]
fn what_is_lost_comes_back_when_its_run_is_forgotten() -> Result<()> {
    let jobs = Jobs::start(false)?;
    let story = Story::new(&jobs)?;
    let first = story.run(Region::East, "1")?;
    story.publishes(&first)?;
    jobs.east.0.forget();
    assert_eq!(story.lake.sync(0)?, "up_to_date");
    std::fs::remove_dir_all(story.lake.world.target("gold"))?;
    story.publishes(&first)?;
    assert_eq!(story.lake.standby()?, both(&["1"]));
    Ok(())
}
