//! A contract as the oracle understands it, its edits, and its text.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use super::canary::{Form, Kind, SourceType};

/// The configuration of every history. The classes are named after nothing, so that no rule about
/// names applies to them.
pub const CONFIG: &str = r#"version: 1
source: { name: shop, kind: instance, id: shop-prod, region: ap-northeast-2 }
schedule: { zone: Asia/Seoul, export_hour: 1, transfer_from_hour: 2, deadline_hour: 4 }
snapshots: { hourly: 48, daily: 14, weekly: 4, quota: 100, reserve: 10 }
export:
  bucket: shop-exports
  prefix: exports
  role_arn: arn:aws:iam::123456789012:role/shop-rds-export
  kms_key: arn:aws:kms:ap-northeast-2:123456789012:key/0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9
ledger: { prefix: ledger }
transfer:
  bucket: shop-landing
  prefix: landbridge
  concurrency: 1
  memory_mib: 128
  token_key: landbridge/shop/token-key
warehouse: { project: shop-analytics, location: asia-northeast3, dataset: shop, ops_dataset: landbridge_ops }
pii:
  classes:
    unclassified: { mask: ALWAYS_NULL, masked_readers: ["group:analysts@example.com"] }
    hashed: { mask: SHA256, masked_readers: ["group:analysts@example.com"], readers: ["group:pii-readers@example.com"] }
    domain: { mask: EMAIL_MASK, masked_readers: ["group:analysts@example.com"], readers: ["group:pii-readers@example.com"] }
    tail: { mask: LAST_FOUR_CHARACTERS, masked_readers: ["group:analysts@example.com"], readers: ["group:pii-readers@example.com"] }
    nothing: { mask: ALWAYS_NULL, masked_readers: ["group:analysts@example.com"], readers: ["group:pii-readers@example.com"] }
checks: { max_shrink_percent: 50, max_misfit_percent: 0.1 }
load: { max_attempts: 2, concurrency: 1 }
"#;

/// A class of [`CONFIG`], or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Everyone may read.
    None,
    /// Masked readers see the SHA-256 of the value. For columns whose values nobody can list.
    Hashed,
    /// Masked readers see the domain of an e-mail address.
    Domain,
    /// Masked readers see the last four characters.
    Tail,
    /// Masked readers see NULL.
    Nothing,
    /// Everyone sees NULL.
    Unclassified,
}

impl Class {
    pub const ALL: [Self; 6] =
        [Self::None, Self::Hashed, Self::Domain, Self::Tail, Self::Nothing, Self::Unclassified];

    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Hashed => "hashed",
            Self::Domain => "domain",
            Self::Tail => "tail",
            Self::Nothing => "nothing",
            Self::Unclassified => "unclassified",
        }
    }

    /// Whether BigQuery can mask a column of this type with the class's rule.
    pub fn fits(self, ty: SourceType, column: &str) -> bool {
        match self {
            // Other text falls back to an unsalted hash.
            Self::Domain => ty.is_text() && column == "email",
            Self::Hashed | Self::Tail => ty.is_text() && column != "short",
            Self::None | Self::Nothing | Self::Unclassified => true,
        }
    }

    /// What the class allows its masked readers to see of a value. EMAIL_MASK and
    /// LAST_FOUR_CHARACTERS hash a value that they cannot mask; no contract allows that.
    pub fn allows_masked(self, kind: Kind) -> Option<Form> {
        match (self, kind) {
            (Self::None, _) => Some(Form::Plain),
            (Self::Hashed, Kind::Email | Kind::Text | Kind::Short) => Some(Form::Hash),
            (Self::Domain, Kind::Email) => Some(Form::Domain),
            (Self::Tail, Kind::Email | Kind::Text) => Some(Form::Tail),
            _ => None,
        }
    }
}

/// What the transfer does to a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transform {
    Drop,
    SetNull,
    Tokenise,
    /// Tokenise in a domain of its own.
    TokeniseApart,
}

impl Transform {
    pub const ALL: [Self; 4] = [Self::Drop, Self::SetNull, Self::Tokenise, Self::TokeniseApart];
}

/// What a contract makes of a time without a zone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Time {
    /// DATETIME.
    #[default]
    WallClock,
    /// TIMESTAMP, in the zone of the table if it has one.
    Instant,
    /// TIMESTAMP, with `zone:` of the column.
    InstantIn(&'static str),
}

/// One column of a contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColumnTerms {
    /// `name:`, the name in BigQuery.
    pub name: Option<&'static str>,
    /// Only for times without a zone.
    pub time: Time,
    pub source: SourceType,
    pub class: Class,
    pub transform: Option<Transform>,
    /// Whether receipts may hold the smallest and the largest value.
    pub bounds: bool,
    /// Whether a person has looked at the values.
    pub pinned: bool,
}

impl ColumnTerms {
    pub fn new(source: SourceType, class: Class) -> Self {
        let (name, time) = (None, Time::WallClock);
        Self { name, time, source, class, transform: None, bounds: false, pinned: false }
    }

    pub fn pinned(self) -> Self {
        Self { pinned: true, ..self }
    }

    pub fn transformed(self, transform: Transform) -> Self {
        Self { transform: Some(transform), ..self }
    }

    /// A class that fits the column, which is named `column`.
    fn set_class(&mut self, column: &str, class: Class) {
        if class.fits(self.source, column) {
            self.class = class;
        }
    }

    fn set_transform(&mut self, transform: Option<Transform>) {
        let token = matches!(transform, Some(Transform::Tokenise | Transform::TokeniseApart));
        if !token || self.source.is_text() {
            self.transform = transform;
        }
    }

    /// Another source type. What does not fit it is removed.
    fn set_source(&mut self, column: &str, source: SourceType) {
        self.source = source;
        if !self.class.fits(source, column) {
            self.class = Class::Nothing;
        }
        if !source.is_text() && self.transform.is_some() {
            self.transform = None;
            self.class = Class::Nothing;
        }
    }
}

/// One table of a contract.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableTerms {
    /// `table:`, the name in BigQuery.
    pub table: Option<String>,
    /// `time_travel_forbidden:`: somebody has created a row access policy.
    pub time_travel_forbidden: bool,
    /// `zone:`.
    pub zone: Option<&'static str>,
    pub columns: BTreeMap<String, ColumnTerms>,
}

impl TableTerms {
    /// Gives two columns each other's name in BigQuery.
    fn swap_names(&mut self, one: &'static str, other: &'static str) {
        let name = |column: &'static str| {
            self.columns.get(column).map(|terms| terms.name.unwrap_or(column))
        };
        let Some((first, second)) = name(one).zip(name(other)) else { return };
        for (column, name) in [(one, second), (other, first)] {
            if let Some(terms) = self.columns.get_mut(column) {
                terms.name = Some(name);
            }
        }
    }
}

/// A contract.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// By `schema.table`.
    pub tables: BTreeMap<String, TableTerms>,
    /// `warehouse.naive_times: timestamp` of the configuration that is deployed with the contract.
    pub naive_timestamps: bool,
}

/// One change of a contract. An edit of something that does not exist does nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    Class(String, String, Class),
    Transform(String, String, Option<Transform>),
    Source(String, String, SourceType),
    Bounds(String, String, bool),
    /// Sets `pinned:`.
    Pinned(String, String, bool),
    Column(String, String, ColumnTerms),
    RemoveColumn(String, String),
    Table(String, TableTerms),
    RemoveTable(String),
    /// Sets `table:`.
    Rename(String, Option<String>),
    TimeTravelForbidden(String, bool),
    /// Sets `name:` of a column.
    Name(String, String, Option<&'static str>),
    /// Two columns exchange their names in BigQuery.
    SwapColumns(String, &'static str, &'static str),
    Time(String, String, Time),
    /// Sets `zone:` of a table.
    Zone(String, Option<&'static str>),
    /// Sets `warehouse.naive_times`.
    NaiveTimestamps(bool),
    /// Two tables exchange their names in BigQuery.
    Swap(String, String),
}

impl Terms {
    fn column(&mut self, table: &str, column: &str) -> Option<&mut ColumnTerms> {
        self.tables.get_mut(table)?.columns.get_mut(column)
    }

    /// The name of a source table in BigQuery.
    pub fn landed(&self, table: &str) -> String {
        let named = self.tables.get(table).and_then(|terms| terms.table.clone());
        named.unwrap_or_else(|| default_name(table).to_owned())
    }

    pub fn apply(&mut self, edit: &Edit) {
        match edit {
            Edit::Class(table, column, class) => self.edit(table, column, |it| {
                it.set_class(column, *class);
            }),
            Edit::Transform(table, column, transform) => {
                self.edit(table, column, |it| it.set_transform(*transform));
            }
            Edit::Source(table, column, source) => {
                self.edit(table, column, |it| it.set_source(column, *source));
            }
            Edit::Pinned(table, column, pinned) => {
                self.edit(table, column, |it| it.pinned = *pinned);
            }
            Edit::Bounds(table, column, bounds) => {
                self.edit(table, column, |it| it.bounds = *bounds);
            }
            Edit::Name(table, column, name) => self.edit(table, column, |it| it.name = *name),
            Edit::Time(table, column, time) => self.edit(table, column, |it| it.time = *time),
            Edit::Column(table, column, terms) => self.edit_table(table, |it| {
                it.columns.insert(column.clone(), *terms);
            }),
            Edit::RemoveColumn(table, column) => self.edit_table(table, |it| {
                if it.columns.len() > 1 {
                    it.columns.remove(column);
                }
            }),
            Edit::Table(table, terms) => {
                self.tables.insert(table.clone(), terms.clone());
            }
            Edit::RemoveTable(table) => {
                self.tables.remove(table);
            }
            Edit::Rename(table, name) => self.edit_table(table, |it| it.table.clone_from(name)),
            Edit::TimeTravelForbidden(table, forbidden) => {
                self.edit_table(table, |it| it.time_travel_forbidden = *forbidden);
            }
            Edit::Zone(table, zone) => self.edit_table(table, |it| it.zone = *zone),
            Edit::SwapColumns(table, one, other) => {
                self.edit_table(table, |it| it.swap_names(one, other));
            }
            Edit::NaiveTimestamps(are) => self.set_naive_timestamps(*are),
            Edit::Swap(one, other) => self.swap_names(one, other),
        }
    }

    /// Changes a column, if the contract has it.
    fn edit(&mut self, table: &str, column: &str, change: impl FnOnce(&mut ColumnTerms)) {
        if let Some(terms) = self.column(table, column) {
            change(terms);
        }
    }

    /// Changes a table, if the contract has it.
    fn edit_table(&mut self, table: &str, change: impl FnOnce(&mut TableTerms)) {
        if let Some(terms) = self.tables.get_mut(table) {
            change(terms);
        }
    }

    fn set_naive_timestamps(&mut self, are: bool) {
        self.naive_timestamps = are;
        // DATETIME is not possible then, as `landbridge check` says.
        let columns = self.tables.values_mut().flat_map(|table| table.columns.values_mut());
        for terms in columns.filter(|terms| are && terms.time == Time::WallClock) {
            terms.time = Time::Instant;
        }
    }

    /// Gives two tables each other's name in BigQuery.
    fn swap_names(&mut self, one: &str, other: &str) {
        let (first, second) = (self.landed(one), self.landed(other));
        if self.tables.contains_key(one) && self.tables.contains_key(other) {
            self.edit_table(one, |it| it.table = Some(second));
            self.edit_table(other, |it| it.table = Some(first));
        }
    }

    /// The text of `landbridge.yaml`.
    pub fn config(&self) -> String {
        match self.naive_timestamps {
            true => CONFIG.replace("warehouse: { ", "warehouse: { naive_times: timestamp, "),
            false => CONFIG.to_owned(),
        }
    }

    /// The text of `contract.yaml`.
    pub fn yaml(&self) -> String {
        let mut text = "version: 1\ntables:\n".to_owned();
        if self.tables.is_empty() {
            text = "version: 1\ntables: {}\n".to_owned();
        }
        for (name, table) in &self.tables {
            let _ = writeln!(text, "  \"{name}\":");
            if let Some(table) = &table.table {
                let _ = writeln!(text, "    table: {table}");
            }
            if table.time_travel_forbidden {
                text.push_str("    time_travel_forbidden: true\n");
            }
            if let Some(zone) = table.zone {
                let _ = writeln!(text, "    zone: {zone}");
            }
            text.push_str("    columns:\n");
            for (name, column) in &table.columns {
                let _ = writeln!(text, "      {name}: {{ {} }}", column.yaml());
            }
        }
        text
    }
}

/// The name of a source table in BigQuery if the contract sets none.
pub fn default_name(table: &str) -> &str {
    table.split_once('.').map_or(table, |(_, name)| name)
}

impl ColumnTerms {
    fn yaml(&self) -> String {
        let ty = match self.transform {
            Some(Transform::Tokenise | Transform::TokeniseApart) => "STRING",
            _ if self.source == SourceType::Naive && self.time != Time::WallClock => "TIMESTAMP",
            _ => self.source.bigquery(),
        };
        let mut text =
            format!("source: {}, type: {ty}, class: {}", self.source.name(), self.class.name());
        text.push_str(match self.transform {
            None => "",
            Some(Transform::Drop) => ", transform: drop",
            Some(Transform::SetNull) => ", transform: set_null",
            Some(Transform::Tokenise) => ", transform: tokenise",
            Some(Transform::TokeniseApart) => ", transform: tokenise, token_domain: apart",
        });
        if self.bounds {
            text.push_str(", bounds: true");
        }
        if self.pinned && self.class == Class::None && self.transform.is_none() {
            text.push_str(", pinned: true");
        }
        if let Some(name) = self.name {
            let _ = write!(text, ", name: {name}");
        }
        if let (SourceType::Naive, Time::InstantIn(zone)) = (self.source, self.time) {
            let _ = write!(text, ", zone: {zone}");
        }
        text
    }
}

impl fmt::Display for ColumnTerms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.yaml())
    }
}
