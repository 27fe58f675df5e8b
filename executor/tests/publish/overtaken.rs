//! Several executors sync a group while its roles change, in orders drawn from seeds, and some of them are killed.

use lakedr::failover::{Approved, Kind, execute, plan_id, standing};
use lakedr::pipeline::Stop;
use lakedr::report::Outcome;
use lakedr_control::group_log::Event;

use crate::checks::{case, count, heads, held_run, readable};
use crate::contention::{pausing, seeds};
use crate::interleave::{Dice, Habits, Task, interleave, pause};
use crate::lab::{Executor, GROUP, Lab, TABLES, slot_key, table_key};
use crate::tree;

const APPROVED: Approved<'_> = Approved { kind: Kind::Failover, plan: "", by: "ada" };
/// Plans that somebody approves before he gives up: each stale one is an entry that an executor wrote.
const PLANS: usize = 16;
/// What the workflow writes in the west once it is active.
const WEST: &str = "{\"commitInfo\":{\"timestamp\":1,\"operation\":\"WRITE\",\"engineInfo\":\"west/1.0\"}}\n";

/// A call that syncs, whatever becomes of it.
async fn sync(executor: &Executor) -> bool {
    use lakedr::pipeline::{End, attempt};
    use lakedr::report::Progress;
    let scene = pausing(executor).await;
    for _ in 0..4 {
        match attempt(&scene, false, &Progress::silent()).await {
            Ok(End::Done(_)) => return true,
            // whoever finds the roles changed has nothing to do, or is told so
            Err(Stop::Refused(_)) => return false,
            Err(Stop::Failed(failure)) => panic!("{}", lakedr::error::chain(&failure)),
            Ok(_) => {}
        }
    }
    false
}

/// Plans and approves until the roles have changed; then the workflow writes in the west.
async fn fail_over(lab: &Lab, executor: &Executor) -> bool {
    let scene = pausing(executor).await;
    for _ in 0..PLANS {
        let part = standing(&scene, APPROVED).await.unwrap().unwrap().part;
        let plan = plan_id([(GROUP, part.as_str())]);
        let switched = execute(&scene, Approved { plan: &plan, ..APPROVED }, &part, Vec::new()).await;
        if switched.seq.is_some() && switched.error.is_none() {
            write_in_the_west(lab).await;
            return true;
        }
    }
    panic!("{PLANS} plans in a row were stale");
}

async fn write_in_the_west(lab: &Lab) {
    for table in TABLES {
        let version = heads(&lab.read())[&table_key(table)] + 1;
        tree::write(&lab.standby().join(slot_key(table, version)), WEST.as_bytes());
        pause().await;
    }
}

/// Behind the change of roles the west holds the recovery point and what its own workflow wrote, and nothing else; what is
/// announced is in the new epoch, and goes the other way.
async fn is_fenced(lab: &Lab, run: u64) {
    let history = readable(lab).await;
    assert!((run - 1..=run).contains(&held_run(&history)), "run {}", held_run(&history));
    assert_eq!(count(&history, "role"), 1);
    let role = history.entries.iter().position(|entry| matches!(entry.event, Event::Role { .. })).unwrap();
    assert!(history.entries[role..].iter().all(|entry| entry.epoch == 2));
    let state = history.state.unwrap();
    assert_eq!(state.epoch, 2);
    let point = state.recovery_points.iter().rfind(|point| point.epoch == 1).unwrap();
    let west = lab.read();
    for table in TABLES {
        let held = point.cut.table(&table.parse().unwrap()).unwrap().target_version.unwrap();
        assert_eq!(heads(&west)[&table_key(table)], held + 1, "{table}");
        assert_eq!(west[&slot_key(table, held + 1)], WEST.as_bytes(), "{table}");
    }
}

#[tokio::test]
async fn executors_that_are_overtaken_by_a_failover_change_nothing_behind_it() {
    let (mut before, mut killed) = (0, 0);
    for seed in seeds() {
        case(&format!("LAKEDR_SEED={seed}"));
        let mut dice = Dice::new(seed);
        let lab = Lab::after_run(1);
        assert_eq!(lab.sync().await.outcome, Outcome::Published);
        lab.run(2);
        let executors: Vec<Executor> = (0..1 + dice.below(3)).map(|_| lab.executor()).collect();
        let operator = lab.executor();
        let mut tasks: Vec<Task<'_, bool>> = vec![Box::pin(fail_over(&lab, &operator))];
        tasks.extend(executors.iter().map(|executor| Box::pin(sync(executor)) as Task<'_, bool>));
        let habits = Habits { patience: [0, 1, 8, 40][dice.below(4)], deadliness: [0, 0, 60][dice.below(3)] };
        let ended = interleave(&mut dice, habits, tasks).await;
        killed += ended.iter().filter(|ended| ended.is_none()).count();
        if ended[0].is_none() {
            // the operator was killed: he calls once more, and the workflow begins when that is done
            let history = readable(&lab).await;
            if count(&history, "role") == 1 {
                continue;
            }
            assert!(fail_over(&lab, &lab.executor()).await);
        }
        is_fenced(&lab, 2).await;
        before += usize::from(held_run(&lab.history().await) == 2);
        let west = heads(&lab.read());
        lab.sync().await;
        assert_eq!(heads(&lab.read()), west, "a later call writes to the region that is active");
    }
    let seeds = seeds().len();
    assert!(
        seeds == 1 || (before > 0 && before < seeds && killed > 0),
        "{before} of {seeds}, {killed} killed"
    );
}
