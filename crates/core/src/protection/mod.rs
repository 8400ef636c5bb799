//! What the rows of a table are, and which class each of its columns therefore has now.
//!
//! A policy tag protects the rows that can be read at this moment. A contract may already describe
//! other rows: those of the next load, which will be tokenised, or come from another source table.
//! Therefore a column has the class of the contract only if the contract *describes* every set of
//! rows that can be read: those in the table, those that a running load job may be writing, and
//! former rows that time travel still reaches. Otherwise the column is `unclassified`.

mod kept;

pub use kept::{KeptRows, has_expired};

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::calendar::Day;
use crate::config::{CLASS_NONE, CLASS_UNCLASSIFIED};
use crate::contract::{ColumnContract, Contract, TableContract, Transform};
use crate::names::columns::{LandedColumn, LandedColumns};
use crate::names::{ColumnNames, column_name, is_same};
use crate::plan::{SourceColumn, TablePlan};
use crate::rewrite::Action;
use crate::types::{BigQueryType, ColumnType, is_same_source_type};

/// The longest time-travel window of a dataset, in hours (BigQuery documentation, "Configure the
/// time travel window"). It is also the default.
pub const MAX_TIME_TRAVEL_HOURS: u32 = 168;

/// The rows of one load: where they come from, and what was done to them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableRows {
    /// The day of the data; `None` for rows that Landbridge knows nothing of.
    pub day: Option<Day>,
    /// The load job that wrote them, or may be writing them.
    pub job: String,
    /// Digest of what the job loads: objects, schema and transforms.
    pub digest: String,
    /// `schema.table` in the source.
    pub source_table: String,
    /// The BigQuery table that belongs to the source table if the contract sets no other.
    pub default_table: String,
    /// The columns of the files by their names in the source; `None` if they are unknown. A column
    /// that is not listed is NULL in every row.
    pub columns: Option<BTreeMap<String, ColumnRows>>,
    /// The columns that the export had and that stayed in AWS.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub dropped: BTreeSet<String>,
    /// The id of the key that the tokens are made with, if there are tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_key: Option<String>,
    /// [`TablePlan::redo`] of the plan that they are from.
    #[serde(default, skip_serializing_if = "crate::plan::is_zero")]
    pub redo: u32,
    /// Digest of what decided their content beside the export: the contract, settings, and the version of
    /// the rewriter. Empty if it is not known, or if it was not the same for all objects.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub made_by: String,
    /// The newest later day whose export was found to have the same content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equal_on: Option<Day>,
    /// The day on which all rows were loaded at once, if the changes of later days were applied to them since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_on: Option<Day>,
}

/// The values of one column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnRows {
    /// The BigQuery column; empty if it is called as in the source.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub landed_name: String,
    /// The key of the contract's entry, if it differed from the source column in letter case when
    /// the rows were loaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract_key: Option<String>,
    /// The source type by the export's manifest; empty if the manifest does not contain it.
    pub source: String,
    /// The BigQuery type.
    #[serde(rename = "type")]
    pub ty: BigQueryType,
    /// Whether the column is an array of that type.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub repeated: bool,
    /// What the transfer did to the values: `tokenise` or `set_null`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transform: Option<Transform>,
    /// The domain of the tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_domain: Option<String>,
    /// The zone in which the transfer took the values without one. It says what the values mean and
    /// hides nothing, so another zone in the contract does not close the column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Whether the column stays text because of a misfit.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stays_text: bool,
    /// What the values look like, if they look personal, whatever class the contract gave them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looks_like: Option<LooksPersonal>,
    /// Since when no sample of the values can be judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_judged: Option<NotJudged>,
    /// Of rows that a history table keeps: the class of personal data that the contract gave the column when
    /// they were kept. The column has it as long as they are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
}

/// That a sample of the values of a column could not be read, so that nothing is known of the values of these
/// days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotJudged {
    /// The first of the days.
    pub since: Day,
    /// Whether no earlier rows with its values are recorded as judged. Then nothing but its name speaks for
    /// `none`, and the column stays closed.
    pub never_before: bool,
}

impl NotJudged {
    /// Whether a person must look on `day`: at once at a closed column, at a readable one on the third day.
    pub fn needs_a_person(self, day: Day) -> bool {
        const DAYS: i32 = 3;
        let days = self.since.date().until(day.date()).map_or(i32::MAX, |it| it.get_days());
        self.never_before || days + 1 >= DAYS
    }
}

/// What a sample of values looks like, by the classifier of `contract propose`. It contains counts,
/// and no value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LooksPersonal {
    /// The kind of personal data, in the plural: `e-mail addresses`.
    pub kind: String,
    /// How many of the sampled values have the form of that kind.
    pub reason: String,
    /// The day whose rows were judged.
    pub day: Day,
}

/// Rows that a load has replaced, and that time travel may still reach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormerRows {
    /// When they were replaced.
    pub replaced_at: Timestamp,
    /// The rows.
    pub rows: TableRows,
}

impl FormerRows {
    /// When the last version that contains these rows leaves a window of `hours`.
    pub fn readable_until(&self, hours: u32) -> Timestamp {
        let window = SignedDuration::from_hours(i64::from(hours));
        self.replaced_at.checked_add(window).unwrap_or(Timestamp::MAX)
    }
}

impl TableRows {
    /// Rows of which nothing is recorded: no contract describes them.
    pub fn unknown() -> Self {
        Self {
            day: None,
            job: String::new(),
            digest: String::new(),
            source_table: String::new(),
            default_table: String::new(),
            columns: None,
            dropped: BTreeSet::new(),
            token_key: None,
            redo: 0,
            made_by: String::new(),
            equal_on: None,
            full_on: None,
        }
    }

    /// The newest day whose data the rows are: the day that was loaded, or a later one whose export has the
    /// same content.
    pub fn newest_day(&self) -> Option<Day> {
        self.equal_on.or(self.day)
    }

    /// The rows that a table's plan produces. `types` are the BigQuery types of its columns.
    pub fn of_plan(
        plan: &TablePlan,
        day: Day,
        types: impl Fn(&str) -> Option<ColumnType>,
        stays_text: impl Fn(&str) -> bool,
    ) -> Self {
        let column = |column: &SourceColumn| {
            let name = column.parquet.name.as_str();
            let (transform, token_domain) = match &column.action {
                Action::Drop => return None,
                Action::SetNull => (Some(Transform::SetNull), None),
                Action::Tokenise { domain } => (Some(Transform::Tokenise), Some(domain.clone())),
                Action::Keep | Action::Annotate(_) | Action::Retype { .. } => (None, None),
            };
            let zone = match &column.action {
                Action::Retype { to, .. } => to.zone().map(str::to_owned),
                _ => None,
            };
            let ty = types(name).unwrap_or(ColumnType::scalar(BigQueryType::String));
            let rows = ColumnRows {
                landed_name: column.landed_name.clone(),
                contract_key: column.contract_key.clone(),
                source: column.source.clone(),
                ty: ty.ty,
                repeated: ty.repeated,
                transform,
                token_domain: token_domain.filter(|domain| !domain.is_empty()),
                zone,
                stays_text: stays_text(name),
                looks_like: None,
                not_judged: None,
                class: None,
            };
            Some((name.to_owned(), rows))
        };
        let stays = plan.columns.iter().filter(|column| column.action == Action::Drop);
        Self {
            day: Some(day),
            dropped: stays.map(|column| column.parquet.name.clone()).collect(),
            source_table: plan.source_table.clone(),
            default_table: plan.default_table().to_owned(),
            columns: Some(plan.columns.iter().filter_map(column).collect()),
            redo: plan.redo,
            ..Self::unknown()
        }
    }

    /// Takes over what is known of earlier rows.
    ///
    /// That values looked personal, unless a person has pinned the column: it does not open because one day's sample
    /// looks harmless, also if another contract gave it a class or tokens meanwhile. And the verdict
    /// of a column whose values cannot be judged now: a column whose values were judged keeps it. Tokens and NULLs are no
    /// verdict on the values.
    ///
    /// Of a column, the newest earlier rows that have it count: it may have been left out on a day, or
    /// the newest rows may be unknown. `earlier` begins with the newest.
    ///
    /// A suspicion survives a new name, because the values are the same ones: of the source table, as long as it lands in
    /// the same table; of the column in letter case, or altogether, if a suspected column of the same type is missing where
    /// the new one appears. That rows can be read is said of one name only.
    pub fn keep_verdicts<'a>(
        &mut self,
        earlier: impl IntoIterator<Item = &'a TableRows>,
        contract: &Contract,
    ) {
        let earlier: Vec<&TableRows> = earlier.into_iter().collect();
        let renamed = self.renamed(&earlier);
        let named = contract.tables.get(&self.source_table);
        for (source, rows) in self.columns.iter_mut().flatten() {
            let mut of_source =
                earlier.iter().filter(|rows| rows.source_table == self.source_table);
            let before = of_source.find_map(|rows| rows.columns.as_ref()?.get(source));
            let judged = before.filter(|before| before.transform.is_none());
            if let (Some(not_judged), Some(before)) = (&mut rows.not_judged, judged) {
                let verdict = NotJudged { never_before: false, ..*not_judged };
                *not_judged = before.not_judged.unwrap_or(verdict);
            }
            let before =
                before.or_else(|| earlier.iter().find_map(|rows| rows.column_like(source)));
            let suspected = match before {
                Some(before) => before.looks_like.clone(),
                None => renamed.get(source).cloned(),
            };
            let named = named.and_then(|table| {
                let exact = table.columns.get(source);
                exact.or_else(|| table.columns.get(rows.contract_key.as_ref()?))
            });
            if rows.looks_like.is_none() && !named.is_some_and(|named| named.pinned) {
                rows.looks_like = suspected;
            }
        }
    }

    /// The column with this name, in any letter case.
    fn column_like(&self, source: &str) -> Option<&ColumnRows> {
        let columns = self.columns.as_ref()?;
        let same = |name: &&String| name.to_lowercase() == source.to_lowercase();
        columns.get(source).or_else(|| columns.get(columns.keys().find(same)?))
    }

    /// The columns that no earlier rows have, each with the suspicion of a column of the same type that these rows lack:
    /// it may have been given the new name.
    fn renamed(&self, earlier: &[&TableRows]) -> BTreeMap<String, LooksPersonal> {
        let known = |source: &str| earlier.iter().any(|rows| rows.column_like(source).is_some());
        let newest = earlier.iter().find(|rows| rows.columns.is_some());
        let missing = newest.iter().flat_map(|rows| rows.columns.iter().flatten());
        let missing: Vec<(&String, &ColumnRows, &LooksPersonal)> = missing
            .filter(|(source, _)| self.column_like(source).is_none())
            .filter_map(|(source, rows)| Some((source, rows, rows.looks_like.as_ref()?)))
            .collect();
        let new = self.columns.iter().flatten().filter(|(source, _)| !known(source));
        let pairs = new.filter_map(|(source, rows)| {
            let mut missing = missing.iter();
            let (before, _, suspected) = missing
                .find(|(_, before, _)| before.ty == rows.ty && before.repeated == rows.repeated)?;
            let reason = format!("{} under the name `{before}`", suspected.reason);
            Some((source.clone(), LooksPersonal { reason, ..(*suspected).clone() }))
        });
        pairs.collect()
    }

    /// The columns whose values look personal although the contract says `none` of them, by their
    /// names in the source.
    pub fn suspected<'a>(
        &'a self,
        contract: &'a Contract,
    ) -> impl Iterator<Item = (&'a str, &'a LooksPersonal)> {
        self.judged_again(contract)
            .filter_map(|(source, rows)| Some((source, rows.looks_like.as_ref()?)))
    }

    /// The columns that the contract calls `none` and whose values cannot be judged, by their names in
    /// the source. Those whose values looked personal earlier are [suspected](Self::suspected) instead.
    pub fn not_judged<'a>(
        &'a self,
        contract: &'a Contract,
    ) -> impl Iterator<Item = (&'a str, NotJudged)> {
        self.judged_again(contract)
            .filter(|(_, rows)| rows.looks_like.is_none())
            .filter_map(|(source, rows)| Some((source, rows.not_judged?)))
    }

    /// The columns that everyone may read by the contract and that no person has pinned.
    fn judged_again<'a>(
        &'a self,
        contract: &'a Contract,
    ) -> impl Iterator<Item = (&'a str, &'a ColumnRows)> {
        let named = contract.tables.get(&self.source_table);
        self.columns.iter().flatten().filter_map(move |(source, rows)| {
            let columns = &named?.columns;
            let exact = columns.get(source);
            let named = exact.or_else(|| columns.get(rows.contract_key.as_ref()?))?;
            named.is_judged_again().then_some((source.as_str(), rows))
        })
    }

    /// What the columns of these rows are called.
    pub fn landed_columns(&self) -> LandedColumns {
        let columns = self.columns.iter().flatten().map(|(source, rows)| {
            let (name, key) = (rows.name(source).to_owned(), rows.contract_key.clone());
            (source.clone(), LandedColumn { name, key })
        });
        columns.collect()
    }

    /// The contract's table whose rows these are, if the contract loads it into `table`.
    fn contract<'a>(&self, table: &str, contract: &'a Contract) -> Option<&'a TableContract> {
        let named = contract.tables.get(&self.source_table)?;
        (named.table.as_deref().unwrap_or(&self.default_table) == table).then_some(named)
    }

    /// The class that the contract gives the values of `column` in these rows.
    fn class_of<'a>(
        &'a self,
        table: &str,
        column: &str,
        contract: &'a Contract,
    ) -> ValuesClass<'a> {
        let Some(columns) = &self.columns else { return ValuesClass::NotDescribed };
        let named = self.contract(table, contract);
        let mut class = ValuesClass::Null;
        // BigQuery ignores letter case; for the source, `Account` is another column than `account`.
        for (source, rows) in columns.iter().filter(|(it, rows)| is_same(rows.name(it), column)) {
            if rows.transform == Some(Transform::SetNull) {
                continue;
            }
            let named = named.and_then(|table| {
                let exact = table.columns.get(source);
                exact.or_else(|| table.columns.get(rows.contract_key.as_ref()?))
            });
            match named.filter(|named| rows.is_described_by(named)) {
                Some(named) => {
                    let kept = rows.class.as_deref().unwrap_or(CLASS_NONE);
                    class = class.and(&named.class).and(kept);
                }
                None => return ValuesClass::NotDescribed,
            }
        }
        class
    }
}

/// The contract's column for a column of the table that is NULL in every row.
fn find<'a>(table: &'a TableContract, column: &str) -> Option<&'a ColumnContract> {
    let lands_here = |key: &str, named: &ColumnContract| match &named.name {
        Some(name) => is_same(name, column),
        None => [ColumnNames::Flexible, ColumnNames::Plain]
            .into_iter()
            .any(|style| is_same(&column_name(key, style), column)),
    };
    let mut columns = table.columns.iter();
    columns.find(|(key, named)| lands_here(key, named)).map(|(_, named)| named)
}

/// What the contract says about the values of a column in one set of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ValuesClass<'a> {
    /// Every value is NULL: nothing to protect.
    Null,
    /// The contract describes them.
    Class(&'a str),
    /// The contract describes other values.
    NotDescribed,
}

impl<'a> ValuesClass<'a> {
    /// The class that hides these values and those of another class. A column whose `name:` changed
    /// can have the values of another source column in the rows that are being loaded.
    fn and(self, class: &'a str) -> Self {
        match self {
            Self::Null | Self::Class(CLASS_NONE) => Self::Class(class),
            Self::Class(own) if own == class || class == CLASS_NONE => self,
            // Neither of two classes with different readers hides what the other does.
            Self::Class(_) | Self::NotDescribed => Self::NotDescribed,
        }
    }
}

impl ColumnRows {
    /// The BigQuery column of the source column `source`.
    pub fn name<'a>(&'a self, source: &'a str) -> &'a str {
        if self.landed_name.is_empty() { source } else { &self.landed_name }
    }

    /// Whether the values have this source type. A type that the manifest does not contain counts
    /// as equal.
    pub fn has_source_type(&self, source: &str) -> bool {
        self.source.is_empty() || is_same_source_type(&self.source, source)
    }

    /// Whether the contract's column describes these values: same source type, same transform,
    /// same type.
    pub fn is_described_by(&self, named: &ColumnContract) -> bool {
        if self.transform != named.transform {
            return false;
        }
        // Values that look personal, or that nothing is known of, are not what `none` was said of, until a
        // person pins it.
        let unknown = self.not_judged.is_some_and(|it| it.never_before);
        if (self.looks_like.is_some() || unknown) && named.is_judged_again() {
            return false;
        }
        let same_source = self.has_source_type(&named.source);
        let domain = |domain: &Option<String>| domain.clone().unwrap_or_default();
        if self.transform == Some(Transform::Tokenise) {
            return same_source && domain(&self.token_domain) == domain(&named.token_domain);
        }
        let same_type = named.column_type() == ColumnType { ty: self.ty, repeated: self.repeated }
            || self.stays_text && named.may_stay_text();
        same_source && same_type
    }
}

/// The class of a column now, and until when the contract's class must wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassNow {
    /// The class whose policy tag the column must have now.
    pub class: String,
    /// When the contract's class may apply, if only former rows are in its way.
    pub waits_until: Option<Timestamp>,
}

/// The sets of rows of one table that can be read now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadableRows<'a> {
    /// The rows in the table, and those that a load job may be writing.
    pub current: Vec<&'a TableRows>,
    /// Former rows, with the end of the time-travel window over each.
    pub former: Vec<(&'a TableRows, Timestamp)>,
}

impl ReadableRows<'_> {
    /// The class of a column of `table` now. A pure function of the rows and the contract.
    ///
    /// Today's policy tags apply to former rows as well (Google's documentation, "Introduction to
    /// column-level access control", on time travel), so a tag that is loosened opens them. Therefore
    /// former rows count like the rows in the table until the window over them has passed. A query of a
    /// column that the table does not have any more fails; nothing here relies on that.
    pub fn class_now(&self, table: &str, column: &str, contract: &Contract) -> ClassNow {
        let now = |class: &str| ClassNow { class: class.to_owned(), waits_until: None };
        let mut values = ValuesClass::Null;
        for rows in &self.current {
            match rows.class_of(table, column, contract) {
                ValuesClass::NotDescribed => return now(CLASS_UNCLASSIFIED),
                ValuesClass::Class(of_rows) => values = values.and(of_rows),
                ValuesClass::Null => {}
            }
        }
        let class = match values {
            ValuesClass::Class(class) => Some(class),
            ValuesClass::Null => self.class_of_nulls(table, column, contract),
            ValuesClass::NotDescribed => None,
        };
        let Some(class) = class else { return now(CLASS_UNCLASSIFIED) };
        // Former rows of another source column that landed under this name count by its class.
        let hidden =
            self.former.iter().filter(|(rows, _)| match rows.class_of(table, column, contract) {
                ValuesClass::Null | ValuesClass::Class(CLASS_NONE) => false,
                ValuesClass::Class(of_rows) => of_rows != class,
                ValuesClass::NotDescribed => true,
            });
        match hidden.map(|(_, until)| *until).max() {
            None => now(class),
            // A class that nobody may read loosens nothing.
            Some(_) if class == CLASS_UNCLASSIFIED => now(class),
            Some(until) => {
                ClassNow { class: CLASS_UNCLASSIFIED.to_owned(), waits_until: Some(until) }
            }
        }
    }

    /// The class of a column that is NULL in every current row: that of the contract's table whose
    /// rows these are.
    fn class_of_nulls<'a>(
        &self,
        table: &str,
        column: &str,
        contract: &'a Contract,
    ) -> Option<&'a str> {
        let named = self.current.iter().find_map(|rows| rows.contract(table, contract))?;
        let named = find(named, column)?;
        (named.transform != Some(Transform::Drop)).then_some(named.class.as_str())
    }
}

/// How much a class hides: a higher rank hides more. Classes other than `none` and `unclassified`
/// have different readers, so neither hides more than another.
pub fn class_rank(class: &str) -> u8 {
    match class {
        CLASS_NONE => 0,
        CLASS_UNCLASSIFIED => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests;
