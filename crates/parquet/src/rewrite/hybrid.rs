//! Parquet's two integer encodings: the RLE/bit-packing hybrid (levels and dictionary indices), and
//! DELTA_BINARY_PACKED. Both are decoded in batches, so that a forged count allocates nothing.

use super::error::RewriteError;

/// A function, so that the error is created only on failure and not dropped for every value.
fn truncated() -> RewriteError {
    RewriteError::Malformed("levels or indices are truncated")
}

/// Decodes runs and bit-packed groups of numbers of `width` bits.
pub(super) struct HybridDecoder<'a> {
    bytes: &'a [u8],
    width: u32,
    run: Run<'a>,
}

enum Run<'a> {
    Repeated { value: u32, left: usize },
    Packed { bytes: &'a [u8], bit: usize, left: usize },
}

impl<'a> HybridDecoder<'a> {
    pub(super) fn new(bytes: &'a [u8], width: u32) -> Result<Self, RewriteError> {
        if width > 32 {
            return Err(RewriteError::Malformed("numbers are wider than 32 bits"));
        }
        Ok(Self { bytes, width, run: Run::Repeated { value: 0, left: 0 } })
    }

    /// Decodes the deprecated BIT_PACKED levels: numbers of one bit, most significant bit first.
    pub(super) fn read_msb_first(
        bytes: &'a [u8],
        out: &mut [u32],
        at: usize,
    ) -> Result<(), RewriteError> {
        for (place, out) in out.iter_mut().enumerate() {
            let bit = at + place;
            let byte = bytes.get(bit / 8).ok_or_else(truncated)?;
            *out = u32::from(byte >> (7 - bit % 8) & 1);
        }
        Ok(())
    }

    /// Decodes the next numbers until `out` is full.
    pub(super) fn read(&mut self, mut out: &mut [u32]) -> Result<(), RewriteError> {
        while !out.is_empty() {
            match &mut self.run {
                Run::Repeated { left: 0, .. } | Run::Packed { left: 0, .. } => self.next_run()?,
                Run::Repeated { value, left } => {
                    let count = out.len().min(*left);
                    let (now, later) = out.split_at_mut(count);
                    now.fill(*value);
                    *left -= count;
                    out = later;
                }
                Run::Packed { bytes, bit, left } => {
                    let count = out.len().min(*left);
                    let (now, later) = out.split_at_mut(count);
                    for place in now {
                        *place = unpack(bytes, *bit, self.width);
                        *bit += self.width as usize;
                    }
                    *left -= count;
                    out = later;
                }
            }
        }
        Ok(())
    }

    fn next_run(&mut self) -> Result<(), RewriteError> {
        let (head, rest) = varint(self.bytes).ok_or_else(truncated)?;
        let count = usize::try_from(head >> 1).map_err(|_| truncated())?;
        if count == 0 {
            return Err(RewriteError::Malformed("a run is empty"));
        }
        let length = if head & 1 == 1 {
            // Groups of eight numbers; the last group may be truncated at the end of the data.
            let bytes =
                count.checked_mul(self.width as usize).ok_or_else(truncated)?.min(rest.len());
            let (packed, rest) = rest.split_at(bytes);
            let whole = if self.width == 0 {
                count.saturating_mul(8)
            } else {
                bytes * 8 / self.width as usize
            };
            if whole == 0 {
                return Err(truncated());
            }
            self.run =
                Run::Packed { bytes: packed, bit: 0, left: whole.min(count.saturating_mul(8)) };
            self.bytes = rest;
            return Ok(());
        } else {
            self.width.div_ceil(8) as usize
        };
        let (value, rest) = rest.split_at_checked(length).ok_or_else(truncated)?;
        let value = value.iter().rev().fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte));
        self.run = Run::Repeated { value, left: count };
        self.bytes = rest;
        Ok(())
    }
}

/// The number of `width` bits at offset `bit`, least significant bit first. Bits beyond the end are
/// zero.
fn unpack(bytes: &[u8], bit: usize, width: u32) -> u32 {
    let from = bit / 8;
    let mut word = [0; 8];
    if let Some(bytes) = bytes.get(from..from + 8) {
        word.copy_from_slice(bytes);
    } else if let Some(bytes) = bytes.get(from..) {
        word[..bytes.len()].copy_from_slice(bytes);
    }
    let shifted = u64::from_le_bytes(word) >> (bit % 8);
    (shifted & ((1_u64 << width) - 1)) as u32
}

/// Appends numbers of `width` bits: one run if all are equal, otherwise one bit-packed run.
pub(super) fn write<T: Copy + Into<u32> + PartialEq>(numbers: &[T], width: u32, out: &mut Vec<u8>) {
    let Some(first) = numbers.first() else { return };
    if numbers.iter().all(|number| number == first) {
        write_varint((numbers.len() as u64) << 1, out);
        let value: u32 = (*first).into();
        out.extend_from_slice(&value.to_le_bytes()[..width.div_ceil(8) as usize]);
    } else {
        let groups = numbers.len().div_ceil(8);
        write_varint((groups as u64) << 1 | 1, out);
        let end = out.len() + groups * width as usize;
        pack(numbers, width, out);
        out.resize(end, 0);
    }
}

/// Appends numbers of `width` bits, least significant bit first.
pub(super) fn pack<T: Copy + Into<u32>>(numbers: &[T], width: u32, out: &mut Vec<u8>) {
    let (mut word, mut bits) = (0_u64, 0);
    for number in numbers {
        let number: u32 = (*number).into();
        word |= u64::from(number) << bits;
        bits += width;
        while bits >= 8 {
            out.push(word as u8);
            word >>= 8;
            bits -= 8;
        }
    }
    if bits > 0 {
        out.push(word as u8);
    }
}

fn write_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (place, byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f) << (7 * place).min(63);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[place + 1..]));
        }
    }
    None
}

/// Decodes DELTA_BINARY_PACKED.
pub(super) struct DeltaDecoder<'a> {
    bytes: &'a [u8],
    /// The number of values that are not read yet.
    left: usize,
    /// Values per miniblock, and miniblocks per block.
    miniblock_values: usize,
    miniblocks: usize,
    value: i64,
    first: bool,
    min_delta: i64,
    /// The widths of the miniblocks of this block that are not read yet.
    widths: &'a [u8],
    packed: &'a [u8],
    width: u32,
    bit: usize,
    miniblock_left: usize,
}

impl<'a> DeltaDecoder<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Result<Self, RewriteError> {
        const WRONG: RewriteError = RewriteError::Malformed("deltas have an impossible header");
        let (block, bytes) = varint(bytes).ok_or(WRONG)?;
        let (miniblocks, bytes) = varint(bytes).ok_or(WRONG)?;
        let (left, bytes) = varint(bytes).ok_or(WRONG)?;
        let (first, bytes) = varint(bytes).ok_or(WRONG)?;
        let small = |value| usize::try_from(value).ok().filter(|value| *value <= i32::MAX as usize);
        let (Some(block), Some(miniblocks), Some(left)) =
            (small(block), small(miniblocks), small(left))
        else {
            return Err(WRONG);
        };
        if miniblocks == 0
            || block % miniblocks != 0
            || block / miniblocks == 0
            || !(block / miniblocks).is_multiple_of(8)
        {
            return Err(WRONG);
        }
        Ok(Self {
            bytes,
            left,
            miniblock_values: block / miniblocks,
            miniblocks,
            value: zigzag(first),
            first: true,
            min_delta: 0,
            widths: &[],
            packed: &[],
            width: 0,
            bit: 0,
            miniblock_left: 0,
        })
    }

    /// The next value.
    pub(super) fn next(&mut self) -> Result<i64, RewriteError> {
        if self.left == 0 {
            return Err(truncated());
        }
        self.left -= 1;
        if std::mem::take(&mut self.first) {
            return Ok(self.value);
        }
        if self.miniblock_left == 0 {
            self.next_miniblock()?;
        }
        self.miniblock_left -= 1;
        let delta = unpack64(self.packed, self.bit, self.width);
        self.bit += self.width as usize;
        self.value = self.value.wrapping_add(self.min_delta).wrapping_add(delta as i64);
        Ok(self.value)
    }

    fn next_miniblock(&mut self) -> Result<(), RewriteError> {
        if self.widths.is_empty() {
            let (min_delta, rest) = varint(self.bytes).ok_or_else(truncated)?;
            self.min_delta = zigzag(min_delta);
            (self.widths, self.bytes) =
                rest.split_at_checked(self.miniblocks).ok_or_else(truncated)?;
        }
        let (width, widths) = self.widths.split_first().ok_or_else(truncated)?;
        if *width > 64 {
            return Err(RewriteError::Malformed("deltas are wider than 64 bits"));
        }
        self.widths = widths;
        self.width = u32::from(*width);
        let length = self.miniblock_values / 8 * usize::from(*width);
        (self.packed, self.bytes) = self.bytes.split_at_checked(length).ok_or_else(truncated)?;
        (self.bit, self.miniblock_left) = (0, self.miniblock_values);
        Ok(())
    }

    /// The bytes after the last value.
    pub(super) fn rest(mut self) -> Result<&'a [u8], RewriteError> {
        self.left = self.left.saturating_sub(usize::from(self.first));
        loop {
            self.left = self.left.saturating_sub(self.miniblock_left);
            if self.left == 0 {
                return Ok(self.bytes);
            }
            self.next_miniblock()?;
        }
    }
}

fn zigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

fn unpack64(bytes: &[u8], bit: usize, width: u32) -> u64 {
    match width {
        0 => 0,
        1..=32 => u64::from(unpack(bytes, bit, width)),
        _ => {
            let low = u64::from(unpack(bytes, bit, 32));
            let high = u64::from(unpack(bytes, bit + 32, width - 32));
            low | high << 32
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8], width: u32, count: usize) -> Option<Vec<u32>> {
        let mut out = vec![0; count];
        HybridDecoder::new(bytes, width).ok()?.read(&mut out).ok()?;
        Some(out)
    }

    #[test]
    fn runs_and_groups() {
        // 4 × 1, then the example of the format: 0 to 7 in three bits.
        let bytes = [8, 1, 3, 0b1000_1000, 0b1100_0110, 0b1111_1010];
        assert_eq!(all(&bytes, 3, 12), Some(vec![1, 1, 1, 1, 0, 1, 2, 3, 4, 5, 6, 7]));
        assert_eq!(all(&bytes, 3, 13), None, "one too many");
        assert_eq!(all(&[0, 1], 3, 1), None, "a run is empty");
        assert_eq!(
            all(&[0xff, 0xff, 0xff, 0xff, 0x0f, 0x55], 1, 8),
            Some(vec![1, 0, 1, 0, 1, 0, 1, 0])
        );
        assert_eq!(all(&[20], 0, 10), Some(vec![0; 10]), "numbers of no bits");
        assert!(HybridDecoder::new(&[], 33).is_err());
    }

    #[test]
    fn what_is_written_is_read() {
        for width in 1..=32_u32 {
            let most = (1_u64 << width) - 1;
            for count in [1, 7, 8, 9, 300] {
                let mixed: Vec<_> =
                    (0..count).map(|it| ((it * 2_654_435_761) & most) as u32).collect();
                for numbers in [mixed, vec![most as u32; count as usize]] {
                    let mut bytes = Vec::new();
                    write(&numbers, width, &mut bytes);
                    assert_eq!(all(&bytes, width, numbers.len()), Some(numbers), "{width} bits");
                }
            }
        }
    }

    #[test]
    fn deltas() {
        // The examples of the format's description: 1 to 5, and 7 5 3 1 2 3 4 5.
        let head = |count: u8, first: u8| vec![128, 1, 4, count, first];
        let mut up = head(5, 2);
        up.extend([2, 0, 0, 0, 0]);
        let mut mixed = head(8, 14);
        mixed.extend([3, 2, 0, 0, 0, 0b1100_0000, 0b0011_1111, 0, 0, 0, 0, 0, 0, 9]);
        for (bytes, expected, after) in
            [(up, vec![1, 2, 3, 4, 5], vec![]), (mixed, vec![7, 5, 3, 1, 2, 3, 4, 5], vec![9])]
        {
            let mut delta = DeltaDecoder::new(&bytes).expect("a header");
            let read: Vec<_> = expected.iter().map(|_| delta.next().expect("a value")).collect();
            assert_eq!(read, expected);
            assert!(delta.next().is_err(), "no more");
            assert_eq!(
                DeltaDecoder::new(&bytes).expect("a header").rest().expect("the end"),
                after
            );
        }
        // Deltas of all 64 bits, and of one bit more than there are.
        let mut wide = head(3, 0);
        wide.extend([0, 64, 0, 0, 0]);
        let deltas = [u64::MAX, 2].into_iter().chain(std::iter::repeat_n(0, 30));
        wide.extend(deltas.flat_map(u64::to_le_bytes));
        let mut delta = DeltaDecoder::new(&wide).expect("a header");
        assert_eq!([(); 3].map(|()| delta.next().expect("a value")), [0, -1, 1]);
        wide[6] = 65;
        let mut delta = DeltaDecoder::new(&wide).expect("a header");
        assert!(delta.next().is_ok() && delta.next().is_err(), "too wide");
        assert!(DeltaDecoder::new(&[0, 0, 0, 0]).is_err(), "no miniblocks");
    }
}
