//! Decodes, converts and writes one column chunk, one page and one batch of values at a time.

use std::io::Read;

use jiff::tz::TimeZone;
use landbridge_core::rewrite::{Misfit, TargetType};

use super::convert::{self, ClockChange, Convert, stored};
use super::epoch::Unit;
use super::error::RewriteError;
use super::local_time::LocalTimes;
use super::page_buffer::PageBuffer;
use super::pages::{PageInfo, PageKind, PageReader};
use super::text::{self, array, datetime, number};
use super::token::{Tokenise, Tokens};
use super::values::{self, BATCH, Dictionary, SourceType, Values};
use super::write::ChunkWriter;

/// The maximum number of elements of one array; a longer array is out of range.
const MAX_ARRAY_ELEMENTS: usize = 1 << 20;

/// What the conversion of a column counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ConversionCounts {
    /// Values of the source that are not NULL.
    pub(super) values: u64,
    /// NULLs of the source.
    pub(super) nulls: u64,
    /// Misfits by reason.
    pub(super) misfits: [u64; Misfit::COUNT],
    /// NULLs that were left out of arrays.
    pub(super) dropped_nulls: u64,
    /// Local times that a change of the clock skips, or repeats.
    pub(super) skipped_times: u64,
    pub(super) repeated_times: u64,
    /// Bytes of pages as stored, and after decompression.
    pub(super) bytes_read: u64,
    pub(super) bytes_inflated: u64,
}

impl ConversionCounts {
    /// The NULLs of the output: NULLs of the source, and misfits.
    pub(super) fn nulls_and_misfits(&self) -> u64 {
        self.nulls + self.misfits.iter().sum::<u64>()
    }

    #[inline]
    fn add_clock_change(&mut self, change: Option<ClockChange>) {
        match change {
            None => {}
            Some(ClockChange::Skipped) => self.skipped_times += 1,
            Some(ClockChange::Repeated) => self.repeated_times += 1,
        }
    }
}

/// How the values of a column are converted.
#[derive(Clone)]
pub(super) enum Conversion {
    Retype(TargetType),
    /// Local times of a zone become instants; also the elements of arrays. Without a unit, they are
    /// text.
    LocalTimes {
        zone: TimeZone,
        unit: Option<Unit>,
        target: TargetType,
    },
    /// Numbers that count time become microseconds.
    Micros(Unit),
    Tokenise(Tokens),
}

impl Conversion {
    /// Whether the output is an array.
    pub(super) fn is_list(&self) -> bool {
        match self {
            Self::Retype(target) | Self::LocalTimes { target, .. } => target.element().is_some(),
            Self::Micros(_) | Self::Tokenise(_) => false,
        }
    }
}

/// What happens to an array because of a NULL in it, which BigQuery cannot store.
#[derive(Clone, Copy)]
enum Nulls {
    /// The array is a misfit.
    Misfit,
    /// The NULL is left out and counted.
    LeftOut,
}

/// A chunk whose dictionary has been read.
pub(super) struct ChunkSource<R> {
    pages: PageReader<R>,
    /// The first data page, if the chunk has no dictionary.
    first: Option<PageInfo>,
    dictionary: Dictionary,
    optional: bool,
    source_type: SourceType,
    rows: usize,
}

impl<R: Read> ChunkSource<R> {
    /// Opens a chunk of `rows` rows. Its dictionary may have at most `limit` bytes.
    pub(super) fn open(
        mut pages: PageReader<R>,
        optional: bool,
        source_type: SourceType,
        rows: usize,
        limit: usize,
    ) -> Result<Self, RewriteError> {
        let mut first = pages.next()?;
        let mut dictionary = Dictionary::default();
        if let Some(info) = first.filter(|info| info.kind == PageKind::Dictionary) {
            if pages.body().len() > limit {
                return Err(RewriteError::PageTooLarge);
            }
            dictionary = Dictionary::read(info, pages.body(), source_type)?;
            first = None;
        }
        Ok(Self { pages, first, dictionary, optional, source_type, rows })
    }

    /// Whether the values repeat so often that a dictionary is worth writing.
    fn repeats(&self) -> bool {
        self.dictionary.len() > 0 && self.dictionary.len() <= self.rows / 8
    }

    fn next_page(&mut self) -> Result<Option<PageInfo>, RewriteError> {
        match self.first.take() {
            Some(info) => Ok(Some(info)),
            None => self.pages.next(),
        }
    }
}

/// Converts a chunk and writes it to `out`. Without `out`, only counts.
pub(super) fn convert<R: Read>(
    source: ChunkSource<R>,
    conversion: &Conversion,
    out: Option<&mut ChunkWriter<'_>>,
    page: &mut PageBuffer,
    counts: &mut ConversionCounts,
) -> Result<(), RewriteError> {
    let mut chunk = ChunkConverter { source, out, page, counts };
    let target = match conversion {
        Conversion::Tokenise(tokens) => {
            return chunk.convert_scalars(Tokenise::new(tokens));
        }
        Conversion::Micros(unit) => {
            return chunk.convert_scalars(|digits: &[u8], out: &mut Vec<u8>| {
                stored(datetime::in_range(unit.micros(digits)?)?.to_le_bytes(), out)
            });
        }
        Conversion::LocalTimes { zone, unit, target } => {
            let times = LocalTimes::new(zone, *unit);
            return match nulls_rule(target) {
                Some(nulls) => chunk.convert_lists(nulls, times),
                None => chunk.convert_scalars(times),
            };
        }
        Conversion::Retype(target) => target,
    };
    chunk.retype(target)
}

/// What happens to NULLs in arrays; `None` for a type that is no array.
fn nulls_rule(target: &TargetType) -> Option<Nulls> {
    match target {
        TargetType::List(_) => Some(Nulls::Misfit),
        TargetType::ListWithoutNulls(_) => Some(Nulls::LeftOut),
        _ => None,
    }
}

/// Writes `rows` NULLs.
pub(super) fn write_nulls(
    out: &mut ChunkWriter<'_>,
    page: &mut PageBuffer,
    rows: usize,
) -> Result<(), RewriteError> {
    let mut left = rows;
    while left > 0 {
        let now = left.min(BATCH);
        page.definitions.resize(page.definitions.len() + now, 0);
        left -= now;
        if page.is_full() {
            out.write_data_page(page)?;
        }
    }
    Ok(())
}

/// Converts one chunk. `page` is the part of the output that is not yet written.
struct ChunkConverter<'c, 'w, R> {
    source: ChunkSource<R>,
    out: Option<&'c mut ChunkWriter<'w>>,
    page: &'c mut PageBuffer,
    counts: &'c mut ConversionCounts,
}

/// The values of a dictionary after conversion.
#[derive(Default)]
struct ConvertedDictionary {
    /// For each value of the source: its index among the values that fit.
    indices: Vec<Result<u32, Misfit>>,
    /// For each value of the source, the change of the clock that affects it; empty if there is none.
    clock_changes: Vec<Option<ClockChange>>,
    /// The values that fit, in PLAIN, and the end of each.
    plain: Vec<u8>,
    ends: Vec<usize>,
}

impl ConvertedDictionary {
    fn new(source: &Dictionary, convert: &mut impl Convert) -> Self {
        let mut converted = Self::default();
        for index in 0..source.len() {
            let text = source.get(index).unwrap_or_default();
            let index = convert.convert(text, &mut converted.plain).map(|()| {
                converted.ends.push(converted.plain.len());
                // A page header cannot declare more values than a u32 can count.
                converted.ends.len() as u32 - 1
            });
            let change = convert.clock_change().filter(|_| index.is_ok());
            if change.is_some() || !converted.clock_changes.is_empty() {
                converted.clock_changes.resize(converted.indices.len(), None);
                converted.clock_changes.push(change);
            }
            converted.indices.push(index);
        }
        convert.flush(&mut converted.plain);
        converted
    }

    fn get(&self, index: u32) -> &[u8] {
        let index = index as usize;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.plain[start..self.ends[index]]
    }
}

impl<R: Read> ChunkConverter<'_, '_, R> {
    /// Reads text as values of a type, or as arrays of such values.
    fn retype(&mut self, target: &TargetType) -> Result<(), RewriteError> {
        let list = nulls_rule(target);
        let target = target.element().unwrap_or(target);
        match target {
            TargetType::Date => self
                .convert_values(list, |text, out| stored(datetime::date(text)?.to_le_bytes(), out)),
            TargetType::Timestamp => self.convert_values(list, |text, out| {
                stored(datetime::timestamp(text)?.to_le_bytes(), out)
            }),
            TargetType::Datetime => self.convert_values(list, |text, out| {
                stored(datetime::datetime(text)?.to_le_bytes(), out)
            }),
            TargetType::Time => self
                .convert_values(list, |text, out| stored(datetime::time(text)?.to_le_bytes(), out)),
            TargetType::Int64 => self.convert_values(list, |text, out| {
                stored(number::integer(text)?.to_le_bytes(), out)
            }),
            TargetType::Float64 => self
                .convert_values(list, |text, out| stored(number::double(text)?.to_le_bytes(), out)),
            TargetType::Bool => self.convert_values(list, |text, out| {
                out.push(text::boolean(text)?.into());
                Ok(())
            }),
            TargetType::Bytes => self.convert_values(list, convert::bits),
            TargetType::Text => self.convert_values(list, convert::utf8),
            TargetType::Numeric(of) | TargetType::Bignumeric(of) if of.precision <= 18 => {
                self.convert_values(list, |text, out| convert::short_decimal(text, *of, out))
            }
            TargetType::Numeric(of) | TargetType::Bignumeric(of) => {
                self.convert_values(list, |text, out| convert::long_decimal(text, *of, out))
            }
            TargetType::ArrayJson(element) => {
                let mut scratch = Vec::new();
                self.convert_values(list, |text, out| {
                    convert::array_as_json(text, *element, &mut scratch, out)
                })
            }
            // Plan validation refuses lists of lists; a zone makes another conversion.
            TargetType::List(_) | TargetType::ListWithoutNulls(_) | TargetType::TimestampIn(_) => {
                Err(RewriteError::Encoding)
            }
        }
    }

    fn convert_values(
        &mut self,
        list: Option<Nulls>,
        convert: impl FnMut(&[u8], &mut Vec<u8>) -> Result<(), Misfit>,
    ) -> Result<(), RewriteError> {
        match list {
            Some(nulls) => self.convert_lists(nulls, convert),
            None => self.convert_scalars(convert),
        }
    }

    fn convert_scalars(&mut self, mut convert: impl Convert) -> Result<(), RewriteError> {
        // Each value of the dictionary is converted once. If the values repeat often enough, the
        // output gets a dictionary too.
        let dictionary = ConvertedDictionary::new(&self.source.dictionary, &mut convert);
        let by_index = self.write_dictionary(&dictionary)?;
        let mut used = vec![false; if by_index { dictionary.ends.len() } else { 0 }];
        let (mut levels_buffer, mut indices) = ([0; BATCH], [0; BATCH]);
        let mut scratch = Vec::new();
        let mut rows = 0;
        while let Some(info) = self.source.next_page()? {
            rows = add_rows(rows, info, self.source.rows)?;
            let (mut levels, mut values) = values::read_page(
                info,
                self.source.pages.body(),
                self.source.optional,
                self.source.source_type,
            )?;
            let has_indices = by_index && matches!(values, Values::Indices(_));
            if has_indices == self.page.indices.is_empty() {
                flush(&mut self.out, self.page)?;
            }
            while levels.remaining > 0 {
                let batch = levels.next(&mut levels_buffer)?;
                let page = &mut *self.page;
                let start = page.definitions.len();
                page.definitions.extend(batch.iter().map(|level| u8::from(*level != 0)));
                let definitions = &mut page.definitions[start..];
                let present = definitions.iter().filter(|level| **level != 0).count();
                self.counts.values += present as u64;
                self.counts.nulls += (definitions.len() - present) as u64;
                let counts = &mut *self.counts;
                if let Values::Indices(decoder) = &mut values {
                    decoder.read(&mut indices[..present])?;
                    let used = by_index.then_some(&mut used[..]);
                    add_indexed(page, start, &indices[..present], &dictionary, used, counts)?;
                } else {
                    for level in definitions.iter_mut().filter(|level| **level != 0) {
                        match convert.convert(values.next(&mut scratch)?, &mut page.values) {
                            Ok(()) => counts.add_clock_change(convert.clock_change()),
                            Err(misfit) => {
                                counts.misfits[misfit as usize] += 1;
                                *level = 0;
                            }
                        }
                    }
                    convert.flush(&mut page.values);
                }
                if page.is_full() {
                    flush(&mut self.out, page)?;
                }
            }
        }
        if let Some(out) = &mut self.out {
            for (index, _) in used.iter().enumerate().filter(|(_, used)| **used) {
                out.add_to_bounds(dictionary.get(index as u32));
            }
        }
        self.finish(rows)
    }

    /// Writes the dictionary if the output should have one, and returns whether it did.
    fn write_dictionary(&mut self, dictionary: &ConvertedDictionary) -> Result<bool, RewriteError> {
        if let Some(out) = &mut self.out
            && self.source.repeats()
            && !dictionary.ends.is_empty()
            && out.accepts_dictionary(dictionary.plain.len())
        {
            out.write_dictionary(&dictionary.plain, dictionary.ends.len())?;
            return Ok(true);
        }
        Ok(false)
    }

    fn convert_lists(
        &mut self,
        nulls: Nulls,
        mut convert: impl Convert,
    ) -> Result<(), RewriteError> {
        let (mut levels_buffer, mut indices) = ([0; BATCH], [0; BATCH]);
        let (mut scratch, mut unescaped) = (Vec::new(), Vec::new());
        let mut rows = 0;
        while let Some(info) = self.source.next_page()? {
            rows = add_rows(rows, info, self.source.rows)?;
            let (mut levels, mut values) = values::read_page(
                info,
                self.source.pages.body(),
                self.source.optional,
                self.source.source_type,
            )?;
            while levels.remaining > 0 {
                let batch = levels.next(&mut levels_buffer)?;
                let present = batch.iter().filter(|level| **level != 0).count();
                self.counts.values += present as u64;
                self.counts.nulls += (batch.len() - present) as u64;
                if let Values::Indices(decoder) = &mut values {
                    decoder.read(&mut indices[..present])?;
                }
                let mut next = indices.iter();
                for level in batch {
                    let mut count = 0;
                    if *level != 0 {
                        let text = if let Values::Indices(_) = &values {
                            let index = next.next().map_or(usize::MAX, |index| *index as usize);
                            self.source.dictionary.get(index).ok_or(INDEX_OUT_OF_RANGE)?
                        } else {
                            values.next(&mut scratch)?
                        };
                        let page = &mut *self.page;
                        let counts = &mut *self.counts;
                        let out = &mut page.values;
                        match add_elements(text, nulls, &mut unescaped, &mut convert, counts, out) {
                            Ok(elements) => count = elements,
                            Err(misfit) => counts.misfits[misfit as usize] += 1,
                        }
                    }
                    self.page.add_row(count);
                    if self.page.is_full() {
                        flush(&mut self.out, self.page)?;
                    }
                }
            }
        }
        self.finish(rows)
    }

    fn finish(&mut self, rows: usize) -> Result<(), RewriteError> {
        if rows != self.source.rows {
            return Err(RewriteError::Malformed("a column has fewer values than rows"));
        }
        self.counts.bytes_read += self.source.pages.bytes_read;
        self.counts.bytes_inflated += self.source.pages.bytes_inflated;
        Ok(())
    }
}

/// Adds a batch of dictionary indices to a page: as indices, recorded in `used`, or as values if
/// `used` is `None`. A misfit becomes NULL. `start` is where the definition levels of the batch
/// start.
#[inline]
fn add_indexed(
    page: &mut PageBuffer,
    start: usize,
    indices: &[u32],
    dictionary: &ConvertedDictionary,
    mut used: Option<&mut [bool]>,
    counts: &mut ConversionCounts,
) -> Result<(), RewriteError> {
    let mut next = indices.iter();
    for level in page.definitions[start..].iter_mut().filter(|level| **level != 0) {
        let index = next.next().map_or(usize::MAX, |index| *index as usize);
        counts.add_clock_change(dictionary.clock_changes.get(index).copied().flatten());
        match (dictionary.indices.get(index).ok_or(INDEX_OUT_OF_RANGE)?, &mut used) {
            (Ok(index), Some(used)) => {
                page.indices.push(*index);
                used[*index as usize] = true;
            }
            (Ok(index), None) => page.values.extend_from_slice(dictionary.get(*index)),
            (Err(misfit), _) => {
                counts.misfits[*misfit as usize] += 1;
                *level = 0;
            }
        }
    }
    Ok(())
}

/// Appends the elements of an array to `out` and returns their number, and that of the NULLs that were
/// left out. Appends nothing if the array or one of its elements does not fit.
#[inline]
fn add_elements(
    text: &[u8],
    nulls: Nulls,
    unescaped: &mut Vec<u8>,
    convert: &mut impl Convert,
    counts: &mut ConversionCounts,
    out: &mut Vec<u8>,
) -> Result<usize, Misfit> {
    let (start, mut count, mut dropped) = (out.len(), 0, 0);
    let result = array::elements(text, unescaped, |element| {
        let Some(element) = element else {
            dropped += 1;
            return match nulls {
                Nulls::Misfit => Err(Misfit::NullElement),
                Nulls::LeftOut => Ok(()),
            };
        };
        if count >= MAX_ARRAY_ELEMENTS {
            return Err(Misfit::OutOfRange);
        }
        convert.convert(element, out)?;
        counts.add_clock_change(convert.clock_change());
        count += 1;
        Ok(())
    });
    if let Err(misfit) = result {
        out.truncate(start);
        return Err(misfit);
    }
    counts.dropped_nulls += dropped;
    Ok(count)
}

/// Writes the page; clears it if there is no output.
fn flush(
    out: &mut Option<&mut ChunkWriter<'_>>,
    page: &mut PageBuffer,
) -> Result<(), RewriteError> {
    match out {
        Some(out) => out.write_data_page(page)?,
        None => page.clear(),
    }
    Ok(())
}

const INDEX_OUT_OF_RANGE: RewriteError =
    RewriteError::Malformed("an index is beyond the dictionary");

/// The number of rows including one more page.
fn add_rows(rows: usize, info: PageInfo, max: usize) -> Result<usize, RewriteError> {
    let rows = rows.saturating_add(info.values);
    if rows > max {
        Err(RewriteError::Malformed("a column has more values than rows"))
    } else {
        Ok(rows)
    }
}
