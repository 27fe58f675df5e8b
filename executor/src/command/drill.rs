//! `lakedr drill`.

use std::time::Duration;

use lakedr_control::drill::DrillReport;
use lakedr_control::spec::SyncGroupSpec;
use lakedr_control::validate::ValidGroup;
use serde::Serialize;

use super::context::{CommandError, Context};
use crate::cli::DrillArgs;
use crate::drill::{Asked, Drilled, NotDrilled, Sealer, drill};
use crate::error::{At as _, Stage};
use crate::exit::Exit;
use crate::notify::tell_drill;
use crate::other_region::{OtherRegion, other_region};
use crate::pipeline::Scene;
use crate::report::{GroupReport, duration_text};
use crate::spec::Loaded;

#[derive(Serialize)]
struct Document {
    groups: Vec<OfGroup>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum OfGroup {
    Drilled {
        outcome: &'static str,
        url: String,
        #[serde(flatten)]
        report: Box<DrillReport>,
        #[serde(skip)]
        exit: Exit,
    },
    Elsewhere {
        group: String,
        outcome: &'static str,
        region: String,
    },
    Stopped(Box<GroupReport>),
}

/// One group after the other, so that none is slowed down by another.
pub(super) async fn run(context: &Context, args: &DrillArgs) -> Result<Exit, CommandError> {
    let loaded = context.load().await?;
    let sealer = match &args.signing_key {
        Some(key) => Some(Sealer::of(key, &loaded.secrets).await.at(Stage::Spec, "--signing-key")?),
        None => None,
    };
    let asked = Asked {
        validate: args.validate.clone(),
        passes: args.pass_env.clone(),
        patience: args.validate_timeout,
        keep: args.keep,
        warnings: Vec::new(),
    };
    let mut groups = Vec::new();
    for group in &loaded.groups {
        groups.push(Box::pin(of_group(context, &loaded, group, (&asked, sealer.as_ref()))).await);
    }
    let document = Document { groups };
    context
        .output
        .write(&document, || document.groups.iter().map(OfGroup::text).collect::<Vec<_>>().join("\n"))?;
    Ok(Exit::of_all(document.groups.iter().map(OfGroup::exit)))
}

async fn of_group(
    context: &Context,
    loaded: &Loaded,
    (spec, group): &(SyncGroupSpec, ValidGroup),
    (asked, sealer): (&Asked, Option<&Sealer>),
) -> OfGroup {
    let progress = context.progress();
    let drilled = async {
        let scene = Scene::open_in_an_outage(&context.world, loaded, spec, group).await?;
        let other_region = other_region(&scene, loaded, spec).await;
        let warnings = other_region.iter().flat_map(OtherRegion::warnings).collect();
        let asked = Asked { warnings, ..asked.clone() };
        let drilled = Box::pin(drill(&scene, &asked, sealer, &progress)).await?;
        tell_drill(&scene, &drilled.report).await;
        Ok(drilled)
    };
    match drilled.await {
        Ok(Drilled { report, url, exit }) => {
            let outcome = if report.passed { "passed" } else { "failed" };
            OfGroup::Drilled { outcome, url, report: Box::new(report), exit }
        }
        Err(NotDrilled::Elsewhere { region }) => {
            OfGroup::Elsewhere { group: group.name.to_string(), outcome: "not_here", region }
        }
        Err(NotDrilled::Refused(refusal)) => {
            let refused = GroupReport::refused_as(&group.name, refusal.tag(), refusal.to_string());
            OfGroup::Stopped(Box::new(refused))
        }
        Err(NotDrilled::Failed(failure)) => {
            OfGroup::Stopped(Box::new(GroupReport::failed(&group.name, &failure)))
        }
    }
}

impl OfGroup {
    fn exit(&self) -> Exit {
        match self {
            Self::Drilled { exit, .. } => *exit,
            Self::Elsewhere { .. } => Exit::Ok,
            Self::Stopped(report) => report.exit(),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Drilled { report, url, .. } => text(report, url),
            Self::Elsewhere { group, region, .. } => {
                format!("{group}: not rehearsed here: {region} would take over, call it there")
            }
            Self::Stopped(report) => report.text(),
        }
    }
}

fn text(report: &DrillReport, url: &str) -> String {
    let verdict = if report.passed { "passed" } else { "FAILED" };
    let point = &report.recovery_point;
    let mut lines = vec![
        format!(
            "{}: drill {} {verdict}: {} would take over from {}",
            report.group, report.drill, report.region, report.lost_region
        ),
        format!("  goes on from: {} (entry {})", point.holds, point.seq),
        target(
            "RPO",
            &duration_text(Duration::from_secs(report.rpo_seconds)),
            report.rpo_target_seconds,
            report.rpo_met,
        ),
    ];
    let rto = humantime::format_duration(Duration::from_millis(report.rto_ms)).to_string();
    lines.push(target("RTO", &rto, report.rto_target_seconds, report.rto_met));
    lines.extend(report.steps.iter().map(|step| {
        let part = if step.counts { "" } else { ", not part of a failover" };
        format!("  {}: {} ({} ms{part})", step.step, step.result, step.took_ms)
    }));
    if let Some(validation) = report.validation.as_ref().filter(|validation| !validation.said.is_empty()) {
        lines.extend(validation.said.lines().map(|line| format!("    {line}")));
    }
    lines.extend(report.problems.iter().map(|problem| format!("  PROBLEM: {problem}")));
    lines.extend(report.warnings.iter().map(|warning| format!("  warning: {warning}")));
    lines.extend(report.kept.iter().map(|place| format!("  the copy stays at {place} until the next drill")));
    lines.push(format!("  report: {url}"));
    lines.join("\n")
}

fn target(what: &str, measured: &str, target: Option<u64>, met: Option<bool>) -> String {
    match (target, met) {
        (Some(target), Some(met)) => {
            let met = if met { "met" } else { "MISSED" };
            format!("  {what}: {measured}, target {} ({met})", duration_text(Duration::from_secs(target)))
        }
        _ => format!("  {what}: {measured}"),
    }
}
