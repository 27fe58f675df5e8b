use super::Violation;
use super::rules::Report;
use super::sync_group::schedule;
use super::valid_group::Schedule;
use crate::id::{Name, TableName};
use crate::location::StoreUrl;
use crate::snapshots::pattern;
use crate::snapshots::retention::{Period, Retention, Rules};
use crate::spec::{RetentionSpec, SnapshotMode, SnapshotScheduleSpec, SnapshotSourceSpec};

/// What a valid schedule copies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SnapshotSource {
    /// All tables of a sync group.
    SyncGroup(Name),
    /// Tables of a region, with their URLs.
    Tables {
        /// The region.
        region: String,
        /// The tables.
        tables: Vec<(TableName, StoreUrl)>,
    },
}

/// A snapshot schedule that keeps every rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidSchedule {
    /// Name.
    pub name: Name,
    /// What is copied.
    pub source: SnapshotSource,
    /// External location of the copies.
    pub location: Name,
    /// Folder in the location.
    pub prefix: String,
    /// When.
    pub schedule: Schedule,
    /// Tables that are left out: names, or patterns with `*`.
    pub exclude: Vec<String>,
    /// How a copy is made.
    pub mode: SnapshotMode,
    /// One copy is kept only, and replaced when the next one is complete.
    pub overwrite: bool,
    /// Which copies are kept; none when all are.
    pub retention: Option<Retention>,
    /// None is taken.
    pub paused: bool,
}

impl ValidSchedule {
    /// What decides which copies are kept.
    #[must_use]
    pub fn rules(&self) -> Rules<'_> {
        let zone = match &self.schedule {
            Schedule::Cron(cron) => cron.timezone(),
            Schedule::Interval(_) => chrono_tz::Tz::UTC,
        };
        Rules { retention: self.retention.as_ref(), overwrite: self.overwrite, zone }
    }

    /// Whether a table is left out.
    #[must_use]
    pub fn excludes(&self, table: &TableName) -> bool {
        self.exclude.iter().any(|pattern| pattern::matches(pattern, table))
    }
}

/// Checks a snapshot schedule by itself.
///
/// # Errors
/// All violations.
pub fn snapshot_schedule(spec: &SnapshotScheduleSpec) -> Result<ValidSchedule, Vec<Violation>> {
    let mut found = Vec::new();
    let mut report = Report::new(&mut found);
    let name = report.at("name").name(&spec.name);
    let source = source(&mut report.at("source"), &spec.source);
    let location = report.at("target").at("location").name(&spec.target.location);
    let prefix = spec.target.prefix.clone().unwrap_or_default();
    check_prefix(&mut report.at("target").at("prefix"), &prefix);
    let when = schedule(&mut report.at("schedule"), &spec.schedule);
    if spec.overwrite && spec.mode != SnapshotMode::Batch {
        report.at("overwrite").violation(
            "one copy that is replaced cannot share files with others",
            "set mode = \"batch\", or overwrite = false",
        );
    }
    for (index, pattern) in spec.exclude.iter().flatten().enumerate() {
        if pattern.trim().is_empty() {
            report
                .at("exclude")
                .index(index)
                .violation("is empty", "write a table name, or a pattern with `*`");
        }
    }
    if let Some(SnapshotSource::Tables { tables, .. }) = &source {
        excluded(&mut report.at("exclude"), spec, tables);
    }
    let retention = retention(&mut report.at("retention"), spec.retention.as_ref());
    match (name, source, location, when) {
        (Some(name), Some(source), Some(location), Some(schedule)) if found.is_empty() => Ok(ValidSchedule {
            name,
            source,
            location,
            prefix: prefix.trim_matches('/').to_owned(),
            schedule,
            exclude: spec.exclude.clone().unwrap_or_default(),
            mode: spec.mode,
            overwrite: spec.overwrite,
            retention,
            paused: spec.paused,
        }),
        _ => Err(found),
    }
}

fn source(report: &mut Report<'_>, spec: &SnapshotSourceSpec) -> Option<SnapshotSource> {
    let given = spec.region.is_some() || spec.table_root.is_some() || spec.tables.is_some();
    match (&spec.sync_group, given) {
        (Some(group), false) => report.at("sync_group").name(group).map(SnapshotSource::SyncGroup),
        (Some(_), true) => {
            report.violation(
                "names a sync group and tables",
                "keep either sync_group, or region with table_root and tables",
            );
            None
        }
        (None, _) => tables(report, spec),
    }
}

fn tables(report: &mut Report<'_>, spec: &SnapshotSourceSpec) -> Option<SnapshotSource> {
    let region = match &spec.region {
        Some(region) => report.at("region").region(region),
        None => {
            report.violation("names no tables", "set sync_group, or region with table_root and tables");
            return None;
        }
    };
    let root = spec.table_root.as_ref().and_then(|root| report.at("table_root").store_url(root));
    let listed = spec.tables.as_deref().unwrap_or_default();
    if listed.is_empty() {
        report.at("tables").violation("is empty", "list at least one table");
    }
    let mut tables = Vec::new();
    for (index, table) in listed.iter().enumerate() {
        let mut list = report.at("tables");
        let mut report = list.index(index);
        let name = report.at("name").table_name(&table.name);
        let url = match &table.url {
            Some(url) => report.at("url").store_url(url),
            None if spec.table_root.is_none() => {
                report.violation(
                    "has no url and there is no table_root",
                    "set url, or table_root of the source",
                );
                None
            }
            None => name.as_ref().zip(root.as_ref()).map(|(name, root)| root.table(name)),
        };
        if let (Some(name), Some(url)) = (name, url) {
            if tables.iter().any(|(other, _)| *other == name) {
                report.at("name").violation(format!("{name} is listed twice"), "list each table once");
            }
            tables.push((name, url));
        }
    }
    region.map(|region| SnapshotSource::Tables { region, tables })
}

fn check_prefix(report: &mut Report<'_>, prefix: &str) {
    let mut segments = prefix.trim_matches('/').split('/');
    let odd = |segment: &str| segment == "." || segment == ".." || segment.chars().any(char::is_control);
    let empty_inside =
        !prefix.trim_matches('/').is_empty() && prefix.trim_matches('/').split('/').any(str::is_empty);
    if segments.any(odd) || empty_inside {
        report.violation(format!("{prefix:?} is not a folder"), "write folder names with `/` between them");
    }
    if prefix.trim_matches('/') == "meta" || prefix.trim_matches('/').starts_with("meta/") {
        report
            .violation("`meta` holds the group logs", "choose another folder, for example snapshots/bronze");
    }
}

/// A name that is left out has to be one of the tables, and one table has to remain.
fn excluded(report: &mut Report<'_>, spec: &SnapshotScheduleSpec, tables: &[(TableName, StoreUrl)]) {
    let patterns = spec.exclude.as_deref().unwrap_or_default();
    let hit = |pattern: &str| tables.iter().any(|(table, _)| pattern::matches(pattern, table));
    for (index, given) in patterns.iter().enumerate() {
        if !given.trim().is_empty() && !given.contains('*') && !hit(given) {
            let problem = format!("{given:?} is none of the tables");
            report.index(index).violation(problem, "correct the name, or leave it out");
        }
    }
    let left =
        |(table, _): &&(TableName, StoreUrl)| !patterns.iter().any(|given| pattern::matches(given, table));
    if !tables.is_empty() && !tables.iter().any(|table| left(&table)) {
        report.violation("leaves out every table", "leave one in");
    }
}

fn retention(report: &mut Report<'_>, spec: Option<&RetentionSpec>) -> Option<Retention> {
    let spec = spec?;
    let calendar = [
        ("keep_hourly", Period::Hourly, spec.keep_hourly),
        ("keep_daily", Period::Daily, spec.keep_daily),
        ("keep_weekly", Period::Weekly, spec.keep_weekly),
        ("keep_monthly", Period::Monthly, spec.keep_monthly),
        ("keep_yearly", Period::Yearly, spec.keep_yearly),
    ];
    let counts = calendar.iter().map(|(attribute, _, count)| (*attribute, *count));
    for (attribute, _) in counts.chain([("keep_last", spec.keep_last)]).filter(|(_, count)| *count == Some(0))
    {
        report.at(attribute).violation("keeps nothing", "give a number above zero, or leave the rule out");
    }
    let within = spec.keep_within.as_ref().map(|within| report.at("keep_within").positive_duration(within));
    let calendar = calendar.into_iter().filter_map(|(_, period, count)| Some((period, count?)));
    let retention =
        Retention { last: spec.keep_last, calendar: calendar.collect(), within: within.flatten() };
    if spec.keep_within.is_none() && retention == Retention::default() {
        report.violation(
            "has no rule",
            "set at least one keep_… rule, or leave retention out to keep all copies",
        );
    }
    Some(retention)
}
