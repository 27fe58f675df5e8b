//! More than one executor at a time: work may be done twice, nothing is ever said twice.

use std::time::Duration;

use anyhow::Result;
use lakedr_e2e::regions::{Region, Regions};

#[test]
fn executors_that_race_make_one_recovery_point() -> Result<()> {
    let regions = Regions::folders()?;
    for number in 1..=5 {
        regions.run(number, None)?;
        let racing: Vec<_> =
            (0..4).map(|_| regions.start_lakedr(&["sync", "--output", "json"])).collect::<Result<_>>()?;
        for executor in racing {
            let outcome = executor.wait(Duration::from_secs(60))?;
            assert_eq!(outcome.code, Some(0), "{outcome}");
        }
        let history = regions.group(0, &["history"])?.to_string();
        assert!(!history.contains("\"failed\""), "a race is no failure: {history}");
        let points = regions.group(0, &["recovery-points"])?["recovery_points"].clone();
        assert_eq!(
            points.as_array().map(Vec::len),
            Some(number as usize),
            "one recovery point per run: {points}"
        );
        assert_eq!(regions.rows(Region::West)?, regions.rows(Region::East)?);
    }
    assert_eq!(regions.group(0, &["verify", "--level", "content"])?["equal"], true);
    Ok(())
}
