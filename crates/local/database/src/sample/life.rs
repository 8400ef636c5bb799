//! Which rows exist on a day: when each row is added, updated and deleted.

use std::ops::RangeInclusive;

use jiff::civil::Date;

use super::tables::{COUPONS_EMPTY_FROM_DAY, SampleTable};

/// One row in this many is deleted on one of the following days.
const DELETED_ONE_IN: u64 = 211;
/// One row in this many is updated on one of the following days.
const UPDATED_ONE_IN: u64 = 17;
/// Days over which those deletions and updates are spread.
const SPREAD_DAYS: u64 = 9;
/// A table grows daily by one row for this many rows of day 0.
const GROWTH_ONE_IN: u64 = 60;
/// Minimum number of rows of a table on day 0, at any scale.
const FEWEST_ROWS: f64 = 12.0;
/// Days over which the rows of day 0 were added.
const PAST_DAYS: i64 = 90;

/// The state of the business on one day.
#[derive(Clone, Debug)]
pub(super) struct BusinessDay {
    pub(super) first_day: Date,
    pub(super) day: u64,
    scale: f64,
}

impl BusinessDay {
    pub(super) fn new(first_day: Date, day: u64, scale: f64) -> BusinessDay {
        BusinessDay { first_day, day, scale }
    }

    /// The last id on day 0; ids begin at 1.
    fn base(&self, kind: SampleTable) -> u64 {
        (kind.base() * self.scale).round().max(FEWEST_ROWS) as u64
    }

    fn daily(&self, kind: SampleTable) -> u64 {
        self.base(kind).div_ceil(GROWTH_ONE_IN)
    }

    /// The last id assigned until this day; 0 when the table is empty.
    pub(super) fn last_id(&self, kind: SampleTable) -> u64 {
        match kind {
            SampleTable::Coupons if self.day >= COUPONS_EMPTY_FROM_DAY => 0,
            SampleTable::Coupons => self.base(kind),
            _ => self.base(kind) + self.day * self.daily(kind),
        }
    }

    /// The day on which the id was added; 0 for the rows of day 0.
    fn added(&self, kind: SampleTable, id: u64) -> u64 {
        match id.checked_sub(self.base(kind) + 1) {
            None => 0,
            Some(since) => since / self.daily(kind) + 1,
        }
    }

    /// The creation date of the row, as days from the first day. A row that is new on a day was
    /// created the day before.
    pub(super) fn added_on(&self, kind: SampleTable, id: u64) -> i64 {
        match self.added(kind, id) {
            0 => (id as i64 - 1) * PAST_DAYS / self.base(kind) as i64 - PAST_DAYS,
            day => day as i64 - 1,
        }
    }

    /// The ids of the rows that were created on a date, as [`added_on`](Self::added_on) says, deleted ones
    /// included.
    pub(super) fn ids_added_on(&self, kind: SampleTable, days: i64) -> RangeInclusive<u64> {
        let base = self.base(kind);
        match u64::try_from(days) {
            Ok(days) => {
                let daily = self.daily(kind);
                base + days * daily + 1..=base + (days + 1) * daily
            }
            Err(_) => {
                // The first index whose date is not before the one that is `past` days after the start.
                let first = |past: i64| (past.max(0) as u64 * base).div_ceil(PAST_DAYS as u64);
                let past = days + PAST_DAYS;
                first(past) + 1..=first(past + 1)
            }
        }
    }

    /// Midnight in UTC of a date, in microseconds since 1970-01-01.
    pub(super) fn midnight_utc(&self, days: i64) -> i64 {
        let epoch = Date::constant(1970, 1, 1);
        let first = (self.first_day - epoch).get_days();
        (i64::from(first) + days) * 86_400_000_000
    }

    fn deleted(&self, kind: SampleTable, id: u64) -> bool {
        kind != SampleTable::Coupons
            && id % DELETED_ONE_IN == 7
            && self.day > self.added(kind, id) + id / DELETED_ONE_IN % SPREAD_DAYS
    }

    /// The day on which the row was updated; `None` when it was not updated until this day.
    pub(super) fn updated(&self, kind: SampleTable, id: u64) -> Option<u64> {
        if id % UPDATED_ONE_IN != 3 {
            return None;
        }
        let day = self.added(kind, id) + 1 + id / UPDATED_ONE_IN % SPREAD_DAYS;
        (day <= self.day).then_some(day)
    }

    /// The ids from `first` to `last` whose rows exist.
    pub(super) fn existing_ids(&self, kind: SampleTable, first: u64, last: u64) -> Vec<u64> {
        (first..=last).filter(|id| !self.deleted(kind, *id)).collect()
    }

    /// Number of rows of the table.
    pub(super) fn rows(&self, kind: SampleTable) -> u64 {
        let last = self.last_id(kind);
        let candidates = (7..=last).step_by(DELETED_ONE_IN as usize);
        last - candidates.filter(|id| self.deleted(kind, *id)).count() as u64
    }

    /// An id of a table that exists since day 0, for a reference to it.
    pub(super) fn some_id(&self, kind: SampleTable, hash: u64) -> u64 {
        hash % self.base(kind) + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ids_of_a_date_are_those_that_were_added_on_it() {
        let business = BusinessDay::new(Date::constant(2026, 11, 21), 5, 0.01);
        for kind in [SampleTable::Clicks, SampleTable::Bookings, SampleTable::Creators] {
            for date in -PAST_DAYS..5 {
                let ids: Vec<u64> = business.ids_added_on(kind, date).collect();
                let expected: Vec<u64> = (1..=business.last_id(kind))
                    .filter(|id| business.added_on(kind, *id) == date)
                    .collect();
                assert_eq!(ids, expected, "{kind:?} {date}");
            }
        }
    }
}
