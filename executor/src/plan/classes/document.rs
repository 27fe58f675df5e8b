//! Classes as they are persisted with a recovery point.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::member::Member;
use crate::delta::json::{JsonError, RawObject};
use crate::delta::state::{AddFile, FileKey, RemoveFile};

/// Files of the source, and the files with the same rows that the target holds in their place.
#[derive(Debug, Clone)]
pub struct Class {
    /// Live at the source and not at the target.
    pub(super) image: BTreeMap<FileKey, AddFile>,
    /// Live at the target and no longer at the source.
    pub(super) preimage: BTreeMap<FileKey, Member>,
    /// Time of the first compaction in it, in milliseconds since the epoch.
    pub(super) since_ms: i64,
    /// Every compaction kept the row ids.
    pub(super) row_ids_kept: bool,
}

impl Class {
    /// The files that the source has and the target does not.
    #[must_use]
    pub fn image(&self) -> &BTreeMap<FileKey, AddFile> {
        &self.image
    }

    /// The files that the target has in their place.
    #[must_use]
    pub fn preimage(&self) -> &BTreeMap<FileKey, Member> {
        &self.preimage
    }
}

/// The classes of one table at one version. A live file in no class is at the target as it is at the source.
///
/// Actions are persisted as text inside of a JSON text: whatever a writer of JSON does to numbers or to the order
/// of fields, they come back byte for byte.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "ClassesText", into = "ClassesText")]
pub struct Classes {
    pub(super) version: u64,
    pub(super) table_id: String,
    pub(super) classes: Vec<Class>,
}

/// The format that is written, and the only one that is read.
const FORMAT: u32 = 1;

/// Why persisted classes cannot be used. They are not needed for a copy that is right: compare the full states.
#[derive(Debug, Error)]
pub enum ClassesError {
    /// They were written by another version of this program.
    #[error("the classes have format {found}, and format {FORMAT} is expected")]
    Format {
        /// The format found.
        found: u32,
    },
    /// A file is in two classes, or twice in one.
    #[error("file `{path}` is in the classes twice; the document is damaged")]
    Twice {
        /// The path as logged.
        path: String,
    },
    /// The image of a class is made of live files, of which the add is known.
    #[error("file `{path}` is in an image by a remove; the document is damaged")]
    NotAnAdd {
        /// The path as logged.
        path: String,
    },
    /// A persisted action is none.
    #[error("a persisted action is malformed")]
    Malformed(#[from] JsonError),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClassesText {
    format: u32,
    version: u64,
    table_id: String,
    classes: Vec<ClassText>,
}

impl From<Classes> for ClassesText {
    fn from(classes: Classes) -> Self {
        let texts = classes.classes.iter().map(ClassText::of).collect();
        Self { format: FORMAT, version: classes.version, table_id: classes.table_id, classes: texts }
    }
}

impl TryFrom<ClassesText> for Classes {
    type Error = ClassesError;

    fn try_from(text: ClassesText) -> Result<Self, ClassesError> {
        if text.format != FORMAT {
            return Err(ClassesError::Format { found: text.format });
        }
        let (mut images, mut preimages) = (BTreeSet::new(), BTreeSet::new());
        let classes = text.classes.iter().map(|class| class.read(&mut images, &mut preimages));
        let classes = classes.collect::<Result<_, _>>()?;
        Ok(Self { version: text.version, table_id: text.table_id, classes })
    }
}

impl Classes {
    /// No classes: the target equals the source file by file.
    #[must_use]
    pub fn none(version: u64, table_id: &str) -> Self {
        Self { version, table_id: table_id.to_owned(), classes: Vec::new() }
    }

    /// The version of the source that they belong to.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Whether the target equals the source file by file.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.classes.is_empty()
    }

    /// The classes.
    pub fn iter(&self) -> impl Iterator<Item = &Class> {
        self.classes.iter()
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClassText {
    image: Vec<MemberText>,
    preimage: Vec<MemberText>,
    since_ms: i64,
    row_ids_kept: bool,
}

impl ClassText {
    fn of(class: &Class) -> Self {
        let image = class.image.iter().map(|(key, add)| Member::added(key.clone(), add.clone()));
        Self {
            image: image.map(|member| MemberText::of(&member)).collect(),
            preimage: class.preimage.values().map(MemberText::of).collect(),
            since_ms: class.since_ms,
            row_ids_kept: class.row_ids_kept,
        }
    }

    /// Reads a class; no path of its sides is on the same side of another one.
    fn read(
        &self,
        images: &mut BTreeSet<Box<str>>,
        preimages: &mut BTreeSet<Box<str>>,
    ) -> Result<Class, ClassesError> {
        let image = side(&self.image, images)?.into_iter().map(|(key, member)| match member.add() {
            Some(add) => Ok((key, add.clone())),
            None => Err(ClassesError::NotAnAdd { path: key.path.into() }),
        });
        Ok(Class {
            image: image.collect::<Result<_, _>>()?,
            preimage: side(&self.preimage, preimages)?,
            since_ms: self.since_ms,
            row_ids_kept: self.row_ids_kept,
        })
    }
}

fn side(
    texts: &[MemberText],
    paths: &mut BTreeSet<Box<str>>,
) -> Result<BTreeMap<FileKey, Member>, ClassesError> {
    let mut members = BTreeMap::new();
    for text in texts {
        let member = text.member()?;
        if !paths.insert(member.key().path.clone()) {
            return Err(ClassesError::Twice { path: member.key().path.to_string() });
        }
        members.insert(member.key().clone(), member);
    }
    Ok(members)
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum MemberText {
    Add(String),
    /// An add whose statistics were put together from a checkpoint.
    SynthesisedAdd(String),
    Remove(String),
}

impl MemberText {
    fn of(member: &Member) -> Self {
        let text = member.raw().text().to_owned();
        match member.add() {
            Some(add) if add.stats_synthesised => Self::SynthesisedAdd(text),
            Some(_) => Self::Add(text),
            None => Self::Remove(text),
        }
    }

    fn member(&self) -> Result<Member, JsonError> {
        let (Self::Add(text) | Self::SynthesisedAdd(text) | Self::Remove(text)) = self;
        let raw = RawObject::parse(text)?;
        if matches!(self, Self::Remove(_)) {
            let (key, remove) = RemoveFile::parse(raw)?;
            return Ok(Member::removed(key, &remove));
        }
        let (key, mut add) = AddFile::parse(raw)?;
        add.stats_synthesised = matches!(self, Self::SynthesisedAdd(_));
        Ok(Member::added(key, add))
    }
}
