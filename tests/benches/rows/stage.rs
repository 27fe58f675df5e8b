//! Two regions on two S3 servers, whose buckets are folders of this machine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use lakedr_e2e::declared::{Declared, Group, Side};
use lakedr_e2e::servers::{ObjectServer as _, Versitygw};
use serde_json::{Map, Value};
use tempfile::TempDir;

/// Name of the group.
pub(crate) const GROUP: &str = "bench";

/// The table that most rows have.
pub(crate) const TABLE: &str = "bench.raw.wide";

/// The bucket of the active side's tables.
pub(crate) const SOURCE: &str = "east";
/// The bucket of the standby side's tables; its external location is `west-dr`.
pub(crate) const TARGET: &str = "west";
/// The bucket of a second standby side.
pub(crate) const SECOND_TARGET: &str = "second";
/// The bucket that peers write to.
pub(crate) const MIRROR: &str = "mirror";

/// What versitygw keeps for itself in the folder of a bucket.
const SERVERS_OWN: &str = ".sgwtmp";

const STANDBYS: [&str; 3] = [TARGET, SECOND_TARGET, MIRROR];

/// The servers, and a folder for what belongs to neither.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) folder: TempDir,
    pub(crate) east: Versitygw,
    pub(crate) west: Versitygw,
}

impl Stage {
    /// Starts the servers with their buckets.
    pub(crate) async fn start() -> Result<Self> {
        let (east, west) = (Versitygw::start()?, Versitygw::start()?);
        for bucket in [SOURCE, "east-dr"] {
            east.create_bucket(bucket).await?;
        }
        for bucket in STANDBYS.into_iter().flat_map(|name| [name.to_owned(), format!("{name}-dr")]) {
            west.create_bucket(&bucket).await?;
        }
        let folder = tempfile::Builder::new().prefix("lakedr-bench-").tempdir()?;
        Ok(Self { folder, east, west })
    }

    /// The folder of the table on the active side.
    pub(crate) fn source(&self) -> PathBuf {
        place(&self.east.bucket_dir(SOURCE))
    }

    /// The folder of the table on the standby side.
    pub(crate) fn target(&self) -> PathBuf {
        place(&self.west.bucket_dir(TARGET))
    }

    /// Declares the group of the table on the two servers.
    pub(crate) fn declare(&self) -> Result<Declared> {
        self.declare_through([self.east.options(), self.west.options()], TARGET, &Map::new())
    }

    /// Declares it with other options of the two servers, another bucket of the standby side, and more attributes.
    pub(crate) fn declare_through(
        &self,
        [east, west]: [BTreeMap<String, String>; 2],
        standby: &str,
        attributes: &Map<String, Value>,
    ) -> Result<Declared> {
        let side = |region, server: &Versitygw, bucket: &str, options| Side {
            region,
            location: server.url(&format!("{bucket}-dr")),
            table_root: server.url(bucket),
            options,
        };
        let sides = [side("east", &self.east, SOURCE, east), side("west", &self.west, standby, west)];
        self.declared(standby, &sides, attributes)
    }

    /// Declares it on the folders in which the servers keep the same objects.
    pub(crate) fn declare_folders(&self) -> Result<Declared> {
        let side = |region, server: &Versitygw, bucket: &str| {
            let url = |bucket: &str| format!("file://{}", server.bucket_dir(bucket).display());
            let (location, table_root) = (url(&format!("{bucket}-dr")), url(bucket));
            Side { region, location, table_root, options: BTreeMap::new() }
        };
        let sides = [side("east", &self.east, SOURCE), side("west", &self.west, TARGET)];
        self.declared("folders", &sides, &Map::new())
    }

    fn declared(&self, name: &str, sides: &[Side; 2], attributes: &Map<String, Value>) -> Result<Declared> {
        let group =
            Group { name: GROUP.to_owned(), tables: vec![TABLE.to_owned()], attributes: attributes.clone() };
        let folder = self.folder.path().join(name);
        std::fs::create_dir_all(&folder)?;
        Declared::in_folder(&folder, sides, &[group])
    }

    /// Makes sure that a peer has brought every object of the source's bucket to another bucket, whole.
    pub(crate) fn is_mirrored(&self, bucket: &str) -> Result<()> {
        let (source, mirror) =
            (objects(&self.east.bucket_dir(SOURCE))?, objects(&self.west.bucket_dir(bucket))?);
        ensure!(!source.is_empty(), "the source is empty");
        let lacking = source.iter().find(|(key, size)| mirror.get(*key) != Some(*size));
        match lacking {
            Some((key, size)) => bail!("a peer has not copied {key} of {size} bytes to {bucket}"),
            None => Ok(()),
        }
    }

    /// Empties the standby side, and lets the disk come to rest.
    pub(crate) fn clear(&self) -> Result<()> {
        for bucket in STANDBYS.into_iter().flat_map(|name| [name.to_owned(), format!("{name}-dr")]) {
            let dir = self.west.bucket_dir(&bucket);
            for entry in std::fs::read_dir(&dir)? {
                remove(&entry?.path())?;
            }
        }
        nix::unistd::sync();
        Ok(())
    }
}

fn place(bucket: &Path) -> PathBuf {
    TABLE.split('.').fold(bucket.to_path_buf(), |dir, part| dir.join(part))
}

/// The objects that a server keeps in a folder: keys and sizes.
pub(crate) fn objects(dir: &Path) -> Result<BTreeMap<String, u64>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![(dir.to_path_buf(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(SERVERS_OWN) {
                continue;
            }
            let metadata = entry.metadata()?;
            if metadata.is_dir() {
                folders.push((entry.path(), format!("{prefix}{name}/")));
            } else {
                found.insert(format!("{prefix}{name}"), metadata.len());
            }
        }
    }
    Ok(found)
}

pub(crate) fn remove(path: &Path) -> Result<()> {
    let removed = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    removed.with_context(|| format!("remove {}", path.display()))
}
