use chrono::{DateTime, Utc};
use lakedr_control::cut::Cut;
use lakedr_control::group_log::{RecoveryPoint, WholeLog};
use lakedr_control::time;
use lakedr_control::verification::Verification;
use serde::Serialize;

use super::context::{CommandError, Context};
use super::logs::show_logs;
use crate::exit::Exit;
use crate::pipeline::Scene;

#[derive(Serialize)]
struct GroupPoints {
    group: String,
    recovery_points: Vec<ProvenPoint>,
}

#[derive(Serialize)]
struct ProvenPoint {
    #[serde(flatten)]
    point: Point,
    /// What `lakedr verify` found about it last; none when it never looked.
    last_verified: Option<Verification>,
}

/// A recovery point as every command shows it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Point {
    seq: u64,
    epoch: u64,
    #[serde(with = "time::rfc3339_millis")]
    published_at: DateTime<Utc>,
    publish_window_ms: u64,
    cut: Cut,
}

impl From<&RecoveryPoint> for Point {
    fn from(point: &RecoveryPoint) -> Self {
        Self {
            seq: point.seq,
            epoch: point.epoch,
            published_at: point.published_at,
            publish_window_ms: point.publish_window_ms,
            cut: point.cut.clone(),
        }
    }
}

impl Point {
    /// Sequence number of its entry.
    pub(super) fn seq(&self) -> u64 {
        self.seq
    }

    /// What it holds, in words.
    pub(super) fn describe(&self) -> String {
        format!("{} (entry {}, published {})", self.cut.describe(), self.seq, time::format(self.published_at))
    }
}

/// `lakedr recovery-points`: newest first.
pub(super) async fn run(context: &Context) -> Result<Exit, CommandError> {
    let show = async |scene: &Scene<'_>, log: WholeLog| {
        let mut verifications = scene.log.last_verifications().await;
        let points = log.history.state.iter().flat_map(|state| state.recovery_points.iter().rev());
        let proven = points.map(|point| ProvenPoint {
            point: point.into(),
            last_verified: verifications.remove(&point.seq),
        });
        GroupPoints { group: scene.group.name.to_string(), recovery_points: proven.collect() }
    };
    show_logs(context, show, text).await
}

/// When a recovery point was last proven, in words.
pub(super) fn last_proven(verification: Option<&Verification>) -> String {
    let found = verification.map_or_else(|| "never".to_owned(), Verification::describe);
    format!("last proven: {found}")
}

fn text(group: &GroupPoints) -> String {
    let mut lines = vec![format!("{}:", group.group)];
    if group.recovery_points.is_empty() {
        lines.push("  none".to_owned());
    }
    for ProvenPoint { point, last_verified } in &group.recovery_points {
        lines.push(format!("  {}", point.describe()));
        lines.push(format!("    {}", last_proven(last_verified.as_ref())));
        let tables = point.cut.tables.iter().map(|table| {
            let target =
                table.target_version.map_or_else(|| "none".to_owned(), |version| version.to_string());
            format!("    {}: version {} as version {target}", table.name, table.source_version)
        });
        lines.extend(tables);
    }
    lines.join("\n")
}
