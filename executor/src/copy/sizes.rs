//! How a file is cut into requests. Pure.

use std::ops::Range;

const MIB: u64 = 1 << 20;

/// Bytes that all transfers of a process hold in memory together.
pub(super) const MEMORY: u64 = 96 * MIB;

/// Files up to this size move in one request each way.
const WHOLE: u64 = 16 * MIB;

/// Parts of larger files.
const PART: u64 = 8 * MIB;

/// The smallest part that S3 and Google Cloud Storage take, but for the last one.
const SMALLEST_PART: u64 = 5 * MIB;

/// The most parts that S3 and Google Cloud Storage take.
const MOST_PARTS: u64 = 10_000;

/// Parts of one file that move at the same time; with [`PART`] all of [`MEMORY`].
pub(super) const PARTS_AT_ONCE: usize = 12;

/// How files are cut under a cap: no request carries more than a second's worth, as far as stores allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sizes {
    /// Files up to this size move whole.
    pub(super) whole: u64,
    part: u64,
}

impl Sizes {
    pub(super) fn under(bytes_per_second: Option<u64>) -> Self {
        let cap = bytes_per_second.unwrap_or(u64::MAX);
        Self { whole: cap.clamp(SMALLEST_PART, WHOLE), part: cap.clamp(SMALLEST_PART, PART) }
    }

    /// The parts of a file, all of one size but for the last, as some stores demand.
    pub(super) fn parts(self, size: u64) -> impl Iterator<Item = Range<u64>> {
        let part = self.part.max(size.div_ceil(MOST_PARTS).next_multiple_of(MIB));
        ranges(size, part)
    }
}

/// A file in pieces of `length` bytes.
pub(super) fn ranges(size: u64, length: u64) -> impl Iterator<Item = Range<u64>> {
    (0..size.div_ceil(length)).map(move |n| n * length..((n + 1) * length).min(size))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(cap: Option<u64>, size: u64) -> Vec<Range<u64>> {
        Sizes::under(cap).parts(size).collect()
    }

    #[test]
    fn parts_cover_a_file_without_overlap() {
        for size in [1, PART - 1, PART, PART + 1, 20 * PART + 7, 81_920 * MIB, 5_000_000 * MIB] {
            let parts = cut(None, size);
            assert!(parts.len() as u64 <= MOST_PARTS, "{size}");
            assert_eq!((parts[0].start, parts[parts.len() - 1].end), (0, size));
            for pair in parts.windows(2) {
                assert_eq!(pair[0].end, pair[1].start);
                assert_eq!(pair[0].end - pair[0].start, parts[0].end - parts[0].start);
            }
        }
    }

    #[test]
    fn a_cap_makes_requests_smaller_down_to_what_stores_take() {
        assert_eq!(Sizes::under(None), Sizes { whole: WHOLE, part: PART });
        assert_eq!(Sizes::under(Some(6 * MIB)), Sizes { whole: 6 * MIB, part: 6 * MIB });
        assert_eq!(Sizes::under(Some(1)), Sizes { whole: SMALLEST_PART, part: SMALLEST_PART });
    }
}
