//! A zip of a few files. The same files make the same bytes, whenever and wherever they are packed.

use std::io::Write as _;

use anyhow::{Context as _, Result};
use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

/// 1 January 1980, the first day of the format.
const DAY: u16 = 0x21;
const DEFLATE: u16 = 8;
/// The version of the format that deflate needs; written by a Unix, whose modes count.
const NEEDED: u16 = 20;
const BY_UNIX: u16 = (3 << 8) | NEEDED;
const REGULAR_FILE: u32 = 0o100_000;

/// A file to be packed.
pub(super) struct Entry<'a> {
    pub(super) name: &'a str,
    /// Permissions, such as 0755.
    pub(super) mode: u32,
    pub(super) bytes: &'a [u8],
}

/// Packs files in the order given.
pub(super) fn zip(entries: &[Entry<'_>]) -> Result<Vec<u8>> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for entry in entries {
        let at = u32::try_from(archive.len())?;
        let mut crc = Crc::new();
        crc.update(entry.bytes);
        let mut deflate = DeflateEncoder::new(Vec::new(), Compression::default());
        deflate.write_all(entry.bytes)?;
        let packed = deflate.finish()?;
        let common = common(entry, crc.sum(), &packed).with_context(|| format!("pack {}", entry.name))?;

        archive.extend(b"PK\x03\x04");
        archive.extend(&common);
        archive.extend(entry.name.as_bytes());
        archive.extend(packed);

        directory.extend(b"PK\x01\x02");
        directory.extend(BY_UNIX.to_le_bytes());
        directory.extend(&common);
        // no comment, the first disk, no internal attributes
        directory.extend([0; 6]);
        directory.extend(((REGULAR_FILE | entry.mode) << 16).to_le_bytes());
        directory.extend(at.to_le_bytes());
        directory.extend(entry.name.as_bytes());
    }
    let (at, count) = (u32::try_from(archive.len())?, u16::try_from(entries.len())?);
    let length = u32::try_from(directory.len())?;
    archive.extend(directory);
    archive.extend(b"PK\x05\x06\0\0\0\0");
    archive.extend(count.to_le_bytes());
    archive.extend(count.to_le_bytes());
    archive.extend(length.to_le_bytes());
    archive.extend(at.to_le_bytes());
    archive.extend([0; 2]);
    Ok(archive)
}

/// What stands before a file and in the directory alike.
fn common(entry: &Entry<'_>, crc: u32, packed: &[u8]) -> Result<Vec<u8>> {
    let mut header = Vec::new();
    for field in [NEEDED, 0, DEFLATE, 0, DAY] {
        header.extend(field.to_le_bytes());
    }
    header.extend(crc.to_le_bytes());
    header.extend(u32::try_from(packed.len())?.to_le_bytes());
    header.extend(u32::try_from(entry.bytes.len())?.to_le_bytes());
    header.extend(u16::try_from(entry.name.len())?.to_le_bytes());
    // no extra field
    header.extend([0; 2]);
    Ok(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_begins_with_its_files_and_ends_with_their_directory() {
        let entry = |name| Entry { name, mode: 0o755, bytes: b"text text text text" };
        let archive = zip(&[entry("a"), entry("b")]).unwrap();
        assert_eq!(&archive[..4], b"PK\x03\x04");
        let end = &archive[archive.len() - 22..];
        assert_eq!((&end[..4], end[8], end[10]), (&b"PK\x05\x06"[..], 2, 2));
        let at = u32::from_le_bytes(end[16..20].try_into().unwrap()) as usize;
        let first = &archive[at..];
        assert_eq!(&first[..4], b"PK\x01\x02");
        assert_eq!(u32::from_le_bytes(first[38..42].try_into().unwrap()) >> 16, 0o100_755);
        assert_eq!(zip(&[entry("a"), entry("b")]).unwrap(), archive, "the same bytes again");
    }
}
