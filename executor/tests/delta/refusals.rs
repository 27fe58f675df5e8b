//! Tables that must not be cloned.

use crate::clone::Replica;
use crate::golden::{Kind, tables};

#[tokio::test]
async fn every_refused_table_says_why_and_nothing_is_written() {
    let reasons = [
        ("data/table-with-geo", "feature `geospatial`"),
        ("extra/catalog_owned_preview", "feature `catalogManaged`"),
        ("deltalog-invalid-protocol-version", "minReaderVersion 99 is beyond 3"),
        ("missing-metadata", "no metaData action up to version"),
        ("without-protocol", "no protocol action up to version"),
    ];
    let tables = tables(&[Kind::Refuse]);
    assert_eq!(tables.len(), reasons.len());
    for table in tables {
        let (_, reason) = reasons.iter().find(|(name, _)| table.name.contains(name)).expect(&table.name);
        let mut replica = Replica::new();
        let refused = replica.follow(&table.path, None).await.err().expect(&table.name);
        assert!(refused.contains(reason), "{}: {refused}", table.name);
        assert_eq!(std::fs::read_dir(replica.path()).unwrap().count(), 0, "{}", table.name);
    }
}
