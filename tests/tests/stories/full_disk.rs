//! A disk that takes no more: the system refuses to write, as it does when there is no space left.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use lakedr_e2e::declared::{Declared, Group, Side};
use lakedr_e2e::lake::{append, contents};
use lakedr_e2e::running::{Outcome, Running};
use serde_json::{Value, json};

const WITHIN: Duration = Duration::from_secs(60);
const TABLES: [&str; 2] = ["cat.raw.bronze", "cat.mart.gold"];

fn declare(folder: &Path) -> Result<Declared> {
    let url = |what: &str| format!("file://{}", folder.join(what).display());
    let sides = ["east", "west"].map(|region| Side {
        region,
        location: url(&format!("{region}/dr")),
        table_root: url(&format!("{region}/lake")),
        options: BTreeMap::new(),
    });
    let attributes = json!({"retry": {"max_attempts": 1, "initial_backoff": "1s", "max_backoff": "1s"}});
    let group = Group {
        name: "etl".to_owned(),
        tables: TABLES.map(str::to_owned).into(),
        attributes: attributes.as_object().cloned().unwrap_or_default(),
    };
    Declared::in_folder(folder, &sides, &[group])
}

fn table(folder: &Path, region: &str, table: &str) -> PathBuf {
    folder.join(region).join("lake").join(table.replace('.', "/"))
}

/// A sync by a process that may write so many blocks of 512 bytes to a file, and is told when it may not.
fn sync_with(declared: &Declared, blocks: u32) -> Result<Outcome> {
    let whole = declared.command(&["sync"])?;
    let mut limited = Command::new("sh");
    limited.arg("-c").arg(format!("ulimit -f {blocks}; trap '' XFSZ; exec \"$0\" \"$@\""));
    limited.arg(whole.get_program()).args(whole.get_args());
    for (name, value) in whole.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    Running::spawn(&mut limited)?.wait(WITHIN)
}

fn group(outcome: &Outcome) -> Result<Value> {
    Ok(outcome.json().with_context(|| format!("{outcome}"))?["groups"][0].clone())
}

#[test]
fn a_full_disk_costs_time_and_nothing_else() -> Result<()> {
    let temporary = tempfile::tempdir()?;
    let folder = temporary.path();
    let declared = declare(folder)?;
    let append_to_all =
        |text: &str| TABLES.iter().try_for_each(|name| append(&table(folder, "east", name), text));
    append_to_all("one")?;
    ensure!(group(&declared.lakedr(&["sync"], WITHIN)?)?["outcome"] == "published");
    let held = || -> Result<Value> {
        Ok(group(&declared.lakedr(&["status"], WITHIN)?)?["recovery_point"]["seq"].clone())
    };
    let first = held()?;
    // a row that takes some blocks, among them one that takes none
    append_to_all(&"two ".repeat(500))?;
    for blocks in [1, 3] {
        let outcome = sync_with(&declared, blocks)?;
        ensure!(outcome.code.is_some_and(|code| code > 0), "{blocks} blocks: {outcome}");
        assert_eq!(held()?, first, "{blocks} blocks");
        for name in TABLES {
            let west = table(folder, "west", name);
            ensure!(
                contents(&west, Some(0))?.len() == 1,
                "{blocks} blocks: {name} has lost its first version"
            );
        }
    }
    ensure!(group(&declared.lakedr(&["sync"], WITHIN)?)?["outcome"] == "published");
    for name in TABLES {
        let [east, west] = ["east", "west"].map(|region| contents(&table(folder, region, name), None));
        assert_eq!(east?, west?, "{name}");
    }
    let verified = group(&declared.lakedr(&["verify", "--level", "content"], WITHIN)?)?;
    ensure!(verified["equal"] == true, "{verified}");
    Ok(())
}
