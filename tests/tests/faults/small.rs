//! Two small tables: each kind of fault at each request of a first sync, and of the sync after it.

use anyhow::{Result, ensure};
use lakedr_e2e::servers::{Fault, Kind};

use crate::lab::{End, Lab, STATES};
use crate::sweep::Sweep;

const SWEEP: Sweep<'_> =
    Sweep { tables: &["noise", "golden"], states: &STATES, ends: &End::BOTH, kinds: &Kind::ALL };

async fn every_request(fault: Fault) -> Result<()> {
    let lab = Lab::of_two_tables().await?;
    let quiet = SWEEP.without_faults(&lab)?;
    let groups = SWEEP.run(&lab, fault, &quiet).await?;
    ensure!(groups > 0, "{fault} had nothing to hit");
    Ok(())
}

macro_rules! one_test_each {
    ($($name:ident: $fault:ident),* $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() -> Result<()> {
                every_request(Fault::$fault).await
            }
        )*

        #[test]
        fn no_kind_of_fault_is_left_out() {
            assert_eq!([$(Fault::$fault),*], Fault::ALL);
        }
    };
}

one_test_each! {
    silence: Silence,
    internal_error: InternalError,
    slow_down: SlowDown,
    reset_before: ResetBefore,
    reset_midway: ResetMidway,
    truncated: Truncated,
    done_then_reset: DoneThenReset,
    done_then_error: DoneThenError,
    not_found: NotFound,
    twice: Twice,
}
