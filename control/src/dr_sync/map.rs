//! The file → our specs.

use std::collections::BTreeMap;

use serde::Serialize;
use url::Url;

use super::config::{Config, Group, Problem, Rejected, Workspace, read};
use super::names::Names;
use super::note::{Concern, Note};
use crate::id::TableName;
use crate::location::StoreUrl;
use crate::service_url::keeps_secrets;
use crate::spec::{
    CatalogSpec, ExternalLocationSpec, Kind, NotificationsSpec, RetrySpec, ScheduleSpec, SideSpec,
    SyncGroupSpec, TableSpec, WorkflowJobSpec, WorkflowSpec, WorkspaceSpec,
};
use crate::validate::{Specs, Violation, is_email, validate_all};

/// What the file does not say: it knows one workspace, and no region.
#[derive(Debug, Clone)]
pub struct Places {
    /// Region of `sync_location_primary` and of the workspaces.
    pub primary_region: String,
    /// Region of `sync_location_secondary`.
    pub secondary_region: String,
    /// URL of the workspace in the secondary region.
    pub secondary_workspace: Option<String>,
    /// Root of the tables that lakedr makes in the secondary region.
    pub secondary_table_root: Option<String>,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            primary_region: "primary".to_owned(),
            secondary_region: "secondary".to_owned(),
            secondary_workspace: None,
            secondary_table_root: None,
        }
    }
}

/// What became of the file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Imported {
    /// Its storage locations.
    pub external_locations: Vec<ExternalLocationSpec>,
    /// Its sync groups.
    pub sync_groups: Vec<SyncGroupSpec>,
    /// What the reader should know, the most urgent first.
    pub notes: Vec<Note>,
    /// Rules that the result breaks, because the file asks for what is not possible.
    #[serde(skip)]
    pub violations: Vec<(Kind, String, Violation)>,
}

/// A name that no network has (RFC 2606), in place of a URL that the file does not hold.
const NOWHERE: [&str; 2] = ["https://primary-workspace.invalid", "https://secondary-workspace.invalid"];

/// Turns a configuration of `dr_sync_job` into ours.
///
/// # Errors
/// [`Rejected`], with everything that is missing or malformed.
pub fn import(text: &str, places: &Places) -> Result<Imported, Rejected> {
    let mut notes = Vec::new();
    let config = read(text, &mut notes)?;
    let mut import =
        Import { places, notes, problems: Vec::new(), names: Names::default(), locations: BTreeMap::new() };
    let groups = import.groups(&config);
    let Import { mut notes, problems, locations, .. } = import;
    if !problems.is_empty() {
        return Err(Rejected::Content { problems });
    }
    let mut specs = Specs { external_locations: locations.into_values().collect(), ..Specs::default() };
    specs.external_locations.sort_by(|a, b| a.name.cmp(&b.name));
    specs.sync_groups = groups;
    let violations = validate_all(&specs);
    notes.extend(violations.iter().map(|(kind, name, violation)| Note {
        field: format!("{kind} {name:?}"),
        concern: Concern::Todo,
        text: violation.to_string(),
    }));
    notes.sort_by_key(|note| note.concern);
    let Specs { external_locations, sync_groups, .. } = specs;
    Ok(Imported { external_locations, sync_groups, notes, violations })
}

struct Import<'a> {
    places: &'a Places,
    notes: Vec<Note>,
    problems: Vec<Problem>,
    names: Names,
    /// By URL and region.
    locations: BTreeMap<(String, String), ExternalLocationSpec>,
}

impl Import<'_> {
    fn note(&mut self, field: impl Into<String>, concern: Concern, text: impl Into<String>) {
        self.notes.push(Note { field: field.into(), concern, text: text.into() });
    }

    fn groups(&mut self, config: &Config) -> Vec<SyncGroupSpec> {
        let mut group_names = Names::default();
        let mut groups = Vec::new();
        for workspace in &config.workspaces {
            self.explain(workspace);
            let token = format!("databricks://{}/{}", config.scope, workspace.key);
            let primary = self.primary(workspace, &token);
            let secondary = self.secondary(workspace, &token);
            for group in &workspace.groups {
                let name = group_names.free(&[&group.name, &format!("{}_{}", workspace.name, group.name)]);
                groups.push(self.group(workspace, group, name, &primary, &secondary));
            }
        }
        self.note("secret_scope", Concern::Changed, "the executor fetches the token when it runs, from the workspace \
            that its environment names (DATABRICKS_HOST, and DATABRICKS_TOKEN or DATABRICKS_CLIENT_ID and \
            DATABRICKS_CLIENT_SECRET); the job had the scope `dr-test-scope` in its code and ignored the field");
        self.note(
            "tables",
            Concern::Changed,
            "where a table of the primary region lies is asked of Unity Catalog; set table_root of the side, or \
             primary_url of a table, where there is none",
        );
        if self.places.secondary_table_root.is_none() {
            self.note(
                "tables",
                Concern::Todo,
                "set table_root of the secondary side to a place where lakedr may make the tables: it writes to \
                 tables that it made, and not to those of the job. Register them in the catalog after the first sync",
            );
        }
        if self.places.primary_region == Places::default().primary_region {
            self.note(
                "workspaces",
                Concern::Todo,
                "the file names no regions; \"primary\" and \"secondary\" stand in \
                for them, and may stay if every provider block and executor is given these names",
            );
        }
        groups
    }

    /// What the settings of a workspace mean here.
    fn explain(&mut self, workspace: &Workspace) {
        let at = |name: &str| format!("{}.{name}", workspace.place);
        self.note(at("sync_interval_mins"), Concern::Changed, format!(
            "schedule.interval = {:?}; the job read it and then used sync_failover_interval_mins in its place",
            minutes(workspace.interval)
        ));
        self.note(at("sync_failover_interval_mins"), Concern::Changed, format!(
            "rpo_target = {:?}: a group that lags further is reported as late. The job copied the tables as they \
             were at that moment, in the middle of a run; here nothing but a finished run is ever copied",
            minutes(workspace.failover_interval)
        ));
        if workspace.failover_interval < workspace.interval {
            self.note(at("sync_failover_interval_mins"), Concern::Todo, format!(
                "{} minutes is less than sync_interval_mins ({}): the group would be late before it is due again; \
                 give a longer rpo_target, or a shorter interval",
                workspace.failover_interval, workspace.interval
            ));
        }
        self.note(at("sync_max_retries"), Concern::Changed, format!(
            "retry.max_attempts = {}: the first attempt counts. The job named the number in its log and retried nothing",
            workspace.retries.saturating_add(1)
        ));
    }

    fn primary(&mut self, workspace: &Workspace, token: &str) -> SideSpec {
        let region = self.places.primary_region.clone();
        let url = workspace_url(&workspace.url).unwrap_or_else(|| {
            let field = format!("{}.workspace_instance_url", workspace.place);
            self.note(
                field,
                Concern::Todo,
                format!("{:?} is no https URL; replace {}", workspace.url, NOWHERE[0]),
            );
            NOWHERE[0].to_owned()
        });
        let location = self.location(workspace, "primary", &workspace.primary, &region);
        side(region, location, Some(workspace.name.clone()), &url, token)
    }

    fn secondary(&mut self, workspace: &Workspace, token: &str) -> SideSpec {
        let region = self.places.secondary_region.clone();
        let given = self.places.secondary_workspace.clone();
        let url = given.unwrap_or_else(|| {
            self.note(
                &workspace.place,
                Concern::Todo,
                format!(
                    "the file does not name the workspace of the secondary region; replace {}",
                    NOWHERE[1]
                ),
            );
            NOWHERE[1].to_owned()
        });
        let location = self.location(workspace, "secondary", &workspace.secondary, &region);
        let side = side(region, location, None, &url, token);
        SideSpec { table_root: self.places.secondary_table_root.clone(), ..side }
    }

    /// The name of the external location at a URL, which workspaces may share.
    fn location(&mut self, workspace: &Workspace, which: &str, given: &str, region: &str) -> String {
        let field = format!("{}.sync_location_{which}", workspace.place);
        let url = match given.parse::<StoreUrl>() {
            Ok(url) => url.to_string(),
            Err(error) => {
                self.problems.push(Problem::new(field, format!("cannot be used: {error}")));
                return String::new();
            }
        };
        let key = (url.clone(), region.to_owned());
        if let Some(known) = self.locations.get(&key) {
            return known.name.clone();
        }
        let name = self.names.free(&[&format!("{}_{which}", workspace.name)]);
        let spec = ExternalLocationSpec {
            name: name.clone(),
            region: region.to_owned(),
            url,
            comment: Some(format!("sync_location_{which} of {}", workspace.name)),
            read_only: false,
            storage_options: None,
            secret_options: None,
            skip_validation: false,
            unity_catalog: None,
        };
        self.locations.insert(key, spec);
        name
    }

    fn group(
        &mut self,
        workspace: &Workspace,
        group: &Group,
        name: String,
        primary: &SideSpec,
        secondary: &SideSpec,
    ) -> SyncGroupSpec {
        if name != group.name {
            let field = format!("{}.group_name", group.place);
            self.note(field, Concern::Changed, format!("{:?} is called {name:?} here", group.name));
        }
        if group.workflow.is_none() {
            self.note(
                &group.place,
                Concern::Changed,
                "a group without workflow: all of its tables are pinned at one \
                instant, where the job cloned one after the other",
            );
        }
        SyncGroupSpec {
            name,
            owner_email: self.owner(group),
            initial_active_region: primary.region.clone(),
            primary: primary.clone(),
            secondary: secondary.clone(),
            tables: self.tables(group),
            workflow: group.workflow.clone().map(|name| WorkflowSpec {
                databricks_job: Some(WorkflowJobSpec { name: Some(name), id: None, secondary_id: None }),
                airflow_dag: None,
                marker: None,
            }),
            schedule: Some(ScheduleSpec {
                interval: Some(minutes(workspace.interval)),
                cron: None,
                timezone: None,
            }),
            retry: RetrySpec { max_attempts: workspace.retries.saturating_add(1), ..RetrySpec::default() },
            delivery: Default::default(),
            publish: Default::default(),
            compaction: Default::default(),
            clock_skew: "2s".to_owned(),
            rpo_target: Some(minutes(workspace.failover_interval)),
            rto_target: None,
            drill_every: None,
            max_bytes_per_second: 0,
            egress_price_per_gib: None,
            services: None,
            notifications: self.notifications(workspace),
            paused: false,
        }
    }

    fn owner(&mut self, group: &Group) -> Option<String> {
        let owner = group.owner.clone()?;
        if is_email(&owner) {
            return Some(owner);
        }
        let field = format!("{}.group_owner_email", group.place);
        self.note(field, Concern::Dropped, format!("{owner:?} is not an e-mail address, and was left out"));
        None
    }

    fn notifications(&mut self, workspace: &Workspace) -> Option<NotificationsSpec> {
        let on_failure = self.mail(workspace, "sync_failure_notification", &workspace.on_failure);
        let on_success = self.mail(workspace, "sync_success_notification", &workspace.on_success);
        (on_failure.is_some() || on_success.is_some()).then_some(NotificationsSpec {
            on_failure,
            on_success,
            events: None,
        })
    }

    fn mail(&mut self, workspace: &Workspace, field: &str, addresses: &[String]) -> Option<Vec<String>> {
        let mut urls = Vec::new();
        for address in addresses {
            if is_email(address) {
                urls.push(format!("mailto:{address}"));
            } else {
                let field = format!("{}.{field}", workspace.place);
                let text = format!("{address:?} is not an e-mail address, and was left out");
                if !self.notes.iter().any(|note| note.field == field && note.text == text) {
                    self.note(field, Concern::Dropped, text);
                }
            }
        }
        (!urls.is_empty()).then_some(urls)
    }

    fn tables(&mut self, group: &Group) -> Vec<TableSpec> {
        let mut tables = Vec::new();
        for (place, name) in &group.tables {
            match name.parse::<TableName>() {
                Ok(_) => tables.push(TableSpec {
                    name: name.clone(),
                    primary_url: None,
                    secondary_url: None,
                    shallow_clone: None,
                    allow_writer_features: None,
                }),
                Err(error) => self.problems.push(Problem::new(place, format!("cannot be used: {error}"))),
            }
        }
        tables
    }
}

fn side(region: String, location: String, name: Option<String>, url: &str, token: &str) -> SideSpec {
    SideSpec {
        region,
        location,
        table_root: None,
        workspace: Some(WorkspaceSpec {
            name,
            url: url.to_owned(),
            token: Some(token.to_owned()),
            client_id: None,
            client_secret: None,
        }),
        catalog: Some(CatalogSpec { url: url.to_owned(), token: Some(token.to_owned()) }),
    }
}

/// The URL of a workspace, which may have been written without scheme.
fn workspace_url(given: &str) -> Option<String> {
    let url = if given.contains("://") { given.to_owned() } else { format!("https://{given}") };
    let parsed = Url::parse(&url).ok().filter(keeps_secrets)?;
    let plain = parsed.username().is_empty() && parsed.password().is_none() && parsed.query().is_none();
    plain.then(|| url.trim_end_matches('/').to_owned())
}

/// Minutes as a duration.
fn minutes(minutes: u32) -> String {
    if minutes.is_multiple_of(60) { format!("{}h", minutes / 60) } else { format!("{minutes}m") }
}
