//! Tables that are dropped and created anew, or moved away and cloned anew: their versions begin again, and the same number is
//! another state.

use lakedr::failover::{Kind, survey};
use lakedr::report::Outcome;
use lakedr::restore::{RestoreRefusal, To, Where};
use lakedr_control::lost::LostCommits;
use lakedr_control::{group_log::GroupState, layout};

use crate::checks::{case, held_run, newest_readable};
use crate::failover::{fail_over, planned};
use crate::foreign::move_away;
use crate::lab::{GROUP, Lab, SYNC, TABLES, table_key};
use crate::restore::{IN_PLACE, refused, three_points};
use crate::tree;

const BRONZE: &str = TABLES[0];

async fn synced(lab: &Lab, run: u64) {
    lab.run(run);
    let report = lab.sync().await;
    assert_eq!(report.outcome, Outcome::Published, "{report:?}");
}

/// Why a sync is refused.
async fn refusal(lab: &Lab) -> (String, String) {
    let report = lab.sync().await;
    let error = report.error.unwrap();
    (error.r#type, error.message)
}

#[tokio::test]
async fn a_run_is_not_cut_of_a_table_that_the_next_run_has_created_anew() {
    let lab = Lab::new();
    synced(&lab, 1).await;
    lab.run(2);
    for commits in 2..=4 {
        case(&commits);
        // the next run begins with a drop, and has come past the version that run 2 ended at
        lab.create_anew("east", BRONZE, commits);
        let (kind, message) = refusal(&lab).await;
        assert_eq!(kind, "version_gone");
        assert!(message.contains("dropped and created anew"), "{message}");
        assert_eq!(held_run(&lab.history().await), 1);
    }
}

#[tokio::test]
async fn a_group_does_not_go_back_to_versions_of_a_table_that_was_cloned_anew() {
    let lab = Lab::new();
    let points = three_points(&lab).await;
    move_away(&lab, BRONZE);
    synced(&lab, 4).await;
    synced(&lab, 5).await;
    synced(&lab, 6).await;
    let elsewhere = format!("file://{}/elsewhere", lab.root().display());
    let elsewhere = Where::Elsewhere(elsewhere.parse().unwrap());
    for (point, place) in points.iter().flat_map(|point| [(point, &IN_PLACE), (point, &elsewhere)]) {
        case(&(point, place));
        let RestoreRefusal::NotWhole { table, problems, .. } = refused(&lab, To::Entry(*point), place).await
        else {
            panic!("it is refused as not whole")
        };
        assert_eq!(table, BRONZE);
        assert!(problems[0].contains("created anew"), "{problems:?}");
    }
    assert_eq!(held_run(&newest_readable(&lab).await), 6, "nothing was written");
    assert!(!lab.root().join("elsewhere").exists());
}

#[tokio::test]
async fn what_was_created_anew_in_the_region_that_was_given_up_is_kept_before_it_is_replaced() {
    for commits in 1..=3 {
        case(&commits);
        let lab = Lab::new();
        synced(&lab, 1).await;
        synced(&lab, 2).await;
        lab.create_anew("east", BRONZE, commits);
        let plan = planned(&lab).await;
        assert!(fail_over(&lab, &plan).await.unwrap().switched);
        let report = lab.sync().await;
        assert_eq!(report.outcome, Outcome::Published, "{report:?}");

        let (group, table) = (GROUP.parse().unwrap(), BRONZE.parse().unwrap());
        let location = lab.root().join("east").join(SYNC);
        for version in 0..commits {
            let kept =
                std::fs::read_to_string(location.join(layout::lost_commit(&group, 2, &table, version)));
            assert!(kept.unwrap().contains("anew"), "version {version}");
        }
        let report =
            std::fs::read(location.join(layout::lost_report(&group, 2, &table, commits - 1))).unwrap();
        let report = LostCommits::decode("report", &report).unwrap();
        assert_eq!((report.recovery_version, report.commits.len() as u64), (None, commits));
        assert_eq!(lab.sync().await.outcome, Outcome::UpToDate);
    }
}

#[tokio::test]
async fn a_plan_tells_of_tables_that_were_created_anew() {
    for commits in 1..=3 {
        case(&commits);
        let lab = Lab::new();
        synced(&lab, 1).await;
        synced(&lab, 2).await;
        lab.create_anew("east", BRONZE, commits);
        let executor = lab.executor();
        let found = survey(&executor.scene().await, Kind::Failover).await;
        let behind = found.loss.unwrap().tables;
        let told: Vec<_> = behind.iter().map(|table| (table.name.as_str(), table.recreated)).collect();
        assert_eq!(told, [(BRONZE, true)]);
    }
}

#[tokio::test]
async fn a_table_that_the_region_which_took_over_created_anew_is_not_its_recovery_point() {
    let lab = Lab::new();
    synced(&lab, 1).await;
    synced(&lab, 2).await;
    let plan = planned(&lab).await;
    assert!(fail_over(&lab, &plan).await.unwrap().switched);
    let east = tree::read(&lab.root().join("east").join(table_key(BRONZE)));
    lab.create_anew("west", BRONZE, 2);
    let (kind, message) = refusal(&lab).await;
    assert_eq!(kind, "version_gone");
    assert!(message.contains("dropped and created anew"), "{message}");
    assert_eq!(tree::read(&lab.root().join("east").join(table_key(BRONZE))), east, "it is left as it was");
    assert!(lab.history().await.state.as_ref().is_some_and(GroupState::is_returning));
}
