//! A drill of one group, from the first look to the report.

use std::time::{Duration, Instant};

use lakedr_control::digest;
use lakedr_control::drill::DrillReport;
use lakedr_control::group_log::FailureClass;
use lakedr_control::layout;
use tokio::time::timeout;

use super::claim::alive;
use super::course::{Basis, Course};
use super::page::page;
use super::refusal::DrillRefusal;
use super::seal::{SealError, Sealer};
use super::shelf::{Begun, NotBegun, Shelf, ShelfError};
use super::validation::Asked;
use super::verdict::conclude;
use crate::error::{At as _, Classify, Failure, Stage};
use crate::exit::Exit;
use crate::failover::{Kind, SwitchRefusal, in_the_way};
use crate::observe::lag::{age, rpo_lag};
use crate::pipeline::{Here, Scene};
use crate::report::Progress;

/// How long the region that is taken for lost may take to say whether it holds anything newer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A drill that has taken place.
#[derive(Debug)]
pub struct Drilled {
    /// What it came to.
    pub report: DrillReport,
    /// Where that is written, for programs; the page for people lies beside it.
    pub url: String,
    /// How the call ends.
    pub exit: Exit,
}

/// Why none has.
#[derive(Debug)]
pub enum NotDrilled {
    /// It must not.
    Refused(DrillRefusal),
    /// It is up to another region.
    Elsewhere {
        /// Which.
        region: String,
    },
    /// It could not be begun, or written down.
    Failed(Failure),
}

impl From<Failure> for NotDrilled {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<SwitchRefusal> for NotDrilled {
    fn from(refusal: SwitchRefusal) -> Self {
        Self::Refused(DrillRefusal::NoFailover(refusal))
    }
}

/// Rehearses a failover of a group.
///
/// # Errors
/// When there is nothing to rehearse, another drill is under way, or the standby region is out of reach. That a failover would
/// not work is no error but in the report.
pub async fn drill(
    scene: &Scene<'_>,
    asked: &Asked,
    sealer: Option<&Sealer>,
    progress: &Progress,
) -> Result<Drilled, NotDrilled> {
    let (begun, begun_at) = (Instant::now(), scene.world.now());
    let name = &scene.group.name;
    let history = scene.log.read().await.at(Stage::Observe, name)?;
    let read = begun.elapsed();
    let Some(state) = &history.state else { return Err(SwitchRefusal::NoRecoveryPoint.into()) };
    if scene.here(&history) == Here::Active {
        return Err(NotDrilled::Elsewhere { region: state.role.standby.clone() });
    }
    if let Some(refusal) = in_the_way(scene, Kind::Failover, state).into_iter().next() {
        return Err(refusal.into());
    }
    // a failover would finish an open intent first; a drill writes nothing, and without that there is no point to rehearse with
    if state.is_returning() {
        return Err(
            SwitchRefusal::Returning { standby: state.role.standby.clone(), epoch: state.epoch }.into()
        );
    }
    let Some(point) = state.recovery_point() else { return Err(SwitchRefusal::NoRecoveryPoint.into()) };
    let shelf = Shelf { group: name, store: scene.stores.location(scene.standby(&history)) };
    let Begun { claimed, newest, leftovers } = match shelf.begin(begun_at, &scene.world.author).await {
        Ok(begun) => begun,
        Err(NotBegun::Refused(refusal)) => return Err(NotDrilled::Refused(refusal)),
        Err(NotBegun::Failed(error)) => return Err(error.at(Stage::Record, name).into()),
    };
    let drill = claimed.claim.drill;
    // a group without a workflow asks the tables of the other region
    let rpo = timeout(PATIENCE, rpo_lag(scene, &history)).await.unwrap_or_else(|_| age(scene, &history));
    let rpo = rpo.unwrap_or_default();
    let basis = Basis { history: &history, state, point, drill, begun_at, rpo };
    let work = async {
        let mut course = Course::new(scene, basis, asked, read);
        course.run(&leftovers, progress).await;
        let failed = std::mem::take(&mut course.failed);
        let report = course.report(newest.as_ref().map(super::shelf::Newest::named));
        let report = conclude(report, newest.and_then(|newest| newest.report.last_passed_at));
        file(&shelf, &report, sealer).await.at(Stage::Record, name)?;
        let url = format!("{}/{}", shelf.store.url(), layout::drill_report(name, drill));
        Ok(Drilled { exit: exit(&report, &failed), report, url })
    };
    alive(scene.world, claimed, Box::pin(work)).await
}

/// Why a report is not written down.
#[derive(Debug, thiserror::Error)]
enum NotFiled {
    #[error(transparent)]
    Shelf(#[from] ShelfError),
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error("the report has no page; a bug")]
    Page(#[from] askama::Error),
}

impl Classify for NotFiled {
    fn class(&self) -> FailureClass {
        match self {
            Self::Shelf(error) => error.class(),
            Self::Seal(error) => error.class(),
            Self::Page(_) => FailureClass::Internal,
        }
    }
}

/// Writes a report for programs and for people, with signatures: what says that there is one comes last.
async fn file(shelf: &Shelf<'_>, report: &DrillReport, sealer: Option<&Sealer>) -> Result<(), NotFiled> {
    let mut bytes = serde_json::to_vec_pretty(report).map_err(ShelfError::Unwritable)?;
    bytes.push(b'\n');
    let page = page(report, &digest::of_bytes(&bytes))?;
    let (for_programs, for_people) =
        (layout::drill_report(shelf.group, report.drill), layout::drill_page(shelf.group, report.drill));
    if let Some(sealer) = sealer {
        for (key, bytes) in [(&for_programs, bytes.as_slice()), (&for_people, page.as_bytes())] {
            shelf.put(&layout::signature(key), sealer.sign(bytes)?.as_bytes()).await?;
        }
    }
    shelf.put(&for_people, page.as_bytes()).await?;
    Ok(shelf.put(&for_programs, &bytes).await?)
}

fn exit(report: &DrillReport, failed: &[FailureClass]) -> Exit {
    if report.passed {
        return Exit::Ok;
    }
    let out_of_reach = !failed.is_empty() && failed.iter().all(|class| *class == FailureClass::Unreachable);
    if out_of_reach { Exit::Unreachable } else { Exit::Failed }
}
