//! Cutting: which row groups go into which output.

// A vector of one range is one part here.
#![allow(clippy::single_range_in_vec_init)]

use std::ops::Range;

use crate::Footer;

/// A file of an output is not made smaller than this where a choice is left: what is smaller
/// costs more in requests than it wins by being apart. In bytes.
pub const MIN_PART_BYTES: u64 = 16 * 1024 * 1024;

/// How a file is cut. Sizes are those of the source's row groups, compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Into at most so many parts of about the same size, whatever their size.
    PartCount(usize),
    /// Into parts of so many bytes or just above, and of [`MIN_PART_BYTES`] at least: small row
    /// groups go together into one part, and so do a part and a smaller rest behind it.
    PartBytes(u64),
}

/// The row groups of each part, in order: what [`Rewriter::rewrite`](super::Rewriter::rewrite)
/// and [`stream::rewrite`](super::stream::rewrite) take as the row groups of one output. Every
/// part has one at least; a file of none has one empty part. The same footer is always cut the
/// same way, so a part can be named by its number, and written again by anyone.
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
    for (place, size) in sizes.iter().enumerate() {
        sum = sum.saturating_add(*size);
        let done = match how {
            Cut::PartCount(most) => {
                let most = most.max(1);
                // The next border is at an equal share of all bytes; what is left over must
                // still fill the parts that are to come.
                let border = u128::from(total) * (parts.len() as u128 + 1) / most as u128;
                let left = sizes.len() - place - 1;
                parts.len() + 1 < most && (u128::from(sum) >= border || left < most - parts.len())
            }
            Cut::PartBytes(size) => {
                let part: u64 =
                    sizes[from..=place].iter().fold(0, |sum, size| sum.saturating_add(*size));
                part >= size.max(MIN_PART_BYTES)
            }
        };
        if done {
            parts.push(from..place + 1);
            from = place + 1;
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
