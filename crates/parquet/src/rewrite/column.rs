//! One column chunk: decoded, converted, written, a page and a batch at a time.

use std::io::Read;

use landbridge_core::rewrite::{Misfit, Target};
use parquet::column::writer::{
    ColumnCloseResult, ColumnWriter, ColumnWriterImpl, get_typed_column_writer,
};
use parquet::data_type::{
    BoolType, ByteArrayType, DataType, DoubleType, FixedLenByteArrayType, FloatType, Int32Type,
    Int64Type, Int96Type,
};

use super::convert::{
    Arena, Convert, ToBool, ToBytes, ToDate, ToDouble, ToInt64, ToLongDecimal, ToShortDecimal,
    ToText, ToToken,
};
use super::pages::{Head, Kind, Pages};
use super::text::{array, moment, number};
use super::token::Tokens;
use super::trouble::Trouble;
use super::values::{self, BATCH, Dictionary, Stored, Values};

/// The most elements that one array may have; a longer one is out of range.
const MOST_ELEMENTS: usize = 1 << 20;
/// Text that is converted at most before it is written, where arrays make much of little.
const MOST_TEXT: usize = 1 << 20;

/// What is counted while a column is converted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Values of the source that are not NULL.
    pub(super) values: u64,
    /// NULLs of the source.
    pub(super) nulls: u64,
    /// Misfits by their reason.
    pub(super) misfits: [u64; Misfit::COUNT],
    /// Bytes of pages as they are stored, and decompressed.
    pub(super) read: u64,
    pub(super) inflated: u64,
}

/// What is made of a column's values.
#[derive(Clone)]
pub(super) enum Work {
    Retype(Target),
    Tokenise(Tokens),
}

/// A chunk to be read, its dictionary read already.
pub(super) struct Source<R> {
    pages: Pages<R>,
    first: Option<Head>,
    dictionary: Dictionary,
    optional: bool,
    stored: Stored,
    rows: usize,
}

impl<R: Read> Source<R> {
    /// Begins a chunk of `rows` rows. Its dictionary may have `limit` bytes.
    pub(super) fn open(
        mut pages: Pages<R>,
        optional: bool,
        stored: Stored,
        rows: usize,
        limit: usize,
    ) -> Result<Self, Trouble> {
        let mut first = pages.next()?;
        let mut dictionary = Dictionary::default();
        if let Some(head) = first.filter(|head| head.kind == Kind::Dictionary) {
            if pages.body().len() > limit {
                return Err(Trouble::PageTooLarge);
            }
            dictionary = Dictionary::read(head, pages.body(), stored)?;
            first = None;
        }
        Ok(Self { pages, first, dictionary, optional, stored, rows })
    }

    /// Whether so few values repeat so often that a dictionary is worth its while again.
    pub(super) fn repeats(&self) -> bool {
        self.dictionary.len() > 0 && self.dictionary.len() <= self.rows / 8
    }

    fn next_page(&mut self) -> Result<Option<Head>, Trouble> {
        match self.first.take() {
            Some(head) => Ok(Some(head)),
            None => self.pages.next(),
        }
    }
}

/// Reads the chunk and writes it to `out`, or nowhere, which only counts.
pub(super) fn convert<R: Read>(
    source: Source<R>,
    work: &Work,
    out: Option<ColumnWriter<'_>>,
    tally: &mut Tally,
) -> Result<Option<ColumnCloseResult>, Trouble> {
    let target = match work {
        Work::Tokenise(tokens) => {
            return run(source, ToToken(tokens.clone(), Arena::default()), false, out, tally);
        }
        Work::Retype(target) => target,
    };
    let (target, list) = match target {
        Target::List(of) => (of.as_ref(), true),
        target => (target, false),
    };
    match target {
        Target::Date => run(source, ToDate, list, out, tally),
        Target::Timestamp => run(source, ToInt64(moment::timestamp), list, out, tally),
        Target::Time => run(source, ToInt64(moment::time), list, out, tally),
        Target::Int64 => run(source, ToInt64(number::whole), list, out, tally),
        Target::Float64 => run(source, ToDouble, list, out, tally),
        Target::Bool => run(source, ToBool, list, out, tally),
        Target::Bytes => run(source, ToBytes::default(), list, out, tally),
        Target::Text => run(source, ToText::default(), list, out, tally),
        Target::Numeric(of) | Target::Bignumeric(of) if of.precision <= 18 => {
            run(source, ToShortDecimal(*of), list, out, tally)
        }
        Target::Numeric(of) | Target::Bignumeric(of) => {
            run(source, ToLongDecimal(*of, Arena::default()), list, out, tally)
        }
        // The plan refuses it before anything is read.
        Target::List(_) => Err(Trouble::Encoding),
    }
}

/// Writes a chunk of NULLs.
pub(super) fn nulls(out: ColumnWriter<'_>, rows: usize) -> Result<ColumnCloseResult, Trouble> {
    fn write<D: DataType>(
        out: ColumnWriter<'_>,
        rows: usize,
    ) -> Result<ColumnCloseResult, Trouble> {
        let mut writer = get_typed_column_writer::<D>(out);
        let levels = [0_i16; BATCH];
        let mut left = rows;
        while left > 0 {
            let now = left.min(BATCH);
            writer.write_batch(&[], Some(&levels[..now]), None)?;
            left -= now;
        }
        Ok(writer.close()?)
    }
    match &out {
        ColumnWriter::BoolColumnWriter(_) => write::<BoolType>(out, rows),
        ColumnWriter::Int32ColumnWriter(_) => write::<Int32Type>(out, rows),
        ColumnWriter::Int64ColumnWriter(_) => write::<Int64Type>(out, rows),
        ColumnWriter::Int96ColumnWriter(_) => write::<Int96Type>(out, rows),
        ColumnWriter::FloatColumnWriter(_) => write::<FloatType>(out, rows),
        ColumnWriter::DoubleColumnWriter(_) => write::<DoubleType>(out, rows),
        ColumnWriter::ByteArrayColumnWriter(_) => write::<ByteArrayType>(out, rows),
        ColumnWriter::FixedLenByteArrayColumnWriter(_) => write::<FixedLenByteArrayType>(out, rows),
    }
}

/// Where values go.
trait Sink<T> {
    fn write(
        &mut self,
        values: &[T],
        definitions: &[i16],
        repetitions: Option<&[i16]>,
    ) -> Result<(), Trouble>;
}

impl<D: DataType> Sink<D::T> for ColumnWriterImpl<'_, D> {
    fn write(
        &mut self,
        values: &[D::T],
        definitions: &[i16],
        repetitions: Option<&[i16]>,
    ) -> Result<(), Trouble> {
        self.write_batch(values, Some(definitions), repetitions)?;
        Ok(())
    }
}

/// For counting only.
struct Nowhere;

impl<T> Sink<T> for Nowhere {
    fn write(&mut self, _: &[T], _: &[i16], _: Option<&[i16]>) -> Result<(), Trouble> {
        Ok(())
    }
}

fn run<R: Read, C: Convert>(
    mut source: Source<R>,
    convert: C,
    list: bool,
    out: Option<ColumnWriter<'_>>,
    tally: &mut Tally,
) -> Result<Option<ColumnCloseResult>, Trouble> {
    let result = match out {
        Some(out) => {
            let mut writer = get_typed_column_writer::<C::Data>(out);
            if list {
                lists(&mut source, convert, &mut writer, tally)?;
            } else {
                scalars(&mut source, convert, &mut writer, tally)?;
            }
            Some(writer.close()?)
        }
        None => {
            if list {
                lists(&mut source, convert, &mut Nowhere, tally)?;
            } else {
                scalars(&mut source, convert, &mut Nowhere, tally)?;
            }
            None
        }
    };
    tally.read += source.pages.read;
    tally.inflated += source.pages.inflated;
    Ok(result)
}

fn scalars<R: Read, C: Convert>(
    source: &mut Source<R>,
    mut convert: C,
    sink: &mut impl Sink<<C::Data as DataType>::T>,
    tally: &mut Tally,
) -> Result<(), Trouble> {
    // What repeats is converted once.
    let mut known = Vec::with_capacity(source.dictionary.len());
    for index in 0..source.dictionary.len() {
        known.push(convert.convert(source.dictionary.get(index).unwrap_or_default()));
    }
    let (mut levels_buffer, mut indices) = ([0; BATCH], [0; BATCH]);
    let mut scratch = Vec::new();
    let mut out = Vec::with_capacity(BATCH);
    let mut definitions = Vec::with_capacity(BATCH);
    let mut rows = 0;
    while let Some(head) = source.next_page()? {
        rows = enough(rows, head, source.rows)?;
        let (mut levels, mut values) =
            values::open(head, source.pages.body(), source.optional, source.stored)?;
        while levels.left > 0 {
            let present = levels.next(&mut levels_buffer)?;
            out.clear();
            definitions.clear();
            let there = present.iter().filter(|level| **level != 0).count();
            if let Values::Indices(packed) = &mut values {
                packed.read(&mut indices[..there])?;
            }
            let mut next = indices.iter();
            for level in present {
                if *level == 0 {
                    definitions.push(0);
                    continue;
                }
                let value = if let Values::Indices(_) = &values {
                    let index = next.next().map_or(usize::MAX, |index| *index as usize);
                    known.get(index).cloned().ok_or(BEYOND)?
                } else {
                    convert.convert(values.next(&mut scratch)?)
                };
                match value {
                    Ok(value) => {
                        out.push(value);
                        definitions.push(1);
                    }
                    Err(misfit) => {
                        tally.misfits[misfit as usize] += 1;
                        definitions.push(0);
                    }
                }
            }
            tally.values += there as u64;
            tally.nulls += (present.len() - there) as u64;
            sink.write(&out, &definitions, None)?;
        }
    }
    complete(rows, source.rows)
}

fn lists<R: Read, C: Convert>(
    source: &mut Source<R>,
    mut convert: C,
    sink: &mut impl Sink<<C::Data as DataType>::T>,
    tally: &mut Tally,
) -> Result<(), Trouble> {
    let (mut levels_buffer, mut indices) = ([0; BATCH], [0; BATCH]);
    let (mut scratch, mut unescaped) = (Vec::new(), Vec::new());
    let (mut out, mut definitions, mut repetitions) = (Vec::new(), Vec::new(), Vec::new());
    let mut rows = 0;
    while let Some(head) = source.next_page()? {
        rows = enough(rows, head, source.rows)?;
        let (mut levels, mut values) =
            values::open(head, source.pages.body(), source.optional, source.stored)?;
        while levels.left > 0 {
            let present = levels.next(&mut levels_buffer)?;
            let there = present.iter().filter(|level| **level != 0).count();
            if let Values::Indices(packed) = &mut values {
                packed.read(&mut indices[..there])?;
            }
            let mut next = indices.iter();
            let mut text_so_far = 0;
            for level in present {
                let start = out.len();
                if *level != 0 {
                    let text = if let Values::Indices(_) = &values {
                        let index = next.next().map_or(usize::MAX, |index| *index as usize);
                        source.dictionary.get(index).ok_or(BEYOND)?
                    } else {
                        values.next(&mut scratch)?
                    };
                    text_so_far += text.len();
                    let result = array::elements(text, &mut unescaped, |element| {
                        if out.len() - start >= MOST_ELEMENTS {
                            return Err(Misfit::OutOfRange);
                        }
                        out.push(convert.convert(element)?);
                        Ok(())
                    });
                    if let Err(misfit) = result {
                        tally.misfits[misfit as usize] += 1;
                        out.truncate(start);
                    }
                }
                // A row with no elements has one place, at level 0.
                let count = out.len() - start;
                definitions.resize(definitions.len() + count.max(1), i16::from(count > 0));
                repetitions.push(0);
                repetitions.resize(definitions.len(), 1);
                if text_so_far > MOST_TEXT {
                    sink.write(&out, &definitions, Some(&repetitions))?;
                    text_so_far = 0;
                    out.clear();
                    definitions.clear();
                    repetitions.clear();
                }
            }
            tally.values += there as u64;
            tally.nulls += (present.len() - there) as u64;
            if !definitions.is_empty() {
                sink.write(&out, &definitions, Some(&repetitions))?;
            }
            out.clear();
            definitions.clear();
            repetitions.clear();
        }
    }
    complete(rows, source.rows)
}

const BEYOND: Trouble = Trouble::Page("an index is beyond the dictionary");

/// The rows after one more page.
fn enough(rows: usize, head: Head, most: usize) -> Result<usize, Trouble> {
    let rows = rows.saturating_add(head.values);
    if rows > most { Err(Trouble::Page("a column has more values than rows")) } else { Ok(rows) }
}

fn complete(rows: usize, expected: usize) -> Result<(), Trouble> {
    if rows == expected {
        Ok(())
    } else {
        Err(Trouble::Page("a column has fewer values than rows"))
    }
}
