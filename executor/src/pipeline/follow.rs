//! The plan of a table of which only what came since the newest recovery point is read.

use std::collections::{BTreeMap, BTreeSet};

use futures::TryStreamExt as _;
use lakedr_control::spec::Compaction;
use lakedr_control::validate::SideName;

use super::scene::{Scene, Stop};
use super::table::{Copies, PlanError};
use crate::delta::changes::CommitChange;
use crate::delta::state::{AddFile, FileKey};
use crate::error::{At as _, Failure, Stage};
use crate::observe::presence::{Searched, gone};
use crate::observe::snapshot::Columns;
use crate::observe::source::{Pinned, PinnedHead, Read};
use crate::observe::target::Target;
use crate::plan::classes::{Advanced, Changes, Classes, SkipOptions, advance, net, questions};
use crate::plan::diff::TableDiff;
use crate::plan::doubt::Doubt;
use crate::plan::followed::{Followed, Sizes};
use crate::plan::group::{PlannedSource, PlannedTarget, Skipped, TablePlan};
use crate::record::TableRecord;

/// Plans a table from the commits since the newest recovery point; none when it has to be read whole.
///
/// # Errors
/// When a side cannot be read, or the source cannot be cloned.
pub(super) async fn follow(
    scene: &Scene<'_>,
    active: SideName,
    source: &Pinned,
    target: &Target,
) -> Result<Option<TablePlan>, Stop> {
    let Read::Changes { known, commits } = &source.read else { return Ok(None) };
    if !is_as_recorded(known, target) {
        return Ok(None);
    }
    let classes = known.classes();
    let at = &source.at;
    let range = Range { at, known, commits };
    let name = &at.table.name;
    let asked = match asked(commits, &classes) {
        Ok(asked) => asked,
        Err(reason) => {
            tracing::debug!(table = %name, %reason, "the commits cannot be followed, both sides are read whole");
            return Ok(None);
        }
    };
    let held = look_up(at, known, &asked).await.at(Stage::Plan, name)?;
    let sizes = Sizes::after(known, &range.plain(&held));
    let (changes, classes, skipped) = match choose(scene, active, range, classes, &held).await? {
        Some(chosen) => chosen,
        None => return Ok(None),
    };
    let translation = at.table.translation().at(Stage::Plan, name)?;
    let followed = Followed::of(changes, &translation).at(Stage::Plan, name)?;
    let Some((totals, after)) = sizes.and_then(|sizes| followed.totals(&known.target, sizes)) else {
        return Ok(None);
    };
    let mut copies = Copies::between(&at.table, &target.table);
    copies.extend(followed.copies).at(Stage::Plan, name)?;
    let head = known.target.head.clone();
    let diff = TableDiff::new(&at.head, Some(&head), followed.files, totals);
    let PinnedHead { table, head: source_head, commit, time_ms } = at.clone();
    Ok(Some(TablePlan {
        source: PlannedSource { table, head: source_head, commit, time_ms, snapshot: None },
        target: PlannedTarget {
            table: target.table.clone(),
            commit_size: target.commit_size(),
            proven: target.proven(),
            head: Some(head),
            after: (after.files, Some(after.bytes)),
        },
        diff,
        copies: copies.manifest,
        classes: Some(classes),
        skipped,
    }))
}

/// Whether the target is exactly what the record says.
fn is_as_recorded(known: &TableRecord, target: &Target) -> bool {
    target.at_recovery_point
        && target.head == Some(known.target.head.version)
        && target.commit_size() == Some(known.target_commit_size)
        && target.table.url.as_str() == known.target.head.url
}

type Asked = BTreeSet<FileKey>;

/// Files of which only the state at the record can tell whether they were live.
fn asked(commits: &[CommitChange], classes: &Classes) -> Result<Asked, crate::plan::classes::RangeError> {
    let mut asked = questions(classes, commits)?;
    asked.extend(net(commits)?.uncertain().iter().cloned());
    Ok(asked)
}

/// Looks files up in the source at the version of the record: one pass over its files, and only when there is a question.
async fn look_up(
    at: &PinnedHead,
    known: &TableRecord,
    asked: &Asked,
) -> Result<BTreeMap<FileKey, AddFile>, PlanError> {
    let mut held = BTreeMap::new();
    if asked.is_empty() {
        return Ok(held);
    }
    let delta = at.table.table();
    let before = delta.snapshot(&delta.listing().await?, Some(known.source.head.version)).await?;
    let files = before.files(Columns::All);
    let mut files = std::pin::pin!(files);
    while let Some((key, add)) = files.try_next().await? {
        if asked.contains(&key) {
            held.insert(key, add);
        }
    }
    Ok(held)
}

/// The commits that are followed.
#[derive(Clone, Copy)]
struct Range<'a> {
    /// Where they lead.
    at: &'a PinnedHead,
    /// Where they begin.
    known: &'a TableRecord,
    /// Oldest first.
    commits: &'a [CommitChange],
}

impl Range<'_> {
    /// The difference of the source itself, file by file.
    fn plain(self, held: &BTreeMap<FileKey, AddFile>) -> Changes {
        let append_only = self.at.head.metadata.is_on("delta.appendOnly");
        let held = held.keys().cloned().collect();
        net(self.commits).map(|net| net.settle(&held, append_only)).unwrap_or_default()
    }
}

type Chosen = (Changes, Classes, Skipped);

/// What the target takes over: every change, or all but what compactions only rearranged.
async fn choose(
    scene: &Scene<'_>,
    active: SideName,
    range: Range<'_>,
    classes: Classes,
    held: &BTreeMap<FileKey, AddFile>,
) -> Result<Option<Chosen>, Failure> {
    let Range { at, known, commits } = range;
    let none = Classes::none(at.head.version, &at.head.metadata.id);
    let skip = scene.group.compaction == Compaction::Skip;
    if !skip && classes.is_empty() {
        return Ok(Some((range.plain(held), none, Skipped::default())));
    }
    let now_ms = scene.world.now().timestamp_millis();
    let options = if skip { SkipOptions::at(now_ms) } else { SkipOptions::exact(now_ms) };
    let from = &known.source.head;
    let advanced = match advance(&classes, from, &at.head, commits, held, &options) {
        Ok(advanced) => advanced,
        Err(reason) => {
            tracing::debug!(table = %at.table.name, %reason, "the commits cannot be followed, both sides are read whole");
            return Ok(None);
        }
    };
    let exists = stored(scene, active, range, &advanced).await?;
    let decision = advanced.decide(&exists);
    for (reason, moved) in &decision.materialised {
        tracing::debug!(table = %at.table.name, files = moved.files, bytes = moved.bytes, "compacted files move: {reason}");
    }
    let skipped = Skipped { files: decision.skipped_files, bytes: decision.skipped_bytes };
    Ok(Some((decision.changes, decision.classes, skipped)))
}

/// Which files of preimages the source still stores, though it no longer lists them.
async fn stored(
    scene: &Scene<'_>,
    active: SideName,
    range: Range<'_>,
    advanced: &Advanced,
) -> Result<BTreeSet<FileKey>, Failure> {
    let Range { at, known, .. } = range;
    let name = &at.table.name;
    let translation = at.table.translation().at(Stage::Plan, name)?;
    let mut exists = BTreeSet::new();
    for member in advanced.wanted() {
        let Some(add) = member.add() else { continue };
        let Ok(file) = translation.file(member.key(), add) else { continue };
        let mut copies = Copies::between(&at.table, &at.table);
        copies.extend(crate::plan::followed::objects(&file)).at(Stage::Plan, name)?;
        let open = |root: &_| scene.stores.open_url(active, root).at(Stage::Plan, name);
        let searched = Searched { table: &at.table.url, files: known.source.files, doubt: &Doubt::All };
        if gone(&copies.manifest, searched, open).await?.count == 0 {
            exists.insert(member.key().clone());
        }
    }
    Ok(exists)
}
