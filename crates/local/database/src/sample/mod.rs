//! The built-in sample database: a travel-affiliate business that changes daily.
//!
//! Creators post links to partners' hotels and flights; clicks become bookings,
//! bookings become payouts. Everything is invented, including the personal data: mail domains are
//! those of RFC 2606, telephone numbers, bank codes and passport letters are from unassigned ranges,
//! IP addresses are from the documentation ranges.
//!
//! Every row is a pure function of its id and of the day. A snapshot therefore costs nothing until
//! it is read, and a day always has the same rows.

mod cells;
mod ga4;
mod life;
mod people;
mod rows;
mod tables;

use std::path::Path;
use std::sync::Arc;

use futures::future::BoxFuture;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::error::DatabaseError;
use crate::snapshot::{Batches, DatabaseSnapshot, SourceDatabase, Table};
use landbridge_source::Engine;

pub use ga4::{GA4_SCHEMA, Ga4Table};
pub use tables::{COUPONS_EMPTY_FROM_DAY, PASSPORT_FROM_DAY};

/// The time zone of the business, in which its days begin.
const ZONE: &str = "Asia/Seoul";
/// Number of ids that a batch covers. Deleted ids leave gaps.
const IDS_PER_BATCH: u64 = 16_384;

/// The travel-affiliate business, from its first day on.
///
/// PostgreSQL, database `shop`, schema `public`: creators, partners, links,
/// clicks, bookings, payouts, coupons. Each day adds and deletes rows of each
/// table but coupons, and updates rows of each but clicks and coupons; coupons
/// are emptied on [`COUPONS_EMPTY_FROM_DAY`], and creators get the column
/// `passport_no` on [`PASSPORT_FROM_DAY`].
#[derive(Clone, Debug)]
pub struct SampleDatabase {
    first_day: Date,
    scale: f64,
}

impl SampleDatabase {
    /// The business whose day 0 is `first_day`, a date in Seoul. Earlier days are the same as day 0.
    /// At scale 1.0 day 0 has about 300,000 rows; every table has a few rows at any scale.
    pub fn new(first_day: Date, scale: f64) -> SampleDatabase {
        SampleDatabase { first_day, scale }
    }

    /// The number of the day at an instant.
    pub fn day(&self, at: Timestamp) -> u64 {
        let date = match TimeZone::get(ZONE) {
            Ok(zone) => at.to_zoned(zone).date(),
            // Seoul has had no daylight saving time since 1988: the offset is always nine hours.
            Err(_) => at.to_zoned(TimeZone::fixed(jiff::tz::offset(9))).date(),
        };
        let days = (date - self.first_day).get_days();
        u64::try_from(days).unwrap_or(0)
    }

    /// The state on this day. Computes only the number of rows.
    pub fn on_day(&self, day: u64) -> Arc<dyn DatabaseSnapshot> {
        let view = life::BusinessDay::new(self.first_day, day, self.scale);
        let tables = tables::ALL.iter().map(|kind| {
            let mut table = kind.table(day);
            table.rows = Some(view.rows(*kind));
            table
        });
        let tables = tables.collect();
        Arc::new(SampleSnapshot { engine: self.engine(), view, tables })
    }
}

impl SourceDatabase for SampleDatabase {
    fn supports_any_instant(&self) -> bool {
        true
    }

    fn engine(&self) -> Engine {
        Engine::postgres("16.4")
    }

    fn capture<'a>(
        &'a self,
        at: Timestamp,
        _dir: &'a Path,
    ) -> BoxFuture<'a, Result<Arc<dyn DatabaseSnapshot>, DatabaseError>> {
        let snapshot = self.on_day(self.day(at));
        Box::pin(std::future::ready(Ok(snapshot)))
    }
}

struct SampleSnapshot {
    engine: Engine,
    view: life::BusinessDay,
    tables: Vec<Table>,
}

impl DatabaseSnapshot for SampleSnapshot {
    fn engine(&self) -> &Engine {
        &self.engine
    }

    fn database(&self) -> &str {
        "shop"
    }

    fn tables(&self) -> &[Table] {
        &self.tables
    }

    fn read(&self, table: &Table) -> Result<Batches, DatabaseError> {
        let unknown = || DatabaseError::UnknownTable {
            schema: table.schema.clone(),
            table: table.name.clone(),
        };
        let own = |own: &&Table| own.schema == table.schema && own.name == table.name;
        let schema = self.tables.iter().find(own).ok_or_else(unknown)?.arrow_schema();
        let kind =
            tables::ALL.into_iter().find(|kind| kind.name() == table.name).ok_or_else(unknown)?;
        let view = self.view.clone();
        let last = view.last_id(kind);
        let starts = (1..=last).step_by(usize::try_from(IDS_PER_BATCH).unwrap_or(usize::MAX));
        Ok(Box::new(starts.map(move |first| {
            let ids = view.existing_ids(kind, first, last.min(first + IDS_PER_BATCH - 1));
            rows::batch(kind, &view, &ids, schema.clone())
        })))
    }
}
