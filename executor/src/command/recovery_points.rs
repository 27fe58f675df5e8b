use chrono::{DateTime, Utc};
use futures::future::try_join_all;
use lakedr_control::cut::Cut;
use lakedr_control::group_log::RecoveryPoint;
use lakedr_control::time;
use serde::Serialize;

use super::context::{CommandError, Context};
use crate::error::{At as _, Stage};
use crate::exit::Exit;
use crate::pipeline::Scene;

#[derive(Serialize)]
struct Document {
    groups: Vec<GroupPoints>,
}

#[derive(Serialize)]
struct GroupPoints {
    group: String,
    recovery_points: Vec<Point>,
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
    /// What it holds, in words.
    pub(super) fn describe(&self) -> String {
        format!("{} (entry {}, published {})", self.cut.describe(), self.seq, time::format(self.published_at))
    }
}

/// `lakedr recovery-points`: newest first.
pub(super) async fn run(context: &Context) -> Result<Exit, CommandError> {
    let loaded = context.load().await?;
    let reads = loaded.groups.iter().map(|(spec, group)| async {
        let scene = Scene::open(&context.world, &loaded, spec, group)?;
        let history = scene.log.read().await.at(Stage::Observe, &group.name)?;
        let points = history.state.iter().flat_map(|state| state.recovery_points.iter().rev());
        let recovery_points = points.map(Point::from).collect();
        Ok::<_, CommandError>(GroupPoints { group: group.name.to_string(), recovery_points })
    });
    let document = Document { groups: try_join_all(reads).await? };
    context.output.write(&document, || text(&document))?;
    Ok(Exit::Ok)
}

fn text(document: &Document) -> String {
    let mut lines = Vec::new();
    for group in &document.groups {
        lines.push(format!("{}:", group.group));
        if group.recovery_points.is_empty() {
            lines.push("  none".to_owned());
        }
        for point in &group.recovery_points {
            lines.push(format!("  {}", point.describe()));
            let tables = point.cut.tables.iter().map(|table| {
                let target =
                    table.target_version.map_or_else(|| "none".to_owned(), |version| version.to_string());
                format!("    {}: version {} as version {target}", table.name, table.source_version)
            });
            lines.extend(tables);
        }
    }
    lines.join("\n")
}
