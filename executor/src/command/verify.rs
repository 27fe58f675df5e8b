use chrono::{DateTime, Utc};
use futures::future::join_all;
use lakedr_control::cut::CutTable;
use lakedr_control::group_log::{History, RecoveryPoint};
use lakedr_control::spec::SyncGroupSpec;
use lakedr_control::validate::ValidGroup;
use lakedr_control::{layout, time};
use serde::{Deserialize, Serialize};

use super::context::{CommandError, Context};
use crate::cli::Level;
use crate::error::{At as _, Classify as _, Failure, Stage, chain};
use crate::exit::Exit;
use crate::observe::verify::{Look, Proof, prove};
use crate::pipeline::Scene;
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

/// A dated record that a recovery point was proven, or was found to differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Verification {
    format: u32,
    seq: u64,
    cut: String,
    level: String,
    equal: bool,
    #[serde(with = "time::rfc3339_millis")]
    at: DateTime<Utc>,
}

impl Verification {
    pub(super) fn describe(&self) -> String {
        let result = if self.equal { "equal" } else { "DIFFERENT" };
        format!("{}, level {}, entry {}: {result}", time::format(self.at), self.level, self.seq)
    }
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
    let scene = Scene::open(&context.world, loaded, spec, group)?;
    let history = scene.log.read().await.at(Stage::Observe, &group.name)?;
    let point = history.state.as_ref().and_then(|state| state.recovery_point());
    let Some(point) = point else {
        let group = group.name.to_string();
        return Ok(Checked { group, level, seq: None, holds: None, equal: false, tables: Vec::new() });
    };
    let sources = scene.stores.sources(scene.active(&history), group).at(Stage::Verify, &group.name)?;
    let targets = scene.stores.tables(scene.standby(&history), group).at(Stage::Verify, &group.name)?;
    let settled = history.state.as_ref().is_some_and(|state| state.open_intent.is_none());
    let look = Look { level, settled };
    let mut tables = Vec::new();
    for (source, target) in sources.iter().zip(&targets) {
        let Some(pinned) = point.cut.table(&source.name) else { continue };
        tables.push(table(source, target, pinned, look).await?);
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
    look: Look,
) -> Result<TableProof, Failure> {
    let proof = prove(source, pinned.source_version, target, pinned.target_version, look).await;
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
    let at = scene.world.now();
    let cut = point.cut.id.clone();
    let record = Verification { format: 1, seq: point.seq, cut, level: level.to_string(), equal, at };
    let Ok(bytes) = serde_json::to_vec(&record) else { return };
    let key = layout::verification(&scene.group.name, point.seq, at.timestamp_millis());
    if let Err(error) = scene.log.home_store(history).create(&key, &bytes).await {
        tracing::warn!("the proof is not on record: {}", chain(&error));
    }
}

/// The newest record of the newest recovery point that has one.
pub(super) async fn last_verification(scene: &Scene<'_>, history: &History) -> Option<Verification> {
    let home = scene.log.home_store(history);
    let keys = home.list(&layout::verifications(&scene.group.name)).await.ok()?;
    let object = home.read(keys.last()?).await.ok()??;
    serde_json::from_slice(&object.bytes).ok()
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
