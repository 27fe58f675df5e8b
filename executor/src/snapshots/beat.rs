//! Signs of life while work is under way, so that a second call leaves it alone.

use std::time::Duration;

use super::desk::Desk;
use crate::error::chain;

/// Time between two signs of life.
const EVERY: Duration = Duration::from_secs(15);

/// Carries out some work and gives signs of life meanwhile. Best effort: without them others may take over, and this call
/// finds out when it ends.
pub(super) async fn alive<T>(desk: &Desk<'_>, work: impl Future<Output = T>) -> T {
    let run = &desk.world.author.run;
    let beats = async {
        loop {
            tokio::time::sleep(EVERY).await;
            if let Err(error) = desk.catalog.beat(run, desk.world.now()).await {
                tracing::debug!(schedule = %desk.schedule.name, "no sign of life: {}", chain(&error));
            }
        }
    };
    let done = tokio::select! {
        done = work => done,
        never = beats => never,
    };
    desk.catalog.rest(run).await;
    done
}
