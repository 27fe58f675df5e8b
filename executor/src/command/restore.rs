use futures::stream::{self, StreamExt as _};
use serde::Serialize;

use super::context::{CommandError, Context};
use crate::cli::RestoreArgs;
use crate::exit::Exit;
use crate::pipeline::{Scene, Stop};
use crate::report::GroupReport;
use crate::restore::{NotRestored, Restored, Where, restore_group};

/// Groups that are restored at the same time.
const GROUPS_IN_FLIGHT: usize = 2;

#[derive(Serialize)]
struct Document {
    groups: Vec<OfGroup>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum OfGroup {
    Restored(Restored),
    Stopped(Box<GroupReport>),
}

/// `lakedr restore`
pub(super) async fn run(context: &Context, args: &RestoreArgs) -> Result<Exit, CommandError> {
    if context.global.group.is_empty() {
        return Err(CommandError::NoGroup);
    }
    let loaded = context.load().await?;
    let place = match &args.target {
        Some(url) => Where::Elsewhere(url.clone()),
        None => Where::InPlace { yes: args.yes },
    };
    let restores = loaded.groups.iter().map(|(spec, group)| async {
        let progress = context.progress();
        let restored = async {
            let scene = Scene::open(&context.world, &loaded, spec, group).await?;
            restore_group(&scene, args.to, &place, &progress).await
        };
        match restored.await {
            Ok(report) => OfGroup::Restored(report),
            Err(stopped) => OfGroup::Stopped(Box::new(match stopped {
                NotRestored::Refused(refusal) => {
                    GroupReport::refused_as(&group.name, refusal.tag(), refusal.to_string())
                }
                NotRestored::Stopped(Stop::Refused(refusal)) => GroupReport::refused(&group.name, &refusal),
                NotRestored::Stopped(Stop::Failed(failure)) => GroupReport::failed(&group.name, &failure),
            })),
        }
    });
    let restores: Vec<_> = restores.collect();
    let document = Document { groups: stream::iter(restores).buffered(GROUPS_IN_FLIGHT).collect().await };
    let text = |of_group: &OfGroup| match of_group {
        OfGroup::Restored(report) => text(report),
        OfGroup::Stopped(report) => report.text(),
    };
    context.output.write(&document, || document.groups.iter().map(text).collect::<Vec<_>>().join("\n"))?;
    Ok(Exit::of_all(document.groups.iter().map(|of_group| match of_group {
        OfGroup::Restored(_) => Exit::Ok,
        OfGroup::Stopped(report) => report.exit(),
    })))
}

fn text(report: &Restored) -> String {
    let mut lines = vec![format!("{}: restored to {} (entry {})", report.group, report.holds, report.point)];
    lines.extend(report.seq.map(|seq| format!("  recovery point: entry {seq}")));
    lines.extend(report.tables.iter().map(|table| {
        format!(
            "  {}: version {} of {} is version {} again",
            table.name, table.version, table.url, table.of_version
        )
    }));
    lines.join("\n")
}
