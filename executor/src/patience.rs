//! Looks at what may be lost, without waiting for it for long.

use std::time::Duration;

use tokio::time::timeout;

use crate::error::{Failure, chain};

/// How long one look may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a look finds.
///
/// # Errors
/// Why it fails, or that there is no answer within 10 seconds.
pub async fn in_time<T>(look: impl Future<Output = Result<T, Failure>>) -> Result<T, String> {
    match timeout(PATIENCE, look).await {
        Ok(looked) => looked.map_err(|failure| chain(&failure)),
        Err(_) => Err(format!("no answer within {} seconds", PATIENCE.as_secs())),
    }
}
