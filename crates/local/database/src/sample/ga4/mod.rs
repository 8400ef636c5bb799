//! A GA4 export to BigQuery that fits the business: the visits of its site, made from the sample's own
//! clicks, bookings and creators.
//!
//! Tables, columns and their life follow Google's documentation ("\[GA4\] BigQuery Export schema",
//! <https://developers.google.com/analytics/bigquery/event-schema>): `events_YYYYMMDD` changes for up to
//! three days, `events_intraday_YYYYMMDD` exists until the day's table does, and has no attribution.
//! `user_id` is the key of a creator, as a site should send it.
//!
//! | module | responsibility |
//! |---|---|
//! | this one | which tables exist on a day, and which events are in them |
//! | `visits` | who visits the site, when, and what they do there |
//! | `event` | an event as a row of the export |

mod event;
mod visits;

use jiff::ToSpan;
use jiff::civil::Date;

use super::SampleDatabase;
use super::life::BusinessDay;

/// The columns of every table of the export, as BigQuery's API describes them.
pub const GA4_SCHEMA: &str = include_str!("schema.json");

/// Days for which Google changes a daily table.
const CHANGING_DAYS: i64 = 3;

/// A table of the export.
#[derive(Clone, Debug)]
pub struct Ga4Table {
    /// The name, for example `events_20261121`.
    pub name: String,
    /// The rows as JSON, one per line.
    pub json_lines: Vec<u8>,
}

impl SampleDatabase {
    /// The tables that Google writes on a day of the business, complete at the end of the day: the
    /// daily tables of the three days before, each with the events that have arrived until then, and
    /// the intraday table of the day itself.
    pub fn ga4_tables(&self, day: u64) -> Vec<Ga4Table> {
        let today = day as i64;
        (today - CHANGING_DAYS..=today)
            .map(|of| {
                let age = today - of;
                let intraday = if age == 0 { "intraday_" } else { "" };
                let name = format!("events_{intraday}{}", self.suffix(of));
                Ga4Table { name, json_lines: self.ga4_rows(of, age) }
            })
            .collect()
    }

    /// The name of the intraday table that Google deletes on a day, because the daily table exists.
    pub fn ga4_deleted_table(&self, day: u64) -> String {
        format!("events_intraday_{}", self.suffix(day as i64 - 1))
    }

    /// The date, given in days from the first day, as in a table's name.
    fn suffix(&self, days: i64) -> String {
        date(self.first_day, days).strftime("%Y%m%d").to_string()
    }

    /// The events of a date that have arrived `age` days later, in the order of their times.
    fn ga4_rows(&self, of: i64, age: i64) -> Vec<u8> {
        // The visits of the day before can end after midnight.
        let mut events: Vec<event::Event> = [of - 1, of]
            .into_iter()
            .flat_map(|of| {
                let business = BusinessDay::new(self.first_day, (of + 1).max(0) as u64, self.scale);
                visits::of_date(&business, of)
            })
            .filter(|event| event.date() == date(self.first_day, of))
            .filter(|event| event.days_late < age.max(1))
            .collect();
        events.sort_by(|one, other| one.order().cmp(&other.order()));
        let mut lines = Vec::new();
        for event in &events {
            // Writing to memory cannot fail.
            let _ = serde_json::to_writer(&mut lines, &event.row(age == 0));
            lines.push(b'\n');
        }
        lines
    }
}

fn date(first_day: Date, days: i64) -> Date {
    first_day.saturating_add(days.days())
}
