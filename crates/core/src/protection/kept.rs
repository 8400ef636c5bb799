//! The rows of a history table: the rows of past days, beside each other, one partition per day.
//!
//! A tag belongs to a column, so it belongs to the rows of all days at once. Therefore the record says of every
//! kept day what its rows are, and which class the contract gave their columns when they were kept. A column has
//! the class that hides all of them ([`super::ReadableRows::class_now`]).
//!
//! Days whose rows differ in nothing but their day share one description, so that the record of a year stays
//! small.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

use super::{ColumnRows, TableRows};
use crate::calendar::Day;
use crate::config::{CLASS_NONE, CLASS_UNCLASSIFIED};
use crate::contract::{Contract, Transform};
use crate::names::is_same;

/// The rows of the days that a history table keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeptRows(Vec<KeptGroup>);

/// Days with rows of the same description.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct KeptGroup {
    /// What the rows of each day are, without what differs from day to day.
    rows: TableRows,
    days: BTreeMap<Day, KeptDay>,
}

/// What differs from day to day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct KeptDay {
    /// [`TableRows::job`].
    job: String,
    /// [`TableRows::digest`].
    digest: String,
    /// [`TableRows::redo`].
    #[serde(default, skip_serializing_if = "crate::plan::is_zero")]
    redo: u32,
}

impl KeptRows {
    /// Whether no day is kept.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The kept days, the oldest first.
    pub fn days(&self) -> Vec<Day> {
        let mut days: Vec<Day> =
            self.0.iter().flat_map(|group| group.days.keys()).copied().collect();
        days.sort_unstable();
        days
    }

    /// The descriptions of the rows, the newest day first. They have no day and no job.
    pub fn descriptions(&self) -> impl Iterator<Item = &TableRows> {
        let mut groups: Vec<&KeptGroup> = self.0.iter().collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.days.keys().next_back().copied()));
        groups.into_iter().map(|group| &group.rows)
    }

    /// The descriptions of the rows of other days than this one.
    pub fn of_other_days(&self, day: Day) -> impl Iterator<Item = &TableRows> {
        let groups = self.0.iter().filter(move |group| group.days.keys().any(|it| *it != day));
        groups.map(|group| &group.rows)
    }

    /// The rows of one day.
    pub fn of_day(&self, day: Day) -> Option<TableRows> {
        let group = self.0.iter().find(|group| group.days.contains_key(&day))?;
        Some(group.rows_of(day, group.days.get(&day)?))
    }

    /// The rows of one day become these. Returns the rows that the day had. Rows without a day are not kept.
    pub fn insert(&mut self, rows: TableRows) -> Option<TableRows> {
        let day = rows.day?;
        let former = self.remove(day);
        let TableRows { job, digest, redo, .. } = &rows;
        let kept = KeptDay { job: job.clone(), digest: digest.clone(), redo: *redo };
        let unknown = TableRows::unknown();
        let rows = TableRows {
            day: None,
            job: unknown.job,
            digest: unknown.digest,
            redo: 0,
            made_by: unknown.made_by,
            equal_on: None,
            full_on: None,
            ..rows
        };
        match self.0.iter_mut().find(|group| group.rows == rows) {
            Some(group) => drop(group.days.insert(day, kept)),
            None => self.0.push(KeptGroup { rows, days: [(day, kept)].into() }),
        }
        former
    }

    /// Takes one day out.
    pub fn remove(&mut self, day: Day) -> Option<TableRows> {
        let found = self.of_day(day)?;
        for group in &mut self.0 {
            group.days.remove(&day);
        }
        self.0.retain(|group| !group.days.is_empty());
        Some(found)
    }

    /// Takes out the days whose partitions have expired, if BigQuery deletes a partition so long after its day
    /// began.
    pub fn take_expired(&mut self, expiration: SignedDuration, now: Timestamp) -> Vec<TableRows> {
        let expired = |day: &Day| partition_end(*day, expiration).is_some_and(|end| end <= now);
        let days: Vec<Day> = self.days().into_iter().filter(expired).collect();
        days.into_iter().filter_map(|day| self.remove(day)).collect()
    }
}

/// When BigQuery deletes the partition of a day: the expiration of the table after the day began, in UTC
/// (Google's documentation, "Managing partitioned tables", section "Set the partition expiration").
fn partition_end(day: Day, expiration: SignedDuration) -> Option<Timestamp> {
    let begins = day.date().to_zoned(TimeZone::UTC).ok()?.timestamp();
    begins.checked_add(expiration).ok()
}

/// Whether BigQuery has deleted the partition of a day, or would delete it at once, in a history of so many days.
pub fn has_expired(day: Day, days: u32, now: Timestamp) -> bool {
    let expiration = SignedDuration::from_hours(24 * i64::from(days));
    partition_end(day, expiration).is_none_or(|end| end <= now)
}

impl KeptGroup {
    fn rows_of(&self, day: Day, kept: &KeptDay) -> TableRows {
        let KeptDay { job, digest, redo } = kept.clone();
        TableRows { day: Some(day), job, digest, redo, ..self.rows.clone() }
    }
}

impl TableRows {
    /// Records the class that the contract gives each column now, if it is one of personal data: as long as
    /// these rows are kept, their columns have it.
    pub fn record_classes(&mut self, contract: &Contract) {
        let named = contract.tables.get(&self.source_table);
        for (source, rows) in self.columns.iter_mut().flatten() {
            let named = named.and_then(|table| {
                let exact = table.columns.get(source);
                exact.or_else(|| table.columns.get(rows.contract_key.as_ref()?))
            });
            let class = named.map(|named| named.class.as_str());
            let class = class.filter(|class| ![CLASS_NONE, CLASS_UNCLASSIFIED].contains(class));
            rows.class = class.map(str::to_owned);
        }
    }

    /// The first column that cannot stand in one table with `kept` rows, and why: under one name, its values
    /// would mean something else than on the other days. `None` if there is no such column.
    pub fn differs_from_kept(&self, kept: &TableRows) -> Option<(String, &'static str)> {
        if self.source_table != kept.source_table {
            return Some((
                self.source_table.clone(),
                "the rows come from another table of the source",
            ));
        }
        let kept_columns = || kept.columns.iter().flatten();
        for (source, rows) in self.columns.iter().flatten() {
            let name = rows.name(source);
            for (other, before) in kept_columns().filter(|(it, rows)| is_same(rows.name(it), name))
            {
                let keys = (self.token_key.as_deref(), kept.token_key.as_deref());
                if let Some(why) = difference((source, rows), (other, before), keys) {
                    return Some((name.to_owned(), why));
                }
            }
        }
        None
    }
}

fn difference(
    (source, rows): (&str, &ColumnRows),
    (other, before): (&str, &ColumnRows),
    keys: (Option<&str>, Option<&str>),
) -> Option<&'static str> {
    if source != other {
        return Some("its values come from another column of the source");
    }
    if rows.transform != before.transform {
        return Some("its transform is another one");
    }
    if rows.transform == Some(Transform::Tokenise)
        && (rows.token_domain != before.token_domain || keys.0 != keys.1)
    {
        return Some("its tokens are made with another key or domain");
    }
    if (rows.ty, rows.repeated, rows.stays_text) != (before.ty, before.repeated, before.stays_text)
    {
        return Some("its type is another one");
    }
    if !rows.has_source_type(&before.source) && !before.source.is_empty() {
        return Some("its type in the source is another one");
    }
    (rows.zone != before.zone).then_some("its times are taken in another zone")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{ColumnContract, Others, TableContract};
    use crate::protection::ReadableRows;
    use crate::types::BigQueryType;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    fn column(source: &str, transform: Option<Transform>) -> ColumnRows {
        ColumnRows {
            landed_name: String::new(),
            contract_key: None,
            source: source.to_owned(),
            ty: BigQueryType::String,
            repeated: false,
            transform,
            token_domain: None,
            zone: None,
            stays_text: false,
            looks_like: None,
            not_judged: None,
            class: None,
        }
    }

    fn rows(on: &str, columns: &[(&str, ColumnRows)]) -> TableRows {
        TableRows {
            day: Some(day(on)),
            job: format!("job {on}"),
            digest: format!("digest {on}"),
            source_table: "public.people".to_owned(),
            default_table: "people".to_owned(),
            columns: Some(
                columns.iter().map(|(name, it)| ((*name).to_owned(), it.clone())).collect(),
            ),
            ..TableRows::unknown()
        }
    }

    fn contract(class: &str, transform: Option<Transform>) -> Contract {
        let named = ColumnContract::new("text", BigQueryType::String, class);
        let table = TableContract {
            columns: [("phone".to_owned(), ColumnContract { transform, ..named })].into(),
            ..TableContract::default()
        };
        Contract {
            version: 1,
            others: Others::Unclassified,
            tables: [("public.people".to_owned(), table)].into(),
        }
    }

    fn class_of(kept: &KeptRows, contract: &Contract) -> String {
        let current = kept.descriptions().collect();
        let readable = ReadableRows { current, former: Vec::new() };
        readable.class_now("people", "phone", contract).class
    }

    #[test]
    fn days_with_the_same_description_share_it_and_each_has_its_own_job() {
        let mut kept = KeptRows::default();
        for on in ["2026-11-20", "2026-11-22", "2026-11-21"] {
            assert_eq!(kept.insert(rows(on, &[("phone", column("text", None))])), None);
        }
        assert_eq!(kept.0.len(), 1);
        let days: Vec<String> = kept.days().iter().map(ToString::to_string).collect();
        assert_eq!(days, ["2026-11-20", "2026-11-21", "2026-11-22"]);
        assert_eq!(kept.of_day(day("2026-11-21")).unwrap().job, "job 2026-11-21");
        let again = rows("2026-11-21", &[("phone", column("text", Some(Transform::Tokenise)))]);
        let former = kept.insert(again).unwrap();
        assert_eq!(former.job, "job 2026-11-21");
        assert_eq!(kept.0.len(), 2);
        assert_eq!(kept.days().len(), 3);
        let read: KeptRows = serde_json::from_str(&serde_json::to_string(&kept).unwrap()).unwrap();
        assert_eq!(read, kept);
        assert_eq!(kept.remove(day("2026-11-19")), None);
    }

    #[test]
    fn a_day_expires_its_number_of_days_after_it_began_in_utc() {
        let mut kept = KeptRows::default();
        for on in ["2026-11-20", "2026-11-21"] {
            kept.insert(rows(on, &[]));
        }
        let two_days = SignedDuration::from_hours(48);
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!(kept.take_expired(two_days, at("2026-11-21T23:59:59Z")), Vec::new());
        let expired = kept.take_expired(two_days, at("2026-11-22T00:00:00Z"));
        assert_eq!(expired.len(), 1);
        assert_eq!(expired[0].day, Some(day("2026-11-20")));
        assert_eq!(kept.days(), [day("2026-11-21")]);
    }

    /// The strictest class over all kept days: by today's contract, and by the contracts of the days on which the
    /// rows were kept.
    #[test]
    fn a_column_has_the_class_that_hides_the_rows_of_every_kept_day() {
        let (none, phone, email) =
            (contract("none", None), contract("phone", None), contract("email", None));
        let mut kept = KeptRows::default();
        let mut keep = |on: &str, contract: &Contract| {
            let mut rows = rows(on, &[("phone", column("text", None))]);
            rows.record_classes(contract);
            kept.insert(rows);
            kept.clone()
        };
        let plain = keep("2026-11-19", &none);
        assert_eq!(class_of(&plain, &none), "none");
        // Personal now: all partitions at once.
        assert_eq!(class_of(&plain, &phone), "phone");
        // It was personal on a kept day: `none` does not open it.
        let was_phone = keep("2026-11-20", &phone);
        assert_eq!(class_of(&was_phone, &none), "phone");
        assert_eq!(class_of(&was_phone, &phone), "phone");
        // Two classes with different readers: neither hides the values from the readers of the other.
        assert_eq!(class_of(&was_phone, &email), "unclassified");
        let mut later = was_phone;
        later.remove(day("2026-11-20"));
        assert_eq!(class_of(&later, &none), "none");
    }

    #[test]
    fn another_transform_on_a_kept_day_closes_the_column() {
        let mut kept = KeptRows::default();
        kept.insert(rows("2026-11-19", &[("phone", column("text", None))]));
        assert_eq!(class_of(&kept, &contract("none", Some(Transform::Tokenise))), "unclassified");
    }

    #[test]
    fn a_column_with_another_meaning_needs_another_table() {
        let plain = rows("2026-11-19", &[("phone", column("text", None))]);
        let tokens = |domain: &str, key: &str| {
            let tokenised = ColumnRows {
                token_domain: Some(domain.to_owned()),
                ..column("text", Some(Transform::Tokenise))
            };
            let mut rows = rows("2026-11-20", &[("phone", tokenised)]);
            rows.token_key = Some(key.to_owned());
            rows
        };
        let other =
            |ty| rows("2026-11-20", &[("phone", ColumnRows { ty, ..column("text", None) })]);
        let moved = ColumnRows { landed_name: "phone".to_owned(), ..column("text", None) };
        let cases = [
            (&plain, rows("2026-11-20", &[("phone", column("text", None))]), None),
            (&plain, rows("2026-11-20", &[("name", column("text", None))]), None),
            (&plain, tokens("a", "k1"), Some("its transform is another one")),
            (&tokens("a", "k1"), tokens("a", "k1"), None),
            (
                &tokens("a", "k1"),
                tokens("a", "k2"),
                Some("its tokens are made with another key or domain"),
            ),
            (
                &tokens("a", "k1"),
                tokens("b", "k1"),
                Some("its tokens are made with another key or domain"),
            ),
            (&plain, other(BigQueryType::Int64), Some("its type is another one")),
            (
                &plain,
                rows("2026-11-20", &[("mobile", moved)]),
                Some("its values come from another column of the source"),
            ),
        ];
        for (kept, new, why) in cases {
            assert_eq!(new.differs_from_kept(kept).map(|(_, why)| why), why);
        }
    }
}
