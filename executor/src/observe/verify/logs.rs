//! The logs of both sides, file by file, in memory of about a hundred bytes a file.

use std::collections::{BTreeMap, BTreeSet};

use futures::TryStreamExt as _;

use super::proof::VerifyError;
use crate::delta::compare::head_differences;
use crate::delta::root::TableRoot;
use crate::delta::state::{AddFile, FileKey};
use crate::observe::snapshot::{Columns, Snapshot};
use crate::plan::classes::{Class, Classes, Member};
use crate::plan::diff::{AddAction, DiffRefusal};
use crate::plan::differ::Differ;
use crate::plan::inventory::Inventory;
use crate::plan::translate::Translation;

/// What a comparison of two logs found.
#[derive(Debug, Default)]
pub struct LogProof {
    /// Live files of the target.
    pub files: u64,
    /// Their bytes, as its log has them.
    pub bytes: u64,
    /// What differs.
    pub differences: Vec<String>,
}

/// Compares a source with its target. Where the target does not follow compactions, `classes` say so: files in no class
/// have to be equal, the others have to hold as many rows on both sides.
///
/// # Errors
/// When a side cannot be read; that they differ is not an error.
pub async fn compare_logs(
    source: &Snapshot,
    translation: Translation,
    target: &Snapshot,
    classes: &Classes,
) -> Result<LogProof, VerifyError> {
    let heads = head_differences(&source.head, &target.head);
    let mut proof =
        LogProof { differences: heads.iter().map(ToString::to_string).collect(), ..LogProof::default() };
    let mut kept = Kept::of(classes, &translation);
    let held = inventory(target, &mut kept, &mut proof).await?;
    let mut differ = Differ::new(translation, held);
    let files = source.files(Columns::All);
    let mut files = std::pin::pin!(files);
    while let Some((key, add)) = files.try_next().await? {
        if kept.compacted(&key, &add) {
            continue;
        }
        match differ.source_file(&key, &add) {
            Ok(wanted) => proof.differences.extend(wanted.add.map(|add| missing(&key, &add))),
            Err(refusal) => proof.differences.push(refusal.to_string()),
        }
    }
    if differ.has_gone() {
        let files = target.files(Columns::Identity);
        let mut files = std::pin::pin!(files);
        while let Some((key, add)) = files.try_next().await? {
            if !kept.preimage.contains_key(&key) && differ.target_file(&key, &add).is_some() {
                proof.differences.push(format!("file `{}`: source absent, target live", shown(&key)));
            }
        }
    }
    kept.conclude(&mut proof.differences);
    Ok(proof)
}

async fn inventory(
    target: &Snapshot,
    kept: &mut Kept,
    proof: &mut LogProof,
) -> Result<Inventory, VerifyError> {
    let root = TableRoot::parse(&target.head.url).map_err(DiffRefusal::Root)?;
    let mut held = Inventory::default();
    let files = target.files(Columns::All);
    let mut files = std::pin::pin!(files);
    while let Some((key, add)) = files.try_next().await? {
        proof.files += 1;
        proof.bytes += add.size;
        if !kept.takes(&key, &add) {
            held.record(&key, &add, &target.head.url, &root);
        }
    }
    Ok(held)
}

fn missing(key: &FileKey, add: &AddAction) -> String {
    if add.data_change {
        format!("file `{}`: source live, target absent", shown(key))
    } else {
        format!("file `{}`: the target's log says something else of it than the source's", shown(key))
    }
}

fn shown(key: &FileKey) -> String {
    match &key.vector {
        Some(vector) => format!("{} with deletion vector {vector}", key.path),
        None => key.path.to_string(),
    }
}

/// The files of classes, as far as they have been met.
struct Kept {
    /// Files that the target keeps, by their key there.
    preimage: BTreeMap<FileKey, Member>,
    met: BTreeSet<FileKey>,
    /// Files that stay at home, and their rows.
    image: BTreeMap<FileKey, Option<u64>>,
    classes: Classes,
}

impl Kept {
    fn of(classes: &Classes, translation: &Translation) -> Self {
        let members = classes.iter().flat_map(Class::preimage).map(|(key, member)| {
            let file = member.add().and_then(|add| translation.file(key, add).ok());
            (file.map_or_else(|| key.clone(), |file| file.key), member.clone())
        });
        Self {
            preimage: members.collect(),
            met: BTreeSet::new(),
            image: BTreeMap::new(),
            classes: classes.clone(),
        }
    }

    /// Whether a file of the target is one that it keeps.
    fn takes(&mut self, key: &FileKey, add: &AddFile) -> bool {
        let Some(member) = self.preimage.get(key) else { return false };
        if member.same_rows(member.key(), add) {
            self.met.insert(key.clone());
        }
        true
    }

    /// Whether a file of the source stays at home.
    fn compacted(&mut self, key: &FileKey, add: &AddFile) -> bool {
        if !self.classes.iter().any(|class| class.image().contains_key(key)) {
            return false;
        }
        self.image.insert(key.clone(), Member::added(key.clone(), add.clone()).rows());
        true
    }

    fn conclude(&self, differences: &mut Vec<String>) {
        let lost = self.preimage.keys().filter(|key| !self.met.contains(*key));
        differences.extend(lost.map(|key| {
            format!(
                "file `{}`: it stands for rows that were compacted, and the target lacks or changed it",
                shown(key)
            )
        }));
        for class in self.classes.iter() {
            let before: Option<u64> = class.preimage().values().map(Member::rows).sum();
            let after: Option<u64> =
                class.image().keys().map(|key| self.image.get(key).copied().flatten()).sum();
            if before.is_none() || before != after {
                let path = class.image().keys().next().map(shown).unwrap_or_default();
                differences.push(format!(
                    "rows around file `{path}`: {after:?} at the source after compaction, {before:?} at the target before it"
                ));
            }
        }
    }
}
