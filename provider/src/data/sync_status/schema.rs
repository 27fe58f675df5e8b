//! What the status of a sync group looks like to Terraform.

use crate::wire::{Attribute, Schema, Stability};

pub(super) fn schema() -> Schema {
    Schema {
        version: 0,
        description: "How a sync group is doing: roles, epoch, the newest recovery point and how far it lags behind. \
            Read from the group log at every plan; when the log is out of reach there is a warning, `reachable` is \
            false, and everything that only the log knows is null.",
        attributes: vec![
            super::super::group::attribute(),
            known(Attribute::bool("reachable"), "Whether the group log could be read."),
            known(
                Attribute::string("role"),
                "Role of the provider's own region in the group, `active` or `standby`; null for a third region.",
            ),
            known(Attribute::string("active_region"), "Region whose tables the workflow writes."),
            known(Attribute::string("standby_region"), "Region whose tables lakedr writes."),
            known(Attribute::number("epoch"), "Raised by each failover and failback."),
            known(
                Attribute::number("seq"),
                "Position of the newest entry of the group log; 0 while it is empty.",
            ),
            known(
                Attribute::bool("paused"),
                "Whether nothing is synced: by the configuration, or by an operator in the group log.",
            ),
            known(
                Attribute::object("recovery_point", recovery_point()),
                "The newest recovery point: what failing over would continue from. Null while there is none.",
            ),
            known(
                Attribute::number("rpo_lag_seconds"),
                "Seconds since the end of the run that the newest recovery point holds. Null while there is none. For a \
                 group without a workflow these are the seconds since the tables were pinned, and so the most that \
                 the lag can be: the provider does not look at the tables, and they may not have changed since. \
                 `lakedr status` looks, and shows no lag then.",
            ),
            known(Attribute::string("rpo_target"), "RPO lag that is still acceptable, as configured."),
            known(
                Attribute::bool("rpo_met"),
                "Whether the lag is within the target: false while there is no recovery point, null without a target. \
                 For a group without a workflow also null when the tables were pinned longer ago than the target \
                 allows: only the tables can tell whether anything has changed since.",
            ),
            known(
                Attribute::object("last_error", last_error()),
                "The newest failure since the newest recovery point. Null when there is none.",
            ),
            known(
                Attribute::string("last_verified_at"),
                "When `lakedr verify` last looked at a recovery point. Null when it never did, or its record cannot be \
                 read.",
            ),
            known(
                Attribute::string("last_verified_level"),
                "How deep it looked: `log`, `size` or `content`.",
            ),
            known(
                Attribute::bool("last_verified_equal"),
                "Whether it found the recovery point equal to its source.",
            ),
            known(
                Attribute::number("last_verified_seq"),
                "Position of the recovery point that it looked at: equal to `recovery_point.seq` when that was the \
                 newest one.",
            ),
        ],
    }
}

fn known(attribute: Attribute, description: &'static str) -> Attribute {
    attribute.computed(Stability::Volatile).describe(description)
}

fn recovery_point() -> Vec<Attribute> {
    vec![
        known(Attribute::number("seq"), "Position of its entry in the group log."),
        known(Attribute::string("cut_id"), "Id of the cut: equal cuts have equal ids."),
        known(Attribute::string("run_id"), "Run that the cut holds; null for a group without a workflow."),
        known(Attribute::string("run_ended_at"), "When that run ended; null for a group without a workflow."),
        known(
            Attribute::string("as_of"),
            "The instant that the cut shows: the end of its run, or when it was pinned.",
        ),
        known(Attribute::string("published_at"), "When the cut became visible in the standby region."),
        known(Attribute::objects("tables", table()), "The tables, ordered by name."),
    ]
}

fn table() -> Vec<Attribute> {
    vec![
        known(Attribute::string("name"), "`catalog.schema.table`"),
        known(
            Attribute::number("source_version"),
            "Version of the source table that the recovery point holds.",
        ),
        known(Attribute::number("target_version"), "Version of the target table that holds the same state."),
    ]
}

fn last_error() -> Vec<Attribute> {
    vec![
        known(Attribute::string("at"), "When."),
        known(Attribute::string("stage"), "Stage of the sync that failed."),
        known(Attribute::string("class"), "Class of the failure, for example `diverged` or `unreachable`."),
        known(Attribute::string("message"), "What happened, and what to do."),
    ]
}
