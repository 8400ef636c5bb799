//! Reads page headers, and rewrites offset indexes and parts of footers, in Thrift's compact protocol.
//! The readers of the `parquet` crate are private, and the sizes of a page must be known before memory
//! is allocated.

use std::borrow::Cow;

/// Why bytes cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ThriftError {
    /// The bytes are truncated: reading more may help.
    Truncated,
    /// The bytes are not a valid structure.
    Invalid,
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

/// The maximum nesting depth. Parquet's structures are less deep.
const MAX_DEPTH: u8 = 16;

/// Reads Thrift values from bytes.
pub(super) struct ThriftReader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> ThriftReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The number of bytes read so far.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    fn byte(&mut self) -> Result<u8, ThriftError> {
        let byte = *self.bytes.get(self.at).ok_or(ThriftError::Truncated)?;
        self.at += 1;
        Ok(byte)
    }

    fn skip_bytes(&mut self, length: usize) -> Result<(), ThriftError> {
        let end = self.at.checked_add(length).ok_or(ThriftError::Invalid)?;
        if end > self.bytes.len() {
            return Err(ThriftError::Truncated);
        }
        self.at = end;
        Ok(())
    }

    fn unsigned(&mut self) -> Result<u64, ThriftError> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(ThriftError::Invalid)
    }

    /// Reads an integer of any width.
    pub(super) fn integer(&mut self) -> Result<i64, ThriftError> {
        let value = self.unsigned()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// Reads the fields of a structure. `read_field` reads the value of a field that it knows and
    /// returns true; other fields are skipped.
    pub(super) fn read_struct(
        &mut self,
        mut read_field: impl FnMut(i16, Field, &mut Self) -> Result<bool, ThriftError>,
    ) -> Result<(), ThriftError> {
        let mut id = 0_i16;
        while let Some(field) = self.field(&mut id)? {
            if !read_field(id, field, self)? {
                self.skip(field.kind, 0)?;
            }
        }
        Ok(())
    }

    fn field(&mut self, id: &mut i16) -> Result<Option<Field>, ThriftError> {
        let head = self.byte()?;
        let kind = head & 0x0f;
        if kind == 0 {
            return Ok(None);
        }
        *id = match head >> 4 {
            0 => i16::try_from(self.integer()?).map_err(|_| ThriftError::Invalid)?,
            delta => id.checked_add(i16::from(delta)).ok_or(ThriftError::Invalid)?,
        };
        Ok(Some(Field { kind }))
    }

    /// Reads the length of a list of integers or structures.
    pub(super) fn list(&mut self, field: Field) -> Result<usize, ThriftError> {
        if field.kind != LIST {
            return Err(ThriftError::Invalid);
        }
        self.list_header().map(|(length, _)| length)
    }

    fn list_header(&mut self) -> Result<(usize, u8), ThriftError> {
        let head = self.byte()?;
        let length = match head >> 4 {
            15 => usize::try_from(self.unsigned()?).map_err(|_| ThriftError::Invalid)?,
            length => usize::from(length),
        };
        // Every element of the lists that are read here has at least one byte.
        if length > self.bytes.len() - self.at {
            return Err(ThriftError::Truncated);
        }
        Ok((length, head & 0x0f))
    }

    /// Reads a structure without interpreting it.
    pub(super) fn raw_struct(&mut self) -> Result<&'a [u8], ThriftError> {
        let start = self.at;
        self.skip(STRUCT, 0)?;
        Ok(&self.bytes[start..self.at])
    }

    fn skip(&mut self, kind: u8, depth: u8) -> Result<(), ThriftError> {
        if depth > MAX_DEPTH {
            return Err(ThriftError::Invalid);
        }
        match kind {
            BOOLEAN_TRUE | BOOLEAN_FALSE => Ok(()),
            BYTE => self.skip_bytes(1),
            I16 | I32 | I64 => self.unsigned().map(drop),
            DOUBLE => self.skip_bytes(8),
            BINARY => {
                let length = usize::try_from(self.unsigned()?).map_err(|_| ThriftError::Invalid)?;
                self.skip_bytes(length)
            }
            LIST | SET => {
                let (length, kind) = self.list_header()?;
                for _ in 0..length {
                    // A boolean in a list has one byte, a boolean field of a structure has none.
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
            // Parquet uses no maps.
            MAP => Err(ThriftError::Invalid),
            _ => Err(ThriftError::Invalid),
        }
    }
}

/// A field of a structure: its value is not interpreted.
#[derive(Clone)]
pub(super) struct RawField<'a> {
    pub(super) id: i16,
    kind: u8,
    pub(super) value: Cow<'a, [u8]>,
}

impl RawField<'_> {
    /// The same field with bytes of its own.
    #[cfg(test)]
    pub(super) fn into_owned(self) -> RawField<'static> {
        RawField { id: self.id, kind: self.kind, value: self.value.into_owned().into() }
    }

    /// Whether it is a boolean that is false; its type contains the value.
    pub(super) fn is_false(&self) -> bool {
        self.kind == BOOLEAN_FALSE
    }
}

/// The fields of a structure.
pub(super) fn raw_fields(bytes: &[u8]) -> Result<Vec<RawField<'_>>, ThriftError> {
    let mut reader = ThriftReader::new(bytes);
    let (mut fields, mut id) = (Vec::new(), 0);
    while let Some(field) = reader.field(&mut id)? {
        let start = reader.at;
        reader.skip(field.kind, 0)?;
        fields.push(RawField { id, kind: field.kind, value: bytes[start..reader.at].into() });
    }
    Ok(fields)
}

/// The structure with these fields.
pub(super) fn write_fields<'a>(fields: impl IntoIterator<Item = &'a RawField<'a>>) -> Vec<u8> {
    let (mut out, mut last) = (Vec::new(), 0);
    for field in fields {
        write_field_header(&mut out, &mut last, field.id, field.kind);
        out.extend_from_slice(&field.value);
    }
    out.push(0);
    out
}

/// The structure with structures as the element type of its empty lists, if a list of it has no element
/// type (0).
pub(super) fn with_typed_empty_lists(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut fields = raw_fields(bytes).ok()?;
    let mut untyped =
        fields.iter_mut().filter(|field| field.kind == LIST && *field.value == [0]).peekable();
    untyped.peek()?;
    untyped.for_each(|field| field.value = vec![STRUCT].into());
    Some(write_fields(&fields))
}

/// The elements of a list of structures.
pub(super) fn raw_structs(list: &[u8]) -> Result<Vec<&[u8]>, ThriftError> {
    let mut reader = ThriftReader::new(list);
    let (length, kind) = reader.list_header()?;
    if length > 0 && kind != STRUCT {
        return Err(ThriftError::Invalid);
    }
    (0..length).map(|_| reader.raw_struct()).collect()
}

/// A field whose value is a list of structures.
pub(super) fn structs_field<'a>(
    id: i16,
    structs: impl ExactSizeIterator<Item = &'a [u8]>,
) -> RawField<'static> {
    let mut value = Vec::new();
    write_list_header(&mut value, structs.len(), STRUCT);
    structs.for_each(|bytes| value.extend_from_slice(bytes));
    RawField { id, kind: LIST, value: value.into() }
}

/// A field whose value is text.
pub(super) fn text_field(id: i16, text: &str) -> RawField<'static> {
    let mut value = Vec::with_capacity(text.len() + 5);
    write_unsigned(&mut value, text.len() as u64);
    value.extend_from_slice(text.as_bytes());
    RawField { id, kind: BINARY, value: value.into() }
}

/// A field whose value is an integer of 32 bits.
pub(super) fn integer_field(id: i16, integer: i32) -> RawField<'static> {
    let mut value = Vec::new();
    write_integer(&mut value, integer.into());
    RawField { id, kind: I32, value: value.into() }
}

/// The structure with these integers of 32 bits in place of what its fields have, or in addition.
pub(super) fn with_integers(bytes: &[u8], integers: &[(i16, i32)]) -> Result<Vec<u8>, ThriftError> {
    let mut fields = raw_fields(bytes)?;
    fields.retain(|field| integers.iter().all(|(id, _)| *id != field.id));
    fields.extend(integers.iter().map(|(id, integer)| integer_field(*id, *integer)));
    fields.sort_by_key(|field| field.id);
    Ok(write_fields(&fields))
}

/// The structure with a boolean in this field.
pub(super) fn with_boolean(bytes: &[u8], id: i16, value: bool) -> Result<Vec<u8>, ThriftError> {
    let kind = if value { BOOLEAN_TRUE } else { BOOLEAN_FALSE };
    let mut fields = raw_fields(bytes)?;
    fields.retain(|field| field.id != id);
    fields.push(RawField { id, kind, value: Cow::default() });
    fields.sort_by_key(|field| field.id);
    Ok(write_fields(&fields))
}

/// The structure without these fields.
pub(super) fn without_fields(bytes: &[u8], ids: &[i16]) -> Result<Vec<u8>, ThriftError> {
    let mut fields = raw_fields(bytes)?;
    fields.retain(|field| !ids.contains(&field.id));
    Ok(write_fields(&fields))
}

/// The place of a data page (`PageLocation` in parquet.thrift).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PageLocation {
    pub(super) offset: i64,
    /// The size with its header.
    pub(super) size: i64,
    pub(super) first_row: i64,
}

/// An offset index with the locations of as many pages as it has.
pub(super) fn offset_index_with(
    bytes: &[u8],
    pages: &[PageLocation],
) -> Result<Vec<u8>, ThriftError> {
    let mut fields = raw_fields(bytes)?;
    let locations = fields.iter_mut().find(|field| field.id == 1).ok_or(ThriftError::Invalid)?;
    if raw_structs(&locations.value)?.len() != pages.len() {
        return Err(ThriftError::Invalid);
    }
    let pages: Vec<Vec<u8>> = pages
        .iter()
        .map(|page| {
            let mut out = Vec::new();
            write_location(page, &mut out);
            out
        })
        .collect();
    *locations = structs_field(1, pages.iter().map(Vec::as_slice));
    Ok(write_fields(&fields))
}

/// An offset index whose pages moved to these places. Their first rows stay.
pub(super) fn moved_offset_index(
    bytes: &[u8],
    pages: &[PageLocation],
) -> Result<Vec<u8>, ThriftError> {
    let fields = raw_fields(bytes)?;
    let locations = fields.iter().find(|field| field.id == 1).ok_or(ThriftError::Invalid)?;
    let rows: Vec<i64> = raw_structs(&locations.value)?
        .into_iter()
        .map(|location| {
            let mut first_row = 0;
            ThriftReader::new(location).read_struct(|id, field, reader| match id {
                3 => read_integer(field, reader, &mut first_row),
                _ => Ok(false),
            })?;
            Ok(first_row)
        })
        .collect::<Result<_, ThriftError>>()?;
    let moved = pages
        .iter()
        .zip(&rows)
        .map(|(page, first_row)| PageLocation { first_row: *first_row, ..*page });
    let moved: Vec<_> = moved.collect();
    // Pages that the index does not know have no place in it.
    if rows.len() != pages.len() {
        return Err(ThriftError::Invalid);
    }
    offset_index_with(bytes, &moved)
}

/// The type of a field whose value follows.
#[derive(Clone, Copy)]
pub(super) struct Field {
    kind: u8,
}

impl Field {
    /// The value of a boolean field, which its type contains.
    pub(super) fn boolean(self) -> Option<bool> {
        match self.kind {
            BOOLEAN_TRUE => Some(true),
            BOOLEAN_FALSE => Some(false),
            _ => None,
        }
    }

    pub(super) fn is_integer(self) -> bool {
        matches!(self.kind, I16 | I32 | I64)
    }

    pub(super) fn is_struct(self) -> bool {
        self.kind == STRUCT
    }
}

/// The fields of a page header (`PageHeader` in parquet.thrift) that are used here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PageHeader {
    pub(super) kind: i64,
    pub(super) uncompressed_bytes: i64,
    pub(super) compressed_bytes: i64,
    pub(super) values: i64,
    pub(super) nulls: i64,
    pub(super) encoding: i64,
    pub(super) level_encoding: i64,
    pub(super) definition_length: i64,
    pub(super) repetition_length: i64,
    pub(super) uncompressed_values: bool,
    /// The CRC-32 of the page's bytes.
    pub(super) checksum: Option<u32>,
}

impl PageHeader {
    /// Reads a header; also returns its length in bytes.
    pub(super) fn read(bytes: &[u8]) -> Result<(Self, usize), ThriftError> {
        let mut header = Self::default();
        let mut reader = ThriftReader::new(bytes);
        reader.read_struct(|id, field, reader| {
            let place = match id {
                1 => &mut header.kind,
                2 => &mut header.uncompressed_bytes,
                3 => &mut header.compressed_bytes,
                4 => {
                    let mut checksum = 0;
                    read_integer(field, reader, &mut checksum)?;
                    // An unsigned number in a signed field.
                    header.checksum = Some(checksum as u32);
                    return Ok(true);
                }
                5 | 7 | 8 if field.is_struct() => {
                    header.read_inner(id, reader)?;
                    return Ok(true);
                }
                _ => return Ok(false),
            };
            read_integer(field, reader, place)
        })?;
        Ok((header, reader.position()))
    }

    /// Reads the inner header of a data page (field 5), a dictionary page (7), or a data page of
    /// version 2 (8).
    fn read_inner(&mut self, which: i16, reader: &mut ThriftReader<'_>) -> Result<(), ThriftError> {
        reader.read_struct(|id, field, reader| {
            if (which, id) == (8, 7) {
                self.uncompressed_values = field.boolean() == Some(false);
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
            read_integer(field, reader, place)
        })
    }
}

fn read_integer(
    field: Field,
    reader: &mut ThriftReader<'_>,
    place: &mut i64,
) -> Result<bool, ThriftError> {
    if !field.is_integer() {
        return Err(ThriftError::Invalid);
    }
    *place = reader.integer()?;
    Ok(true)
}

/// The length of a bloom filter including its header (`BloomFilterHeader` in parquet.thrift), whose first
/// field is the size of the rest.
pub(super) fn bloom_filter_length(bytes: &[u8]) -> Result<i64, ThriftError> {
    let mut reader = ThriftReader::new(bytes);
    let mut size = -1;
    reader.read_struct(|id, field, reader| match id {
        1 => read_integer(field, reader, &mut size),
        _ => Ok(false),
    })?;
    let header = i64::try_from(reader.position()).map_err(|_| ThriftError::Invalid)?;
    if size < 0 {
        Err(ThriftError::Invalid)
    } else {
        size.checked_add(header).ok_or(ThriftError::Invalid)
    }
}

/// An offset index (`OffsetIndex` in parquet.thrift) with the offset of every page moved by `by` bytes.
pub(super) fn relocated_offset_index(bytes: &[u8], by: i64) -> Result<Vec<u8>, ThriftError> {
    let mut out = Vec::with_capacity(bytes.len() + 16);
    let mut last = 0;
    ThriftReader::new(bytes).read_struct(|id, field, reader| {
        match id {
            1 => {
                let length = reader.list(field)?;
                write_field_header(&mut out, &mut last, id, LIST);
                write_list_header(&mut out, length, STRUCT);
                for _ in 0..length {
                    relocate_page(reader, by, &mut out)?;
                }
            }
            2 => {
                let length = reader.list(field)?;
                write_field_header(&mut out, &mut last, id, LIST);
                write_list_header(&mut out, length, I64);
                for _ in 0..length {
                    write_integer(&mut out, reader.integer()?);
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    out.push(0);
    Ok(out)
}

fn relocate_page(
    reader: &mut ThriftReader<'_>,
    by: i64,
    out: &mut Vec<u8>,
) -> Result<(), ThriftError> {
    let (mut offset, mut size, mut row) = (0, 0, 0);
    reader.read_struct(|id, field, reader| {
        let place = match id {
            1 => &mut offset,
            2 => &mut size,
            3 => &mut row,
            _ => return Ok(false),
        };
        read_integer(field, reader, place)
    })?;
    let offset =
        offset.checked_add(by).filter(|offset| *offset >= 0).ok_or(ThriftError::Invalid)?;
    write_location(&PageLocation { offset, size, first_row: row }, out);
    Ok(())
}

fn write_location(page: &PageLocation, out: &mut Vec<u8>) {
    let mut last = 0;
    for (id, kind, value) in [(1, I64, page.offset), (2, I32, page.size), (3, I64, page.first_row)]
    {
        write_field_header(out, &mut last, id, kind);
        write_integer(out, value);
    }
    out.push(0);
}

fn write_field_header(out: &mut Vec<u8>, last: &mut i16, id: i16, kind: u8) {
    match u8::try_from(id.wrapping_sub(*last)) {
        Ok(delta @ 1..=15) => out.push(delta << 4 | kind),
        _ => {
            out.push(kind);
            write_integer(out, id.into());
        }
    }
    *last = id;
}

fn write_list_header(out: &mut Vec<u8>, length: usize, kind: u8) {
    match u8::try_from(length) {
        Ok(length) if length < 15 => out.push(length << 4 | kind),
        _ => {
            out.push(0xf0 | kind);
            write_unsigned(out, length as u64);
        }
    }
}

fn write_integer(out: &mut Vec<u8>, value: i64) {
    write_unsigned(out, ((value << 1) ^ (value >> 63)) as u64);
}

fn write_unsigned(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests;
