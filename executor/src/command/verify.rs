use futures::future::join_all;
use lakedr_control::cut::CutTable;
use lakedr_control::group_log::{History, RecoveryPoint};
use lakedr_control::spec::SyncGroupSpec;
use lakedr_control::validate::ValidGroup;
use lakedr_control::verification::{FORMAT, Verification, VerificationLevel};
use serde::Serialize;

use super::context::{CommandError, Context};
use crate::cli::Level;
use crate::error::{At as _, Classify as _, Failure, Stage, chain};
use crate::exit::Exit;
use crate::observe::verify::{Look, Pinned, Proof, prove};
use crate::pipeline::Scene;
use crate::plan::classes::Classes;
use crate::record::{TableRecord, with_records};
use crate::report::GroupReport;
use crate::spec::{Loaded, TableStore};

#[derive(Serialize)]
struct Document {
    groups: Vec<GroupProof>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum GroupProof {
    Checked(Checked),
    Failed(GroupReport),
}

#[derive(Serialize)]
struct Checked {
    group: String,
    level: Level,
    /// Sequence number of the recovery point; none when there is none to prove.
    seq: Option<u64>,
    holds: Option<String>,
    equal: bool,
    tables: Vec<TableProof>,
}

#[derive(Serialize)]
struct TableProof {
    name: String,
    source_version: u64,
    target_version: Option<u64>,
    #[serde(flatten)]
    proof: Proof,
}

/// `lakedr verify`
pub(super) async fn run(context: &Context, level: Level) -> Result<Exit, CommandError> {
    let loaded = context.load().await?;
    let proofs = loaded.groups.iter().map(|(spec, group)| async {
        match check(context, &loaded, spec, group, level).await {
            Ok(checked) => GroupProof::Checked(checked),
            Err(failure) => GroupProof::Failed(GroupReport::failed(&group.name, &failure)),
        }
    });
    let document = Document { groups: join_all(proofs).await };
    context.output.write(&document, || document.groups.iter().map(text).collect::<Vec<_>>().join("\n"))?;
    Ok(Exit::of_all(document.groups.iter().map(|proof| match proof {
        GroupProof::Checked(checked) if checked.equal => Exit::Ok,
        GroupProof::Checked(_) => Exit::Failed,
        GroupProof::Failed(report) => report.exit(),
    })))
}

async fn check(
    context: &Context,
    loaded: &Loaded,
    spec: &SyncGroupSpec,
    group: &ValidGroup,
    level: Level,
) -> Result<Checked, Failure> {
    let scene = Scene::open(&context.world, loaded, spec, group).await?;
    let history = scene.log.read().await.at(Stage::Observe, &group.name)?;
    let point = history.state.as_ref().and_then(|state| state.recovery_point());
    let Some(point) = point else {
        let group = group.name.to_string();
        return Ok(Checked { group, level, seq: None, holds: None, equal: false, tables: Vec::new() });
    };
    let sources = scene.stores.sources(scene.active(&history), group).await.at(Stage::Verify, &group.name)?;
    let targets = scene.stores.tables(scene.standby(&history), group).await.at(Stage::Verify, &group.name)?;
    let settled = history.state.as_ref().is_some_and(|state| state.open_intent.is_none());
    let look = Look { level, settled };
    let mut tables = Vec::new();
    for ((source, record), target) in with_records(&scene, &history, sources).await.iter().zip(&targets) {
        let Some(pinned) = point.cut.table(&source.name) else { continue };
        let none = || Classes::none(pinned.source_version, &pinned.source_table_id);
        let classes = record.as_ref().map_or_else(none, TableRecord::classes);
        tables.push(table(source, target, pinned, &classes, look).await?);
    }
    let equal = tables.iter().all(|table| table.proof.equal());
    record(&scene, &history, point, level, equal).await;
    Ok(Checked {
        group: group.name.to_string(),
        level,
        seq: Some(point.seq),
        holds: Some(point.cut.describe()),
        equal,
        tables,
    })
}

async fn table(
    source: &TableStore,
    target: &TableStore,
    pinned: &CutTable,
    classes: &Classes,
    look: Look,
) -> Result<TableProof, Failure> {
    let (source_version, target_version) = (pinned.source_version, pinned.target_version);
    let proof = prove(Pinned { source, source_version, target, target_version, classes }, look).await;
    let proof = proof.map_err(|error| error.at(Stage::Verify, &source.name))?;
    Ok(TableProof {
        name: source.name.to_string(),
        source_version: pinned.source_version,
        target_version: pinned.target_version,
        proof,
    })
}

/// Keeps a dated record beside the log. Best effort: the proof itself is in the output.
async fn record(scene: &Scene<'_>, history: &History, point: &RecoveryPoint, level: Level, equal: bool) {
    let (cut, level, at) = (point.cut.id.clone(), level.into(), scene.world.now());
    let verification = Verification { format: FORMAT, seq: point.seq, cut, level, equal, at };
    if let Err(error) = scene.log.record_verification(history, &verification).await {
        tracing::warn!("the proof is not on record: {}", chain(&error));
    }
}

impl From<Level> for VerificationLevel {
    fn from(level: Level) -> Self {
        match level {
            Level::Log => Self::Log,
            Level::Size => Self::Size,
            Level::Content => Self::Content,
        }
    }
}

fn text(proof: &GroupProof) -> String {
    let checked = match proof {
        GroupProof::Failed(report) => return report.text(),
        GroupProof::Checked(checked) => checked,
    };
    let Some(holds) = &checked.holds else {
        return format!("{}: nothing to verify, there is no recovery point yet", checked.group);
    };
    let result = if checked.equal { "equal" } else { "DIFFERENT" };
    let mut lines = vec![format!("{}: {result} at level {}: {holds}", checked.group, checked.level)];
    for table in &checked.tables {
        lines.push(format!("  {}: {}", table.name, table.proof.describe()));
        lines.extend(table.proof.differences().map(|difference| format!("    {difference}")));
    }
    lines.join("\n")
}
