//! What the status of a sync group looks like to Terraform.

use crate::wire::{Attribute, Schema, Stability};

pub(super) fn schema() -> Schema {
    Schema {
        version: 0,
        description: "Reports the status of a sync group: the roles of its regions, its newest recovery point, and how far that lags \
            behind.\n\n-> **Note:** The data source reads the group log, in every plan. If the log is out of reach, for example \
            during an outage, the provider returns a warning instead of an error, `reachable` is `false`, and everything that \
            only the log tells is null.",
        attributes: vec![
            super::super::group::attribute(),
            known(Attribute::bool("reachable"), "Whether the group log could be read."),
            known(
                Attribute::string("role"),
                "Role of the region of the provider in the group: `active` or `standby`. Null for any other region.",
            ),
            known(
                Attribute::string("active_region"),
                "Name of the active region, whose tables the workflow writes.",
            ),
            known(
                Attribute::string("standby_region"),
                "Name of the standby region, whose tables lakedr writes.",
            ),
            known(Attribute::number("epoch"), "Number that each failover and each failback raises."),
            known(
                Attribute::number("seq"),
                "Position of the newest entry of the group log. `0` if the log is empty.",
            ),
            known(
                Attribute::bool("paused"),
                "Whether syncing is paused, by the configuration or by an operator.",
            ),
            known(
                Attribute::object("recovery_point", recovery_point()),
                "Newest recovery point, from which a failover would continue. Null if there is none.",
            ),
            known(
                Attribute::number("rpo_lag_seconds"),
                "RPO lag: time since the end of the run that the newest recovery point holds, in seconds. Null if there is no \
                 recovery point. For a group without a workflow, this is the time since the state was copied, and thus an \
                 upper bound: the provider does not check whether the tables have changed since then, as the command \
                 `lakedr status` does.",
            ),
            known(Attribute::string("rpo_target"), "RPO lag that is still acceptable, as configured."),
            known(
                Attribute::bool("rpo_met"),
                "Whether the RPO lag is within `rpo_target`. `false` if there is no recovery point, and null if there is no \
                 target. Also null for a group without a workflow whose state was copied longer ago than the target allows, \
                 because the provider does not check whether the tables have changed since then.",
            ),
            known(
                Attribute::object("last_error", last_error()),
                "Newest failure since the newest recovery point. Null if there is none.",
            ),
            known(
                Attribute::string("last_verified_at"),
                "Time at which `lakedr verify` last verified a recovery point, in RFC 3339 format. Null if it never did, or if \
                 its record cannot be read.",
            ),
            known(
                Attribute::string("last_verified_level"),
                "Level of that verification: `log`, `size`, or `content`.",
            ),
            known(
                Attribute::bool("last_verified_equal"),
                "Whether that verification found the recovery point equal to its source.",
            ),
            known(
                Attribute::number("last_verified_seq"),
                "Position of the recovery point that was verified. Equal to `recovery_point.seq` if the newest one was.",
            ),
        ],
    }
}

fn known(attribute: Attribute, description: &'static str) -> Attribute {
    attribute.computed(Stability::Volatile).describe(description)
}

fn recovery_point() -> Vec<Attribute> {
    vec![
        known(Attribute::number("seq"), "Position of the entry in the group log."),
        known(
            Attribute::string("cut_id"),
            "ID of the cut, that is, of the set of table versions. Equal cuts have equal IDs.",
        ),
        known(
            Attribute::string("run_id"),
            "ID of the run at whose end the cut was made. Null for a group without a workflow.",
        ),
        known(
            Attribute::string("run_ended_at"),
            "Time at which that run ended, in RFC 3339 format. Null for a group without a workflow.",
        ),
        known(Attribute::string("as_of"), "Time whose state the cut shows, in RFC 3339 format."),
        known(
            Attribute::string("published_at"),
            "Time at which the cut became visible in the standby region, in RFC 3339 format.",
        ),
        known(Attribute::objects("tables", table()), "Tables, ordered by name."),
    ]
}

fn table() -> Vec<Attribute> {
    vec![
        known(Attribute::string("name"), "Name of the table, in the form `catalog.schema.table`."),
        known(Attribute::number("source_version"), "Version of the table in the region that was active."),
        known(
            Attribute::number("target_version"),
            "Version of the table in the standby region that holds the same state.",
        ),
    ]
}

fn last_error() -> Vec<Attribute> {
    vec![
        known(Attribute::string("at"), "Time of the failure, in RFC 3339 format."),
        known(Attribute::string("stage"), "Stage of the sync that failed."),
        known(Attribute::string("class"), "Class of the failure, for example `diverged` or `unreachable`."),
        known(Attribute::string("message"), "Description of the failure and its remedy."),
    ]
}
