//! Names and ids, parsed once and carried as types from then on.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest name of an external location, a sync group or a snapshot schedule.
pub const MAX_NAME_LENGTH: usize = 63;

/// Why a text is not a [`Name`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{given:?} is not a valid name: use 1 to {MAX_NAME_LENGTH} characters, lower-case letters, digits, `_` and `-`, \
     beginning with a letter or digit"
)]
pub struct InvalidName {
    /// The text as it was given.
    pub given: String,
}

/// Name of an external location, a sync group or a snapshot schedule: `^[a-z0-9][a-z0-9_-]{0,62}$`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

impl Name {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = InvalidName;

    fn from_str(given: &str) -> Result<Self, InvalidName> {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
        let first = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        if given.len() <= MAX_NAME_LENGTH
            && given.chars().next().is_some_and(first)
            && given.chars().all(inner)
        {
            Ok(Self(given.to_owned()))
        } else {
            Err(InvalidName { given: given.to_owned() })
        }
    }
}

impl TryFrom<String> for Name {
    type Error = InvalidName;
    fn try_from(given: String) -> Result<Self, InvalidName> {
        given.parse()
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is not a [`TableName`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTableName {
    /// Not three parts.
    #[error("{given:?} has {parts} part(s): write a table as catalog.schema.table")]
    Parts {
        /// The text as it was given.
        given: String,
        /// How many parts it has.
        parts: usize,
    },
    /// A part is empty or holds a character that no object key can hold.
    #[error(
        "{given:?} has the part {part:?}: a part may not be empty, `.` or `..`, nor hold `/`, `\\` or control characters"
    )]
    Part {
        /// The text as it was given.
        given: String,
        /// The offending part.
        part: String,
    },
    /// A back-quote without its partner.
    #[error("{given:?} has an unbalanced back-quote: quote a part that holds a dot as `a.b`")]
    Quote {
        /// The text as it was given.
        given: String,
    },
}

/// Three-part name of a table, `catalog.schema.table`. A part that holds a dot is quoted with back-quotes.
///
/// Names compare without regard to case, as every catalog that lakedr meets does; the spelling is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TableName {
    parts: Box<[String; 3]>,
}

impl TableName {
    /// Catalog, schema and table, unquoted.
    #[must_use]
    pub fn parts(&self) -> [&str; 3] {
        [&self.parts[0], &self.parts[1], &self.parts[2]]
    }

    fn folded(&self) -> [String; 3] {
        self.parts.each_ref().map(|part| part.to_lowercase())
    }
}

impl FromStr for TableName {
    type Err = InvalidTableName;

    fn from_str(given: &str) -> Result<Self, InvalidTableName> {
        let parts = split_quoted(given).ok_or_else(|| InvalidTableName::Quote { given: given.to_owned() })?;
        let bad = |part: &str| {
            part.is_empty()
                || part == "."
                || part == ".."
                || part.chars().any(|c| c == '/' || c == '\\' || c.is_control())
        };
        if let Some(part) = parts.iter().find(|part| bad(part)) {
            return Err(InvalidTableName::Part { given: given.to_owned(), part: part.clone() });
        }
        match <[String; 3]>::try_from(parts) {
            Ok(parts) => Ok(Self { parts: Box::new(parts) }),
            Err(parts) => Err(InvalidTableName::Parts { given: given.to_owned(), parts: parts.len() }),
        }
    }
}

/// Splits at dots outside back-quotes; two back-quotes inside a quoted part stand for one.
fn split_quoted(given: &str) -> Option<Vec<String>> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    let mut chars = given.chars().peekable();
    while let Some(c) = chars.next() {
        let last = parts.last_mut()?;
        match c {
            '`' if quoted && chars.peek() == Some(&'`') => {
                chars.next();
                last.push('`');
            }
            '`' => quoted = !quoted,
            '.' if !quoted => parts.push(String::new()),
            other => last.push(other),
        }
    }
    (!quoted).then_some(parts)
}

impl PartialEq for TableName {
    fn eq(&self, other: &Self) -> bool {
        self.folded() == other.folded()
    }
}

impl Eq for TableName {}

impl PartialOrd for TableName {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for TableName {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.folded().cmp(&other.folded())
    }
}

impl std::hash::Hash for TableName {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.folded().hash(state);
    }
}

impl TryFrom<String> for TableName {
    type Error = InvalidTableName;
    fn try_from(given: String) -> Result<Self, InvalidTableName> {
        given.parse()
    }
}

impl From<TableName> for String {
    fn from(name: TableName) -> Self {
        name.to_string()
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.parts.iter().enumerate() {
            if index > 0 {
                f.write_str(".")?;
            }
            if part.contains(['.', '`']) {
                write!(f, "`{}`", part.replace('`', "``"))?;
            } else {
                f.write_str(part)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["a", "etl", "sample_workflow_1", "0-x", &"a".repeat(63)] {
            assert_eq!(good.parse::<Name>().unwrap().as_str(), good);
        }
        for bad in ["", "Etl", "_x", "-x", "a b", "a.b", "ä", &"a".repeat(64)] {
            assert!(bad.parse::<Name>().is_err(), "{bad}");
        }
    }

    #[test]
    fn table_names() {
        let name: TableName = "cat.raw.bronze".parse().unwrap();
        assert_eq!(name.parts(), ["cat", "raw", "bronze"]);
        assert_eq!(name, "Cat.RAW.bronze".parse().unwrap());
        let quoted: TableName = "cat.`my.schema`.`t``x`".parse().unwrap();
        assert_eq!(quoted.parts(), ["cat", "my.schema", "t`x"]);
        assert_eq!(quoted.to_string(), "cat.`my.schema`.`t``x`");
        for bad in ["", "a.b", "a.b.c.d", "a..c", "a.b.`c", "a.../b.c", "a.b./c", "a.b.\n"] {
            assert!(bad.parse::<TableName>().is_err(), "{bad}");
        }
    }
}
