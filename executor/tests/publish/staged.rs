//! One region sends, the other one receives.

use lakedr::error::chain;
use lakedr::failover::{Kind, survey};
use lakedr::pipeline::{Asked, End, Leg, Stop, attempt};
use lakedr::report::{GroupReport, Outcome, Progress};
use lakedr_control::spec::SyncGroupSpec;

use crate::checks::{case, count, held_run, readable, tags};
use crate::contention::{pausing, seeds};
use crate::interleave::{Dice, Habits, Task, interleave, killed_after, pause};
use crate::lab::{Executor, LAKE, Lab, SYNC, TABLES, Told, commit_key};
use crate::tree::{Tree, changes, stamps};

/// Path of a landing table in the standby region.
fn landing_key(table: &str) -> String {
    format!("{SYNC}/{}", table.replace('.', "/"))
}

/// The run that landed last; 0 before the first.
fn landed_run(history: &Told) -> u64 {
    let landed = history.state.as_ref().and_then(|state| state.landed.as_ref());
    landed.map_or(0, |landed| landed.cut.run.as_ref().unwrap().id.parse().unwrap())
}

/// The files of a table, as they lie below a folder of the standby region.
fn data(standby: &Tree, folder: &str) -> Tree {
    let inside = standby.iter().filter_map(|(key, bytes)| Some((key.strip_prefix(folder)?, bytes)));
    let files = inside.filter(|(key, _)| !key.starts_with("_delta_log/"));
    files.map(|(key, bytes)| (key.to_owned(), bytes.clone())).collect()
}

#[tokio::test]
async fn what_has_landed_is_published_by_the_other_region() {
    let lab = Lab::staged();
    for run in 1..=3 {
        lab.run(run);
        let sent = lab.does(Asked::Send).await;
        assert_eq!(sent.outcome, Outcome::Landed, "{sent:?}");
        let cut = sent.cut.unwrap();
        assert!(cut.tables.iter().all(|table| table.landed_version == Some(run - 1)), "{cut:?}");
        assert!(cut.tables.iter().all(|table| table.target_version.is_none()), "{cut:?}");
        let history = readable(&lab).await;
        assert_eq!((landed_run(&history), held_run(&history)), (run, run - 1), "nothing is published yet");
        assert_eq!(lab.does(Asked::Send).await.outcome, Outcome::UpToDate);

        let received = lab.does(Asked::Receive).await;
        assert_eq!(received.outcome, Outcome::Published, "{received:?}");
        let history = readable(&lab).await;
        assert_eq!((landed_run(&history), held_run(&history)), (run, run));
        let standby = lab.read();
        for table in TABLES {
            let [landed, published] = [landing_key(table), format!("{LAKE}/{}", table.replace('.', "/"))]
                .map(|folder| data(&standby, &format!("{folder}/")));
            assert!(!landed.is_empty() && landed == published, "{table}: {:?}", landed.keys());
        }
        let stamps_before = stamps(&lab.standby());
        assert_eq!(lab.does(Asked::Receive).await.outcome, Outcome::UpToDate);
        assert_eq!(lab.does(Asked::Send).await.outcome, Outcome::UpToDate);
        assert_eq!(changes(&standby, &lab.read()), [].into());
        assert_eq!(stamps(&lab.standby()), stamps_before, "a call without work wrote");
    }
    let history = readable(&lab).await;
    assert_eq!(
        tags(&history, 1),
        [
            "created",
            "landed",
            "intent",
            "published",
            "landed",
            "intent",
            "published",
            "landed",
            "intent",
            "published"
        ]
    );
}

#[tokio::test]
async fn a_process_that_reaches_both_regions_does_both() {
    let lab = Lab::staged();
    lab.run(1);
    assert_eq!(lab.sync().await.outcome, Outcome::Published);
    lab.run(2);
    lab.run(3);
    assert_eq!(lab.sync().await.outcome, Outcome::Published);
    let history = readable(&lab).await;
    assert_eq!((held_run(&history), count(&history, "landed")), (3, 2));
}

#[tokio::test]
async fn the_receiver_takes_the_newest_of_what_has_landed() {
    let lab = Lab::staged();
    assert_eq!(lab.does(Asked::Receive).await.outcome, Outcome::UpToDate, "nothing has landed yet");
    for run in 1..=3 {
        lab.run(run);
        assert_eq!(lab.does(Asked::Send).await.outcome, Outcome::Landed);
    }
    assert_eq!(lab.does(Asked::Receive).await.outcome, Outcome::Published);
    let history = readable(&lab).await;
    assert_eq!((held_run(&history), count(&history, "published")), (3, 1));
}

/// A table of the standby region that is moved away is cloned anew from what has landed.
#[tokio::test]
async fn a_table_that_is_lost_is_published_again() {
    let lab = Lab::staged();
    lab.run(1);
    assert_eq!(lab.sync().await.outcome, Outcome::Published);
    std::fs::remove_dir_all(lab.standby().join(LAKE).join("cat/s/gold")).unwrap();
    assert_eq!(lab.does(Asked::Receive).await.outcome, Outcome::Published);
    assert_eq!(held_run(&readable(&lab).await), 1);
    std::fs::remove_dir_all(lab.standby().join(landing_key("cat.s.gold"))).unwrap();
    assert_eq!(lab.does(Asked::Send).await.outcome, Outcome::Landed);
    assert_eq!(lab.does(Asked::Receive).await.outcome, Outcome::UpToDate, "it is the same cut");
}

#[tokio::test]
async fn a_foreign_commit_in_the_landing_area_is_refused() {
    let lab = Lab::staged();
    lab.run(1);
    assert_eq!(lab.does(Asked::Send).await.outcome, Outcome::Landed);
    let commit = lab.standby().join(landing_key("cat.s.gold")).join(commit_key(1));
    let foreign = r#"{"commitInfo":{"operation":"WRITE","engineInfo":"somebody-else/1.0"}}"#;
    std::fs::write(&commit, foreign).unwrap();
    lab.run(2);
    let GroupReport { error, .. } = lab.does(Asked::Send).await;
    let error = error.unwrap();
    assert_eq!(error.r#type, "diverged");
    assert!(error.message.contains("somebody-else/1.0"), "{error:?}");
    assert_eq!(lab.does(Asked::Receive).await.outcome, Outcome::Published, "what has landed is whole");
    assert_eq!(held_run(&readable(&lab).await), 1);
}

#[tokio::test]
async fn a_table_that_was_added_since_waits_for_the_next_landing() {
    let lab = Lab::staged();
    lab.run(1);
    let mut fewer: SyncGroupSpec = lab.spec();
    fewer.tables.retain(|table| table.name != "cat.s.silver");
    assert_eq!(lab.executor_of(&fewer).does(Asked::Send).await.outcome, Outcome::Landed);
    let error = lab.does(Asked::Receive).await.error.unwrap();
    assert_eq!(error.r#type, "table_missing");
    assert!(error.message.contains("cat.s.silver is not part of what has landed (run 1"), "{error:?}");
    lab.run(2);
    assert_eq!(lab.does(Asked::Send).await.outcome, Outcome::Landed);
    assert_eq!(lab.does(Asked::Receive).await.outcome, Outcome::Published);
    assert_eq!(held_run(&readable(&lab).await), 2);
}

/// What is in the region already must not be lost because nobody has published it.
#[tokio::test]
async fn a_failover_says_what_has_landed_and_is_not_published() {
    let lab = Lab::staged();
    lab.run(1);
    assert_eq!(lab.sync().await.outcome, Outcome::Published);
    lab.run(2);
    assert_eq!(lab.does(Asked::Send).await.outcome, Outcome::Landed);
    let executor = lab.executor();
    let found = survey(&executor.scene().await, Kind::Failover).await;
    assert!(
        found.problems.is_empty(),
        "a landing area that is damaged must not be in the way: {:?}",
        found.problems
    );
    let landed = found.loss.as_ref().unwrap().landed.as_ref().unwrap();
    assert!(landed.starts_with("run 2, finished"), "{landed}");
    assert!(
        found.steps[0].starts_with("you, before anything else: run `lakedr receive`"),
        "{:?}",
        found.steps
    );
    assert!(found.text().contains("landed and not published: run 2"), "{}", found.text());

    assert_eq!(lab.does(Asked::Receive).await.outcome, Outcome::Published);
    let found = survey(&executor.scene().await, Kind::Failover).await;
    assert_eq!(found.loss.as_ref().unwrap().landed, None);
    assert!(found.steps[0].starts_with("finish whatever intent"), "{:?}", found.steps);
}

/// One call, an attempt after the other until no race is lost.
async fn call(executor: &Executor, leg: Leg) -> Result<Outcome, Stop> {
    let scene = pausing(executor).await.on(leg);
    for _ in 0..12 {
        if let End::Done(done) = attempt(&scene, false, &Progress::silent()).await? {
            return Ok(GroupReport::done(&scene.group.name, done).outcome);
        }
    }
    panic!("lost twelve races in one call");
}

/// Both legs, each killed behind every one of its operations; then both once more.
#[tokio::test]
async fn both_legs_are_killed_after_every_operation() {
    for run in 1..=2 {
        let lab = Lab::staged();
        (1..run).for_each(|run| lab.run(run));
        if run > 1 {
            assert_eq!(lab.sync().await.outcome, Outcome::Published);
        }
        lab.run(run);
        for leg in [Leg::Send, Leg::Receive] {
            let before = lab.read();
            for operations in 0.. {
                case(&format!("run {run}, {leg:?}, killed after {operations} operations"));
                lab.restore(&before);
                let executor = lab.executor();
                let ended = killed_after(operations, Box::pin(call(&executor, leg))).await;
                let killed = readable(&lab).await;
                assert!(held_run(&killed) == run || held_run(&killed) == run - 1);
                if let Some(ended) = ended {
                    let expected = if leg == Leg::Send { Outcome::Landed } else { Outcome::Published };
                    assert!(matches!(ended, Ok(outcome) if outcome == expected), "{ended:?}");
                    assert!(operations > 20, "only {operations} operations");
                    break;
                }
                assert_eq!(lab.sync().await.error.map(|error| error.message), None);
                let history = readable(&lab).await;
                assert_eq!((landed_run(&history), held_run(&history)), (run, run));
                assert_eq!(count(&history, "failed") + count(&history, "abandoned"), 0);
                assert_eq!(count(&history, "published"), usize::try_from(run).unwrap());
            }
        }
    }
}

/// Takes the source away as soon as the landing tables have their commits.
async fn saboteur(lab: &Lab) -> Result<Outcome, Stop> {
    let committed = |table: &str| lab.standby().join(landing_key(table)).join(commit_key(0)).exists();
    for _ in 0..10_000 {
        if TABLES.iter().all(|table| committed(table)) {
            let east = lab.standby().with_file_name("east");
            std::fs::rename(&east, east.with_extension("gone")).unwrap();
            break;
        }
        pause().await;
    }
    Ok(Outcome::UpToDate)
}

/// What could not be read back has not landed, whatever kept it from being read.
#[tokio::test]
async fn nothing_lands_that_was_not_read_back() {
    let mut refused = 0;
    for seed in seeds() {
        case(&format!("LAKEDR_SEED={seed}"));
        let mut dice = Dice::new(seed);
        let lab = Lab::staged();
        lab.run(1);
        let executor = lab.executor();
        let tasks: Vec<Task<'_, _>> = vec![Box::pin(call(&executor, Leg::Send)), Box::pin(saboteur(&lab))];
        let ended = interleave(&mut dice, Habits { patience: 0, deadliness: 0 }, tasks).await;
        let landed = landed_run(&lab.history().await) == 1;
        let proven = |table: &str| {
            lab.standby().join(landing_key(table)).join(commit_key(0)).with_extension("crc").exists()
        };
        assert!(!landed || TABLES.iter().all(|table| proven(table)), "it has landed and nobody has read it");
        assert_eq!(landed, ended[0].as_ref().unwrap().is_ok());
        refused += usize::from(!landed);
    }
    assert!(refused > 0, "the source was always taken away too late");
}

/// Senders and receivers in any order, killed at any moment: each recovery point is one run, and the next undisturbed
/// call ends at the newest.
#[tokio::test]
async fn senders_and_receivers_in_any_order() {
    for seed in seeds() {
        case(&format!("LAKEDR_SEED={seed}"));
        let mut dice = Dice::new(seed);
        let lab = Lab::staged();
        for run in 1..=3 {
            lab.run(run);
            let executors: Vec<Executor> = (0..4).map(|_| lab.executor()).collect();
            let legs = [Leg::Send, Leg::Receive, Leg::Send, Leg::Receive];
            let tasks = executors.iter().zip(legs);
            let tasks = tasks.map(|(executor, leg)| Box::pin(call(executor, leg)) as Task<'_, _>).collect();
            let habits =
                Habits { patience: [0, 1, 8, 40][dice.below(4)], deadliness: [0, 0, 40, 120][dice.below(4)] };
            for ended in interleave(&mut dice, habits, tasks).await.into_iter().flatten() {
                match ended {
                    Ok(_) => {}
                    Err(Stop::Failed(failure)) => panic!("{}", chain(&failure)),
                    Err(Stop::Refused(refusal)) => panic!("{refusal}"),
                }
            }
            let history = readable(&lab).await;
            assert!(held_run(&history) <= run && landed_run(&history) <= run);
        }
        assert_eq!(lab.sync().await.error.map(|error| error.message), None);
        let history = readable(&lab).await;
        assert_eq!((landed_run(&history), held_run(&history)), (3, 3));
        assert_eq!(count(&history, "failed") + count(&history, "abandoned"), 0);
    }
}
