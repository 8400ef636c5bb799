//! One column chunk: decoded, converted, written, a page and a batch at a time.

use std::io::Read;

use landbridge_core::rewrite::{Misfit, TargetType};

use super::convert::{self, Convert, put};
use super::error::RewriteError;
use super::pages::{Head, Kind, Pages};
use super::text::{self, array, moment, number};
use super::token::{Tokenise, Tokens};
use super::values::{self, BATCH, Dictionary, Stored, Values};
use super::write::{ChunkWriter, Page};

/// The most elements that one array may have; a longer one is out of range.
const MOST_ELEMENTS: usize = 1 << 20;

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
    Retype(TargetType),
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
    ) -> Result<Self, RewriteError> {
        let mut first = pages.next()?;
        let mut dictionary = Dictionary::default();
        if let Some(head) = first.filter(|head| head.kind == Kind::Dictionary) {
            if pages.body().len() > limit {
                return Err(RewriteError::PageTooLarge);
            }
            dictionary = Dictionary::read(head, pages.body(), stored)?;
            first = None;
        }
        Ok(Self { pages, first, dictionary, optional, stored, rows })
    }

    /// Whether so few values repeat so often that a dictionary is worth its while again.
    fn repeats(&self) -> bool {
        self.dictionary.len() > 0 && self.dictionary.len() <= self.rows / 8
    }

    fn next_page(&mut self) -> Result<Option<Head>, RewriteError> {
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
    out: Option<&mut ChunkWriter<'_>>,
    page: &mut Page,
    tally: &mut Tally,
) -> Result<(), RewriteError> {
    let mut chunk = Chunk { source, out, page, tally };
    let target = match work {
        Work::Tokenise(tokens) => {
            return chunk.scalars(Tokenise::new(tokens));
        }
        Work::Retype(target) => target,
    };
    let (target, list) = match target {
        TargetType::List(of) => (of.as_ref(), true),
        target => (target, false),
    };
    match target {
        TargetType::Date => chunk.run(list, |text, out| {
            put(moment::date(text)?.to_le_bytes(), out);
            Ok(())
        }),
        TargetType::Timestamp => chunk.run(list, |text, out| {
            put(moment::timestamp(text)?.to_le_bytes(), out);
            Ok(())
        }),
        TargetType::Time => chunk.run(list, |text, out| {
            put(moment::time(text)?.to_le_bytes(), out);
            Ok(())
        }),
        TargetType::Int64 => chunk.run(list, |text, out| {
            put(number::whole(text)?.to_le_bytes(), out);
            Ok(())
        }),
        TargetType::Float64 => chunk.run(list, |text, out| {
            put(number::double(text)?.to_le_bytes(), out);
            Ok(())
        }),
        TargetType::Bool => chunk.run(list, |text, out| {
            out.push(text::boolean(text)?.into());
            Ok(())
        }),
        TargetType::Bytes => chunk.run(list, convert::bits),
        TargetType::Text => chunk.run(list, convert::utf8),
        TargetType::Numeric(of) | TargetType::Bignumeric(of) if of.precision <= 18 => {
            chunk.run(list, |text, out| convert::short_decimal(text, *of, out))
        }
        TargetType::Numeric(of) | TargetType::Bignumeric(of) => {
            chunk.run(list, |text, out| convert::long_decimal(text, *of, out))
        }
        // The plan refuses it before anything is read.
        TargetType::List(_) => Err(RewriteError::Encoding),
    }
}

/// Fills pages of NULLs.
pub(super) fn nulls(
    out: &mut ChunkWriter<'_>,
    page: &mut Page,
    rows: usize,
) -> Result<(), RewriteError> {
    let mut left = rows;
    while left > 0 {
        let now = left.min(BATCH);
        page.definitions.resize(page.definitions.len() + now, 0);
        left -= now;
        if page.is_full() {
            out.page(page)?;
        }
    }
    Ok(())
}

/// A chunk on its way. `page` is what is not yet written of it.
struct Chunk<'c, 'w, R> {
    source: Source<R>,
    out: Option<&'c mut ChunkWriter<'w>>,
    page: &'c mut Page,
    tally: &'c mut Tally,
}

/// The values of a dictionary after conversion.
#[derive(Default)]
struct Known {
    /// For each value of the source: its place among those that fit.
    places: Vec<Result<u32, Misfit>>,
    /// Those that fit, in PLAIN, and where each ends.
    plain: Vec<u8>,
    ends: Vec<usize>,
}

impl Known {
    fn get(&self, place: u32) -> &[u8] {
        let place = place as usize;
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.plain[start..self.ends[place]]
    }
}

impl<R: Read> Chunk<'_, '_, R> {
    fn run(
        &mut self,
        list: bool,
        convert: impl FnMut(&[u8], &mut Vec<u8>) -> Result<(), Misfit>,
    ) -> Result<(), RewriteError> {
        if list { self.lists(convert) } else { self.scalars(convert) }
    }

    fn known(&self, convert: &mut impl Convert) -> Known {
        let mut known = Known::default();
        for index in 0..self.source.dictionary.len() {
            let text = self.source.dictionary.get(index).unwrap_or_default();
            let place = convert.convert(text, &mut known.plain).map(|()| {
                known.ends.push(known.plain.len());
                // There are not more of them than the header of a page can say.
                known.ends.len() as u32 - 1
            });
            known.places.push(place);
        }
        convert.settle(&mut known.plain);
        known
    }

    fn scalars(&mut self, mut convert: impl Convert) -> Result<(), RewriteError> {
        // What repeats is converted once; and where it repeats enough, written once.
        let known = self.known(&mut convert);
        let mut by_index = false;
        if let Some(out) = &mut self.out
            && self.source.repeats()
            && !known.ends.is_empty()
            && out.takes_dictionary(known.plain.len())
        {
            out.dictionary(&known.plain, known.ends.len())?;
            by_index = true;
        }
        let mut occur = vec![false; if by_index { known.ends.len() } else { 0 }];
        let (mut levels_buffer, mut indices) = ([0; BATCH], [0; BATCH]);
        let mut scratch = Vec::new();
        let mut rows = 0;
        while let Some(head) = self.source.next_page()? {
            rows = enough(rows, head, self.source.rows)?;
            let (mut levels, mut values) = values::open(
                head,
                self.source.pages.body(),
                self.source.optional,
                self.source.stored,
            )?;
            let of_indices = by_index && matches!(values, Values::Indices(_));
            if of_indices == self.page.indices.is_empty() {
                flush(&mut self.out, self.page)?;
            }
            let Tally { values: present, nulls, misfits, .. } = &mut *self.tally;
            while levels.left > 0 {
                let batch = levels.next(&mut levels_buffer)?;
                let page = &mut *self.page;
                let begin = page.definitions.len();
                page.definitions.extend(batch.iter().map(|level| u8::from(*level != 0)));
                let places = &mut page.definitions[begin..];
                let there = places.iter().filter(|place| **place != 0).count();
                *present += there as u64;
                *nulls += (places.len() - there) as u64;
                if let Values::Indices(packed) = &mut values {
                    packed.read(&mut indices[..there])?;
                    let mut next = indices[..there].iter();
                    for place in places.iter_mut().filter(|place| **place != 0) {
                        let index = next.next().map_or(usize::MAX, |index| *index as usize);
                        match known.places.get(index).ok_or(BEYOND)? {
                            Ok(index) if by_index => {
                                page.indices.push(*index);
                                occur[*index as usize] = true;
                            }
                            Ok(index) => page.values.extend_from_slice(known.get(*index)),
                            Err(misfit) => {
                                misfits[*misfit as usize] += 1;
                                *place = 0;
                            }
                        }
                    }
                } else {
                    for place in places.iter_mut().filter(|place| **place != 0) {
                        if let Err(misfit) =
                            convert.convert(values.next(&mut scratch)?, &mut page.values)
                        {
                            misfits[misfit as usize] += 1;
                            *place = 0;
                        }
                    }
                    convert.settle(&mut page.values);
                }
                if page.is_full() {
                    flush(&mut self.out, page)?;
                }
            }
        }
        if let Some(out) = &mut self.out {
            for (index, _) in occur.iter().enumerate().filter(|(_, occurs)| **occurs) {
                out.occurs(known.get(index as u32));
            }
        }
        self.complete(rows)
    }

    fn lists(&mut self, mut convert: impl Convert) -> Result<(), RewriteError> {
        let (mut levels_buffer, mut indices) = ([0; BATCH], [0; BATCH]);
        let (mut scratch, mut unescaped) = (Vec::new(), Vec::new());
        let mut rows = 0;
        while let Some(head) = self.source.next_page()? {
            rows = enough(rows, head, self.source.rows)?;
            let (mut levels, mut values) = values::open(
                head,
                self.source.pages.body(),
                self.source.optional,
                self.source.stored,
            )?;
            while levels.left > 0 {
                let batch = levels.next(&mut levels_buffer)?;
                let there = batch.iter().filter(|level| **level != 0).count();
                self.tally.values += there as u64;
                self.tally.nulls += (batch.len() - there) as u64;
                if let Values::Indices(packed) = &mut values {
                    packed.read(&mut indices[..there])?;
                }
                let mut next = indices.iter();
                for level in batch {
                    let page = &mut *self.page;
                    let mut count = 0;
                    if *level != 0 {
                        let text = if let Values::Indices(_) = &values {
                            let index = next.next().map_or(usize::MAX, |index| *index as usize);
                            self.source.dictionary.get(index).ok_or(BEYOND)?
                        } else {
                            values.next(&mut scratch)?
                        };
                        let start = page.values.len();
                        let result = array::elements(text, &mut unescaped, |element| {
                            if count >= MOST_ELEMENTS {
                                return Err(Misfit::OutOfRange);
                            }
                            convert.convert(element, &mut page.values)?;
                            count += 1;
                            Ok(())
                        });
                        if let Err(misfit) = result {
                            self.tally.misfits[misfit as usize] += 1;
                            page.values.truncate(start);
                            count = 0;
                        }
                    }
                    // A row with no elements has one place, at level 0.
                    let places = page.definitions.len() + count.max(1);
                    page.definitions.resize(places, u8::from(count > 0));
                    page.repetitions.push(0);
                    page.repetitions.resize(places, 1);
                    if page.is_full() {
                        flush(&mut self.out, page)?;
                    }
                }
            }
        }
        self.complete(rows)
    }

    fn complete(&mut self, rows: usize) -> Result<(), RewriteError> {
        if rows != self.source.rows {
            return Err(RewriteError::Page("a column has fewer values than rows"));
        }
        self.tally.read += self.source.pages.read;
        self.tally.inflated += self.source.pages.inflated;
        Ok(())
    }
}

/// Writes the page, or forgets it where nothing is written.
fn flush(out: &mut Option<&mut ChunkWriter<'_>>, page: &mut Page) -> Result<(), RewriteError> {
    match out {
        Some(out) => out.page(page)?,
        None => page.clear(),
    }
    Ok(())
}

const BEYOND: RewriteError = RewriteError::Page("an index is beyond the dictionary");

/// The rows after one more page.
fn enough(rows: usize, head: Head, most: usize) -> Result<usize, RewriteError> {
    let rows = rows.saturating_add(head.values);
    if rows > most {
        Err(RewriteError::Page("a column has more values than rows"))
    } else {
        Ok(rows)
    }
}
