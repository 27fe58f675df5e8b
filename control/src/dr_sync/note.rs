use std::fmt;

use serde::Serialize;

/// Something that the reader of the result should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    /// Field of the file, or where in the file.
    pub field: String,
    /// How much it matters.
    pub concern: Concern,
    /// What it is.
    pub text: String,
}

/// How much a note matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Concern {
    /// The result holds a placeholder, or breaks a rule: it cannot be applied as it is.
    Todo,
    /// The field has another meaning, or another value, than it had.
    Changed,
    /// The field was absent, and its default was written out.
    Default,
    /// The field has no meaning here, and was left out.
    Dropped,
}

impl fmt::Display for Concern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Todo => "to do",
            Self::Changed => "changed",
            Self::Default => "default",
            Self::Dropped => "dropped",
        })
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.concern, self.field, self.text)
    }
}
