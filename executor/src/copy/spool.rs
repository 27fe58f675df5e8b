use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;

/// What stays in memory; everything before goes to disk.
const IN_MEMORY: usize = 8 << 20;

/// Bytes that are written once, from front to back, and read any number of times.
///
/// The newest 8 MiB are in memory, the rest is in a file without a name in the directory for temporary files, which
/// the system removes with the process, however that ends.
#[derive(Debug, Default)]
pub(crate) struct Spool {
    file: Option<File>,
    on_disk: u64,
    tail: Vec<u8>,
}

impl Spool {
    /// Bytes that were written.
    pub(crate) fn len(&self) -> u64 {
        self.on_disk + self.tail.len() as u64
    }

    /// Writes at the end.
    ///
    /// # Errors
    /// When the directory for temporary files cannot take them.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.tail.len() + bytes.len() > IN_MEMORY {
            self.spill()?;
        }
        self.tail.extend_from_slice(bytes);
        Ok(())
    }

    fn spill(&mut self) -> io::Result<()> {
        let file = match self.file.take() {
            Some(file) => file,
            None => tempfile::tempfile()?,
        };
        let written = file.write_all_at(&self.tail, self.on_disk);
        self.file = Some(file);
        written?;
        self.on_disk += self.tail.len() as u64;
        self.tail.clear();
        Ok(())
    }

    /// Reads a part of what was written.
    pub(crate) fn reader(&self, range: Range<u64>) -> SpoolReader<'_> {
        SpoolReader { spool: self, range }
    }

    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<usize> {
        if let (Some(file), true) = (&self.file, at < self.on_disk) {
            let left = usize::try_from(self.on_disk - at).unwrap_or(usize::MAX).min(into.len());
            return file.read_at(into.get_mut(..left).unwrap_or_default(), at);
        }
        let from = usize::try_from(at - self.on_disk).unwrap_or(usize::MAX);
        self.tail.get(from..).unwrap_or_default().read(into)
    }
}

/// Reads a range of a [`Spool`].
#[derive(Debug)]
pub(crate) struct SpoolReader<'a> {
    spool: &'a Spool,
    range: Range<u64>,
}

impl Read for SpoolReader<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.range.end.saturating_sub(self.range.start)).unwrap_or(usize::MAX);
        let wanted = left.min(into.len());
        let read = self.spool.read_at(self.range.start, into.get_mut(..wanted).unwrap_or_default())?;
        self.range.start += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_again_from_disk_and_memory() {
        let mut spool = Spool::default();
        let block = |n: usize| vec![u8::try_from(n).unwrap(); 1 << 20];
        for n in 0..20 {
            spool.append(&block(n)).unwrap();
        }
        assert!(spool.on_disk > 0 && spool.tail.len() <= IN_MEMORY);
        assert_eq!(spool.len(), 20 << 20);
        for n in 0..20 {
            let mut read = Vec::new();
            let from = (n as u64) << 20;
            spool.reader(from..from + (1 << 20)).read_to_end(&mut read).unwrap();
            assert!(read == block(n), "{n}");
        }
        let mut across = Vec::new();
        spool.reader(spool.on_disk - 1..spool.on_disk + 1).read_to_end(&mut across).unwrap();
        assert_eq!(across.len(), 2);
    }
}
