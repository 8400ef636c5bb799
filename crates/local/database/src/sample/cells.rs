//! Builds text columns by pushing bytes into one buffer, without `format!`, so that it is fast in an
//! unoptimised build.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use jiff::ToSpan;
use jiff::civil::Date;

use crate::error::DatabaseError;

/// A column of text.
#[derive(Default)]
pub(super) struct Texts {
    values: Vec<u8>,
    lengths: Vec<usize>,
    present: Vec<bool>,
}

impl Texts {
    pub(super) fn with_capacity(rows: usize) -> Texts {
        Texts {
            values: Vec::with_capacity(rows * 16),
            lengths: Vec::with_capacity(rows),
            present: Vec::with_capacity(rows),
        }
    }

    /// Adds a cell with the concatenated parts.
    pub(super) fn push(&mut self, parts: &[&str]) {
        let start = self.values.len();
        for part in parts {
            self.values.extend_from_slice(part.as_bytes());
        }
        self.end(start);
    }

    /// Adds a cell. `write` appends its text, which must be UTF-8.
    pub(super) fn write(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.values.len();
        write(&mut self.values);
        self.end(start);
    }

    pub(super) fn null(&mut self) {
        self.lengths.push(0);
        self.present.push(false);
    }

    fn end(&mut self, start: usize) {
        self.lengths.push(self.values.len() - start);
        self.present.push(true);
    }

    pub(super) fn finish(self) -> Result<ArrayRef, DatabaseError> {
        let nulls = self.present.contains(&false).then(|| NullBuffer::from(self.present));
        let offsets = OffsetBuffer::from_lengths(self.lengths);
        Ok(Arc::new(StringArray::try_new(offsets, self.values.into(), nulls)?))
    }
}

/// Appends a number with at least `width` digits.
pub(super) fn digits(out: &mut Vec<u8>, mut value: u64, width: usize) {
    let start = out.len();
    while value > 0 || out.len() - start < width {
        out.push(b'0' + (value % 10) as u8);
        value /= 10;
    }
    out[start..].reverse();
}

/// Formats dates, given as days from the first day. Keeps the last one, because adjacent rows mostly
/// have the same date.
pub(super) struct Calendar {
    first_day: Date,
    last: Option<(i64, String)>,
}

impl Calendar {
    pub(super) fn new(first_day: Date) -> Calendar {
        Calendar { first_day, last: None }
    }

    pub(super) fn date(&mut self, days: i64) -> &str {
        let first_day = self.first_day;
        let (of, text) = self.last.get_or_insert_with(|| (days, text(first_day, days)));
        if *of != days {
            (*of, *text) = (days, self::text(first_day, days));
        }
        text
    }

    /// The second of the day in UTC that a hash chooses, before 15:00.
    pub(super) fn second(hash: u64) -> u64 {
        hash % (15 * 3_600)
    }

    /// Appends `2026-03-01 09:30:00` and the text of the zone. `hash` chooses the time of day, from
    /// 00:00 to 14:59:59 UTC, so that the date in Seoul is the same.
    pub(super) fn time(&mut self, out: &mut Vec<u8>, days: i64, hash: u64, zone: &str) {
        let second = Self::second(hash);
        out.extend_from_slice(self.date(days).as_bytes());
        for (separator, value) in
            [(b' ', second / 3_600), (b':', second / 60 % 60), (b':', second % 60)]
        {
            out.push(separator);
            digits(out, value, 2);
        }
        out.extend_from_slice(zone.as_bytes());
    }
}

fn text(first_day: Date, days: i64) -> String {
    // Saturates at the last supported date, which no sample reaches.
    first_day.saturating_add(days.days()).to_string()
}
