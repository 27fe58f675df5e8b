use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use object_store::PutPayload;
use uuid::Uuid;

/// A file that is written under another name beside its target.
///
/// The name is `<name>#<digits>`, which the stores' client uses for such files and never lists.
#[derive(Debug)]
pub(in crate::copy) struct LocalUpload {
    file: Arc<File>,
    staged: PathBuf,
    target: PathBuf,
}

impl LocalUpload {
    pub(super) fn begin(target: PathBuf) -> io::Result<Self> {
        let mut staged = target.clone().into_os_string();
        staged.push(format!("#{}", Uuid::new_v4().as_u64_pair().0));
        let staged = PathBuf::from(staged);
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder)?;
        }
        Ok(Self { file: Arc::new(File::create_new(&staged)?), staged, target })
    }

    pub(super) fn write(file: &File, at: u64, payload: &PutPayload) -> io::Result<()> {
        let mut at = at;
        for chunk in payload {
            file.write_all_at(chunk, at)?;
            at += chunk.len() as u64;
        }
        Ok(())
    }

    pub(super) fn file(&self) -> Arc<File> {
        Arc::clone(&self.file)
    }

    /// Gives the file its name, unless another has it; whether it did.
    pub(super) fn complete(&self) -> io::Result<bool> {
        match fs::hard_link(&self.staged, &self.target) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl Drop for LocalUpload {
    fn drop(&mut self) {
        // the staged name has served, or is left over
        let _ = fs::remove_file(&self.staged);
    }
}

/// Removes staged files of a folder that nobody has written to for `idle`; how many they were.
pub(in crate::copy) fn remove_leftovers(folder: &Path, idle: Duration) -> io::Result<usize> {
    let mut removed = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let staged = name.to_str().and_then(|name| name.rsplit_once('#')).is_some_and(|(_, suffix)| {
            !suffix.is_empty() && suffix.bytes().all(|byte| byte.is_ascii_digit())
        });
        if !staged {
            continue;
        }
        let written = entry.metadata()?.modified()?;
        if SystemTime::now().duration_since(written).is_ok_and(|age| age >= idle) {
            fs::remove_file(entry.path())?;
            removed += 1;
        }
    }
    Ok(removed)
}
