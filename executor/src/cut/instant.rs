use chrono::{DateTime, Utc};
use lakedr_control::id::TableName;

use super::{Choice, Chosen, Known, Refusal};

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
    Ok(Choice::Chosen(Chosen { run: None, versions, known: Known::ByTime }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_table_that_is_younger_refuses_them_all() {
        let (old, young): (TableName, TableName) = ("c.s.old".parse().unwrap(), "c.s.young".parse().unwrap());
        let instant = DateTime::from_timestamp(7, 5_000_000).unwrap();
        let chosen = at_instant(instant, vec![(old.clone(), Some(3))]).unwrap();
        assert_eq!(
            chosen,
            Choice::Chosen(Chosen { run: None, versions: vec![(old.clone(), 3)], known: Known::ByTime })
        );
        let refusal = at_instant(instant, vec![(old, Some(3)), (young, None)]).unwrap_err();
        insta::assert_snapshot!(refusal.to_string(), @"c.s.young did not exist at 1970-01-01T00:00:07.005Z, the instant at which the group is pinned; the next sync will hold it");
    }
}
