//! Whether a recovery point may become the newest one. Pure.

use chrono::{DateTime, TimeDelta, Utc};
use lakedr_control::group_log::RecoveryPoint;

use super::refusal::RestoreRefusal;
use crate::prune::keep::{Period, kept_points};

/// How much longer a point has to be kept: clocks differ, and a prune that gives it up may begin while the intent is written.
const SPARE: TimeDelta = TimeDelta::hours(1);

/// Makes sure that no prune takes files from a point while it becomes the newest one. Only the log fences a prune, and what it
/// deletes before the intent is there, it deletes unseen: so the point has to be one that every prune keeps.
pub(super) fn kept(
    points: &[RecoveryPoint],
    point: &RecoveryPoint,
    window: Period,
    now: DateTime<Utc>,
) -> Result<(), RestoreRefusal> {
    let kept = kept_points(points, window, (now + SPARE).timestamp_millis());
    if kept.iter().any(|kept| kept.seq == point.seq) {
        return Ok(());
    }
    let told = |point: &RecoveryPoint| format!("{} ({})", point.seq, point.cut.describe());
    Err(RestoreRefusal::GivenUp { point: told(point), kept: kept.iter().rev().map(told).collect() })
}

#[cfg(test)]
mod tests {
    use lakedr_control::cut::Cut;
    use lakedr_control::group_log::IntentKind;

    use super::*;

    #[test]
    fn a_point_has_to_be_kept_for_longer_than_clocks_differ() {
        let now: DateTime<Utc> = "2026-11-20T08:00:00Z".parse().unwrap();
        let point = |(seq, minutes): (u64, i64)| {
            let at = now - TimeDelta::minutes(minutes);
            let cut = Cut::at_instant(&"etl".parse().unwrap(), at, Vec::new());
            RecoveryPoint {
                seq,
                intent: seq,
                kind: IntentKind::Publish,
                epoch: 1,
                published_at: at,
                publish_window_ms: 0,
                cut,
            }
        };
        // the second one took the first one's place so many minutes ago; a day is kept
        for (minutes, expected) in [(60, true), (22 * 60, true), (23 * 60, false), (48 * 60, false)] {
            let points = [(1, 9_000), (2, minutes), (3, 0)].map(point);
            let found = kept(&points, &points[0], Period::days(1), now);
            assert_eq!(found.is_ok(), expected, "{minutes}: {found:?}");
            assert_eq!(kept(&points, &points[2], Period::days(1), now), Ok(()));
        }
    }
}
