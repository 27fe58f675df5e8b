//! What a catalog has under the name of a table, and whether lakedr can copy it.

use std::fmt;

/// What a catalog has under the name of a table, as far as it can be copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableKind {
    /// A Delta table whose files the catalog manages: engines of the catalog alone may write to it.
    Managed,
    /// A Delta table at a place of its own.
    External,
}

/// What a catalog has under the name of a table, and cannot be copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotCopied {
    /// A query.
    View,
    /// The stored result of a query.
    MaterializedView,
    /// A table that a pipeline fills.
    StreamingTable,
    /// A table of another system.
    Foreign,
    /// A table in another format.
    Format(String),
    /// Something that has no name here.
    Unknown(String),
}

impl TableKind {
    /// The kind, by `table_type` and `data_source_format` of the answer.
    pub(super) fn of(table_type: &str, format: Option<&str>) -> Result<Self, NotCopied> {
        let kind = match table_type {
            "MANAGED" | "MANAGED_SHALLOW_CLONE" => Self::Managed,
            "EXTERNAL" | "EXTERNAL_SHALLOW_CLONE" => Self::External,
            "VIEW" | "METRIC_VIEW" => return Err(NotCopied::View),
            "MATERIALIZED_VIEW" => return Err(NotCopied::MaterializedView),
            "STREAMING_TABLE" => return Err(NotCopied::StreamingTable),
            "FOREIGN" => return Err(NotCopied::Foreign),
            other => return Err(NotCopied::Unknown(other.to_owned())),
        };
        match format {
            Some("DELTA") => Ok(kind),
            other => Err(NotCopied::Format(other.unwrap_or("unknown").to_owned())),
        }
    }
}

impl NotCopied {
    /// What to do about it.
    fn way_out(&self) -> &'static str {
        match self {
            Self::View => "it holds no data: take it out of the group, and create it in both regions",
            Self::MaterializedView | Self::StreamingTable => {
                "take it out of the group, and let its pipeline fill it in the other region from the tables that are copied"
            }
            Self::Foreign => "take it out of the group: its data are protected where they live",
            Self::Format(_) => "convert it to Delta, or take it out of the group",
            Self::Unknown(_) => {
                "take it out of the group, or set its url if there is a Delta table behind it"
            }
        }
    }
}

impl fmt::Display for NotCopied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::View => f.write_str("a view")?,
            Self::MaterializedView => f.write_str("a materialized view")?,
            Self::StreamingTable => f.write_str("a streaming table")?,
            Self::Foreign => f.write_str("a foreign table")?,
            Self::Format(format) => write!(f, "a table in the format {format}")?,
            Self::Unknown(kind) => write!(f, "of the kind {kind:?}")?,
        }
        write!(f, ", which lakedr does not copy; {}", self.way_out())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delta_tables_alone_are_copied() {
        let of = |kind: &str, format: &str| TableKind::of(kind, Some(format));
        assert_eq!(of("MANAGED", "DELTA"), Ok(TableKind::Managed));
        assert_eq!(of("EXTERNAL", "DELTA"), Ok(TableKind::External));
        let refused = [
            TableKind::of("VIEW", None),
            of("MATERIALIZED_VIEW", "DELTA"),
            of("STREAMING_TABLE", "DELTA"),
            of("FOREIGN", "MYSQL_FORMAT"),
            of("EXTERNAL", "PARQUET"),
            TableKind::of("MANAGED", None),
            of("LATER", "DELTA"),
        ];
        let texts: Vec<String> =
            refused.into_iter().map(|refused| refused.unwrap_err().to_string()).collect();
        insta::assert_snapshot!(texts.join("\n"));
    }
}
