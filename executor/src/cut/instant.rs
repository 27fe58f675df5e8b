use chrono::{DateTime, Utc};
use lakedr_control::id::TableName;

use super::{Choice, Chosen, Refusal};

/// All tables at one instant: what each of them shows at it, `None` for a table that is younger.
///
/// # Errors
/// A refusal when a table did not exist at the instant.
pub fn at_instant(instant: DateTime<Utc>, tables: Vec<(TableName, Option<u64>)>) -> Result<Choice, Refusal> {
    let mut versions = Vec::with_capacity(tables.len());
    for (table, version) in tables {
        let Some(version) = version else {
            let at = lakedr_control::time::format(instant);
            let problem = format!(
                "did not exist at {at}, the instant at which the group is pinned; the next sync will hold it"
            );
            return Err(Refusal::TableMissing { table, problem });
        };
        versions.push((table, version));
    }
    Ok(Choice::Chosen(Chosen { run: None, versions }))
}
