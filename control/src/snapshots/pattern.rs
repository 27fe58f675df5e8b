//! Which tables of its source a schedule leaves out.

use crate::id::TableName;

/// Whether a pattern speaks of a table: `catalog.schema.table` or, without dots, the last part of it, where `*` stands for
/// any text. Case does not matter, as in names of tables.
#[must_use]
pub fn matches(pattern: &str, table: &TableName) -> bool {
    let pattern = pattern.trim().to_lowercase();
    let [_, _, last] = table.parts();
    let whole = glob(&pattern, &table.to_string().to_lowercase());
    whole || (!pattern.contains('.') && glob(&pattern, &last.to_lowercase()))
}

/// Whether `text` is `pattern`, in which every `*` stands for any text.
fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_patterns() {
        let cases = [
            ("cat.raw.audit", "cat.raw.audit", true),
            ("Cat.Raw.AUDIT", "cat.raw.audit", true),
            ("audit", "cat.raw.audit", true),
            ("raw.audit", "cat.raw.audit", false),
            ("*.audit", "cat.raw.audit", true),
            ("*.tmp_*", "cat.raw.tmp_1", true),
            ("*.tmp_*", "cat.raw.xtmp_1", false),
            ("tmp_*", "cat.raw.tmp_1", true),
            ("cat.*.t*t", "cat.raw.tot", true),
            ("cat.*.t*t", "cat.raw.t", false),
            ("*", "cat.raw.audit", true),
            ("", "cat.raw.audit", false),
            ("aud", "cat.raw.audit", false),
        ];
        for (pattern, table, expected) in cases {
            assert_eq!(matches(pattern, &table.parse().unwrap()), expected, "{pattern} and {table}");
        }
    }
}
