//! Instants and durations as documents spell them.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};

/// An instant as every document of lakedr spells it: RFC 3339, UTC, milliseconds.
pub mod rfc3339_millis {
    use chrono::{DateTime, Utc};
    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes `2026-11-20T08:00:00.000Z`.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(at: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::format(*at))
    }

    /// Reads any RFC 3339 instant.
    ///
    /// # Errors
    /// When the text is no RFC 3339 instant.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
        let text = String::deserialize(deserializer)?;
        DateTime::parse_from_rfc3339(&text).map(|at| at.with_timezone(&Utc)).map_err(serde::de::Error::custom)
    }
}

/// The same for instants that may be absent.
pub mod rfc3339_millis_option {
    use chrono::{DateTime, Utc};
    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes the instant, or null.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(at: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => super::rfc3339_millis::serialize(at, serializer),
            None => serializer.serialize_none(),
        }
    }

    /// Reads any RFC 3339 instant, or null.
    ///
    /// # Errors
    /// When the text is no RFC 3339 instant.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<DateTime<Utc>>, D::Error> {
        let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
        let at = DateTime::parse_from_rfc3339(&text).map_err(serde::de::Error::custom)?;
        Ok(Some(at.with_timezone(&Utc)))
    }
}

/// `2026-11-20T08:00:00.000Z`.
#[must_use]
pub fn format(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A text that is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{given:?} is not a duration ({cause}): write a number and a unit, for example 30s, 15m, 1h 30m or 7d"
)]
pub struct InvalidDuration {
    given: String,
    cause: String,
}

/// Parses `90s`, `15m`, `1h 30m`, `7d`.
///
/// # Errors
/// When the text is not a duration; the error says how one is written.
pub fn parse_duration(given: &str) -> Result<Duration, InvalidDuration> {
    humantime::parse_duration(given.trim())
        .map_err(|cause| InvalidDuration { given: given.to_owned(), cause: cause.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(parse_duration("15m").unwrap(), Duration::from_secs(900));
        assert_eq!(parse_duration("1h 30m").unwrap(), Duration::from_secs(5400));
        assert_eq!(parse_duration("30d").unwrap(), Duration::from_secs(30 * 86400));
        for bad in ["", "15", "soon", "-1m"] {
            assert!(parse_duration(bad).unwrap_err().to_string().contains("15m"), "{bad}");
        }
    }
}
