use futures::future::join_all;
use lakedr_control::group_log::WholeLog;
use lakedr_control::spec::SyncGroupSpec;
use lakedr_control::validate::ValidGroup;
use serde::Serialize;

use super::context::{CommandError, Context};
use crate::error::{At as _, Failure, Stage};
use crate::exit::Exit;
use crate::pipeline::Scene;
use crate::report::GroupReport;
use crate::spec::Loaded;

#[derive(Serialize)]
struct Document<T> {
    groups: Vec<OfGroup<T>>,
}

/// What a command shows of a group, or why it cannot.
#[derive(Serialize)]
#[serde(untagged)]
enum OfGroup<T> {
    Shown(T),
    Failed(Box<GroupReport>),
}

/// Reads the whole log of every group that was asked for, and writes what `show` makes of each. A group whose log is out
/// of reach hides no other.
pub(super) async fn show_logs<T: Serialize>(
    context: &Context,
    show: impl AsyncFn(&Scene<'_>, WholeLog) -> T,
    text: impl Fn(&T) -> String,
) -> Result<Exit, CommandError> {
    let loaded = context.load().await?;
    let reads = loaded.groups.iter().map(|(spec, group)| async {
        match read(context, &loaded, spec, group).await {
            Ok((scene, log)) => OfGroup::Shown(show(&scene, log).await),
            Err(failure) => OfGroup::Failed(Box::new(GroupReport::failed(&group.name, &failure))),
        }
    });
    let document = Document { groups: join_all(reads).await };
    let line = |of_group: &OfGroup<T>| match of_group {
        OfGroup::Shown(shown) => text(shown),
        OfGroup::Failed(report) => report.text(),
    };
    context.output.write(&document, || document.groups.iter().map(line).collect::<Vec<_>>().join("\n"))?;
    Ok(Exit::of_all(document.groups.iter().map(|of_group| match of_group {
        OfGroup::Shown(_) => Exit::Ok,
        OfGroup::Failed(report) => report.exit(),
    })))
}

async fn read<'a>(
    context: &'a Context,
    loaded: &Loaded,
    spec: &SyncGroupSpec,
    group: &'a ValidGroup,
) -> Result<(Scene<'a>, WholeLog), Failure> {
    let scene = Scene::open(&context.world, loaded, spec, group).await?;
    let log = scene.log.read_all().await.at(Stage::Observe, &group.name)?;
    Ok((scene, log))
}
