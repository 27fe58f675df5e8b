//! How a group is delivered, and who publishes it.

use super::rules::Report;
use super::valid_group::Publisher;
use crate::id::TableName;
use crate::layout::META;
use crate::spec::{Compaction, Delivery, PublishEngine, PublishSpec, SyncGroupSpec};

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
    let declared = &spec.publish;
    if declared.engine == PublishEngine::DatabricksSql {
        return warehouse(report, spec);
    }
    let ids =
        [("warehouse_id", &declared.warehouse_id), ("primary_warehouse_id", &declared.primary_warehouse_id)];
    for (attribute, _) in ids.into_iter().filter(|(_, id)| id.is_some()) {
        report
            .at("publish")
            .at(attribute)
            .violation("belongs to engine databricks_sql, and the engine is native", "leave it out");
    }
}

fn warehouse(report: &mut Report<'_>, spec: &SyncGroupSpec) {
    if spec.publish.warehouse_id.is_none() {
        report.at("publish").at("warehouse_id").violation(
            "is missing, and the engine is databricks_sql",
            "name the SQL warehouse that publishes",
        );
    }
    let ids = [
        ("warehouse_id", &spec.publish.warehouse_id),
        ("primary_warehouse_id", &spec.publish.primary_warehouse_id),
    ];
    for (attribute, id) in ids {
        let spoilt = |id: &str| id.is_empty() || !id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        if id.as_deref().is_some_and(spoilt) {
            report.at("publish").at(attribute).violation(
                "is no id of a SQL warehouse: letters, digits and dashes",
                "copy it from the warehouse's connection details, where the HTTP path ends with it",
            );
        }
    }
    for (side, name) in [(&spec.primary, "primary"), (&spec.secondary, "secondary")] {
        if side.workspace.is_none() {
            report.at(name).at("workspace").violation(
                "is missing, and publish.engine is databricks_sql",
                "set workspace on both sides: a warehouse of the standby region publishes, which a failover changes",
            );
        }
        if side.catalog.is_none() {
            report.at(name).at("catalog").violation(
                "is missing, and publish.engine is databricks_sql",
                "set catalog on both sides: it says where the managed tables lie that lakedr reads back",
            );
        }
    }
}

/// Who commits, of a specification that has passed the rules.
pub(super) fn publisher(spec: &PublishSpec) -> Publisher {
    match spec.engine {
        PublishEngine::Native => Publisher::Native,
        PublishEngine::DatabricksSql => Publisher::Warehouse {
            primary: spec.primary_warehouse_id.clone(),
            secondary: spec.warehouse_id.clone().unwrap_or_default(),
        },
    }
}
