use std::fmt;

use lakedr_control::location::StoreUrl;
use object_store::path::Path;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Where an object is: a key below the root of a table.
///
/// The key is literal: what a Delta log spells with percent escapes is decoded before it becomes a key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Root of the table; for a file of a shallow clone, of the table that owns it.
    pub root: StoreUrl,
    /// Key relative to the root.
    #[serde(serialize_with = "write_key", deserialize_with = "read_key")]
    pub key: Path,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.root, self.key)
    }
}

fn write_key<S: Serializer>(key: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(key.as_ref())
}

fn read_key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Path, D::Error> {
    let text = String::deserialize(deserializer)?;
    let key = Path::parse(&text).map_err(D::Error::custom)?;
    if key.as_ref() != text || text.is_empty() {
        return Err(D::Error::custom(format!("{text:?} is not the key of an object")));
    }
    Ok(key)
}

/// Reads a key that may be absent.
pub(super) fn read_optional_key<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Path>, D::Error> {
    read_key(deserializer).map(Some)
}
