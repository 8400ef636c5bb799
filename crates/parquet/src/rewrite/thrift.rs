//! The few structures of Parquet that are read and written by hand, in Thrift's compact
//! protocol: page headers and offset indexes. The parquet crate keeps its own readers of
//! them private, and a page's sizes must be known before anything is allocated for it.

/// What is wrong with the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bad {
    /// They end too early: more of them may help.
    Short,
    /// They are no such structure.
    Form,
}

const BOOLEAN_TRUE: u8 = 1;
const BOOLEAN_FALSE: u8 = 2;
const BYTE: u8 = 3;
const I16: u8 = 4;
const I32: u8 = 5;
const I64: u8 = 6;
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const SET: u8 = 10;
const MAP: u8 = 11;
const STRUCT: u8 = 12;

/// Structures within structures beyond this are no Parquet.
const DEEPEST: u8 = 16;

/// Reads from bytes.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// How many bytes are read.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    fn byte(&mut self) -> Result<u8, Bad> {
        let byte = *self.bytes.get(self.at).ok_or(Bad::Short)?;
        self.at += 1;
        Ok(byte)
    }

    fn pass(&mut self, length: usize) -> Result<(), Bad> {
        let end = self.at.checked_add(length).ok_or(Bad::Form)?;
        if end > self.bytes.len() {
            return Err(Bad::Short);
        }
        self.at = end;
        Ok(())
    }

    fn unsigned(&mut self) -> Result<u64, Bad> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Bad::Form)
    }

    /// A whole number of any width.
    pub(super) fn whole(&mut self) -> Result<i64, Bad> {
        let value = self.unsigned()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// The fields of a structure: `each` reads the value of those it knows and says so.
    pub(super) fn structure(
        &mut self,
        mut each: impl FnMut(i16, Field, &mut Self) -> Result<bool, Bad>,
    ) -> Result<(), Bad> {
        let mut id = 0_i16;
        while let Some(field) = self.field(&mut id)? {
            if !each(id, field, self)? {
                self.skip(field.kind, 0)?;
            }
        }
        Ok(())
    }

    fn field(&mut self, id: &mut i16) -> Result<Option<Field>, Bad> {
        let head = self.byte()?;
        let kind = head & 0x0f;
        if kind == 0 {
            return Ok(None);
        }
        *id = match head >> 4 {
            0 => i16::try_from(self.whole()?).map_err(|_| Bad::Form)?,
            delta => id.checked_add(i16::from(delta)).ok_or(Bad::Form)?,
        };
        Ok(Some(Field { kind }))
    }

    /// The length of a list of whole numbers or of structures.
    pub(super) fn list(&mut self, field: Field) -> Result<usize, Bad> {
        if field.kind != LIST {
            return Err(Bad::Form);
        }
        self.list_head().map(|(length, _)| length)
    }

    fn list_head(&mut self) -> Result<(usize, u8), Bad> {
        let head = self.byte()?;
        let length = match head >> 4 {
            15 => usize::try_from(self.unsigned()?).map_err(|_| Bad::Form)?,
            length => usize::from(length),
        };
        // Every element of what is read here takes a byte at least.
        if length > self.bytes.len() - self.at {
            return Err(Bad::Short);
        }
        Ok((length, head & 0x0f))
    }

    fn skip(&mut self, kind: u8, depth: u8) -> Result<(), Bad> {
        if depth > DEEPEST {
            return Err(Bad::Form);
        }
        match kind {
            BOOLEAN_TRUE | BOOLEAN_FALSE => Ok(()),
            BYTE => self.pass(1),
            I16 | I32 | I64 => self.unsigned().map(drop),
            DOUBLE => self.pass(8),
            BINARY => {
                let length = usize::try_from(self.unsigned()?).map_err(|_| Bad::Form)?;
                self.pass(length)
            }
            LIST | SET => {
                let (length, kind) = self.list_head()?;
                for _ in 0..length {
                    // A boolean of a list takes a byte, one of a structure takes none.
                    let kind = if kind <= BOOLEAN_FALSE { BYTE } else { kind };
                    self.skip(kind, depth + 1)?;
                }
                Ok(())
            }
            STRUCT => {
                let mut id = 0;
                while let Some(field) = self.field(&mut id)? {
                    self.skip(field.kind, depth + 1)?;
                }
                Ok(())
            }
            // Parquet has no maps.
            MAP => Err(Bad::Form),
            _ => Err(Bad::Form),
        }
    }
}

/// The type of a field whose value comes next.
#[derive(Clone, Copy)]
pub(super) struct Field {
    kind: u8,
}

impl Field {
    /// Booleans are told by their type alone.
    pub(super) fn boolean(self) -> Option<bool> {
        match self.kind {
            BOOLEAN_TRUE => Some(true),
            BOOLEAN_FALSE => Some(false),
            _ => None,
        }
    }

    pub(super) fn is_whole(self) -> bool {
        matches!(self.kind, I16 | I32 | I64)
    }

    pub(super) fn is_structure(self) -> bool {
        self.kind == STRUCT
    }
}

/// A page's header (`PageHeader` of parquet.thrift), as far as it matters here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PageHeader {
    pub(super) kind: i64,
    pub(super) uncompressed: i64,
    pub(super) compressed: i64,
    pub(super) values: i64,
    pub(super) nulls: i64,
    pub(super) encoding: i64,
    pub(super) level_encoding: i64,
    pub(super) definition_length: i64,
    pub(super) repetition_length: i64,
    pub(super) stored: bool,
}

impl PageHeader {
    /// Reads a header; gives its length too.
    pub(super) fn read(bytes: &[u8]) -> Result<(Self, usize), Bad> {
        let mut header = Self::default();
        let mut reader = Reader::new(bytes);
        reader.structure(|id, field, reader| {
            let place = match id {
                1 => &mut header.kind,
                2 => &mut header.uncompressed,
                3 => &mut header.compressed,
                5 | 7 | 8 if field.is_structure() => {
                    header.inner(id, reader)?;
                    return Ok(true);
                }
                _ => return Ok(false),
            };
            number(field, reader, place)
        })?;
        Ok((header, reader.position()))
    }

    /// The header of a data page (5), a dictionary page (7), a data page of version 2 (8).
    fn inner(&mut self, which: i16, reader: &mut Reader<'_>) -> Result<(), Bad> {
        reader.structure(|id, field, reader| {
            if (which, id) == (8, 7) {
                self.stored = field.boolean() == Some(false);
                return Ok(field.boolean().is_some());
            }
            let place = match (which, id) {
                (_, 1) => &mut self.values,
                (5 | 7, 2) | (8, 4) => &mut self.encoding,
                (5, 3) => &mut self.level_encoding,
                (8, 2) => &mut self.nulls,
                (8, 5) => &mut self.definition_length,
                (8, 6) => &mut self.repetition_length,
                _ => return Ok(false),
            };
            number(field, reader, place)
        })
    }
}

fn number(field: Field, reader: &mut Reader<'_>, place: &mut i64) -> Result<bool, Bad> {
    if !field.is_whole() {
        return Err(Bad::Form);
    }
    *place = reader.whole()?;
    Ok(true)
}

/// An offset index (`OffsetIndex` of parquet.thrift) with every page moved by `by` bytes.
pub(super) fn moved_offset_index(bytes: &[u8], by: i64) -> Result<Vec<u8>, Bad> {
    let mut out = Vec::with_capacity(bytes.len() + 16);
    let mut last = 0;
    Reader::new(bytes).structure(|id, field, reader| {
        match id {
            1 => {
                let length = reader.list(field)?;
                head(&mut out, &mut last, id, LIST);
                list_head(&mut out, length, STRUCT);
                for _ in 0..length {
                    location(reader, by, &mut out)?;
                }
            }
            2 => {
                let length = reader.list(field)?;
                head(&mut out, &mut last, id, LIST);
                list_head(&mut out, length, I64);
                for _ in 0..length {
                    whole(&mut out, reader.whole()?);
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    out.push(0);
    Ok(out)
}

fn location(reader: &mut Reader<'_>, by: i64, out: &mut Vec<u8>) -> Result<(), Bad> {
    let (mut offset, mut size, mut row) = (0, 0, 0);
    reader.structure(|id, field, reader| {
        let place = match id {
            1 => &mut offset,
            2 => &mut size,
            3 => &mut row,
            _ => return Ok(false),
        };
        number(field, reader, place)
    })?;
    let mut last = 0;
    head(out, &mut last, 1, I64);
    whole(out, offset.checked_add(by).filter(|offset| *offset >= 0).ok_or(Bad::Form)?);
    head(out, &mut last, 2, I32);
    whole(out, size);
    head(out, &mut last, 3, I64);
    whole(out, row);
    out.push(0);
    Ok(())
}

/// A field's head. Ids only grow here, by less than 16.
fn head(out: &mut Vec<u8>, last: &mut i16, id: i16, kind: u8) {
    let delta = u8::try_from(id - *last).unwrap_or(1);
    out.push(delta << 4 | kind);
    *last = id;
}

fn list_head(out: &mut Vec<u8>, length: usize, kind: u8) {
    match u8::try_from(length) {
        Ok(length) if length < 15 => out.push(length << 4 | kind),
        _ => {
            out.push(0xf0 | kind);
            unsigned(out, length as u64);
        }
    }
}

fn whole(out: &mut Vec<u8>, value: i64) {
    unsigned(out, ((value << 1) ^ (value >> 63)) as u64);
}

fn unsigned(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Page locations at 4, 104 … with `count` pages.
    fn index(count: usize, by: i64) -> Vec<u8> {
        let mut out = vec![0x19];
        list_head(&mut out, count, STRUCT);
        for page in 0..count as i64 {
            let mut last = 0;
            head(&mut out, &mut last, 1, I64);
            whole(&mut out, 4 + page * 100 + by);
            head(&mut out, &mut last, 2, I32);
            whole(&mut out, 100);
            head(&mut out, &mut last, 3, I64);
            whole(&mut out, page * 1000);
            out.push(0);
        }
        out.push(0);
        out
    }

    #[test]
    fn offset_indexes_move() {
        for count in [0, 1, 14, 15, 300] {
            let moved = moved_offset_index(&index(count, 0), 12_345).expect("it is one");
            assert_eq!(moved, index(count, 12_345), "{count}");
            let back = moved_offset_index(&moved, -12_345).expect("it is one");
            assert_eq!(back, index(count, 0), "{count}");
        }
        assert_eq!(moved_offset_index(&index(1, 0), -5), Err(Bad::Form), "before the file");
    }

    #[test]
    fn cut_and_forged_headers_are_told_apart() {
        let whole = index(20, 0);
        for length in 0..whole.len() {
            assert_eq!(moved_offset_index(&whole[..length], 0), Err(Bad::Short), "{length}");
        }
        assert_eq!(PageHeader::read(&[0x15, 0xff]), Err(Bad::Short));
        assert_eq!(PageHeader::read(&[0x1b, 0]), Err(Bad::Form), "a map");
        assert_eq!(PageHeader::read(&[0x15; 40]).err(), Some(Bad::Short));
        // Structures in structures, without end.
        assert_eq!(PageHeader::read(&[0xfc; 4000]), Err(Bad::Form));
    }
}
