use std::collections::BTreeSet;
use std::str::FromStr as _;

use chrono_tz::Tz;

use super::Violation;
use super::clashes::{Clash, clashes};
use super::delivery::{delivery, publisher};
use super::notifications::notifications;
use super::rules::Report;
use super::services::services;
use super::valid_group::{
    AirflowDag, Catalog, Marker, Schedule, Side, SideName, ValidGroup, ValidTable, Workflow, WorkflowJob,
    Workspace, WorkspaceLogin,
};
use crate::cron::{CronSchedule, FIELDS, ZONE, timezone};
use crate::id::TableName;
use crate::location::StoreUrl;
use crate::secret::SecretRef;
use crate::spec::{
    AirflowDagSpec, CatalogSpec, DatabricksJobSpec, MarkerSpec, ScheduleSpec, SideSpec, SyncGroupSpec,
    WorkflowJobSpec, WorkflowSpec, WorkspaceSpec,
};

/// Checks a sync group by itself.
///
/// # Errors
/// All violations.
pub fn sync_group(spec: &SyncGroupSpec) -> Result<ValidGroup, Vec<Violation>> {
    let mut found = Vec::new();
    let mut report = Report::new(&mut found);
    let name = report.at("name").name(&spec.name);
    if let Some(email) = &spec.owner_email {
        report.at("owner_email").email(email);
    }
    let primary = side(&mut report.at("primary"), &spec.primary);
    let secondary = side(&mut report.at("secondary"), &spec.secondary);
    let initial_active = sides_fit(&mut report, spec);
    let tables = tables(&mut report, spec);
    let workflow = spec.workflow.as_ref().and_then(|w| workflow(&mut report.at("workflow"), w));
    if let Some(Workflow::DatabricksJob(_)) = workflow {
        job_needs_workspaces(&mut report, spec);
    }
    let when = spec.schedule.as_ref().and_then(|s| schedule(&mut report.at("schedule"), s));
    let initial_backoff = report.at("retry").at("initial_backoff").duration(&spec.retry.initial_backoff);
    let max_backoff = report.at("retry").at("max_backoff").duration(&spec.retry.max_backoff);
    if spec.retry.max_attempts == 0 {
        report.at("retry").at("max_attempts").violation("is 0", "give at least 1: the first attempt counts");
    }
    let clock_skew = report.at("clock_skew").duration(&spec.clock_skew);
    let rpo_target = spec.rpo_target.as_ref().and_then(|t| report.at("rpo_target").positive_duration(t));
    let rto_target = spec.rto_target.as_ref().and_then(|t| report.at("rto_target").positive_duration(t));
    let drill_every = spec.drill_every.as_ref().and_then(|t| report.at("drill_every").positive_duration(t));
    delivery(&mut report, spec);
    if spec.egress_price_per_gib.is_some_and(|price| !price.is_finite() || price < 0.0) {
        report.at("egress_price_per_gib").violation("is not a price", "give a number of 0 or more");
    }
    let services = services(&mut report, spec);
    let notifications = notifications(&mut report, spec);
    match (name, primary, secondary, initial_active, initial_backoff, max_backoff, clock_skew) {
        (
            Some(name),
            Some(primary),
            Some(secondary),
            Some(initial_active),
            Some(first),
            Some(longest),
            Some(clock_skew),
        ) if found.is_empty() => Ok(ValidGroup {
            name,
            initial_active,
            primary,
            secondary,
            tables,
            workflow,
            schedule: when,
            max_attempts: spec.retry.max_attempts,
            initial_backoff: first,
            max_backoff: longest,
            delivery: spec.delivery,
            publisher: publisher(&spec.publish),
            compaction: spec.compaction,
            clock_skew,
            rpo_target,
            rto_target,
            drill_every,
            max_bytes_per_second: (spec.max_bytes_per_second > 0).then_some(spec.max_bytes_per_second),
            egress_price_per_gib: spec.egress_price_per_gib,
            owner_email: spec.owner_email.clone(),
            services,
            notifications,
            paused: spec.paused,
        }),
        _ => Err(found),
    }
}

fn side(report: &mut Report<'_>, spec: &SideSpec) -> Option<Side> {
    let region = report.at("region").region(&spec.region);
    let location = report.at("location").name(&spec.location);
    if let Some(root) = &spec.table_root {
        report.at("table_root").store_url(root);
    }
    let workspace = spec.workspace.as_ref().and_then(|spec| workspace(&mut report.at("workspace"), spec));
    let catalog = spec.catalog.as_ref().and_then(|spec| catalog(&mut report.at("catalog"), spec));
    Some(Side { region: region?, location: location?, workspace, catalog })
}

fn workspace(report: &mut Report<'_>, spec: &WorkspaceSpec) -> Option<Workspace> {
    let url = report.at("url").service_url(&spec.url);
    let login = match (&spec.token, &spec.client_id, &spec.client_secret) {
        (Some(token), None, None) => report.at("token").secret_ref(token).map(WorkspaceLogin::Token),
        (None, Some(id), Some(secret)) => {
            let id = report.at("client_id").secret_ref(id);
            let secret = report.at("client_secret").secret_ref(secret);
            id.zip(secret).map(|(id, secret)| WorkspaceLogin::Client { id, secret })
        }
        _ => {
            report.violation(
                "names nobody who logs in, or names them twice",
                "set either token, or both client_id and client_secret",
            );
            None
        }
    };
    Some(Workspace { name: spec.name.clone(), url: url?, login: login? })
}

fn catalog(report: &mut Report<'_>, spec: &CatalogSpec) -> Option<Catalog> {
    let url = report.at("url").service_url(&spec.url);
    let token = spec.token.as_ref().map(|token| report.at("token").secret_ref(token));
    match token {
        // a malformed reference has been reported
        Some(None) => None,
        token => Some(Catalog { url: url?, token: token.flatten() }),
    }
}

fn sides_fit(report: &mut Report<'_>, spec: &SyncGroupSpec) -> Option<SideName> {
    let (primary, secondary) = (&spec.primary, &spec.secondary);
    if primary.region == secondary.region {
        report.at("secondary").at("region").violation(
            format!("both sides lie in {}", primary.region),
            "give the secondary side another region: a region that fails takes both with it",
        );
    }
    if primary.location == secondary.location {
        report.at("secondary").at("location").violation(
            format!("both sides use the external location {}", primary.location),
            "give each side an external location in its own region",
        );
    }
    if spec.initial_active_region == primary.region {
        Some(SideName::Primary)
    } else if spec.initial_active_region == secondary.region {
        Some(SideName::Secondary)
    } else {
        report.at("initial_active_region").violation(
            format!("{:?} is an unknown region for this group", spec.initial_active_region),
            format!("write {:?} or {:?}", primary.region, secondary.region),
        );
        None
    }
}

fn tables(report: &mut Report<'_>, spec: &SyncGroupSpec) -> Vec<ValidTable> {
    if spec.tables.is_empty() {
        report.at("tables").violation("is empty", "list at least one table");
    }
    let mut tables: Vec<ValidTable> = Vec::new();
    for (index, table) in spec.tables.iter().enumerate() {
        let mut list = report.at("tables");
        let mut report = list.index(index);
        let Some(name) = report.at("name").table_name(&table.name) else { continue };
        let primary =
            table_url(&mut report, SideName::Primary, &name, table.primary_url.as_deref(), &spec.primary);
        let secondary = table_url(
            &mut report,
            SideName::Secondary,
            &name,
            table.secondary_url.as_deref(),
            &spec.secondary,
        );
        let valid = ValidTable {
            name,
            position: index,
            primary,
            secondary,
            shallow_clone: table.shallow_clone.unwrap_or_default(),
            allowed_writer_features: writer_features(&mut report, table.allow_writer_features.as_deref()),
        };
        if let (Some(primary), Some(secondary)) = (&valid.primary, &valid.secondary)
            && primary.overlaps(secondary)
        {
            report.violation(
                format!("{} has the same place in both regions: {primary} and {secondary}", valid.name),
                "give it a place of its own in each region",
            );
        }
        tables.push(valid);
    }
    for found in clashes(&tables) {
        clash(report, found);
    }
    tables.sort_by(|a, b| a.name.cmp(&b.name));
    tables
}

fn writer_features(report: &mut Report<'_>, given: Option<&[String]>) -> BTreeSet<String> {
    let mut features = BTreeSet::new();
    for (index, feature) in given.unwrap_or_default().iter().enumerate() {
        let mut list = report.at("allow_writer_features");
        let mut report = list.index(index);
        if feature.trim().is_empty() {
            report.violation("is empty", "write the name of a table feature, as the refusal gives it");
        } else if !features.insert(feature.clone()) {
            report.violation(format!("{feature:?} is listed twice"), "list each feature once");
        }
    }
    features
}

fn clash(report: &mut Report<'_>, Clash { later, earlier, side }: Clash<'_>) {
    let mut list = report.at("tables");
    let mut report = list.index(later.position);
    let Some(side) = side else {
        report.at("name").violation(format!("{} is listed twice", later.name), "list each table once");
        return;
    };
    let place = |table: &ValidTable| table.url(side).map(ToString::to_string).unwrap_or_default();
    report.violation(
        format!(
            "{} lies in the place of {} in the {} region: {} and {}",
            later.name,
            earlier.name,
            side.attribute(),
            place(later),
            place(earlier)
        ),
        "give each table a place of its own",
    );
}

fn table_url(
    report: &mut Report<'_>,
    side: SideName,
    name: &TableName,
    explicit: Option<&str>,
    spec: &SideSpec,
) -> Option<StoreUrl> {
    let attribute = match side {
        SideName::Primary => "primary_url",
        SideName::Secondary => "secondary_url",
    };
    if let Some(url) = explicit {
        return report.at(attribute).store_url(url);
    }
    match &spec.table_root {
        // a malformed root is reported once, with the side
        Some(root) => StoreUrl::from_str(root).ok().map(|root| root.table(name)),
        None if spec.catalog.is_some() => None,
        None => {
            report.violation(
                format!("{name} has no URL in the {} region", side.attribute()),
                format!("set {attribute}, or table_root or catalog of {}", side.attribute()),
            );
            None
        }
    }
}

fn workflow(report: &mut Report<'_>, spec: &WorkflowSpec) -> Option<Workflow> {
    match (&spec.databricks_job, &spec.airflow_dag, &spec.marker) {
        (Some(job), None, None) => {
            Some(Workflow::DatabricksJob(databricks_job(&mut report.at("databricks_job"), job)))
        }
        (None, Some(dag), None) => {
            airflow_dag(&mut report.at("airflow_dag"), dag).map(Box::new).map(Workflow::AirflowDag)
        }
        (None, None, Some(places)) => marker(&mut report.at("marker"), places).map(Workflow::Marker),
        _ => {
            report.violation(
                "names no workflow, or more than one",
                "set exactly one of databricks_job, airflow_dag and marker",
            );
            None
        }
    }
}

fn databricks_job(report: &mut Report<'_>, spec: &WorkflowJobSpec) -> WorkflowJob {
    if spec.name.is_some() == spec.id.is_some() {
        report.violation("names no job, or names it twice", "set either name or id");
    }
    if spec.secondary_id.is_some() && spec.id.is_none() {
        report.at("secondary_id").violation(
            "is the id of a job that goes by its name in the primary region",
            "set id beside it, or leave it out: a name is looked up in the workspace of the active region",
        );
    }
    let job = DatabricksJobSpec { name: spec.name.clone(), id: spec.id };
    WorkflowJob { job, secondary_id: spec.secondary_id }
}

fn airflow_dag(report: &mut Report<'_>, spec: &AirflowDagSpec) -> Option<AirflowDag> {
    let url = report.at("url").service_url(&spec.url);
    let secondary_url = spec.secondary_url.as_ref();
    let secondary_url = secondary_url.map(|url| report.at("secondary_url").service_url(url));
    if spec.dag_id.is_empty() {
        report.at("dag_id").violation("is empty", "write the id of the DAG");
    }
    let login = login_pair(report, spec.username.as_deref(), spec.password.as_deref())?;
    match secondary_url {
        // a malformed one has been reported
        Some(None) => None,
        secondary_url => Some(AirflowDag {
            url: url?,
            secondary_url: secondary_url.flatten(),
            dag_id: spec.dag_id.clone(),
            login,
        }),
    }
}

/// User name and password: both or neither. None when they were reported.
#[expect(clippy::option_option, reason = "no login is good, a malformed one is not")]
pub(super) fn login_pair(
    report: &mut Report<'_>,
    username: Option<&str>,
    password: Option<&str>,
) -> Option<Option<(SecretRef, SecretRef)>> {
    match (username, password) {
        (None, None) => Some(None),
        (Some(username), Some(password)) => {
            let username = report.at("username").secret_ref(username);
            username.zip(report.at("password").secret_ref(password)).map(Some)
        }
        _ => {
            report.violation(
                "has a user name without a password, or a password without a user name",
                "set both username and password, or neither",
            );
            None
        }
    }
}

fn marker(report: &mut Report<'_>, spec: &MarkerSpec) -> Option<Marker> {
    let url = report.at("url").store_url(&spec.url);
    match spec.secondary_url.as_ref().map(|url| report.at("secondary_url").store_url(url)) {
        // a malformed one has been reported
        Some(None) => None,
        secondary_url => Some(Marker { url: url?, secondary_url: secondary_url.flatten() }),
    }
}

fn job_needs_workspaces(report: &mut Report<'_>, spec: &SyncGroupSpec) {
    for (side, name) in [(&spec.primary, "primary"), (&spec.secondary, "secondary")] {
        if side.workspace.is_none() {
            report.at(name).at("workspace").violation(
                "is missing, and the workflow is a Databricks job",
                "set workspace on both sides: the job runs in the active region, which a failover changes",
            );
        }
    }
}

/// Checks a schedule.
pub(super) fn schedule(report: &mut Report<'_>, spec: &ScheduleSpec) -> Option<Schedule> {
    match (&spec.interval, &spec.cron) {
        (Some(interval), None) => {
            if spec.timezone.is_some() {
                report.at("timezone").violation("belongs to cron, and there is an interval", "leave it out");
            }
            report.at("interval").positive_duration(interval).map(Schedule::Interval)
        }
        (None, Some(cron)) => {
            let timezone = timezone(spec.timezone.as_deref().unwrap_or("UTC"));
            let schedule = CronSchedule::parse(cron, *timezone.as_ref().unwrap_or(&Tz::UTC));
            if let Err(invalid) = &schedule {
                report.at("cron").violation(invalid.to_string(), FIELDS);
            }
            if let Err(invalid) = &timezone {
                report.at("timezone").violation(invalid.to_string(), ZONE);
            }
            timezone.and(schedule).ok().map(|schedule| Schedule::Cron(Box::new(schedule)))
        }
        _ => {
            report.violation("names no moment, or names it twice", "set either interval or cron");
            None
        }
    }
}
