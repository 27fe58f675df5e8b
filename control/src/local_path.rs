//! Paths of this machine that `file://` URLs name.

use std::path::PathBuf;

/// The path that a URL names, from everything behind its two slashes: `/srv/lake`, and `/C:/lake` on Windows, where a URL has a
/// slash before the drive. None where a path of this system needs a drive and the URL names none.
#[must_use]
pub fn of_url(path: &str) -> Option<PathBuf> {
    if cfg!(windows) { on_windows(path).map(PathBuf::from) } else { Some(PathBuf::from(path)) }
}

/// Whether the first segment of a path is a drive of Windows: `C:` in `C:/lake`.
pub(crate) fn begins_with_drive(path: &str) -> bool {
    let drive = path.split('/').next().unwrap_or_default().as_bytes();
    matches!(drive, [letter, b':'] if letter.is_ascii_alphabetic())
}

/// In the form that Windows takes literally: without, names such as `aux` are devices, and paths end at 260 characters.
fn on_windows(path: &str) -> Option<String> {
    let path = path.strip_prefix('/').filter(|path| begins_with_drive(path))?;
    let root = if path.contains('/') { "" } else { r"\" };
    Some(format!(r"\\?\{}{root}", path.replace('/', r"\")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_windows_begins_with_a_drive() {
        for (path, expected) in [
            ("/C:/lake/etl", Some(r"\\?\C:\lake\etl")),
            ("/c:", Some(r"\\?\c:\")),
            ("/srv/lake", None),
            ("/CD:/lake", None),
            ("/1:/lake", None),
            ("C:/lake", None),
        ] {
            assert_eq!(on_windows(path).as_deref(), expected, "{path}");
        }
    }
}
