//! What a change of the schema means to a configuration or a state that exists.

use std::fmt;

/// How much it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weight {
    /// Words.
    Words,
    /// Something more is possible; what exists goes on.
    Addition,
    /// What exists is refused, or means something else.
    Breaking,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Change {
    pub(super) weight: Weight,
    /// `lakedr_sync_group.schedule.interval`
    pub(super) place: String,
    pub(super) what: String,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let weight = match self.weight {
            Weight::Words => "words",
            Weight::Addition => "addition",
            Weight::Breaking => "BREAKING",
        };
        write!(f, "{weight}: {} {}", self.place, self.what)
    }
}

/// Whether a version says that something of this weight has changed since another. Before 1.0, the minor version stands for
/// the major one.
pub(super) fn is_said(weight: Weight, before: [u64; 3], after: [u64; 3]) -> bool {
    let raised = |parts: usize| after[..parts] > before[..parts];
    match (weight, before[0]) {
        (Weight::Words, _) => raised(3),
        (Weight::Addition, 0) => raised(3),
        (Weight::Addition, _) | (Weight::Breaking, 0) => raised(2),
        (Weight::Breaking, _) => raised(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_say_how_much_has_changed() {
        for (weight, before, after, said) in [
            (Weight::Breaking, [0, 1, 3], [0, 1, 4], false),
            (Weight::Breaking, [0, 1, 3], [0, 2, 0], true),
            (Weight::Breaking, [1, 1, 3], [1, 2, 0], false),
            (Weight::Breaking, [1, 1, 3], [2, 0, 0], true),
            (Weight::Addition, [1, 1, 3], [1, 1, 4], false),
            (Weight::Addition, [1, 1, 3], [1, 2, 0], true),
            (Weight::Addition, [0, 1, 3], [0, 1, 4], true),
            (Weight::Words, [1, 0, 0], [1, 0, 0], false),
        ] {
            assert_eq!(is_said(weight, before, after), said, "{weight:?} {before:?} {after:?}");
        }
    }
}
