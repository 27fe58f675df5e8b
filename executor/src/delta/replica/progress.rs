//! Progress of applications (`txn` actions, protocol, "Transaction Identifiers"): what a replica says of each.

use super::OWN_TXN_PREFIX;
use crate::delta::json::RawObject;
use crate::delta::state::{TableHead, Txn};

/// The progress of an application that has none. A log cannot take a `txn` back, and writers read a table that says
/// nothing of them as this version: Spark skips a batch whose version is not above it.
const NONE: i64 = -1;

/// Progress that a replica has otherwise than its source.
#[derive(Debug, Clone, Copy)]
pub struct Differing<'a> {
    /// Id of the application.
    pub app_id: &'a str,
    /// What the source says, if it says anything.
    pub source: Option<&'a Txn>,
    /// What the target says, if it says anything.
    pub target: Option<&'a Txn>,
}

impl Differing<'_> {
    /// The action that makes the target equal.
    #[must_use]
    pub fn action(&self) -> Option<RawObject> {
        let undone = || self.target.map(|target| target.raw.with_raw("version", &NONE.to_string()));
        self.source.map(|source| source.raw.clone()).or_else(undone)
    }
}

/// The applications whose progress differs, without this program's own marks. Of an application that the source does not
/// know, the target must not know any progress either: the source was created anew, or went on without these writes.
/// Otherwise the application would skip what it writes after a failover.
#[must_use]
pub fn differing<'a>(source: &'a TableHead, target: Option<&'a TableHead>) -> Vec<Differing<'a>> {
    let of_source = source.txns.iter().map(|(app_id, txn)| {
        let target = target.and_then(|head| head.txns.get(app_id));
        Differing { app_id, source: Some(txn), target }
    });
    let of_target = target.into_iter().flat_map(|head| &head.txns);
    let of_target = of_target.filter(|(app_id, _)| !source.txns.contains_key(*app_id));
    let of_target = of_target.map(|(app_id, txn)| Differing { app_id, source: None, target: Some(txn) });
    let foreign = of_source.chain(of_target).filter(|found| !found.app_id.starts_with(OWN_TXN_PREFIX));
    foreign.filter(|found| !same(found.source, found.target)).collect()
}

fn same(source: Option<&Txn>, target: Option<&Txn>) -> bool {
    match (source, target) {
        (Some(source), Some(target)) => {
            (source.version, source.last_updated) == (target.version, target.last_updated)
        }
        (None, Some(target)) => target.version <= NONE,
        (Some(_), None) => false,
        (None, None) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delta::action::actions;
    use crate::delta::replay::Replay;

    fn head(txns: &[&str]) -> TableHead {
        let mut lines = vec![
            r#"{"protocol":{"minReaderVersion":1,"minWriterVersion":2}}"#.to_owned(),
            r#"{"metaData":{"id":"t","format":{"provider":"parquet"},"schemaString":"{}","partitionColumns":[]}}"#
                .to_owned(),
        ];
        lines.extend(txns.iter().map(|txn| format!("{{\"txn\":{{{txn}}}}}")));
        let mut replay = Replay::new();
        for action in actions(lines.join("\n").as_bytes()) {
            replay.apply(action.expect("line")).expect("action");
        }
        replay.finish("file:///t", 0).expect("state").head
    }

    fn told(source: &[&str], target: &[&str]) -> Vec<String> {
        let (source, target) = (head(source), head(target));
        let found = differing(&source, Some(&target));
        found.iter().filter_map(|found| Some(found.action()?.text().to_owned())).collect()
    }

    #[test]
    fn a_replica_says_what_its_source_says() {
        const S3: &str = r#""appId":"s","version":3,"lastUpdated":5"#;
        const S9: &str = r#""appId":"s","version":9,"lastUpdated":5"#;
        let cases: [(&[&str], &[&str], &[&str]); 6] = [
            (&[S3], &[S3], &[]),
            (&[S3], &[], &[S3]),
            (&[S3], &[S9], &[S3]),
            (&[], &[S3], &[r#""appId":"s","version":-1,"lastUpdated":5"#]),
            (&[], &[r#""appId":"s","version":-1,"lastUpdated":5"#], &[]),
            (&[r#""appId":"lakedr/g/t","version":1"#], &[r#""appId":"lakedr/h/t","version":1"#], &[]),
        ];
        for (source, target, expected) in cases {
            let expected: Vec<String> = expected.iter().map(|txn| format!("{{{txn}}}")).collect();
            assert_eq!(told(source, target), expected, "{source:?} {target:?}");
        }
    }
}
