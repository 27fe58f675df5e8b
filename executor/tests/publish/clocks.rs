//! Clocks that are wrong by hours, and jump: nothing that is safe rests on them.

use chrono::TimeDelta;
use lakedr::pipeline::Asked;
use lakedr::report::Outcome;

use crate::checks::{count, held_run, readable};
use crate::lab::Lab;

/// Hours by which the clock of one call after the other is wrong.
const HOURS: [i64; 6] = [0, 6, -6, 48, -48, 1];

#[tokio::test]
async fn clocks_that_jump_by_hours_change_no_cut() {
    let lab = Lab::new();
    for (run, hours) in (1..).zip(HOURS) {
        lab.run(run);
        let wrong = || lab.executor().with_clock(TimeDelta::hours(hours));
        assert_eq!(wrong().sync().await.outcome, Outcome::Published, "run {run}, {hours} h");
        let history = readable(&lab).await;
        assert_eq!(held_run(&history), run);
        assert_eq!(wrong().sync().await.outcome, Outcome::UpToDate);
    }
    let entries = lab.history().await.entries;
    assert!(
        entries.windows(2).any(|pair| pair[1].at < pair[0].at),
        "the log was written by clocks that went back"
    );
    assert!(entries.windows(2).all(|pair| pair[1].seq == pair[0].seq + 1));
}

#[tokio::test]
async fn sender_and_receiver_need_not_agree_on_the_time() {
    let lab = Lab::staged();
    for (run, hours) in (1..).zip(HOURS) {
        lab.run(run);
        let (ahead, behind) = (TimeDelta::hours(hours), TimeDelta::hours(-hours));
        let sent = lab.executor().with_clock(ahead).does(Asked::Send).await;
        assert_eq!(sent.outcome, Outcome::Landed, "run {run}, {hours} h");
        let received = lab.executor().with_clock(behind).does(Asked::Receive).await;
        assert_eq!(received.outcome, Outcome::Published, "run {run}, {hours} h");
        let history = readable(&lab).await;
        assert_eq!((held_run(&history), count(&history, "failed")), (run, 0));
    }
}
