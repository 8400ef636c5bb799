//! The rows of each table, as batches.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int16Array, Int32Array, Int64Array, RecordBatch,
};
use arrow::datatypes::SchemaRef;

use super::cells::{Calendar, Texts, digits};
use super::life::BusinessDay;
use super::people::Person;
use super::tables::SampleTable;
use crate::error::DatabaseError;
use crate::pseudo_random::mix;

/// Value of one won in each currency, for the DOUBLE column.
pub(super) const CURRENCIES: [(&str, f64); 4] =
    [("KRW", 1.0), ("USD", 1_385.25), ("JPY", 9.125), ("EUR", 1_502.5)];
pub(super) const COUNTRIES: [&str; 6] = ["KR", "JP", "US", "TH", "VN", "FR"];
const TIERS: [&str; 4] = ["bronze", "silver", "gold", "platinum"];
const PLACES: [(&str, &str); 8] = [
    ("제주", "Jeju"),
    ("부산", "Busan"),
    ("오사카", "Osaka"),
    ("다낭", "Da Nang"),
    ("방콕", "Bangkok"),
    ("파리", "Paris"),
    ("괌", "Guam"),
    ("타이베이", "Taipei"),
];
const OFFERS: [(&str, &str); 5] = [
    ("호텔", "hotel"),
    ("항공권", "flight"),
    ("렌터카", "car"),
    ("투어", "tour"),
    ("\"패스\", 쿠폰", "pass"),
];

/// The batch with the rows of these ids.
pub(super) fn batch(
    kind: SampleTable,
    view: &BusinessDay,
    ids: &[u64],
    schema: SchemaRef,
) -> Result<RecordBatch, DatabaseError> {
    let rows = Rows { kind, view, ids };
    let columns = match kind {
        SampleTable::Creators => rows.creators(schema.fields().len())?,
        SampleTable::Partners => rows.partners()?,
        SampleTable::Links => rows.links()?,
        SampleTable::Clicks => rows.clicks()?,
        SampleTable::Bookings => rows.bookings()?,
        SampleTable::Payouts => rows.payouts()?,
        SampleTable::Coupons => rows.coupons()?,
    };
    Ok(RecordBatch::try_new(schema, columns)?)
}

/// The salt that makes the pseudo-random numbers of each column of each table different.
fn salt(kind: SampleTable, column: u64) -> u64 {
    (kind as u64 + 1) * 1_000 + column
}

pub(super) fn pick<T: Copy>(hash: u64, of: &[T]) -> T {
    of[(hash % of.len() as u64) as usize]
}

/// The rows of one table.
pub(super) struct Rows<'a> {
    kind: SampleTable,
    view: &'a BusinessDay,
    ids: &'a [u64],
}

impl<'a> Rows<'a> {
    /// No rows yet: for the values of single cells.
    pub(super) fn of(kind: SampleTable, view: &'a BusinessDay) -> Rows<'a> {
        Rows { kind, view, ids: &[] }
    }
}

impl Rows<'_> {
    pub(super) fn hash(&self, id: u64, column: u64) -> u64 {
        mix(id, salt(self.kind, column))
    }

    fn text(&self, mut cell: impl FnMut(u64, &mut Texts)) -> Result<ArrayRef, DatabaseError> {
        let mut texts = Texts::with_capacity(self.ids.len());
        for id in self.ids {
            cell(*id, &mut texts);
        }
        texts.finish()
    }

    fn written(&self, mut cell: impl FnMut(u64, &mut Vec<u8>)) -> Result<ArrayRef, DatabaseError> {
        self.text(|id, texts| texts.write(|out| cell(id, out)))
    }

    fn long(&self, cell: impl Fn(u64) -> u64) -> ArrayRef {
        Arc::new(Int64Array::from(self.ids.iter().map(|id| cell(*id) as i64).collect::<Vec<_>>()))
    }

    fn int(&self, cell: impl Fn(u64) -> u64) -> ArrayRef {
        Arc::new(Int32Array::from(self.ids.iter().map(|id| cell(*id) as i32).collect::<Vec<_>>()))
    }

    fn short(&self, cell: impl Fn(u64) -> u64) -> ArrayRef {
        Arc::new(Int16Array::from(self.ids.iter().map(|id| cell(*id) as i16).collect::<Vec<_>>()))
    }

    /// A reference to a row of another table, never NULL.
    pub(super) fn some(&self, of: SampleTable, column: u64) -> impl Fn(u64) -> u64 {
        move |id| self.view.some_id(of, self.hash(id, column))
    }

    fn created(&self, zone: &'static str) -> Result<ArrayRef, DatabaseError> {
        let mut calendar = Calendar::new(self.view.first_day);
        self.written(|id, out| {
            calendar.time(out, self.view.added_on(self.kind, id), self.hash(id, 900), zone)
        })
    }

    /// The second of the day, in UTC, at which a row was created.
    pub(super) fn created_second(&self, id: u64) -> u64 {
        Calendar::second(self.hash(id, 900))
    }

    /// A date up to `within` days after the row was created.
    fn date_after(&self, column: u64, within: u64) -> Result<ArrayRef, DatabaseError> {
        let mut calendar = Calendar::new(self.view.first_day);
        self.text(|id, texts| {
            let days = self.view.added_on(self.kind, id) + (self.hash(id, column) % within) as i64;
            texts.push(&[calendar.date(days)]);
        })
    }

    pub(super) fn currency(&self, id: u64) -> (&'static str, f64) {
        pick(self.hash(id, 901), &CURRENCIES)
    }

    fn amount(&self) -> Result<ArrayRef, DatabaseError> {
        self.written(|id, out| self.write_amount(id, out))
    }

    fn write_amount(&self, id: u64, out: &mut Vec<u8>) {
        let hash = self.hash(id, 902);
        if self.currency(id).0 == "KRW" {
            digits(out, (10 + hash % 900) * 1_000, 1);
            out.extend_from_slice(b".00");
        } else {
            digits(out, 10 + hash % 2_000, 1);
            out.push(b'.');
            digits(out, hash / 2_000 % 100, 2);
        }
    }

    /// The amount of a row as text, in its currency.
    pub(super) fn amount_of(&self, id: u64) -> String {
        let mut text = Vec::new();
        self.write_amount(id, &mut text);
        text.into_iter().map(char::from).collect()
    }

    fn creators(&self, columns: usize) -> Result<Vec<ArrayRef>, DatabaseError> {
        let (kind, view) = (self.kind, self.view);
        let version = |id| u64::from(view.updated(kind, id).is_some());
        let mut calendar = Calendar::new(view.first_day);
        let mut all: Vec<ArrayRef> = vec![
            self.long(|id| id),
            self.text(|id, texts| texts.push(&Person(id).korean()))?,
            self.text(|id, texts| texts.push(&Person(id).english()))?,
            self.written(|id, out| Person(id).email(out, id, version(id)))?,
            self.text(|id, texts| match self.hash(id, 4) % 23 {
                0 => texts.null(),
                _ => texts.write(|out| Person(id).phone(out, version(id))),
            })?,
            self.written(|id, out| Person(id).birth_date(out))?,
            self.text(|_, texts| texts.push(&["999"]))?,
            self.written(|id, out| Person(id).account(out))?,
            self.text(|id, texts| texts.push(&[pick(self.hash(id, 8) + version(id), &TIERS)]))?,
            self.written(|id, out| {
                out.extend_from_slice(b"0.");
                digits(out, 100 + self.hash(id, 9) % 1_400, 4);
            })?,
            Arc::new(BooleanArray::from(
                self.ids.iter().map(|id| !self.hash(*id, 10).is_multiple_of(9)).collect::<Vec<_>>(),
            )),
            self.created("+00")?,
            self.text(|id, texts| match view.updated(kind, id) {
                None => texts.null(),
                Some(day) => {
                    texts.write(|out| calendar.time(out, day as i64 - 1, self.hash(id, 12), "+00"))
                }
            })?,
        ];
        if columns > all.len() {
            all.push(self.text(|id, texts| match self.hash(id, 13) % 5 {
                0 => texts.null(),
                _ => texts.write(|out| Person(id).passport(out)),
            })?);
        }
        Ok(all)
    }

    fn partners(&self) -> Result<Vec<ArrayRef>, DatabaseError> {
        let place = |id| pick(self.hash(id, 1), &PLACES);
        let offer = |id| pick(self.hash(id, 2), &OFFERS);
        Ok(vec![
            self.int(|id| id),
            self.written(|id, out| {
                for part in [place(id).0, " ", offer(id).0, " "] {
                    out.extend_from_slice(part.as_bytes());
                }
                digits(out, id, 1);
            })?,
            self.text(|id, texts| texts.push(&[pick(self.hash(id, 3), &COUNTRIES)]))?,
            self.text(|id, texts| texts.push(&Person(self.hash(id, 4)).korean()))?,
            self.written(|id, out| {
                let updated = u64::from(self.view.updated(self.kind, id).is_some());
                Person(self.hash(id, 4)).email(out, id, updated);
            })?,
            self.written(|id, out| {
                out.extend_from_slice(b"https://partner");
                digits(out, id, 1);
                out.extend_from_slice(b".example/");
            })?,
            self.text(|id, texts| texts.push(&["{", offer(id).1, ",\"", place(id).1, "\"}"]))?,
            self.written(|id, out| {
                out.extend_from_slice(b"{\"days\": ");
                digits(out, 1 + self.hash(id, 7) % 60, 1);
                out.extend_from_slice(b", \"place\": \"");
                out.extend_from_slice(place(id).0.as_bytes());
                out.extend_from_slice(b"\"}");
            })?,
            self.created("+00")?,
        ])
    }

    fn links(&self) -> Result<Vec<ArrayRef>, DatabaseError> {
        let place = |id| pick(self.hash(id, 4), &PLACES);
        let offer = |id| pick(self.hash(id, 5), &OFFERS);
        Ok(vec![
            self.long(|id| id),
            self.long(self.some(SampleTable::Creators, 1)),
            self.int(self.some(SampleTable::Partners, 2)),
            self.written(|id, out| uuid(out, self.hash(id, 3), self.hash(id, 30)))?,
            self.text(|id, texts| {
                let again =
                    if self.view.updated(self.kind, id).is_some() { " (수정)" } else { "" };
                texts.push(&[place(id).0, " ", offer(id).0, " / ", place(id).1, again]);
            })?,
            self.text(|id, texts| match self.hash(id, 6) % 40 {
                0 => texts.null(),
                _ => texts.write(|out| {
                    out.extend_from_slice(b"https://go.example/l/");
                    digits(out, id, 7);
                }),
            })?,
            self.created("+00")?,
        ])
    }

    fn clicks(&self) -> Result<Vec<ArrayRef>, DatabaseError> {
        Ok(vec![
            self.long(|id| id),
            self.long(self.some(SampleTable::Links, 1)),
            self.created("")?,
            self.text(|id, texts| match self.hash(id, 3) % 50 {
                0 => texts.null(),
                hash => texts.write(|out| {
                    // The three networks of RFC 5737.
                    let network = ["192.0.2.", "198.51.100.", "203.0.113."][(hash % 3) as usize];
                    out.extend_from_slice(network.as_bytes());
                    digits(out, 1 + self.hash(id, 30) % 254, 1);
                }),
            })?,
            self.short(|id| self.hash(id, 4) % 4),
            self.text(|id, texts| texts.push(&[pick(self.hash(id, 5), &COUNTRIES)]))?,
        ])
    }

    fn bookings(&self) -> Result<Vec<ArrayRef>, DatabaseError> {
        let traveller = |id| Person(self.hash(id, 3));
        let rates: Vec<f64> = self.ids.iter().map(|id| self.currency(*id).1).collect();
        Ok(vec![
            self.long(|id| id),
            self.long(self.some(SampleTable::Links, 1)),
            self.int(self.some(SampleTable::Partners, 2)),
            self.text(|id, texts| match self.hash(id, 30) % 3 {
                0 => texts.push(&traveller(id).english()),
                _ => texts.push(&traveller(id).korean()),
            })?,
            self.written(|id, out| traveller(id).email(out, id, 0))?,
            self.date_after(5, 120)?,
            self.short(|id| 1 + self.hash(id, 6) % 14),
            self.amount()?,
            self.text(|id, texts| texts.push(&[self.currency(id).0]))?,
            Arc::new(Float64Array::from(rates)),
            self.text(|id, texts| {
                let updated = self.view.updated(self.kind, id).is_some();
                texts.push(&[if updated {
                    "cancelled"
                } else {
                    pick(self.hash(id, 10), &["paid", "confirmed"])
                }]);
            })?,
            self.created("+00")?,
        ])
    }

    fn payouts(&self) -> Result<Vec<ArrayRef>, DatabaseError> {
        let creator = self.some(SampleTable::Creators, 1);
        let mut calendar = Calendar::new(self.view.first_day);
        Ok(vec![
            self.long(|id| id),
            self.long(&creator),
            self.text(|id, texts| {
                let date = calendar.date(self.view.added_on(self.kind, id)).to_owned();
                texts.push(&[&date[..date.len() - 2], "01"]);
            })?,
            self.amount()?,
            self.text(|id, texts| texts.push(&[self.currency(id).0]))?,
            self.written(|id, out| Person(creator(id)).account(out))?,
            {
                let mut calendar = Calendar::new(self.view.first_day);
                self.text(|id, texts| {
                    let added = self.view.added_on(self.kind, id);
                    let paid = match self.view.updated(self.kind, id) {
                        Some(day) => Some(day as i64 - 1),
                        // A payout that is still to be updated is not paid yet.
                        None => (id % 17 != 3 && added < 0).then_some(added),
                    };
                    match paid {
                        Some(day) => {
                            texts.write(|out| calendar.time(out, day, self.hash(id, 6), "+00"))
                        }
                        None => texts.null(),
                    }
                })?
            },
        ])
    }

    fn coupons(&self) -> Result<Vec<ArrayRef>, DatabaseError> {
        Ok(vec![
            self.int(|id| id),
            self.written(|id, out| {
                out.extend_from_slice(b"TRIP");
                digits(out, self.hash(id, 1) % 100_000_000, 8);
            })?,
            self.int(self.some(SampleTable::Partners, 2)),
            self.short(|id| 5 + self.hash(id, 3) % 40),
            self.date_after(4, 365)?,
        ])
    }
}

/// Appends a version 4 UUID derived from two numbers.
fn uuid(out: &mut Vec<u8>, high: u64, low: u64) {
    let high = high & !0xf000 | 0x4000;
    let low = low & (u64::MAX >> 2) | 1 << 63;
    for (index, shift) in (0..32).map(|index| (index, 60 - index % 16 * 4)) {
        if matches!(index, 8 | 12 | 16 | 20) {
            out.push(b'-');
        }
        let half = if index < 16 { high } else { low };
        out.push(b"0123456789abcdef"[(half >> shift & 0xf) as usize]);
    }
}
