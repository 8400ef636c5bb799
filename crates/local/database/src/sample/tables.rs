//! The tables of the business, and their columns.

use crate::snapshot::{Column, Table};
use landbridge_source::EngineFamily;

/// `coupons` is empty from this day on: the second day.
pub const COUPONS_EMPTY_FROM_DAY: u64 = 1;
/// `creators` has the column `passport_no` from this day on: the third day.
pub const PASSPORT_FROM_DAY: u64 = 2;

/// A table of the business.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SampleTable {
    Creators,
    Partners,
    Links,
    Clicks,
    Bookings,
    Payouts,
    Coupons,
}

pub(super) const ALL: [SampleTable; 7] = [
    SampleTable::Bookings,
    SampleTable::Clicks,
    SampleTable::Coupons,
    SampleTable::Creators,
    SampleTable::Links,
    SampleTable::Partners,
    SampleTable::Payouts,
];

/// Name and declaration of each column.
type Columns = &'static [(&'static str, &'static str)];

const CREATORS: Columns = &[
    ("id", "bigint"),
    ("name", "character varying(80)"),
    ("name_en", "character varying(80)"),
    ("email", "character varying(120)"),
    ("phone", "character varying(20)"),
    ("birth_date", "date"),
    ("bank_code", "character(3)"),
    ("account_no", "character varying(20)"),
    ("tier", "creator_tier"),
    ("commission_rate", "numeric(5,4)"),
    ("active", "boolean"),
    ("created_at", "timestamp with time zone"),
    ("updated_at", "timestamp with time zone"),
];

const PASSPORT: (&str, &str) = ("passport_no", "character varying(9)");

const PARTNERS: Columns = &[
    ("id", "integer"),
    ("name", "text"),
    ("country", "character(2)"),
    ("contact_name", "character varying(80)"),
    ("contact_email", "character varying(120)"),
    ("site", "text"),
    ("tags", "text[]"),
    ("terms", "jsonb"),
    ("created_at", "timestamp with time zone"),
];

const LINKS: Columns = &[
    ("id", "bigint"),
    ("creator_id", "bigint"),
    ("partner_id", "integer"),
    ("code", "uuid"),
    ("title", "text"),
    ("url", "text"),
    ("created_at", "timestamp with time zone"),
];

const CLICKS: Columns = &[
    ("id", "bigint"),
    ("link_id", "bigint"),
    ("clicked_at", "timestamp without time zone"),
    ("ip", "inet"),
    ("device", "smallint"),
    ("country", "character(2)"),
];

const BOOKINGS: Columns = &[
    ("id", "bigint"),
    ("link_id", "bigint"),
    ("partner_id", "integer"),
    ("traveller_name", "character varying(80)"),
    ("traveller_email", "character varying(120)"),
    ("check_in", "date"),
    ("nights", "smallint"),
    ("amount", "numeric(12,2)"),
    ("currency", "character(3)"),
    ("exchange_rate", "double precision"),
    ("status", "booking_status"),
    ("booked_at", "timestamp with time zone"),
];

const PAYOUTS: Columns = &[
    ("id", "bigint"),
    ("creator_id", "bigint"),
    ("month", "date"),
    ("amount", "numeric(12,2)"),
    ("currency", "character(3)"),
    ("account_no", "character varying(20)"),
    ("paid_at", "timestamp with time zone"),
];

const COUPONS: Columns = &[
    ("id", "integer"),
    ("code", "character varying(12)"),
    ("partner_id", "integer"),
    ("percent", "smallint"),
    ("valid_until", "date"),
];

impl SampleTable {
    pub(super) fn name(self) -> &'static str {
        match self {
            SampleTable::Creators => "creators",
            SampleTable::Partners => "partners",
            SampleTable::Links => "links",
            SampleTable::Clicks => "clicks",
            SampleTable::Bookings => "bookings",
            SampleTable::Payouts => "payouts",
            SampleTable::Coupons => "coupons",
        }
    }

    /// Number of rows on day 0 at scale 1.0; 300,000 in total.
    pub(super) fn base(self) -> f64 {
        match self {
            SampleTable::Creators => 6_000.0,
            SampleTable::Partners => 400.0,
            SampleTable::Links => 24_000.0,
            SampleTable::Clicks => 220_000.0,
            SampleTable::Bookings => 30_000.0,
            SampleTable::Payouts => 18_000.0,
            SampleTable::Coupons => 1_600.0,
        }
    }

    fn columns(self) -> Columns {
        match self {
            SampleTable::Creators => CREATORS,
            SampleTable::Partners => PARTNERS,
            SampleTable::Links => LINKS,
            SampleTable::Clicks => CLICKS,
            SampleTable::Bookings => BOOKINGS,
            SampleTable::Payouts => PAYOUTS,
            SampleTable::Coupons => COUPONS,
        }
    }

    /// The table without its number of rows, as the catalogue describes it on this day of the business.
    pub(super) fn table(self, day: u64) -> Table {
        let new = (self == SampleTable::Creators && day >= PASSPORT_FROM_DAY).then_some(&PASSPORT);
        let columns = self.columns().iter().chain(new).map(|(name, declared)| {
            let column = Column::declared(EngineFamily::Postgres, name, declared)
                .expect("the declarations above are constants, and a test reads them all");
            if *name == "id" { column.not_null() } else { column }
        });
        Table::new("public", self.name(), columns.collect())
    }
}
