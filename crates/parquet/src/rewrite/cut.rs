//! Decides which row groups go into which output file.

// A vector of one range is a list of one part here.
#![allow(clippy::single_range_in_vec_init)]

use std::ops::Range;

use crate::Footer;

/// The minimum size of a part for [`Cut::PartBytes`], in bytes. The requests for smaller files cost
/// more than the parallelism gains.
pub const MIN_PART_BYTES: u64 = 16 * 1024 * 1024;

/// How a file is cut. Sizes are the compressed sizes of the source's row groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Into at most this many parts of about the same size. There is no minimum size.
    PartCount(usize),
    /// Into parts of at least this many bytes, and of at least [`MIN_PART_BYTES`]: small row groups are
    /// combined, and a smaller rest is added to the last part.
    PartBytes(u64),
}

/// The row groups of each part, in order, as [`Rewriter::rewrite`](super::Rewriter::rewrite) and
/// [`stream::rewrite`](super::stream::rewrite) accept them. Every part has at least one row group; a
/// file without row groups has one empty part. The same footer is always cut in the same way, so the
/// number of a part identifies it, and any worker can write it again.
pub fn cut_row_groups(footer: &Footer, how: Cut) -> Vec<Vec<usize>> {
    let sizes: Vec<u64> = footer
        .metadata
        .row_groups()
        .iter()
        .map(|group| {
            let sizes = group
                .columns()
                .iter()
                .map(|chunk| u64::try_from(chunk.compressed_size()).unwrap_or(0));
            sizes.fold(0, u64::saturating_add)
        })
        .collect();
    parts(&sizes, how).into_iter().map(Vec::from_iter).collect()
}

fn parts(sizes: &[u64], how: Cut) -> Vec<Range<usize>> {
    if sizes.is_empty() {
        return vec![0..0];
    }
    let total = sizes.iter().fold(0_u64, |sum, size| sum.saturating_add(*size));
    let mut parts = Vec::new();
    let (mut from, mut sum) = (0, 0_u64);
    for (index, size) in sizes.iter().enumerate() {
        sum = sum.saturating_add(*size);
        let done = match how {
            Cut::PartCount(max) => {
                let max = max.max(1);
                // Each part ends at an equal share of all bytes, but leaves at least one row group
                // for each of the following parts.
                let part_end = u128::from(total) * (parts.len() as u128 + 1) / max as u128;
                let left = sizes.len() - index - 1;
                parts.len() + 1 < max && (u128::from(sum) >= part_end || left < max - parts.len())
            }
            Cut::PartBytes(size) => {
                let part: u64 =
                    sizes[from..=index].iter().fold(0, |sum, size| sum.saturating_add(*size));
                part >= size.max(MIN_PART_BYTES)
            }
        };
        if done {
            parts.push(from..index + 1);
            from = index + 1;
        }
    }
    if from < sizes.len() {
        let rest = sizes[from..].iter().fold(0_u64, |sum, size| sum.saturating_add(*size));
        match (how, parts.last_mut()) {
            (Cut::PartBytes(_), Some(last)) if rest < MIN_PART_BYTES => last.end = sizes.len(),
            _ => parts.push(from..sizes.len()),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    #[test]
    fn parts_are_even_and_complete() {
        for (sizes, how, expected) in [
            (vec![], Cut::PartCount(4), vec![0..0]),
            (vec![1; 8], Cut::PartCount(1), vec![0..8]),
            (vec![1; 8], Cut::PartCount(4), vec![0..2, 2..4, 4..6, 6..8]),
            (vec![1; 3], Cut::PartCount(8), vec![0..1, 1..2, 2..3]),
            (vec![9, 1, 1, 1], Cut::PartCount(2), vec![0..1, 1..4]),
            (vec![1, 1, 1, 9], Cut::PartCount(2), vec![0..3, 3..4]),
            (vec![0; 4], Cut::PartCount(2), vec![0..1, 1..4]),
            (vec![8 * MIB; 4], Cut::PartBytes(1), vec![0..2, 2..4]),
            (vec![8 * MIB; 5], Cut::PartBytes(1), vec![0..2, 2..5]),
            (vec![MIB; 5], Cut::PartBytes(1), vec![0..5]),
            (vec![u64::MAX; 2], Cut::PartBytes(u64::MAX), vec![0..1, 1..2]),
            (vec![20 * MIB; 3], Cut::PartBytes(1), vec![0..1, 1..2, 2..3]),
            (vec![20 * MIB; 4], Cut::PartBytes(40 * MIB), vec![0..2, 2..4]),
        ] {
            assert_eq!(parts(&sizes, how), expected, "{sizes:?} {how:?}");
        }
    }

    #[test]
    fn every_row_group_is_in_exactly_one_part() {
        for count in 0..40_usize {
            for most in 0..12 {
                let sizes: Vec<_> = (0..count as u64).map(|it| it * 7919 % 101).collect();
                let into = parts(&sizes, Cut::PartCount(most));
                assert!(into.len() <= most.max(1), "{count} {most}");
                let large: Vec<_> = sizes.iter().map(|size| size * MIB / 4).collect();
                let every = parts(&large, Cut::PartBytes(most as u64 * 10 * MIB));
                for parts in [into, every] {
                    let all: Vec<_> = parts.into_iter().flatten().collect();
                    assert_eq!(all, (0..count).collect::<Vec<_>>());
                }
            }
        }
    }
}
