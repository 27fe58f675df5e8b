//! A big table that has been cloned.

use anyhow::{Context as _, Result};

use crate::big_table::Shape;
use crate::child::run;
use crate::stage::Stage;

/// A stage with the table on both sides. The clone goes from folder to folder, past the servers, and finds every data
/// file in place. A sync through the servers follows: what lakedr knows of a table is about its URL. What is measured
/// comes later.
pub(crate) async fn stage(shape: Shape) -> Result<Stage> {
    let stage = Stage::start().await?;
    shape.put_log(&stage.source())?;
    shape.put_files(&stage.source())?;
    shape.put_files(&stage.target())?;
    let cloned = run(&mut stage.declare_folders()?.command(&["sync"])?).context("the clone")?;
    cloned.group("published").context("the clone")?;
    shape.append(&stage.source(), 1, 1)?;
    let synced = run(&mut stage.declare()?.command(&["sync"])?).context("the sync through the servers")?;
    synced.group("published").context("the sync through the servers")?;
    Ok(stage)
}
