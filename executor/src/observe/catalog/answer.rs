//! Answers of Unity Catalog's REST API → facts about a table's commits. Fields that are of no use here are ignored.

use serde::{Deserialize, Serialize};

use crate::delta::listing::LogEntry;
use crate::delta::log_name::LogName;
use crate::delta::ratified::Ratified;

/// Answer to `GET /tables/{full_name}`.
#[derive(Debug, Deserialize)]
pub(super) struct TableInfo {
    pub(super) table_id: String,
    #[serde(default)]
    pub(super) storage_location: String,
    pub(super) table_type: String,
    #[serde(default)]
    pub(super) data_source_format: Option<String>,
}

impl TableInfo {
    /// Whether the catalog manages the commits of the table. Commits of all other tables are in storage alone.
    pub(super) fn is_managed(&self) -> bool {
        self.table_type == "MANAGED" && self.data_source_format.as_deref() == Some("DELTA")
    }
}

/// Question of `GET /delta/preview/commits`, which has a body.
#[derive(Debug, Serialize)]
pub(super) struct CommitsQuestion<'a> {
    pub(super) table_id: &'a str,
    pub(super) table_uri: &'a str,
    pub(super) start_version: u64,
}

/// Answer to it: a page of the commits that may not be published.
#[derive(Debug, Deserialize)]
pub(super) struct CommitsPage {
    #[serde(default)]
    commits: Vec<CommitInfo>,
    latest_table_version: i64,
}

#[derive(Debug, Deserialize)]
struct CommitInfo {
    version: u64,
    file_name: String,
    file_size: u64,
    file_modification_timestamp: i64,
}

/// The name of a commit file is not that of a staged commit of its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NotStaged {
    pub(super) version: u64,
    pub(super) file_name: String,
}

impl CommitsPage {
    /// Adds the page to what earlier pages said, and gives the version that the next page has to begin with. None when
    /// there is no further page: all commits are known, or those that are missing are published.
    pub(super) fn add_to(self, ratified: &mut Ratified) -> Result<Option<u64>, NotStaged> {
        // a table without commits has the version 0, or -1 as older servers say it
        ratified.latest = u64::try_from(self.latest_table_version).unwrap_or(0);
        let mut newest = None;
        for commit in self.commits {
            let name = LogName::parse_staged(&commit.file_name);
            let name = name
                .filter(|name| name.version() == commit.version)
                .ok_or(NotStaged { version: commit.version, file_name: commit.file_name })?;
            let entry = LogEntry {
                name,
                size: commit.file_size,
                modified_ms: commit.file_modification_timestamp,
                tag: None,
            };
            ratified.commits.insert(commit.version, entry);
            newest = newest.max(Some(commit.version));
        }
        Ok(newest.filter(|newest| *newest < ratified.latest).map(|newest| newest + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str, ratified: &mut Ratified) -> Result<Option<u64>, NotStaged> {
        serde_json::from_str::<CommitsPage>(text).expect("page").add_to(ratified)
    }

    fn commit(version: u64, file: &str) -> String {
        format!(
            r#"{{"version":{version},"timestamp":1,"file_name":"{file}","file_size":10,"file_modification_timestamp":5}}"#
        )
    }

    fn staged(version: u64) -> String {
        commit(version, &format!("{version:020}.98a25ba8-d7db-496c-b7ba-fdb90b15f52b.json"))
    }

    #[test]
    fn pages_add_up() {
        let mut ratified = Ratified::default();
        let first = format!(r#"{{"commits":[{},{}],"latest_table_version":9}}"#, staged(8), staged(7));
        assert_eq!(page(&first, &mut ratified), Ok(Some(9)));
        let second = format!(r#"{{"commits":[{}],"latest_table_version":9,"later":1}}"#, staged(9));
        assert_eq!(page(&second, &mut ratified), Ok(None));
        assert_eq!(ratified.commits.keys().copied().collect::<Vec<_>>(), [7, 8, 9]);
        assert_eq!(
            (ratified.latest, ratified.commits[&7].size, ratified.commits[&7].modified_ms),
            (9, 10, 5)
        );
    }

    #[test]
    fn nothing_to_add() {
        for (text, latest) in [
            (r#"{"commits":[],"latest_table_version":4}"#, 4),
            (r#"{"latest_table_version":0}"#, 0),
            (r#"{"latest_table_version":-1}"#, 0),
        ] {
            let mut ratified = Ratified::default();
            assert_eq!(page(text, &mut ratified), Ok(None), "{text}");
            assert_eq!(ratified, Ratified { latest, ..Ratified::default() });
        }
    }

    #[test]
    fn only_staged_commits_of_their_version_are_taken() {
        for file in [
            "file7",
            "../../other/00000000000000000007.98a25ba8-d7db-496c-b7ba-fdb90b15f52b.json",
            "00000000000000000008.98a25ba8-d7db-496c-b7ba-fdb90b15f52b.json",
        ] {
            let text = format!(r#"{{"commits":[{}],"latest_table_version":7}}"#, commit(7, file));
            let refused = page(&text, &mut Ratified::default());
            assert_eq!(refused, Err(NotStaged { version: 7, file_name: file.to_owned() }));
        }
    }

    #[test]
    fn managed_delta_tables_alone_have_commits_of_a_catalog() {
        let managed = |kind: &str, format: &str| {
            let text = format!(
                r#"{{"table_id":"t","storage_location":"file:///t","table_type":"{kind}","data_source_format":{format}}}"#
            );
            serde_json::from_str::<TableInfo>(&text).expect("table").is_managed()
        };
        assert!(managed("MANAGED", r#""DELTA""#));
        assert!(!managed("EXTERNAL", r#""DELTA""#));
        assert!(!managed("MANAGED", r#""PARQUET""#));
        assert!(!managed("VIEW", "null"));
    }
}
