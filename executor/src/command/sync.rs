use futures::stream::{self, StreamExt as _};
use lakedr_control::spec::Delivery;

use super::context::{CommandError, Context};
use crate::cli::SyncArgs;
use crate::exit::Exit;
use crate::pipeline::{Asked, Task, sync_group};
use crate::report::GroupReport;

/// Groups that are synced at the same time.
const GROUPS_IN_FLIGHT: usize = 4;

#[derive(serde::Serialize)]
struct Document<'a> {
    groups: &'a [GroupReport],
}

/// `lakedr sync`, `lakedr send` and `lakedr receive`
pub(super) async fn run(context: &Context, asked: Asked, args: SyncArgs) -> Result<Exit, CommandError> {
    let task = Task { asked, force: args.force };
    let first = once(context, task).await;
    if !args.watch {
        return first;
    }
    // what cannot be done at all at the first look was typed wrong
    first?;
    loop {
        tokio::time::sleep(args.every).await;
        match once(context, task).await {
            Err(error @ CommandError::Stdout(_)) => return Err(error),
            // a watch outlives an outage; the next look may find it over
            Err(error) => tracing::error!("{}", crate::error::chain(&error)),
            Ok(_) => {}
        }
    }
}

async fn once(context: &Context, task: Task) -> Result<Exit, CommandError> {
    let loaded = context.load().await?;
    // half of the way is asked of all groups that have halves; who names a group means that one
    let by_name = !context.global.group.is_empty();
    let meant = |delivery| by_name || task.asked == Asked::Sync || delivery == Delivery::Staged;
    let groups = loaded.groups.iter().filter(|(_, group)| meant(group.delivery));
    let syncs = groups.map(|group| async {
        let progress = context.progress();
        sync_group(&context.world, &loaded, group, task, &progress).await
    });
    let mut reports: Vec<GroupReport> =
        stream::iter(syncs).buffer_unordered(GROUPS_IN_FLIGHT).collect().await;
    reports.sort_by(|a, b| a.group.cmp(&b.group));
    report(context, &reports)
}

/// Writes the reports of all groups; the exit code that they ask for together.
pub(super) fn report(context: &Context, reports: &[GroupReport]) -> Result<Exit, CommandError> {
    context.output.write(&Document { groups: reports }, || {
        if reports.is_empty() {
            return "no sync groups".to_owned();
        }
        reports.iter().map(GroupReport::text).collect::<Vec<_>>().join("\n")
    })?;
    Ok(Exit::of_all(reports.iter().map(GroupReport::exit)))
}
