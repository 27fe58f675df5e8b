//! `lakedr state rebuild --metadata-table`

use serde::Serialize;

use crate::command::context::{CommandError, Context};
use crate::error::{At as _, Stage};
use crate::exit::Exit;
use crate::pipeline::Scene;
use crate::record::metadata::{RebuiltTable, rebuild_metadata};

#[derive(Serialize)]
struct Document {
    tables: Vec<RebuiltTable>,
}

/// Writes the tables anew. They are tables of all groups, so no group may be left out.
pub(super) async fn run(context: &Context) -> Result<Exit, CommandError> {
    if !context.global.group.is_empty() {
        return Err(CommandError::AllGroups);
    }
    let loaded = context.load().await?;
    let mut scenes = Vec::new();
    for (spec, group) in &loaded.groups {
        scenes.push(Scene::open(&context.world, &loaded, spec, group).await?);
    }
    let tables = rebuild_metadata(&scenes).await.at(Stage::Record, "the sync metadata table")?;
    let document = Document { tables };
    context.output.write(&document, || text(&document.tables))?;
    Ok(Exit::Ok)
}

fn text(tables: &[RebuiltTable]) -> String {
    if tables.is_empty() {
        return "no sync group has a log yet".to_owned();
    }
    let line = |table: &RebuiltTable| {
        format!("{}: {} row(s) of {} group(s)", table.url, table.rows, table.groups.len())
    };
    tables.iter().map(line).collect::<Vec<_>>().join("\n")
}
