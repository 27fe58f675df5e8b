//! What a partition value means, however it is spelt (protocol, "Partition Value Serialization"). Pure.

use chrono::{DateTime, NaiveDate, NaiveDateTime};

/// One spelling for all of a value; a text that is no value of the type stands for itself. `kind` is the type of the column as
/// its schema has it.
pub(super) fn normal(kind: &str, text: &str) -> String {
    let found = match kind {
        "date" => text.parse::<NaiveDate>().ok().map(|date| date.to_string()),
        "timestamp" => instant(text).or_else(|| wall(text)).map(|micros| micros.to_string()),
        "timestamp_ntz" => wall(text).map(|micros| micros.to_string()),
        "byte" | "short" | "integer" | "long" => text.parse::<i64>().ok().map(|number| number.to_string()),
        "float" | "double" => text.parse::<f64>().ok().map(|number| (number + 0.0).to_string()),
        "boolean" => Some(text.to_lowercase()),
        kind if kind.starts_with("decimal") => decimal(text),
        _ => None,
    };
    found.unwrap_or_else(|| text.to_owned())
}

/// Microseconds of a moment with its zone: `2026-11-20T08:00:00.5Z`.
fn instant(text: &str) -> Option<i64> {
    DateTime::parse_from_rfc3339(text).ok().map(|at| at.timestamp_micros())
}

/// Microseconds of what a clock shows: `2026-11-20 08:00:00.5`, a `T` in between, or a day alone. As a moment it is UTC.
fn wall(text: &str) -> Option<i64> {
    let forms = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f"];
    let shown = forms.into_iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    let midnight = || text.parse::<NaiveDate>().ok()?.and_hms_opt(0, 0, 0);
    Some(shown.or_else(midnight)?.and_utc().timestamp_micros())
}

/// A decimal without zeros that say nothing.
fn decimal(text: &str) -> Option<String> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !all_digits(whole) || !all_digits(part) || (whole.is_empty() && part.is_empty()) {
        return None;
    }
    let (whole, part) = (whole.trim_start_matches('0'), part.trim_end_matches('0'));
    let sign = if whole.is_empty() && part.is_empty() { "" } else { sign };
    Some(format!("{sign}{whole}.{part}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_spellings_of_a_value_are_one() {
        let same: [(&str, &[&str]); 8] = [
            ("date", &["2026-11-02", "2026-11-2"]),
            (
                "timestamp",
                &[
                    "2026-11-20 08:00:00",
                    "2026-11-20 08:00:00.000000",
                    "2026-11-20T08:00:00.000000Z",
                    "2026-11-20T09:00:00+01:00",
                    "2026-11-20T08:00:00",
                ],
            ),
            ("timestamp_ntz", &["2026-11-20 00:00:00", "2026-11-20T00:00:00.0", "2026-11-20"]),
            ("long", &["7", "07", "+7"]),
            ("double", &["1.5", "1.50", "15e-1"]),
            ("double", &["0.0", "-0.0", "0"]),
            ("decimal(10,2)", &["1.50", "1.5", "+01.5"]),
            ("boolean", &["true", "TRUE"]),
        ];
        for (kind, texts) in same {
            let found: Vec<String> = texts.iter().map(|text| normal(kind, text)).collect();
            assert!(found.iter().all(|text| *text == found[0]), "{kind}: {found:?}");
        }
        let other = [
            ("timestamp", "2026-11-20 08:00:00.000001", "2026-11-20 08:00:00"),
            ("string", "07", "7"),
            ("string", "2026-11-2", "2026-11-02"),
            ("decimal(10,2)", "-1.5", "1.5"),
            ("decimal(10,2)", "15", "1.5"),
            ("long", "", "0"),
            ("decimal(10,2)", "", "0"),
            ("date", "today", "2026-11-02"),
        ];
        for (kind, one, another) in other {
            assert_ne!(normal(kind, one), normal(kind, another), "{kind}");
        }
    }
}
