//! Puts bytes before the content of a compressed page without decompressing it.
//!
//! A page of version 1 compresses its levels together with its values. Each of these formats can begin with bytes that
//! are stored as they are, and refers to earlier content only by the distance back from the current place. So
//! the compressed bytes that follow stay valid as they are:
//!
//! | codec | stored bytes | what else changes | source |
//! |---|---|---|---|
//! | Snappy | a literal element | the length at the start | format_description.txt of google/snappy, sections 1, 2.1 |
//! | GZIP | a stored block of DEFLATE, after which the stream is at a byte boundary | checksum and length of the member | RFC 1951, section 3.2.4; RFC 1952, section 2.3.1 |
//! | ZSTD | a raw block | the content size in the header of the frame | RFC 8878, sections 3.1.1.1 and 3.1.1.2 |
//! | LZ4_RAW | literals of the first sequence | the length of these literals | lz4_Block_format.md of lz4/lz4 |
//!
//! All of them stay one member or one frame: parquet-format (Compression.md) advises writers against several GZIP
//! members in a page, because not all readers support them.
//!
//! A page in a form that is not understood here has no such result, and must be compressed again.

use flate2::{Decompress, FlushDecompress};
use parquet::basic::CompressionCodec as Codec;

/// The first bytes of a ZSTD frame.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// The first bytes of a GZIP member without optional fields: magic, method, flags.
const GZIP_START: [u8; 4] = [0x1f, 0x8b, 8, 0];
const GZIP_HEADER_BYTES: usize = 10;
const GZIP_TRAILER_BYTES: usize = 8;

/// How many bytes can be prepended: a Snappy literal has its length in one byte up to this.
const MAX_PREPENDED: usize = 60;

/// Compressed bytes with other bytes before their content: `head`, then the old bytes from `skip` on, of which the
/// last ones are replaced by `tail`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Prepended {
    pub(super) head: Vec<u8>,
    pub(super) skip: usize,
    pub(super) tail: Option<[u8; GZIP_TRAILER_BYTES]>,
}

impl Prepended {
    /// The parts of the new compressed bytes, in order. `page` is the old ones.
    pub(super) fn parts<'a>(&'a self, page: &'a [u8]) -> [&'a [u8]; 3] {
        let tail = self.tail.as_ref().map_or(&[][..], |tail| tail);
        let end = page.len().saturating_sub(tail.len()).max(self.skip);
        [&self.head, &page[self.skip..end], tail]
    }
}

/// Prepends to pages. Keeps what it needs to look into DEFLATE streams.
#[derive(Default)]
pub(super) struct Prepender {
    inflate: Option<Decompress>,
}

impl Prepender {
    /// `page`, compressed with `codec`, with the bytes `before` in front of its content, which has `length` bytes.
    /// `None` if that is not possible without decompressing all of it.
    pub(super) fn prepend(
        &mut self,
        codec: Codec,
        before: &[u8],
        page: &[u8],
        length: usize,
    ) -> Option<Prepended> {
        if before.is_empty() || before.len() > MAX_PREPENDED {
            return None;
        }
        match codec {
            Codec::UNCOMPRESSED => Some(Prepended { head: before.to_vec(), skip: 0, tail: None }),
            Codec::SNAPPY => snappy(before, page, length),
            Codec::GZIP => self.gzip(before, page, length),
            Codec::ZSTD => zstd(before, page),
            Codec::LZ4_RAW => lz4(before, page),
            _ => None,
        }
    }

    /// Only for a page that is one member. With several members, checksum and length at the end are those of the
    /// last one.
    fn gzip(&mut self, before: &[u8], page: &[u8], length: usize) -> Option<Prepended> {
        let (content, trailer) =
            page.split_at_checked(page.len().checked_sub(GZIP_TRAILER_BYTES)?)?;
        let (header, deflate) = content.split_at_checked(GZIP_HEADER_BYTES)?;
        let (checksum, stated) = trailer.split_first_chunk::<4>()?;
        let checksum = u32::from_le_bytes(*checksum);
        let stated = u32::from_le_bytes(stated.try_into().ok()?);
        // If the last member has as many bytes as the page, others are empty. So is the first one then.
        if !header.starts_with(&GZIP_START)
            || length == 0
            || u32::try_from(length) != Ok(stated)
            || !self.has_content(deflate)
        {
            return None;
        }
        let count = u16::try_from(before.len()).ok()?;
        let mut head = header.to_vec();
        // Not the last block; stored; the rest of the byte is padding.
        head.push(0);
        head.extend(count.to_le_bytes());
        head.extend((!count).to_le_bytes());
        head.extend_from_slice(before);
        let mut sum = crc32fast::Hasher::new();
        sum.update(before);
        sum.combine(&crc32fast::Hasher::new_with_initial_len(checksum, u64::from(stated)));
        let total = stated.checked_add(u32::from(count))?;
        let mut tail = [0; GZIP_TRAILER_BYTES];
        tail[..4].copy_from_slice(&sum.finalize().to_le_bytes());
        tail[4..].copy_from_slice(&total.to_le_bytes());
        Some(Prepended { head, skip: GZIP_HEADER_BYTES, tail: Some(tail) })
    }

    /// Whether a DEFLATE stream has at least one byte of content.
    fn has_content(&mut self, deflate: &[u8]) -> bool {
        let inflate = self.inflate.get_or_insert_with(|| Decompress::new(false));
        inflate.reset(false);
        // An error is found where the content is read.
        let _ = inflate.decompress(deflate, &mut [0], FlushDecompress::None);
        inflate.total_out() > 0
    }
}

/// The length of the content, and then elements: one literal more.
fn snappy(before: &[u8], page: &[u8], length: usize) -> Option<Prepended> {
    let (stated, skip) = varint(page)?;
    if usize::try_from(stated) != Ok(length) {
        return None;
    }
    let mut head = Vec::with_capacity(before.len() + 6);
    write_varint(stated.checked_add(before.len() as u64)?, &mut head);
    head.push((u8::try_from(before.len()).ok()? - 1) << 2);
    head.extend_from_slice(before);
    Some(Prepended { head, skip, tail: None })
}

/// A frame whose first block is raw. A content size is at least as large as before, so the window is too.
fn zstd(before: &[u8], page: &[u8]) -> Option<Prepended> {
    let rest = page.strip_prefix(&ZSTD_MAGIC)?;
    let (&descriptor, rest) = rest.split_first()?;
    // Bits 7-6: bytes of the content size; 5: a single segment; 3: reserved; 2: a checksum; 1-0: a dictionary.
    if descriptor & 0b1111 != 0 {
        return None;
    }
    let single_segment = descriptor & 0b10_0000 != 0;
    let size_bytes = match descriptor >> 6 {
        0 => usize::from(single_segment),
        flag => 1 << flag,
    };
    let mut head = ZSTD_MAGIC.to_vec();
    // A content size of four bytes, if there is one.
    let flag = if size_bytes > 0 { 2 << 6 } else { 0 };
    head.push(flag | descriptor & 0b10_0000);
    let window = usize::from(!single_segment);
    let (window, rest) = rest.split_at_checked(window)?;
    head.extend_from_slice(window);
    let (size, _) = rest.split_at_checked(size_bytes)?;
    if !size.is_empty() {
        let mut bytes = [0; 8];
        bytes[..size.len()].copy_from_slice(size);
        // The two-byte form begins at 256.
        let offset = if size.len() == 2 { 256 } else { 0 };
        let size = u64::from_le_bytes(bytes).checked_add(offset + before.len() as u64)?;
        head.extend(u32::try_from(size).ok()?.to_le_bytes());
    }
    // Not the last block; raw.
    let block = u32::try_from(before.len()).ok()? << 3;
    head.extend_from_slice(&block.to_le_bytes()[..3]);
    head.extend_from_slice(before);
    let skip = ZSTD_MAGIC.len() + 1 + window.len() + size_bytes;
    Some(Prepended { head, skip, tail: None })
}

/// Sequences of literals and a match. The literals of the first one become more.
fn lz4(before: &[u8], page: &[u8]) -> Option<Prepended> {
    let (&token, mut rest) = page.split_first()?;
    let mut literals = usize::from(token >> 4);
    if literals == 15 {
        loop {
            let (&more, after) = rest.split_first()?;
            literals = literals.checked_add(usize::from(more))?;
            rest = after;
            if more < 255 {
                break;
            }
        }
    }
    if literals > rest.len() {
        return None;
    }
    let total = literals + before.len();
    let mut head = vec![(total.min(15) as u8) << 4 | token & 0x0f];
    if let Some(mut more) = total.checked_sub(15) {
        while more >= 255 {
            head.push(255);
            more -= 255;
        }
        head.push(more as u8);
    }
    head.extend_from_slice(before);
    Some(Prepended { head, skip: page.len() - rest.len(), tail: None })
}

/// Reads an integer of seven bits per byte; also returns its length.
fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0;
    for (at, byte) in bytes.iter().take(5).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((value, at + 1));
        }
    }
    None
}

fn write_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    /// Contents that compressors treat differently: short, repetitive, random, long.
    fn contents() -> Vec<Vec<u8>> {
        let mut state = 7_u32;
        let mut random = |length: usize| -> Vec<u8> {
            let mut next = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            };
            (0..length).map(|_| next()).collect()
        };
        let words: Vec<u8> =
            (0..60_000_u32).flat_map(|n| format!("word {}, ", n % 701).into_bytes()).collect();
        let mut mixed = random(70_000);
        mixed.extend_from_slice(&words[..200_000]);
        vec![
            b"a".to_vec(),
            b"0123456789abcdef0123456789abcdef".to_vec(),
            vec![0; 300],
            random(14),
            random(20),
            random(290),
            random(300_000),
            vec![7; 200_000],
            words,
            mixed,
        ]
    }

    fn zstd_frame(
        content: &[u8],
        set: impl Fn(&mut zstd::stream::Encoder<'_, Vec<u8>>),
    ) -> Vec<u8> {
        let mut encoder = zstd::stream::Encoder::new(Vec::new(), 1).expect("an encoder");
        set(&mut encoder);
        encoder.write_all(content).expect("written");
        encoder.finish().expect("compressed")
    }

    fn gzip_member(content: &[u8], level: u32) -> Vec<u8> {
        let mut encoder =
            flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(level));
        encoder.write_all(content).and_then(|()| encoder.finish()).expect("compressed")
    }

    /// The forms of one content, with their codec.
    fn forms(content: &[u8]) -> Vec<(Codec, Vec<u8>)> {
        let mut libdeflate = libdeflater::Compressor::new(libdeflater::CompressionLvl::best());
        let mut best = vec![0; libdeflate.gzip_compress_bound(content.len())];
        let length = libdeflate.gzip_compress(content, &mut best).expect("compressed");
        best.truncate(length);
        vec![
            (Codec::UNCOMPRESSED, content.to_vec()),
            (Codec::SNAPPY, snap::raw::Encoder::new().compress_vec(content).expect("compressed")),
            (Codec::GZIP, gzip_member(content, 0)),
            (Codec::GZIP, gzip_member(content, 6)),
            (Codec::GZIP, best),
            (Codec::ZSTD, zstd::bulk::compress(content, 1).expect("compressed")),
            (Codec::ZSTD, zstd::bulk::compress(content, 19).expect("compressed")),
            // Without a content size, as streaming writers make it.
            (Codec::ZSTD, zstd_frame(content, |_| ())),
            (Codec::LZ4_RAW, lz4_flex::block::compress(content)),
        ]
    }

    fn decompressed(codec: Codec, page: &[u8], length: usize) -> Vec<u8> {
        let mut out = vec![0; length];
        match codec {
            Codec::UNCOMPRESSED => return page.to_vec(),
            Codec::SNAPPY => {
                return snap::raw::Decoder::new().decompress_vec(page).expect("Snappy");
            }
            Codec::GZIP => {
                // Both check the sum; the first reads one member only.
                let mut libdeflate = libdeflater::Decompressor::new();
                let count = libdeflate.gzip_decompress(page, &mut out).expect("one member");
                assert_eq!(count, length);
                let mut other = Vec::new();
                let mut decoder = flate2::bufread::GzDecoder::new(page);
                decoder.read_to_end(&mut other).expect("one member");
                assert!(decoder.into_inner().is_empty(), "nothing follows the member");
                assert!(other == out);
            }
            Codec::ZSTD => {
                let one_frame = zstd::zstd_safe::find_frame_compressed_size(page);
                assert_eq!(one_frame, Ok(page.len()));
                if let Ok(Some(size)) = zstd::zstd_safe::get_frame_content_size(page) {
                    assert_eq!(size, length as u64);
                }
                return zstd::bulk::decompress(page, length).expect("ZSTD");
            }
            _ => return lz4_flex::block::decompress(page, length).expect("LZ4"),
        }
        out
    }

    #[test]
    fn decompressors_read_the_prepended_bytes_and_then_the_content() {
        let mut prepender = Prepender::default();
        for content in contents() {
            for (form, (codec, page)) in forms(&content).into_iter().enumerate() {
                for before in [&b"x"[..], b"\x02\0\0\0\x0a\x01", &[3; 10], &[9; 60]] {
                    let at = format!("{} bytes, form {form}, {codec:?}", content.len());
                    let new = prepender.prepend(codec, before, &page, content.len()).expect(&at);
                    let new = new.parts(&page).concat();
                    let expected = [before, &content].concat();
                    assert!(decompressed(codec, &new, expected.len()) == expected, "{at}");
                    assert!(new.len() <= page.len() + before.len() + 10, "{at}");
                }
            }
        }
    }

    #[test]
    fn what_cannot_be_prepended_is_refused() {
        let content = b"some content, some content".as_slice();
        let length = content.len();
        let mut prepender = Prepender::default();
        let mut refused = |codec, page: &[u8], length, what: &str| {
            assert_eq!(prepender.prepend(codec, b"new", page, length), None, "{what}");
        };
        let member = gzip_member(content, 6);
        let empty = gzip_member(b"", 6);
        let (half, rest) = content.split_at(7);
        let two = [gzip_member(half, 6), gzip_member(rest, 6)].concat();
        refused(Codec::GZIP, &two, length, "two members");
        refused(
            Codec::GZIP,
            &[empty.clone(), member.clone()].concat(),
            length,
            "an empty member first",
        );
        refused(
            Codec::GZIP,
            &[member.clone(), empty.clone()].concat(),
            length,
            "an empty member last",
        );
        refused(Codec::GZIP, &empty, 0, "no content");
        let mut named = member.clone();
        named[3] = 8;
        refused(Codec::GZIP, &named, length, "optional fields");
        refused(Codec::GZIP, &member[..17], length, "too short");
        refused(
            Codec::ZSTD,
            &zstd_frame(content, |it| it.include_checksum(true).expect("set")),
            length,
            "a checksum",
        );
        refused(Codec::ZSTD, &[0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0], length, "a skippable frame");
        refused(Codec::SNAPPY, &[0xff; 6], length, "no length");
        let snappy = snap::raw::Encoder::new().compress_vec(content).expect("compressed");
        refused(Codec::SNAPPY, &snappy, length + 1, "another length than that of the page");
        refused(Codec::LZ4_RAW, &[0xf0, 0xff, 0xff], length, "literals without an end");
        refused(Codec::LZ4_RAW, &[0x50, b'a', b'b'], length, "more literals than bytes");
        refused(Codec::LZ4, &lz4_flex::block::compress(content), length, "Hadoop's LZ4");
        refused(Codec::BROTLI, content, length, "Brotli");
        for codec in [Codec::GZIP, Codec::ZSTD, Codec::SNAPPY, Codec::LZ4_RAW] {
            refused(codec, &[], 0, "no bytes");
        }
        // Sixty bytes are the longest literal whose length Snappy has in the element's first byte.
        let snappy = snap::raw::Encoder::new().compress_vec(content).expect("compressed");
        for before in [&[][..], &[1; 61]] {
            assert_eq!(prepender.prepend(Codec::SNAPPY, before, &snappy, length), None);
        }
    }
}
