//! Which recovery points are kept.

use lakedr_control::group_log::RecoveryPoint;

use super::retention::Period;

/// The recovery points, oldest first, that were the newest one at any moment within the window: the newest one, and
/// those whose successor was published within it. So the group can be brought back to what it was at any such moment.
///
/// The window is one for the whole group, because a recovery point of which some tables are gone is none.
#[must_use]
pub fn kept_points(points: &[RecoveryPoint], window: Period, now_ms: i64) -> &[RecoveryPoint] {
    let within = |point: &RecoveryPoint| window.holds(point.published_at.timestamp_millis(), now_ms);
    // the point before the first one within the window was the newest one when the window began
    let first = points.iter().skip(1).position(within).unwrap_or(points.len().saturating_sub(1));
    points.get(first..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use lakedr_control::cut::Cut;
    use lakedr_control::group_log::IntentKind;

    use super::*;

    fn points(days: &[i64]) -> Vec<RecoveryPoint> {
        let group = "etl".parse().unwrap();
        let point = |(seq, day): (u64, &i64)| {
            let at = DateTime::from_timestamp_millis(day * 86_400_000).unwrap();
            RecoveryPoint {
                seq,
                intent: seq,
                kind: IntentKind::Publish,
                epoch: 1,
                published_at: at,
                publish_window_ms: 0,
                cut: Cut::at_instant(&group, at, Vec::new()),
            }
        };
        (0..).zip(days).map(point).collect()
    }

    #[test]
    fn kept_while_they_were_the_newest_within_the_window() {
        // days on which they were published, window, day, how many are kept
        let cases: [(&[i64], i64, i64, usize); 8] = [
            (&[], 7, 100, 0),
            (&[1], 0, 100, 1),
            (&[1, 2, 3], 0, 3, 1),
            (&[1, 2, 3], 1, 3, 2),
            (&[1, 2, 3], 2, 3, 3),
            (&[1, 50], 30, 60, 2),
            (&[1, 10, 20, 95], 7, 100, 2),
            // a clock that was set back in between keeps more
            (&[1, 99, 2, 3], 7, 100, 4),
        ];
        for (days, window, now, kept) in cases {
            let points = points(days);
            let found = kept_points(&points, Period::days(window), now * 86_400_000);
            assert_eq!(found.len(), kept, "{days:?}, {window} days, on day {now}");
            assert_eq!(found.last(), points.last());
        }
    }
}
