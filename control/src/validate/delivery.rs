//! How a group is delivered, and who publishes it.

use super::rules::Report;
use crate::id::TableName;
use crate::layout::META;
use crate::spec::{Compaction, Delivery, PublishEngine, SyncGroupSpec};

/// Checks delivery and publishing, and what they ask of the rest of the group.
pub(super) fn delivery(report: &mut Report<'_>, spec: &SyncGroupSpec) {
    publish(report, spec);
    match spec.delivery {
        Delivery::Staged => staged(report, spec),
        Delivery::Direct if spec.publish.engine == PublishEngine::DatabricksSql => {
            report.at("publish").at("engine").violation(
                "is databricks_sql, which publishes from the landing area, and delivery is direct",
                "set delivery = \"staged\", or leave the engine out",
            );
        }
        Delivery::Direct => {}
    }
}

fn staged(report: &mut Report<'_>, spec: &SyncGroupSpec) {
    if spec.compaction == Compaction::Skip {
        report.at("compaction").violation(
            "is skip, and delivery is staged: the landing area holds the files of the source",
            "set compaction = \"copy\", or delivery = \"direct\"",
        );
    }
    for (index, table) in spec.tables.iter().enumerate() {
        let Ok(name) = table.name.parse::<TableName>() else { continue };
        let [catalog, ..] = name.parts();
        if catalog.eq_ignore_ascii_case(META) {
            report.at("tables").index(index).at("name").violation(
                format!("{name} would land in the folder {META} of the external location, which lakedr keeps for itself"),
                "set delivery = \"direct\", or give the table another catalog",
            );
        }
    }
}

fn publish(report: &mut Report<'_>, spec: &SyncGroupSpec) {
    match (spec.publish.engine, &spec.publish.warehouse_id) {
        (PublishEngine::DatabricksSql, None) => report.at("publish").at("warehouse_id").violation(
            "is missing, and the engine is databricks_sql",
            "name the SQL warehouse that publishes",
        ),
        (PublishEngine::Native, Some(_)) => report
            .at("publish")
            .at("warehouse_id")
            .violation("belongs to engine databricks_sql, and the engine is native", "leave it out"),
        _ => {}
    }
}
