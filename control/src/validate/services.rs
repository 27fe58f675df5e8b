//! What runs in each region and changes hands with a failover.

use std::time::Duration;

use super::rules::Report;
use super::sync_group::login_pair;
use super::valid_services::{DagService, Hook, HookCall, ServiceKind, Services, SideService};
use crate::spec::{
    DagServiceSpec, DatabricksJobSpec, HookSpec, InstancePoolSpec, SideServicesSpec, SideSpec, SyncGroupSpec,
};

/// Longest time-out of a hook.
const LONGEST_HOOK: Duration = Duration::from_secs(600);

/// Checks the services of both sides.
pub(super) fn services(report: &mut Report<'_>, spec: &SyncGroupSpec) -> Services {
    let Some(given) = &spec.services else { return Services::default() };
    let mut report = report.at("services");
    let mut of = |name: &str, given: Option<&SideServicesSpec>, side: &SideSpec| match given {
        Some(given) => of_side(&mut report.at(name), name, given, side),
        None => Vec::new(),
    };
    Services {
        primary: of("primary", given.primary.as_ref(), &spec.primary),
        secondary: of("secondary", given.secondary.as_ref(), &spec.secondary),
    }
}

/// The services of a side that are good, in the order in which they are started.
fn of_side(
    report: &mut Report<'_>,
    name: &str,
    given: &SideServicesSpec,
    side: &SideSpec,
) -> Vec<SideService> {
    for (attribute, declared) in [
        ("databricks_jobs", given.databricks_jobs.as_ref().map(Vec::len)),
        ("sql_warehouses", given.sql_warehouses.as_ref().map(Vec::len)),
        ("clusters", given.clusters.as_ref().map(Vec::len)),
        ("instance_pools", given.instance_pools.as_ref().map(Vec::len)),
    ] {
        if declared.is_some_and(|declared| declared > 0) && side.workspace.is_none() {
            report.at(attribute).violation(
                format!("are of a Databricks workspace, and {name} has none"),
                format!("set workspace of {name}"),
            );
        }
    }
    let mut found = Vec::new();
    let mut take = Take { region: &side.region, found: &mut found };
    take.each(&mut report.at("instance_pools"), given.instance_pools.as_deref(), pool);
    let warehouse =
        |report: &mut Report<'_>, given: &String| id(report, given).map(ServiceKind::SqlWarehouse);
    take.each(&mut report.at("sql_warehouses"), given.sql_warehouses.as_deref(), warehouse);
    let cluster = |report: &mut Report<'_>, given: &String| id(report, given).map(ServiceKind::Cluster);
    take.each(&mut report.at("clusters"), given.clusters.as_deref(), cluster);
    take.each(&mut report.at("databricks_jobs"), given.databricks_jobs.as_deref(), job);
    take.each(&mut report.at("airflow_dags"), given.airflow_dags.as_deref(), dag);
    take.each(&mut report.at("hooks"), given.hooks.as_deref(), hook);
    found
}

struct Take<'a> {
    region: &'a str,
    found: &'a mut Vec<SideService>,
}

impl Take<'_> {
    fn each<T>(
        &mut self,
        list: &mut Report<'_>,
        given: Option<&[T]>,
        check: impl Fn(&mut Report<'_>, &T) -> Option<ServiceKind>,
    ) {
        for (index, given) in given.unwrap_or_default().iter().enumerate() {
            let mut report = list.index(index);
            let Some(kind) = check(&mut report, given) else { continue };
            let service = SideService::new(self.region, kind);
            if self.found.iter().any(|known| known.id == service.id) {
                report.violation(format!("{} is listed twice", service.kind), "list each service once");
            } else {
                self.found.push(service);
            }
        }
    }
}

/// An id that a service gave to something of its own.
fn id(report: &mut Report<'_>, given: &str) -> Option<String> {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if given.is_empty() || !given.chars().all(good) {
        report.violation(
            format!("{given:?} is not an id"),
            "write the id that the workspace shows in the URL of its page, not the name",
        );
        return None;
    }
    Some(given.to_owned())
}

fn pool(report: &mut Report<'_>, given: &InstancePoolSpec) -> Option<ServiceKind> {
    if given.min_idle == 0 {
        report.at("min_idle").violation(
            "is 0, which is what the pool gets in the standby region",
            "give the number of idle instances that it keeps while its region is active",
        );
    }
    let id = id(&mut report.at("id"), &given.id)?;
    Some(ServiceKind::InstancePool { id, min_idle: given.min_idle })
}

fn job(report: &mut Report<'_>, given: &DatabricksJobSpec) -> Option<ServiceKind> {
    if given.name.is_some() == given.id.is_some() {
        report.violation("names no job, or names it twice", "set either name or id");
        return None;
    }
    if given.name.as_deref().is_some_and(str::is_empty) {
        report.at("name").violation("is empty", "write the name of the job");
        return None;
    }
    Some(ServiceKind::DatabricksJob(given.clone()))
}

fn dag(report: &mut Report<'_>, given: &DagServiceSpec) -> Option<ServiceKind> {
    let url = report.at("url").service_url(&given.url);
    if given.dag_id.is_empty() {
        report.at("dag_id").violation("is empty", "write the id of the DAG");
    }
    let login = login_pair(report, given.username.as_deref(), given.password.as_deref())?;
    Some(ServiceKind::AirflowDag(DagService { url: url?, dag_id: given.dag_id.clone(), login }))
}

fn hook(report: &mut Report<'_>, given: &HookSpec) -> Option<ServiceKind> {
    let name = report.at("name").name(&given.name);
    let timeout = report.at("timeout").positive_duration(&given.timeout);
    if timeout.is_some_and(|timeout| timeout > LONGEST_HOOK) {
        report.at("timeout").violation(
            format!("{:?} is too long: an operator waits for it", given.timeout),
            "give at most 10m, and let the hook go on in the background",
        );
    }
    let call = match (&given.url, &given.command) {
        (Some(url), None) => {
            let token = given.token.as_deref().map(|token| report.at("token").secret_ref(token));
            let url = report.at("url").service_url(url)?;
            match token {
                // a malformed reference has been reported
                Some(None) => None,
                token => Some(HookCall::Post { url, token: token.flatten() }),
            }
        }
        (None, Some(command)) => {
            if given.token.is_some() {
                report.at("token").violation("belongs to url, and there is a command", "leave it out");
            }
            executable(&mut report.at("command"), command)
        }
        _ => {
            report.violation("names nothing to call, or names two things", "set either url or command");
            None
        }
    };
    Some(ServiceKind::Hook(Hook { name: name?, call: call?, timeout: timeout? }))
}

fn executable(report: &mut Report<'_>, command: &str) -> Option<HookCall> {
    let good = command.starts_with('/') && command.len() > 1 && !command.chars().any(char::is_control);
    if !good {
        report.violation(
            format!("{command:?} is not the absolute path of an executable"),
            "write a path such as /etc/lakedr/hooks/dns; it gets no arguments, the request is on its standard input",
        );
        return None;
    }
    Some(HookCall::Run { command: command.to_owned() })
}
