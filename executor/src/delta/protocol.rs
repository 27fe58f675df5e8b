//! The `protocol` action: versions and table features (protocol, "Protocol Evolution").

use std::collections::BTreeSet;

use super::json::{JsonError, ObjectWriter, RawObject};

/// Reader version from which on reader features are listed by name.
pub const READER_FEATURES: u32 = 3;
/// Writer version from which on writer features are listed by name.
pub const WRITER_FEATURES: u32 = 7;

/// Features that legacy writer versions imply, with the version that brought each.
const LEGACY_WRITER: [(u32, &str); 7] = [
    (2, "appendOnly"),
    (2, "invariants"),
    (3, "checkConstraints"),
    (4, "changeDataFeed"),
    (4, "generatedColumns"),
    (5, "columnMapping"),
    (6, "identityColumns"),
];
/// The feature that legacy reader version 2 implies.
const LEGACY_READER: &str = "columnMapping";

/// What a program must be able to do to read and to write a table.
#[derive(Debug, Clone)]
pub struct Protocol {
    /// The action as written.
    pub raw: RawObject,
    /// Least version of a reader.
    pub min_reader: u32,
    /// Least version of a writer.
    pub min_writer: u32,
    /// Features that a reader must know, when listed.
    pub reader_features: Option<BTreeSet<String>>,
    /// Features that a writer must know, when listed.
    pub writer_features: Option<BTreeSet<String>>,
}

impl Protocol {
    /// Reads the action.
    ///
    /// # Errors
    /// [`JsonError`] when a required field is missing or mistyped.
    pub fn parse(raw: RawObject) -> Result<Self, JsonError> {
        let fields = raw.fields();
        let (min_reader, min_writer) =
            (fields.required("minReaderVersion")?, fields.required("minWriterVersion")?);
        let reader_features = fields.optional("readerFeatures")?;
        let writer_features = fields.optional("writerFeatures")?;
        drop(fields);
        Ok(Self { min_reader, min_writer, reader_features, writer_features, raw })
    }

    /// Writes an action from its parts; feature lists are sorted.
    #[must_use]
    pub fn build(
        min_reader: u32,
        min_writer: u32,
        reader_features: Option<BTreeSet<String>>,
        writer_features: Option<BTreeSet<String>>,
    ) -> Self {
        let mut object = ObjectWriter::default();
        object.field("minReaderVersion", min_reader).field("minWriterVersion", min_writer);
        object.optional("readerFeatures", reader_features.clone().map(Vec::from_iter));
        object.optional("writerFeatures", writer_features.clone().map(Vec::from_iter));
        Self { raw: object.finish(), min_reader, min_writer, reader_features, writer_features }
    }

    /// All features that readers must know, those implied by a legacy version included.
    #[must_use]
    pub fn reads(&self) -> BTreeSet<String> {
        let mut features = self.reader_features.clone().unwrap_or_default();
        if self.min_reader == 2 {
            features.insert(LEGACY_READER.to_owned());
        }
        features
    }

    /// All features that writers must know, those implied by a legacy version included.
    #[must_use]
    pub fn writes(&self) -> BTreeSet<String> {
        let mut features = self.writer_features.clone().unwrap_or_default();
        if self.min_writer < WRITER_FEATURES {
            let implied = LEGACY_WRITER.iter().filter(|(since, _)| *since <= self.min_writer);
            features.extend(implied.map(|(_, feature)| (*feature).to_owned()));
        }
        features
    }

    /// Whether writers must know a feature.
    #[must_use]
    pub fn has(&self, feature: &str) -> bool {
        self.writes().contains(feature) || self.reads().contains(feature)
    }

    /// Whether two protocols ask for the same, however they are written.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        self.min_reader == other.min_reader
            && self.min_writer == other.min_writer
            && self.reads() == other.reads()
            && self.writes() == other.writes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn protocol(text: &str) -> Protocol {
        Protocol::parse(RawObject::parse(text).expect("json")).expect("protocol")
    }

    #[test]
    fn legacy_versions_imply_features() {
        let legacy = protocol(r#"{"minReaderVersion":2,"minWriterVersion":5}"#);
        assert!(legacy.has("columnMapping") && legacy.has("appendOnly") && !legacy.has("identityColumns"));
        assert_eq!(legacy.reads(), BTreeSet::from(["columnMapping".to_owned()]));
        let listed = protocol(
            r#"{"minReaderVersion":1,"minWriterVersion":7,"writerFeatures":["appendOnly","invariants"]}"#,
        );
        let implied = protocol(r#"{"minReaderVersion":1,"minWriterVersion":2}"#);
        assert_eq!(listed.writes(), implied.writes());
        assert!(!listed.same(&implied));
    }

    #[test]
    fn built_actions_parse_back() {
        let built = Protocol::build(3, 7, Some(["b", "a"].map(str::to_owned).into()), Some(BTreeSet::new()));
        assert_eq!(
            built.raw.text(),
            r#"{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["a","b"],"writerFeatures":[]}"#
        );
        assert!(Protocol::parse(built.raw.clone()).expect("parse").same(&built));
    }
}
