//! What can be wrong with encoded values.

use super::Path;

/// A value that cannot be decoded or encoded, with the place where it goes wrong.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("at {path}: {problem}")]
pub struct CodecError {
    /// Where in the value.
    pub path: Path,
    /// What is wrong there.
    pub problem: Problem,
}

/// The kinds of damage that a value can have on the wire.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// The bytes end inside the value.
    #[error("the encoded value ends too early")]
    Truncated,
    /// Bytes are left after the value.
    #[error("{count} bytes are left after the value")]
    TrailingBytes {
        /// How many.
        count: usize,
    },
    /// The value is of another type than the schema says.
    #[error("expected {expected}, found {found}")]
    Mismatch {
        /// What the type constraint asks for.
        expected: String,
        /// What is there.
        found: String,
    },
    /// An object has an attribute that the schema does not know.
    #[error("unsupported attribute {name:?}")]
    UnsupportedAttribute {
        /// Its name.
        name: String,
    },
    /// An object lacks an attribute of the schema.
    #[error("attribute {name:?} is missing")]
    MissingAttribute {
        /// Its name.
        name: String,
    },
    /// A tuple has the wrong number of elements.
    #[error("expected a tuple of {expected} elements, found {found}")]
    TupleLength {
        /// As the type constraint says.
        expected: usize,
        /// As encoded.
        found: usize,
    },
    /// Text that is not UTF-8.
    #[error("a string is not valid UTF-8")]
    NotUtf8,
    /// Text that is not a number, or a number beyond the supported range.
    #[error("{text:?} is not a supported number")]
    Number {
        /// As encoded, shortened.
        text: String,
    },
    /// An extension type that is neither unknown nor refined unknown.
    #[error("unsupported extension type {code}")]
    Extension {
        /// The code of the extension.
        code: i8,
    },
    /// Unknown values have no representation in JSON.
    #[error("an unknown value cannot be written as JSON")]
    UnknownInJson,
    /// The text is not JSON.
    #[error("not valid JSON: {cause}")]
    Json {
        /// The parser's words.
        cause: String,
    },
    /// The type constraint of a dynamic value is malformed.
    #[error("{text:?} is not a type constraint")]
    TypeConstraint {
        /// As encoded, shortened.
        text: String,
    },
}

impl Problem {
    /// Places the problem at a path.
    #[must_use]
    pub fn at(self, path: &Path) -> CodecError {
        CodecError { path: path.clone(), problem: self }
    }

    pub(super) fn mismatch(expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self::Mismatch { expected: expected.into(), found: found.into() }
    }

    pub(super) fn number(text: &str) -> Self {
        Self::Number { text: shorten(text) }
    }

    pub(super) fn type_constraint(text: &str) -> Self {
        Self::TypeConstraint { text: shorten(text) }
    }
}

/// Keeps messages readable when the offending text is huge.
fn shorten(text: &str) -> String {
    const LONGEST: usize = 60;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
