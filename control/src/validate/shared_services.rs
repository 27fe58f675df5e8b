//! Services that two groups declare: a failover of one group stops what the other still needs.

use super::{ServiceKind, SideName, Step, ValidGroup, Violation};

/// What is doubtful between a group and other groups: services that are declared in both. Hooks are told of which group
/// they are called, and may be shared.
#[must_use]
pub fn shared_services<'a>(
    group: &ValidGroup,
    others: impl IntoIterator<Item = &'a ValidGroup>,
) -> Vec<Violation> {
    let ours: Vec<Placed<'_>> = placed(group).collect();
    if ours.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for other in others.into_iter().filter(|other| other.name != group.name) {
        for our in ours.iter().filter(|our| placed(other).any(|their| our.is(&their))) {
            found.push(doubt(group, our, other));
        }
    }
    found
}

fn doubt(group: &ValidGroup, service: &Placed<'_>, other: &ValidGroup) -> Violation {
    let (ours, theirs) = (group.name.as_str(), other.name.as_str());
    Violation {
        path: ["services", service.side.attribute()].map(|name| Step::Attribute(name.to_owned())).into(),
        problem: format!(
            "{} is a service of sync group {ours:?} and of sync group {theirs:?}: a failover or failback of one stops or \
             starts it for both",
            service.kind
        ),
        remedy: "declare it in one of the two, or let both change their regions together".to_owned(),
    }
}

/// A service, and the workspace that it is in if it is in one.
#[derive(Debug)]
struct Placed<'a> {
    side: SideName,
    workspace: Option<&'a str>,
    kind: &'a ServiceKind,
}

fn placed(group: &ValidGroup) -> impl Iterator<Item = Placed<'_>> {
    SideName::BOTH.into_iter().flat_map(move |side| {
        let workspace = group.side(side).workspace.as_ref().map(|workspace| workspace.url.as_str());
        let workspace = workspace.map(|url| url.trim_end_matches('/'));
        group.services.of(side).iter().map(move |service| Placed { side, workspace, kind: &service.kind })
    })
}

impl Placed<'_> {
    fn is(&self, other: &Placed<'_>) -> bool {
        use ServiceKind::{AirflowDag, Cluster, DatabricksJob, InstancePool, SqlWarehouse};
        let same = match (self.kind, other.kind) {
            (AirflowDag(one), AirflowDag(other)) => {
                let place = |url: &url::Url| url.as_str().trim_end_matches('/').to_owned();
                return one.dag_id == other.dag_id && place(&one.url) == place(&other.url);
            }
            (InstancePool { id: one, .. }, InstancePool { id: other, .. })
            | (SqlWarehouse(one), SqlWarehouse(other))
            | (Cluster(one), Cluster(other)) => one == other,
            (DatabricksJob(one), DatabricksJob(other)) => one == other,
            _ => false,
        };
        same && self.workspace == other.workspace
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::validate::sync_group;

    fn group(name: &str, workspace: &str, services: &Value) -> ValidGroup {
        let spec = json!({
            "name": name, "initial_active_region": "e",
            "primary": {"region": "e", "location": "e", "table_root": "s3://e",
                        "workspace": {"url": workspace, "token": "env://T"}},
            "secondary": {"region": "w", "location": "w", "table_root": "s3://w",
                          "workspace": {"url": "https://w", "token": "env://T"}},
            "tables": [{"name": format!("a.b.{name}")}], "services": services,
        });
        sync_group(&serde_json::from_value(spec).unwrap()).unwrap()
    }

    #[test]
    fn what_two_groups_declare_is_doubtful_and_names_both() {
        let ours = group("etl", "https://e", &json!({"primary": {"clusters": ["c-1"]}}));
        let theirs = group("ml", "https://e/", &json!({"primary": {"clusters": ["c-0", "c-1"]}}));
        let said: Vec<String> =
            shared_services(&ours, [&ours, &theirs]).iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "services.primary: cluster c-1 is a service of sync group \"etl\" and of sync group \"ml\": a failover or \
                 failback of one stops or starts it for both; declare it in one of the two, or let both change their \
                 regions together"
            ]
        );
    }

    #[test]
    fn services_are_the_same_by_place_and_id() {
        let dag = |url: &str, id: &str| json!({"airflow_dags": [{"url": url, "dag_id": id}]});
        let hook = json!({"hooks": [{"name": "dns", "command": "/etc/dns"}]});
        for (ours, theirs, shared) in [
            (json!({"clusters": ["1"]}), json!({"sql_warehouses": ["1"]}), 0),
            (json!({"sql_warehouses": ["1"]}), json!({"sql_warehouses": ["1"]}), 1),
            (
                json!({"instance_pools": [{"id": "1", "min_idle": 1}]}),
                json!({"instance_pools": [{"id": "1", "min_idle": 2}]}),
                1,
            ),
            (json!({"databricks_jobs": [{"id": 1}]}), json!({"databricks_jobs": [{"id": 1}]}), 1),
            (json!({"databricks_jobs": [{"name": "a"}]}), json!({"databricks_jobs": [{"name": "b"}]}), 0),
            (dag("https://a/", "x"), dag("https://a", "x"), 1),
            (dag("https://a", "x"), dag("https://b", "x"), 0),
            (hook.clone(), hook, 0),
        ] {
            let one = group("etl", "https://e", &json!({"primary": ours}));
            let other = group("ml", "https://e", &json!({"primary": theirs}));
            assert_eq!(shared_services(&one, [&other]).len(), shared, "{ours} and {theirs}");
        }
        let one = group("etl", "https://e", &json!({"primary": {"clusters": ["1"]}}));
        let elsewhere = group("ml", "https://f", &json!({"primary": {"clusters": ["1"]}}));
        assert_eq!(shared_services(&one, [&elsewhere]).len(), 0, "another workspace");
        let swapped = group("ml", "https://e", &json!({"secondary": {"clusters": ["1"]}}));
        let west = group("etl", "https://w", &json!({"primary": {"clusters": ["1"]}}));
        assert_eq!(shared_services(&west, [&swapped]).len(), 1, "the other side of the other group");
    }
}
