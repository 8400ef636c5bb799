//! Which rows there are on a day: when each is added, touched and deleted.

use jiff::civil::Date;

use super::tables::{COUPONS_EMPTY_FROM_DAY, Kind};

/// One row in so many is deleted on one of the days to come.
const DELETED_ONE_IN: u64 = 211;
/// One row in so many is updated on one of the days to come.
const TOUCHED_ONE_IN: u64 = 17;
/// Days over which those deletions and updates are spread.
const SPREAD_DAYS: u64 = 9;
/// A table grows by this part of its base a day.
const GROWTH_ONE_IN: u64 = 60;
/// Rows of a table at the smallest scale.
const FEWEST_ROWS: f64 = 12.0;
/// Days over which the rows of day 0 were added.
const PAST_DAYS: i64 = 90;

/// The business as one day sees it.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub(super) first_day: Date,
    pub(super) day: u64,
    scale: f64,
}

impl View {
    pub(super) fn new(first_day: Date, day: u64, scale: f64) -> View {
        View { first_day, day, scale }
    }

    /// Ids 1 to this exist on day 0.
    fn base(&self, kind: Kind) -> u64 {
        (kind.base() * self.scale).round().max(FEWEST_ROWS) as u64
    }

    fn daily(&self, kind: Kind) -> u64 {
        self.base(kind).div_ceil(GROWTH_ONE_IN)
    }

    /// The last id that was given until this day; 0 when the table is empty.
    pub(super) fn last_id(&self, kind: Kind) -> u64 {
        match kind {
            Kind::Coupons if self.day >= COUPONS_EMPTY_FROM_DAY => 0,
            Kind::Coupons => self.base(kind),
            _ => self.base(kind) + self.day * self.daily(kind),
        }
    }

    /// The day on which the id was added; 0 for all that were there at first.
    fn added(&self, kind: Kind, id: u64) -> u64 {
        match id.checked_sub(self.base(kind) + 1) {
            None => 0,
            Some(since) => since / self.daily(kind) + 1,
        }
    }

    /// The date on which the id was added, as days from the first day: a row
    /// that is new on a day was made the day before.
    pub(super) fn added_on(&self, kind: Kind, id: u64) -> i64 {
        match self.added(kind, id) {
            0 => (id as i64 - 1) * PAST_DAYS / self.base(kind) as i64 - PAST_DAYS,
            day => day as i64 - 1,
        }
    }

    fn deleted(&self, kind: Kind, id: u64) -> bool {
        kind != Kind::Coupons
            && id % DELETED_ONE_IN == 7
            && self.day > self.added(kind, id) + id / DELETED_ONE_IN % SPREAD_DAYS
    }

    /// The day on which the row was updated, if it was until now.
    pub(super) fn touched(&self, kind: Kind, id: u64) -> Option<u64> {
        if id % TOUCHED_ONE_IN != 3 {
            return None;
        }
        let day = self.added(kind, id) + 1 + id / TOUCHED_ONE_IN % SPREAD_DAYS;
        (day <= self.day).then_some(day)
    }

    /// The ids from `first` to `last` whose rows are there.
    pub(super) fn alive(&self, kind: Kind, first: u64, last: u64) -> Vec<u64> {
        (first..=last).filter(|id| !self.deleted(kind, *id)).collect()
    }

    /// How many rows the table has.
    pub(super) fn rows(&self, kind: Kind) -> u64 {
        let last = self.last_id(kind);
        let candidates = (7..=last).step_by(DELETED_ONE_IN as usize);
        last - candidates.filter(|id| self.deleted(kind, *id)).count() as u64
    }

    /// Some id of a table that all days know, for a reference to it.
    pub(super) fn some_id(&self, kind: Kind, hash: u64) -> u64 {
        hash % self.base(kind) + 1
    }
}
