mod pick;
mod show;
mod watch;

use chrono::{DateTime, Utc};
use futures::stream::{self, StreamExt as _};
use lakedr_control::snapshots::{SnapshotDocument, SnapshotId};
use lakedr_control::spec::SnapshotMode;
use lakedr_control::validate::ValidSchedule;
use serde::Serialize;

use super::context::{CommandError, Context};
use crate::cli::{Level, SnapshotCommand, SnapshotRestoreArgs};
use crate::error::{Failure, chain};
use crate::exit::Exit;
use crate::pipeline::Stop;
use crate::report::{GroupReport, ReportedError};
use crate::snapshots::{self, Desk, Partitions, SnapshotError, Taken, TakenTable, Where, Which};
use crate::spec::Loaded;
use pick::{holder, only, schedules};
pub(super) use watch::{Checked, Watched, check, watch};

/// Schedules that are worked on at the same time.
const SCHEDULES_IN_FLIGHT: usize = 2;

/// Answers of schedules, in the order of their names.
#[derive(Serialize)]
struct Document<T> {
    schedules: Vec<Answer<T>>,
}

/// What came of one schedule.
#[derive(Serialize)]
#[serde(untagged)]
enum Answer<T> {
    Done(T),
    Stopped(Stopped),
}

/// A schedule of which nothing came.
#[derive(Serialize)]
struct Stopped {
    schedule: String,
    outcome: &'static str,
    error: Option<ReportedError>,
    #[serde(skip)]
    exit: Exit,
}

impl Stopped {
    fn new(schedule: &ValidSchedule, stop: &Stop) -> Self {
        let (outcome, report) = match stop {
            Stop::Refused(refusal) => ("refused", GroupReport::refused(&schedule.name, refusal)),
            Stop::Failed(failure) => {
                match failure.cause.downcast_ref::<SnapshotError>().and_then(SnapshotError::refusal) {
                    Some(tag) => ("refused", GroupReport::refused_as(&schedule.name, tag, chain(failure))),
                    None => ("failed", GroupReport::failed(&schedule.name, failure)),
                }
            }
        };
        let exit = report.exit();
        Self { schedule: schedule.name.to_string(), outcome, error: report.error, exit }
    }

    fn text(&self) -> String {
        let error = self.error.as_ref().map(|error| format!(" ({}): {}", error.r#type, error.message));
        format!("{}: {}{}", self.schedule, self.outcome, error.unwrap_or_default())
    }
}

/// `lakedr snapshot …`
pub(super) async fn run(context: &Context, command: &SnapshotCommand) -> Result<Exit, CommandError> {
    match command {
        SnapshotCommand::Take { schedule, force } => take(context, schedule, *force).await,
        SnapshotCommand::List { schedule } => {
            let listed = each(context, schedule, async |desk| Ok(snapshots::list(&desk).await?)).await?;
            answer(context, listed, show::list, |_| Exit::Ok)
        }
        SnapshotCommand::Prune { schedule, dry_run } => {
            let pruned =
                each(context, schedule, async |desk| snapshots::prune(&desk, *dry_run).await).await?;
            answer(context, pruned, show::prune, snapshots::PruneReport::exit)
        }
        SnapshotCommand::Pin(args) => pin(context, &args.snapshot, args.schedule.as_deref(), true).await,
        SnapshotCommand::Unpin(args) => pin(context, &args.snapshot, args.schedule.as_deref(), false).await,
        SnapshotCommand::Restore(args) => restore(context, args).await,
    }
}

/// Does something for every schedule that was asked for.
async fn each<T>(
    context: &Context,
    wanted: &[String],
    work: impl AsyncFn(Desk<'_>) -> Result<T, Stop>,
) -> Result<Vec<(ValidSchedule, Result<T, Stop>)>, CommandError> {
    let loaded = context.load().await?;
    let schedules = schedules(&loaded, wanted)?;
    let (loaded, work) = (&loaded, &work);
    let works = schedules.into_iter().map(|schedule| async move {
        let done = match Desk::open(&context.world, loaded, &schedule).await {
            Ok(desk) => work(desk).await,
            Err(failure) => Err(failure.into()),
        };
        (schedule, done)
    });
    let works: Vec<_> = works.collect();
    Ok(stream::iter(works).buffered(SCHEDULES_IN_FLIGHT).collect().await)
}

fn answer<T: Serialize>(
    context: &Context,
    done: Vec<(ValidSchedule, Result<T, Stop>)>,
    text: impl Fn(&T) -> String,
    exit: impl Fn(&T) -> Exit,
) -> Result<Exit, CommandError> {
    let answers = done.into_iter().map(|(schedule, done)| match done {
        Ok(done) => Answer::Done(done),
        Err(stop) => Answer::Stopped(Stopped::new(&schedule, &stop)),
    });
    let document = Document { schedules: answers.collect() };
    let lines = |answer: &Answer<T>| match answer {
        Answer::Done(done) => text(done),
        Answer::Stopped(stopped) => stopped.text(),
    };
    context
        .output
        .write(&document, || document.schedules.iter().map(lines).collect::<Vec<_>>().join("\n"))?;
    Ok(Exit::of_all(document.schedules.iter().map(|answer| match answer {
        Answer::Done(done) => exit(done),
        Answer::Stopped(stopped) => stopped.exit,
    })))
}

/// What taking a snapshot came to, as it is shown.
#[derive(Serialize)]
struct TakeReport {
    schedule: String,
    outcome: snapshots::Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot: Option<SnapshotId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    as_of: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    holds: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<SnapshotMode>,
    tables: Vec<TakenTable>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    error: Option<ReportedError>,
}

impl TakeReport {
    fn of(schedule: &ValidSchedule, taken: Taken) -> Self {
        let snapshot = taken.snapshot.as_ref();
        Self {
            schedule: schedule.name.to_string(),
            outcome: taken.outcome,
            snapshot: snapshot.map(|snapshot| snapshot.id.clone()),
            as_of: snapshot.map(|snapshot| snapshot.as_of),
            holds: snapshot.map(SnapshotDocument::describe),
            mode: snapshot.map(|snapshot| snapshot.mode),
            tables: taken.tables,
            reason: taken.reason,
            error: None,
        }
    }
}

async fn take(context: &Context, wanted: &[String], force: bool) -> Result<Exit, CommandError> {
    let taken = each(context, wanted, async |desk| {
        // the region of the copies has both ends at hand
        let elsewhere = context.world.region.as_deref().filter(|region| *region != desk.stores.region());
        let taken = match elsewhere.filter(|_| !force) {
            Some(_) => Taken::of_other_region(desk.stores.region()),
            None => snapshots::take(&desk, force, &context.progress()).await?,
        };
        Ok(TakeReport::of(desk.schedule, taken))
    });
    answer(context, taken.await?, show::take, |_| Exit::Ok)
}

async fn pin(
    context: &Context,
    id: &SnapshotId,
    schedule: Option<&str>,
    pinned: bool,
) -> Result<Exit, CommandError> {
    let loaded = context.load().await?;
    let schedule = holder(context, &loaded, schedule, id).await?;
    let desk = Desk::open(&context.world, &loaded, &schedule).await?;
    let changed = snapshots::pin(&desk, id, pinned).await?;
    let report = serde_json::json!({
        "schedule": schedule.name, "snapshot": id, "pinned": pinned, "changed": changed
    });
    let state = if pinned { "pinned" } else { "not pinned" };
    let news = if changed { "" } else { " (as before)" };
    context.output.write(&report, || format!("{}: snapshot {id} is {state}{news}", schedule.name))?;
    Ok(Exit::Ok)
}

async fn restore(context: &Context, args: &SnapshotRestoreArgs) -> Result<Exit, CommandError> {
    let loaded = context.load().await?;
    let (which, schedule) = match (&args.snapshot, args.at) {
        (Some(id), _) => {
            (Which::Id(id.clone()), holder(context, &loaded, args.schedule.as_deref(), id).await?)
        }
        (None, at) => {
            let at = at.unwrap_or_else(|| context.world.now());
            (Which::AtOrBefore(at), only(&loaded, args.schedule.as_deref(), &format!("--at {at}"))?)
        }
    };
    let to = match &args.target {
        Some(url) => Where::Elsewhere(url.clone()),
        None => Where::InPlace { yes: args.yes },
    };
    let partitions = Partitions::parse(&args.where_partition)?;
    let restored = async {
        let desk = Desk::open(&context.world, &loaded, &schedule).await?;
        snapshots::restore(&desk, &which, (&args.table, &partitions), &to, &context.progress()).await
    };
    let restored = restored.await.map_err(Stop::from);
    answer(context, vec![(schedule, restored)], show::restore, |_| Exit::Ok)
}

/// `lakedr verify --snapshot`
pub(super) async fn verify(
    context: &Context,
    id: &SnapshotId,
    schedule: Option<&str>,
    level: Level,
) -> Result<Exit, CommandError> {
    let loaded: Loaded = context.load().await?;
    let schedule = holder(context, &loaded, schedule, id).await?;
    let proven = async {
        let desk = Desk::open(&context.world, &loaded, &schedule).await?;
        snapshots::verify(&desk, id, level).await
    };
    let proven: Result<_, Failure> = proven.await;
    let proven = proven.map_err(Stop::from);
    answer(context, vec![(schedule, proven)], show::verify, snapshots::SnapshotProof::exit)
}
