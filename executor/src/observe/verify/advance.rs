//! One step of an induction: the versions behind are known to be equal, so it is enough to prove what came since.

use std::collections::{BTreeMap, BTreeSet};

use super::proof::{Proof, VerifyError};
use crate::delta::changes::FileChanges;
use crate::delta::checksum::Checksum;
use crate::delta::compare::head_differences;
use crate::delta::fingerprint::Fingerprint;
use crate::delta::state::{AddFile, FileKey, RemoveFile, TableHead};
use crate::plan::diff::{AddAction, DiffRefusal, RemoveAction};
use crate::second::{OpinionError, SecondError, changes, compare_changes};
use crate::spec::TableStore;

/// A target that has been proven at a version, and the difference between the source and that version.
#[derive(Debug, Clone, Copy)]
pub struct Advance<'a> {
    /// The table in the standby region.
    pub target: &'a TableStore,
    /// The target at the version that has been proven, files aside.
    pub proven: &'a TableHead,
    /// Version of the target that is to be equal to the source.
    pub version: u64,
    /// The source, files aside.
    pub source: &'a TableHead,
    /// Files that the source has and the proven version has not, or that it says something else of.
    pub adds: &'a [AddAction],
    /// Files that the proven version has and the source has not.
    pub removes: &'a [RemoveAction],
    /// Live files of the target with the difference made, and their bytes, if all sizes are known.
    pub after: (u64, Option<u64>),
}

/// Proves a target from the version behind that has been proven: the commits in between, read back by two
/// implementations, have to make the difference, and nothing else. None when the second implementation's log begins
/// behind the proven version: then only the whole table can be compared.
///
/// # Errors
/// When the target cannot be read; that it differs is not an error.
pub async fn prove_advance(step: Advance<'_>) -> Result<Option<Proof>, VerifyError> {
    let Advance { target, proven, version, source, .. } = step;
    let delta = target.table();
    let commits = delta.changes(&delta.listing_since(proven.version).await?, proven.version, version).await?;
    let head = commits.iter().fold(proven.clone(), |head, commit| head.after(commit));
    let found = FileChanges::of(commits);
    let mut differing: Vec<String> =
        head_differences(source, &head).iter().map(ToString::to_string).collect();
    differing.extend(deviations(&found, step.adds, step.removes).map_err(VerifyError::Source)?);
    let second = match changes(target, proven.version, version).await {
        Ok(None) => return Ok(None),
        Ok(Some(second)) => {
            let opinion = compare_changes(&head, &found, &second)?;
            let word = if opinion.agrees() { "agrees" } else { "disagrees" };
            differing.extend(opinion.disagreements);
            word.to_owned()
        }
        Err(SecondError::CannotRead { feature, .. }) => format!("cannot read it ({feature})"),
        Err(error) => return Err(OpinionError::from(error).into()),
    };
    let files = (found.added.len() + found.removed.len()) as u64;
    let (live, bytes) = step.after;
    let sum = bytes.map(|bytes| Checksum::of(&head, live, bytes));
    Ok(Some(Proof::default().seconded(second).counted(files, 0).summed(sum).conclude(differing)))
}

/// What the commits change otherwise than they should.
fn deviations(
    found: &FileChanges,
    adds: &[AddAction],
    removes: &[RemoveAction],
) -> Result<Vec<String>, DiffRefusal> {
    let parsed = adds.iter().map(|add| AddFile::parse(add.raw.clone()));
    let adds: BTreeMap<FileKey, AddFile> =
        parsed.collect::<Result<_, _>>().map_err(DiffRefusal::Malformed)?;
    let mut differing = Vec::new();
    for (key, wanted) in &adds {
        match found.added.get(key) {
            None => differing.push(says(key, "the source adds it, the target's log does not")),
            Some(add) if !Fingerprint::of(add).same(&Fingerprint::of(wanted)) => {
                differing.push(says(key, "the target's log says something else of it than the source's"));
            }
            Some(_) => {}
        }
    }
    let strange = found.added.keys().filter(|key| !adds.contains_key(*key));
    differing.extend(strange.map(|key| says(key, "the target's log adds it, the source does not")));
    let parsed = removes.iter().map(|remove| RemoveFile::parse(remove.raw.clone()).map(|(key, _)| key));
    let gone: BTreeSet<FileKey> = parsed.collect::<Result<_, _>>().map_err(DiffRefusal::Malformed)?;
    let kept = gone.difference(&found.removed);
    differing.extend(kept.map(|key| says(key, "the source removes it, the target's log does not")));
    let lost = found.removed.difference(&gone);
    differing.extend(lost.map(|key| says(key, "the target's log removes it, the source does not")));
    Ok(differing)
}

fn says(key: &FileKey, what: &str) -> String {
    match &key.vector {
        Some(vector) => format!("file `{}` with deletion vector {vector}: {what}", key.path),
        None => format!("file `{}`: {what}", key.path),
    }
}
