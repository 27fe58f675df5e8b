//! Durations as table properties spell them: `interval 1 week 2 days`.

/// Milliseconds of an interval; `None` when it is not one, or has months or years, which have no length.
#[must_use]
pub fn milliseconds(text: &str) -> Option<i64> {
    let lower = text.trim().to_ascii_lowercase();
    let words: Vec<&str> = lower.strip_prefix("interval").unwrap_or(&lower).split_whitespace().collect();
    if words.is_empty() || !words.len().is_multiple_of(2) {
        return None;
    }
    let mut micros: i64 = 0;
    for pair in words.chunks(2) {
        let [count, unit] = pair else { return None };
        let length = micros_of(unit.strip_suffix('s').unwrap_or(unit))?;
        micros = micros.checked_add(count.parse::<i64>().ok()?.checked_mul(length)?)?;
    }
    Some(micros / 1000)
}

fn micros_of(unit: &str) -> Option<i64> {
    Some(match unit {
        "microsecond" => 1,
        "millisecond" => 1_000,
        "second" => 1_000_000,
        "minute" => 60_000_000,
        "hour" => 3_600_000_000,
        "day" => 86_400_000_000,
        "week" => 604_800_000_000,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals() {
        let cases = [
            ("interval 1 week", Some(604_800_000)),
            ("INTERVAL 1 week 2 days", Some(777_600_000)),
            ("interval 36 hours 30 minutes", Some(131_400_000)),
            ("7 days", Some(604_800_000)),
            ("interval 0 seconds", Some(0)),
            ("interval 1 month", None),
            ("interval", None),
            ("interval x days", None),
            ("a while", None),
        ];
        for (text, expected) in cases {
            assert_eq!(milliseconds(text), expected, "{text}");
        }
    }
}
