//! What lakedr takes, row by row, each time beside a peer on the same machine at the same moment: ratios travel,
//! seconds do not.
//!
//! `cargo xtask bench` runs it on release builds of the two programs; `cargo xtask bench --row NAME` runs one row. Most
//! data files hold noise, because the executor never decodes Parquet; the logs are real.

mod big_table;
mod child;
mod cloned;
mod day;
mod first_clone;
mod first_plan;
mod incremental;
mod local_clone;
mod many_groups;
mod memory;
mod peers;
mod publish_window;
mod row;
mod snapshots;
mod stage;
mod startup;
mod times;
mod watched;

use std::io::Write as _;

use anyhow::{Result, ensure};

use crate::row::{Row, table};

/// What can be measured.
const ROWS: [&str; 11] = [
    "clone-large-files",
    "clone-small-files",
    "incremental",
    "first-plan",
    "day",
    "memory",
    "local-clone",
    "many-groups",
    "publish-window",
    "snapshots",
    "startup",
];

#[tokio::main]
async fn main() -> Result<()> {
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    if let Some(unknown) = wanted.iter().find(|name| !ROWS.contains(&name.as_str())) {
        anyhow::bail!("there is no row {unknown:?}; the rows are {}", ROWS.join(", "));
    }
    let (mut rows, mut failures) = (Vec::new(), 0);
    for name in
        ROWS.into_iter().filter(|name| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name))
    {
        match measure(name).await {
            Ok(measured) => {
                write!(std::io::stdout(), "{}", table(&measured))?;
                rows.extend(measured);
            }
            Err(error) => {
                failures += 1;
                rows.push(Row::failed(name, &error));
            }
        }
    }
    write!(std::io::stdout(), "\n{}", table(&rows))?;
    ensure!(failures == 0, "{failures} row(s) could not be measured");
    Ok(())
}

async fn measure(name: &str) -> Result<Vec<Row>> {
    match name {
        "clone-large-files" => first_clone::large_files().await,
        "clone-small-files" => first_clone::small_files().await,
        "incremental" => incremental::measure().await,
        "first-plan" => first_plan::measure().await,
        "day" => day::measure().await,
        "memory" => memory::measure().await,
        "local-clone" => local_clone::measure().await,
        "many-groups" => many_groups::measure(),
        "publish-window" => publish_window::measure().await,
        "snapshots" => snapshots::measure().await,
        _ => startup::measure(),
    }
}
