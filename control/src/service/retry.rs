//! How often a service that has no answer is asked again. Longer patience is the caller's.

use std::time::Duration;

use backon::ExponentialBuilder;
use chrono::{DateTime, Utc};
use http::{HeaderMap, HeaderName, header};

use super::error::ServiceError;

/// A service that asks for a longer wait is out of reach for this time.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

pub(super) fn backoff() -> ExponentialBuilder {
    ExponentialBuilder::default()
        .with_jitter()
        .with_min_delay(Duration::from_millis(250))
        .with_max_delay(Duration::from_secs(10))
        .with_max_times(4)
}

/// The wait before the next try: at least what the service asks for.
pub(super) fn wait(error: &ServiceError, planned: Option<Duration>) -> Option<Duration> {
    let (planned, asked) = (planned?, error.retry_after().unwrap_or_default());
    (asked <= LONGEST_WAIT).then(|| planned.max(asked))
}

/// An instant in a header.
pub(super) fn instant(headers: &HeaderMap, name: &HeaderName) -> Option<DateTime<Utc>> {
    let text = headers.get(name)?.to_str().ok()?;
    DateTime::parse_from_rfc2822(text).ok().map(|at| at.with_timezone(&Utc))
}

/// How long a service asks to be left alone (RFC 9110, section 10.2.3): in seconds, or until an instant by its clock.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(header::RETRY_AFTER)?.to_str().ok().and_then(|text| text.trim().parse().ok());
    seconds.map(Duration::from_secs).or_else(|| {
        let until = instant(headers, &header::RETRY_AFTER)?;
        let now = instant(headers, &header::DATE)?;
        Some((until - now).to_std().unwrap_or_default())
    })
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, StatusCode};

    use super::*;

    fn headers(retry_after: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static(retry_after));
        headers.insert(header::DATE, HeaderValue::from_static("Fri, 20 Nov 2026 08:00:00 GMT"));
        headers
    }

    #[test]
    fn retry_after_is_seconds_or_an_instant() {
        assert_eq!(retry_after(&headers("7")), Some(Duration::from_secs(7)));
        let at = headers("Fri, 20 Nov 2026 08:00:09 GMT");
        assert_eq!(retry_after(&at), Some(Duration::from_secs(9)));
        assert_eq!(retry_after(&headers("soon")), None);
    }

    #[test]
    fn the_service_is_given_the_time_it_asks_for_if_that_is_not_too_long() {
        let error = |seconds| ServiceError::Status {
            url: String::new(),
            status: StatusCode::TOO_MANY_REQUESTS,
            code: String::new(),
            message: String::new(),
            retry_after: Some(Duration::from_secs(seconds)),
        };
        let planned = Some(Duration::from_secs(2));
        assert_eq!(wait(&error(1), planned), planned);
        assert_eq!(wait(&error(5), planned), Some(Duration::from_secs(5)));
        assert_eq!(wait(&error(3_600), planned), None);
        assert_eq!(wait(&error(1), None), None);
    }
}
