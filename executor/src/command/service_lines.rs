//! What `lakedr status` says of the services of a group.

use lakedr_control::group_log::{History, ServiceRecord};
use lakedr_control::time;
use lakedr_control::validate::SideName;
use serde::Serialize;

use crate::pipeline::Scene;
use crate::services::decide::open_services;
use crate::services::held_back;

/// What the shutdown ledger has to say.
#[derive(Debug, Serialize)]
pub(super) struct ServiceLines {
    /// Declared services that have not been seen as they should be.
    open: Vec<ServiceRecord>,
    /// Schedules of the active region that a failback paused which did not come to its end.
    held_back: Vec<String>,
}

impl ServiceLines {
    /// None when there is nothing to say.
    pub(super) fn of(scene: &Scene<'_>, history: &History) -> Option<Self> {
        let (services, state) = (&scene.group.services, history.state.as_ref()?);
        let active = scene.active(history);
        let open = SideName::BOTH.into_iter().flat_map(|side| open_services(services, (side, active), state));
        let open: Vec<_> = open.map(|(_, record)| record.clone()).collect();
        let held_back: Vec<_> =
            held_back(scene.group, active, state).map(|(service, _)| service.id.clone()).collect();
        (!open.is_empty() || !held_back.is_empty()).then_some(Self { open, held_back })
    }

    /// For people.
    pub(super) fn lines(&self) -> Vec<String> {
        let open = self.open.iter().map(|record| {
            let note = record.note.as_ref().map(|note| format!("; {note}")).unwrap_or_default();
            format!(
                "  service NOT {}: {}, seen {} at {}, {} attempt(s){note}",
                record.wanted,
                record.service,
                record.seen,
                time::format(record.at),
                record.attempts
            )
        });
        let held_back = self.held_back.iter().map(|service| {
            format!(
                "  paused for a failback that did not come to its end: {service}; carry the failback out, or unpause it yourself"
            )
        });
        open.chain(held_back).collect()
    }
}
