//! The protocol of a replica: what its source needs, never less than the replica had before.
//!
//! A feature is not taken away, because the replica's older versions may still need it.

use std::collections::BTreeSet;

use crate::delta::protocol::{Protocol, READER_FEATURES, WRITER_FEATURES};

/// Features that tie a table to a catalog or coordinator; a replica stands on its own.
const STRIPPED: [&str; 3] = ["catalogManaged", "catalogOwned-preview", "coordinatedCommits-preview"];

/// The protocol that a replica must have.
#[must_use]
pub fn replica_protocol(source: &Protocol, target: Option<&Protocol>) -> Protocol {
    let source = stripped(source);
    let Some(target) = target else { return source };
    let merged = merge(target, &source);
    if merged.same(target) {
        target.clone()
    } else if merged.same(&source) {
        source
    } else {
        merged
    }
}

fn stripped(protocol: &Protocol) -> Protocol {
    if !STRIPPED.iter().any(|feature| protocol.has(feature)) {
        return protocol.clone();
    }
    let strip = |features: &Option<BTreeSet<String>>| {
        let mut features = features.clone()?;
        features.retain(|feature| !STRIPPED.contains(&feature.as_str()));
        Some(features)
    };
    Protocol::build(
        protocol.min_reader,
        protocol.min_writer,
        strip(&protocol.reader_features),
        strip(&protocol.writer_features),
    )
}

/// The least protocol that can do all of both.
fn merge(a: &Protocol, b: &Protocol) -> Protocol {
    let min_reader = a.min_reader.max(b.min_reader);
    let min_writer = a.min_writer.max(b.min_writer);
    let reads = (min_reader >= READER_FEATURES).then(|| &a.reads() | &b.reads());
    let writes = (min_writer >= WRITER_FEATURES).then(|| &a.writes() | &b.writes());
    Protocol::build(min_reader, min_writer, reads, writes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn protocol(reader: u32, writer: u32, reads: Option<&str>, writes: Option<&str>) -> Protocol {
        let set = |features: &str| features.split_whitespace().map(str::to_owned).collect();
        Protocol::build(reader, writer, reads.map(set), writes.map(set))
    }

    fn shown(protocol: &Protocol) -> String {
        protocol.raw.text().replace("minReaderVersion", "r").replace("minWriterVersion", "w").replace('"', "")
    }

    #[test]
    fn never_less_than_before() {
        let legacy = protocol(1, 2, None, None);
        let mapped = protocol(2, 5, None, None);
        let vectors = protocol(3, 7, Some("deletionVectors"), Some("deletionVectors"));
        let catalog = protocol(
            3,
            7,
            Some("catalogManaged"),
            Some("catalogManaged coordinatedCommits-preview inCommitTimestamp"),
        );
        let writes = "appendOnly,changeDataFeed,checkConstraints,columnMapping,deletionVectors,generatedColumns,invariants";
        let cases = [
            (&legacy, None, "{r:1,w:2}".to_owned()),
            (&mapped, Some(&legacy), "{r:2,w:5}".to_owned()),
            (&legacy, Some(&mapped), "{r:2,w:5}".to_owned()),
            (
                &vectors,
                None,
                "{r:3,w:7,readerFeatures:[deletionVectors],writerFeatures:[deletionVectors]}".to_owned(),
            ),
            (
                &vectors,
                Some(&mapped),
                format!(
                    "{{r:3,w:7,readerFeatures:[columnMapping,deletionVectors],writerFeatures:[{writes}]}}"
                ),
            ),
            (&catalog, None, "{r:3,w:7,readerFeatures:[],writerFeatures:[inCommitTimestamp]}".to_owned()),
        ];
        for (source, target, expected) in cases {
            assert_eq!(shown(&replica_protocol(source, target)), expected);
        }
    }

    #[test]
    fn an_equal_protocol_is_kept_as_written() {
        let raw = r#"{"minWriterVersion":7,"minReaderVersion":1,"writerFeatures":["b","a"]}"#;
        let written =
            Protocol::parse(crate::delta::json::RawObject::parse(raw).expect("json")).expect("protocol");
        let same = protocol(1, 7, None, Some("a b"));
        assert_eq!(replica_protocol(&same, Some(&written)).raw.text(), raw);
        assert_eq!(replica_protocol(&written, None).raw.text(), raw);
    }
}
