/// Why a group is not restored, and what would have worked. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RestoreRefusal {
    /// There is no such recovery point at hand.
    #[error(
        "the group has no such recovery point; it has {}",
        if known.is_empty() { "none".to_owned() } else { known.join(", ") }
    )]
    NoSuchPoint {
        /// Those that there are, newest first.
        known: Vec<String>,
    },
    /// The next sync would undo it.
    #[error(
        "the group is not paused, so the next sync would bring its newest finished run back; set paused = true and apply it in \
         both regions, or give --yes to restore all the same, for example right before a failover"
    )]
    NotPaused,
    /// The tables are at no recovery point since the roles changed.
    #[error(
        "nothing has been published to {standby} since it became the standby region; `lakedr sync` brings its tables to a \
         recovery point first. Elsewhere (--target) any point can be restored"
    )]
    Returning {
        /// The region.
        standby: String,
    },
    /// A SQL warehouse writes the tables.
    #[error(
        "a SQL warehouse writes the tables of the group (publish.engine = \"databricks_sql\"), and lakedr cannot; pause the group and \
         run RESTORE TABLE … TO VERSION AS OF in the workspace: {}", versions.join(", ")
    )]
    OfTheWarehouse {
        /// The tables, and their versions.
        versions: Vec<String>,
    },
    /// A prune keeps the point no longer.
    #[error(
        "recovery point {point} is kept no longer, so a prune may be removing its files at this moment; it cannot become what the \
         standby region holds. Copy it elsewhere with --target, take one that is kept ({}), or set delta.logRetentionDuration of a \
         table of the group to longer, sync, then try again", kept.join(", ")
    )]
    GivenUp {
        /// The point.
        point: String,
        /// Those that are kept, newest first.
        kept: Vec<String>,
    },
    /// There is something at the target already.
    #[error("there is a table at {url} already; name a place where there is none")]
    TargetTaken {
        /// Where.
        url: String,
    },
    /// What the point names is not whole any more.
    #[error(
        "{table} is not whole any more at version {version}: {}; a prune or VACUUM has removed it. Take a later point",
        problems.join("; ")
    )]
    NotWhole {
        /// The table.
        table: String,
        /// Its version.
        version: u64,
        /// What is missing; the first few.
        problems: Vec<String>,
    },
}

impl RestoreRefusal {
    /// The name of the refusal, for programs.
    #[must_use]
    pub fn tag(&self) -> &'static str {
        match self {
            Self::NoSuchPoint { .. } => "no_such_point",
            Self::NotPaused => "not_paused",
            Self::Returning { .. } => "fenced",
            Self::OfTheWarehouse { .. } => "unsupported",
            Self::TargetTaken { .. } => "target_taken",
            Self::NotWhole { .. } | Self::GivenUp { .. } => "version_gone",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_say_what_would_have_worked() {
        let (url, table, standby) = ("s3://b/t".to_owned(), "c.s.t".to_owned(), "west".to_owned());
        let all = [
            RestoreRefusal::NoSuchPoint { known: vec!["7 (run 2)".to_owned(), "4 (run 1)".to_owned()] },
            RestoreRefusal::NoSuchPoint { known: Vec::new() },
            RestoreRefusal::NotPaused,
            RestoreRefusal::Returning { standby },
            RestoreRefusal::OfTheWarehouse { versions: vec!["c.s.t at version 3".to_owned()] },
            RestoreRefusal::GivenUp { point: "4 (run 1)".to_owned(), kept: vec!["7 (run 2)".to_owned()] },
            RestoreRefusal::TargetTaken { url },
            RestoreRefusal::NotWhole { table, version: 3, problems: vec!["x is missing".to_owned()] },
        ];
        let texts: Vec<String> = all.iter().map(|refusal| format!("{}: {refusal}", refusal.tag())).collect();
        insta::assert_snapshot!(texts.join("\n"));
    }
}
