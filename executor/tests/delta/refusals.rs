//! Tables that must not be cloned.

use lakedr::delta::state::TableState;

use crate::clone::Replica;
use crate::golden::{Kind, table, tables};

/// A table that other readers refuse: they cannot parse the types of its columns. A clone does not have to.
const GEOSPATIAL: &str = "data/table-with-geo";

#[tokio::test]
async fn every_refused_table_says_why_and_nothing_is_written() {
    let reasons = [
        ("extra/catalog_owned_preview", "feature `catalogManaged`"),
        ("deltalog-invalid-protocol-version", "minReaderVersion 99 is beyond 3"),
        ("missing-metadata", "no metaData action up to version"),
        ("without-protocol", "no protocol action up to version"),
    ];
    let mut tables = tables(&[Kind::Refuse]);
    tables.retain(|table| table.name != GEOSPATIAL);
    assert_eq!(tables.len(), reasons.len());
    for table in tables {
        let (_, reason) = reasons.iter().find(|(name, _)| table.name.contains(name)).expect(&table.name);
        let mut replica = Replica::new();
        let refused = replica.follow(&table.path, None).await.err().expect(&table.name);
        assert!(refused.contains(reason), "{}: {refused}", table.name);
        assert_eq!(std::fs::read_dir(replica.path()).unwrap().count(), 0, "{}", table.name);
    }
}

#[tokio::test]
async fn types_that_nobody_has_to_parse_are_carried() {
    let golden = table(GEOSPATIAL);
    let mut replica = Replica::new();
    let step = replica.follow(&golden.path, None).await.unwrap();
    assert_eq!(replica.differences(&step.source).await, Vec::new());
    let schema = |state: &TableState| state.head.metadata.raw.fields().required::<String>("schemaString");
    let copied = replica.state().await;
    assert_eq!(schema(&copied).unwrap(), schema(&step.source).unwrap());
    assert!(schema(&copied).unwrap().contains("geometry(OGC:CRS84)"));
    assert!(copied.head.protocol.has("geospatial"));
}
