use futures::future::join_all;
use lakedr_control::cut::CutTable;
use lakedr_control::group_log::{History, RecoveryPoint};
use lakedr_control::spec::SyncGroupSpec;
use lakedr_control::validate::ValidGroup;
use lakedr_control::verification::{FORMAT, Verification, VerificationLevel};
use serde::Serialize;

use super::context::{CommandError, Context};
use crate::cli::Level;
use crate::error::{At as _, Failure, Stage, chain};
use crate::exit::Exit;
use crate::observe::verify::Proof;
use crate::pipeline::{Scene, prove_point};
use crate::report::GroupReport;
use crate::spec::Loaded;

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
    let Some(proven) = prove_point(&scene, &history, level).await? else {
        let group = group.name.to_string();
        return Ok(Checked { group, level, seq: None, holds: None, equal: false, tables: Vec::new() });
    };
    let (point, equal) = (proven.point, proven.equal());
    record(&scene, &history, point, level, equal).await;
    Ok(Checked {
        group: group.name.to_string(),
        level,
        seq: Some(point.seq),
        holds: Some(point.cut.describe()),
        equal,
        tables: proven.tables.into_iter().map(TableProof::of).collect(),
    })
}

impl TableProof {
    fn of((held, proof): (CutTable, Proof)) -> Self {
        let (source_version, target_version) = (held.source_version, held.target_version);
        Self { name: held.name.to_string(), source_version, target_version, proof }
    }
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
