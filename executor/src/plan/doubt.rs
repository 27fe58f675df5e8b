//! Which objects of a version may be gone from its source.

use std::collections::HashSet;

use lakedr_control::location::StoreUrl;

use super::translate::Translation;
use crate::copy::Transfer;
use crate::delta::changes::CommitChange;
use crate::delta::fingerprint::text_id;

/// The objects of a version that may be gone, though its log names them.
///
/// VACUUM removes what the newest version does not need, and nothing else. So an object that was needed at a version
/// can only be gone if a newer commit has removed its file, or if somebody has damaged the table for its own readers.
/// Files of other tables are at the mercy of those.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doubt {
    /// Each of them may be.
    All,
    /// Of the files of the table itself those that newer commits have removed, by a hash of their keys at the target;
    /// besides, every file from elsewhere.
    Removed(HashSet<u128>),
}

impl Doubt {
    /// What the commits behind a version, all of them, leave in doubt.
    #[must_use]
    pub fn of(commits: &[CommitChange], translation: &Translation) -> Self {
        let removes = commits.iter().flat_map(|commit| &commit.removes);
        let keys = removes.flat_map(|(key, remove)| translation.removed_objects(key, remove));
        Self::Removed(keys.map(|key| text_id(key.as_ref())).collect())
    }

    /// Whether nothing that the table has below its own root is in doubt.
    #[must_use]
    pub fn spares_the_table(&self) -> bool {
        matches!(self, Self::Removed(keys) if keys.is_empty())
    }

    /// Whether an object that is to be copied may be gone; `table` is the root of the source.
    #[must_use]
    pub fn concerns(&self, transfer: &Transfer, table: &StoreUrl) -> bool {
        match self {
            Self::All => true,
            Self::Removed(keys) => {
                transfer.source.root != *table || keys.contains(&text_id(transfer.target.key.as_ref()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::copy::{FileKind, Place};
    use crate::delta::root::TableRoot;

    const URL: &str = "s3://east/t";

    fn doubt(commits: &[&str]) -> Doubt {
        let commits: Vec<CommitChange> =
            commits.iter().map(|text| CommitChange::parse(8, 1, text.as_bytes()).expect("commit")).collect();
        Doubt::of(&commits, &Translation::new(URL, TableRoot::parse(URL).expect("root")))
    }

    fn transfer(root: &str, key: &str) -> Transfer {
        let place = |root: &str| Place { root: root.parse().expect("url"), key: key.into() };
        let table = "c.s.t".parse().expect("name");
        let (source, target) = (place(root), place("s3://west/t"));
        Transfer { table, source, undecoded: None, target, size: 1, kind: FileKind::Data }
    }

    #[test]
    fn what_newer_commits_removed_and_what_lies_elsewhere() {
        let commits = [
            r#"{"add":{"path":"added","size":1}}"#,
            concat!(
                r#"{"remove":{"path":"p=%20/x","deletionVector":{"storageType":"u","pathOrInlineDv":"ab^-aqEH.-t@S}K{vb[*k^","offset":1,"sizeInBytes":3,"cardinality":1}}}"#,
                "\n",
                r#"{"remove":{"path":"s3a://east/t/whole"}}"#,
            ),
        ];
        let doubt = doubt(&commits);
        let table = URL.parse().expect("url");
        let cases = [
            (URL, "p= /x", true),
            (URL, "ab/deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin", true),
            (URL, "whole", true),
            (URL, "added", false),
            (URL, "kept", false),
            ("s3://other/t", "kept", true),
        ];
        for (root, key, expected) in cases {
            assert_eq!(doubt.concerns(&transfer(root, key), &table), expected, "{root}/{key}");
        }
        assert!(!doubt.spares_the_table());
        assert!(self::doubt(&commits[..1]).spares_the_table());
        assert!(Doubt::All.concerns(&transfer(URL, "kept"), &table) && !Doubt::All.spares_the_table());
    }
}
