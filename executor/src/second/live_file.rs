use std::collections::BTreeMap;

use crate::delta::json::{Fields, JsonError};
use crate::delta::state::{AddFile, FileKey};

/// Values by name; null is a value.
pub type Values = BTreeMap<String, Option<String>>;

/// A live file, by the fields that both implementations give (protocol, "Add File and Remove File"). Absent maps are
/// empty ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveFile {
    /// Path, absolute ones in canonical form, and identity of the deletion vector.
    pub key: FileKey,
    /// Bytes of the data file.
    pub size: i64,
    /// In milliseconds since the epoch.
    pub modification_time: Option<i64>,
    /// What the deletion vector comes to.
    pub vector: Option<Vector>,
    /// Partition values by column.
    pub partition_values: Values,
    /// Tags by name.
    pub tags: Values,
    /// Statistics.
    pub stats: Stats,
    /// Row id of the first row.
    pub base_row_id: Option<i64>,
    /// Version in which the rows were committed, unless they say otherwise.
    pub default_row_commit_version: Option<i64>,
    /// Who clustered the file.
    pub clustering_provider: Option<String>,
}

/// What a deletion vector comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vector {
    /// Bytes.
    pub size: i64,
    /// Deleted rows.
    pub cardinality: i64,
}

/// The statistics of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stats {
    /// The text as logged.
    Logged(Option<String>),
    /// Put together from the columns of a checkpoint: the text is the reader's own, and cannot be compared.
    Rebuilt,
}

impl LiveFile {
    /// A file as our replay gives it.
    ///
    /// # Errors
    /// [`JsonError`] when a field is missing or mistyped.
    pub fn of(key: FileKey, add: &AddFile) -> Result<Self, JsonError> {
        let fields = add.raw.fields();
        let stats =
            if add.stats_synthesised { Stats::Rebuilt } else { Stats::Logged(fields.optional("stats")?) };
        Ok(Self {
            key,
            size: fields.required("size")?,
            modification_time: fields.optional("modificationTime")?,
            vector: vector(&fields)?,
            partition_values: fields.optional("partitionValues")?.unwrap_or_default(),
            tags: fields.optional("tags")?.unwrap_or_default(),
            stats,
            base_row_id: fields.optional("baseRowId")?,
            default_row_commit_version: fields.optional("defaultRowCommitVersion")?,
            clustering_provider: fields.optional("clusteringProvider")?,
        })
    }

    /// The names of the fields in which two files of one key differ.
    #[must_use]
    pub fn differing(&self, other: &Self) -> Vec<&'static str> {
        let stats = match (&self.stats, &other.stats) {
            (Stats::Logged(mine), Stats::Logged(theirs)) => mine == theirs,
            (Stats::Rebuilt, _) | (_, Stats::Rebuilt) => true,
        };
        let fields = [
            ("size", self.size == other.size),
            ("modificationTime", self.modification_time == other.modification_time),
            ("deletionVector", self.vector == other.vector),
            ("partitionValues", self.partition_values == other.partition_values),
            ("tags", self.tags == other.tags),
            ("stats", stats),
            ("baseRowId", self.base_row_id == other.base_row_id),
            ("defaultRowCommitVersion", self.default_row_commit_version == other.default_row_commit_version),
            ("clusteringProvider", self.clustering_provider == other.clustering_provider),
        ];
        fields.into_iter().filter(|(_, same)| !same).map(|(name, _)| name).collect()
    }
}

fn vector(fields: &Fields<'_>) -> Result<Option<Vector>, JsonError> {
    let Some(raw) = fields.get("deletionVector") else { return Ok(None) };
    let fields = Fields::parse(raw.get())?;
    Ok(Some(Vector { size: fields.required("sizeInBytes")?, cardinality: fields.required("cardinality")? }))
}
