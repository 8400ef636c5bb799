//! `contract.yaml`: every column of every table with its source type, BigQuery
//! type and class of personal data. `landbridge contract propose` writes the
//! first version; people correct, commit and review it.
//!
//! | module | contents |
//! |---|---|
//! | here | [`Contract`], [`schema`], [`default_table_name`] |
//! | `validate` | [`parse`]; the rules of a contract, including the rules that involve the configuration |
//! | `column_types` | which BigQuery types a column of a source type can have |
//! | [`compare`] | who sees what by one contract and by another |
//! | [`odcs`] | the Open Data Contract Standard |
//! | `law` | what may not leave AWS without a legal basis, and which masks hide numbers that can be listed |
//! | `times` | the rules for times without a zone |
//! | `others` | what happens to columns and tables that it does not name |
//! | `propose` | proposes a contract for the tables of a source |
//! | [`review`] | what a change of the source's schema means for the contract |
//! | `render` | writes the contract as YAML, one column per line; sets one name in a file |

mod column_types;
pub mod compare;
mod law;
pub mod odcs;
mod others;
mod propose;
mod render;
pub mod review;
mod times;
mod validate;

#[cfg(test)]
mod tests;

pub use others::Others;
pub use propose::{ProposedColumn, ProposedTable, Reason, Samples};
pub use render::{ColumnOrder, column_order, set_column_name};
pub use validate::parse;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    config::{CLASS_NONE, Config},
    ids::short_hash,
    names,
    rewrite::OnMisfit,
    types::{BigQueryType, ColumnType, TimeRules},
    yaml::{self, format},
};

/// The default file name, in the directory of `landbridge.yaml`.
pub const FILE_NAME: &str = "contract.yaml";

/// The version of the file format; there is only one so far.
pub const VERSION: u32 = 1;

/// The types and classes of all columns of all tables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// Version of this file's format: 1.
    #[schemars(range(min = 1, max = 1))]
    pub version: u32,
    /// What happens to columns and tables that this file does not name; the default is
    /// `unclassified`. A table can have a rule of its own.
    #[serde(default, skip_serializing_if = "Others::is_unclassified")]
    pub others: Others,
    /// The tables by their name in the source: `schema.table` (PostgreSQL) or
    /// `database.table` (MySQL).
    #[serde(default)]
    pub tables: BTreeMap<String, TableContract>,
}

/// One table of the contract.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TableContract {
    /// Name of the table in BigQuery. Omit it to use the default name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "format::bigquery_table")]
    pub table: Option<String>,
    /// Description of the table in BigQuery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "format::description")]
    pub description: Option<String>,
    /// Who answers for the table: teams, groups, channels. Checks, differences and incidents name them.
    /// Names of people are personal data: prefer teams.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "format::names")]
    pub owners: Vec<String>,
    /// What is known to read the table beside what `landbridge consumers` finds: reports, jobs, other
    /// teams. Checks, differences and incidents name them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "format::names")]
    pub consumers: Vec<String>,
    /// Says that a person has created a row access policy with the filter TRUE on the table.
    /// BigQuery then refuses time travel on it, so a looser class need not wait for the end of the
    /// time-travel window. Readers whom no policy names see no rows, and time travel stays
    /// impossible after the policy is deleted. `landbridge check` prints the statement.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub time_travel_forbidden: bool,
    /// IANA time zone of the table's times without a zone, for example `Asia/Seoul`; the default is
    /// `source.zone` of landbridge.yaml. A column of type TIMESTAMP gets the instant that such a
    /// local time means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "format::time_zone")]
    pub zone: Option<String>,
    /// What happens to columns of the table that this file does not name; the default is `others` of
    /// the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub others: Option<Others>,
    /// The columns by their name in the source.
    #[schemars(extend("minProperties" = 1))]
    pub columns: BTreeMap<String, ColumnContract>,
}

/// One column of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ColumnContract {
    /// Name of the column in BigQuery. Omit it to use the default name: its own, if BigQuery takes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "format::bigquery_column")]
    pub name: Option<String>,
    /// Type of the column in the source database, as the export manifest writes
    /// it, for example `character varying`. The manifest writes `ARRAY` for every array of
    /// PostgreSQL; `integer[]` is the same type and says what the elements are.
    #[schemars(schema_with = "format::source_type")]
    pub source: String,
    /// Type of the column in BigQuery. If the export contains text and this is
    /// another type, the transfer converts the text to this type.
    #[serde(rename = "type")]
    pub bigquery_type: BigQueryType,
    /// Whether the column contains single values or arrays of `type`.
    #[serde(default, skip_serializing_if = "Mode::is_nullable")]
    pub mode: Mode,
    /// Class of personal data: one of `pii.classes`, `unclassified` (NULL for
    /// everyone) or `none` (readable by everyone with access to the dataset).
    #[schemars(schema_with = "format::class_reference")]
    pub class: String,
    /// What the transfer does to the column before it leaves AWS. Omit it to transfer the values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transform: Option<Transform>,
    /// Domain of the tokens: the same value has different tokens in different
    /// domains, so they cannot be joined. Omit it to make the tokens joinable with
    /// those of all other columns without a domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "format::description")]
    pub token_domain: Option<String>,
    /// What happens to a value that cannot be converted to `type`; the default is `set_null`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_misfit: Option<OnMisfit>,
    /// What happens to NULLs in the arrays of a column with `mode: REPEATED`; the default is `drop`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub array_nulls: Option<ArrayNulls>,
    /// IANA time zone of the column's values, which have none of their own, for example
    /// `Asia/Seoul`; the default is that of the table. Only for `type: TIMESTAMP`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "format::time_zone")]
    pub zone: Option<String>,
    /// Whether the ledger and the receipts may contain the column's smallest and largest value,
    /// for numbers, dates and times. They are cell values that everyone reads who reads receipts,
    /// so only a column of class `none` without a transform may have them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bounds: bool,
    /// Whether the column contains resident registration numbers of Korea. Omit it to decide by the
    /// names of column and class. Such a column may leave AWS only with `legal_basis`; `false` is for
    /// a column whose name only looks like one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resident_number: Option<bool>,
    /// The statute and article that requires or permits to process the resident registration numbers
    /// of the column (Personal Information Protection Act, Article 24-2 (1)). It is added to the
    /// column's description in BigQuery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "format::statute")]
    pub legal_basis: Option<String>,
    /// Says that a person has looked at the values: the column stays `class: none` also on days on
    /// which its values look personal. Without it, such a column is masked for everyone from that
    /// day on. Only for `class: none`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pinned: bool,
    /// Description of the column in BigQuery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "format::description")]
    pub description: Option<String>,
}

/// Whether a column contains single values or arrays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Mode {
    /// One value or NULL.
    #[default]
    Nullable,
    /// An array of values, for example a one-dimensional PostgreSQL array.
    Repeated,
}

impl Mode {
    /// Whether this is the default mode.
    pub fn is_nullable(&self) -> bool {
        *self == Self::Nullable
    }
}

/// What happens to NULLs in arrays, which BigQuery cannot store (GoogleSQL reference, "Array type":
/// a query result with such an array is an error).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ArrayNulls {
    /// They are left out and counted; the other elements stay. The default, because it loses no
    /// value. Where the position of an element has a meaning, use another rule.
    #[default]
    Drop,
    /// If an array of the table contains NULL, or does not fit for another reason, the column is
    /// STRING in all rows, with the arrays as JSON text.
    Text,
    /// If an array of the table contains NULL, the table is held.
    Hold,
}

impl ArrayNulls {
    /// The value in `contract.yaml`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Text => "text",
            Self::Hold => "hold",
        }
    }
}

/// What the transfer does to a column whose values must not leave AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Transform {
    /// The column is neither transferred to Cloud Storage nor created in BigQuery.
    Drop,
    /// The column is not transferred to Cloud Storage; in BigQuery it is NULL in every row.
    SetNull,
    /// Every value is replaced by a keyed token; equal values have equal tokens.
    Tokenise,
}

impl Transform {
    /// The value in `contract.yaml`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::SetNull => "set_null",
            Self::Tokenise => "tokenise",
        }
    }
}

impl Contract {
    /// A contract that names no table.
    pub fn of_no_table() -> Self {
        Self { version: VERSION, others: Others::default(), tables: BTreeMap::new() }
    }
}

impl TableContract {
    /// Whom a change of the table concerns, by the contract: `owners: payments; consumers: the weekly
    /// report`. `None` if the contract names neither.
    pub fn concerns(&self) -> Option<String> {
        let list = |what: &str, names: &[String]| {
            (!names.is_empty()).then(|| format!("{what}: {}", names.join(", ")))
        };
        let parts = [list("owners", &self.owners), list("consumers", &self.consumers)];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }

    /// Whether the contract of a table allows the smallest and largest value of a column to be
    /// written down. Without a contract of the table or of the column, it does not.
    pub fn allows_bounds(table: Option<&Self>, column: &str) -> bool {
        table.and_then(|table| table.columns.get(column)).is_some_and(ColumnContract::allows_bounds)
    }

    /// Fingerprint of the properties that determine the transferred files. If it changes after
    /// the day was planned, the table is transferred again as a new revision. Classes, bounds and
    /// descriptions do not affect it.
    ///
    /// `times` also decide about columns that the contract does not name, so a table without a
    /// contract has a fingerprint as well.
    pub fn transfer_fingerprint(table: Option<&Self>, times: &TimeRules) -> String {
        #[derive(Serialize)]
        struct Transferred<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            name: Option<&'a str>,
            source: &'a str,
            r#type: BigQueryType,
            mode: Mode,
            transform: Option<Transform>,
            token_domain: Option<&'a str>,
            on_misfit: Option<OnMisfit>,
            #[serde(skip_serializing_if = "Option::is_none")]
            array_nulls: Option<ArrayNulls>,
            zone: Option<&'a str>,
        }
        let columns = table.iter().flat_map(|table| &table.columns).map(|(name, column)| {
            let column = Transferred {
                name: column.name.as_deref(),
                source: &column.source,
                r#type: column.bigquery_type,
                mode: column.mode,
                transform: column.transform,
                token_domain: column.token_domain.as_deref(),
                on_misfit: column.on_misfit,
                // Also the default, which was another one before there was a rule.
                array_nulls: (!column.mode.is_nullable())
                    .then(|| column.array_nulls.unwrap_or_default()),
                zone: column.zone.as_deref(),
            };
            (name.as_str(), column)
        });
        let columns: BTreeMap<&str, Transferred<'_>> = columns.collect();
        short_hash(&serde_json::to_string(&(columns, times)).expect("names and enums are JSON"))
    }
}

impl ColumnContract {
    /// A column of single values, copied as they are.
    pub fn new(source: impl Into<String>, bigquery_type: BigQueryType, class: &str) -> Self {
        Self {
            source: source.into(),
            bigquery_type,
            mode: Mode::Nullable,
            class: class.to_owned(),
            transform: None,
            token_domain: None,
            on_misfit: None,
            array_nulls: None,
            zone: None,
            bounds: false,
            name: None,
            resident_number: None,
            legal_basis: None,
            pinned: false,
            description: None,
        }
    }

    /// Whether the values are judged again every day: everyone may read them, and no person has
    /// pinned that.
    pub fn is_judged_again(&self) -> bool {
        self.class == CLASS_NONE && !self.pinned && self.transform.is_none()
    }

    /// The description of the column in BigQuery: the contract's, with the legal basis.
    pub fn shown_description(&self) -> Option<String> {
        let basis = self.legal_basis.as_ref().map(|basis| format!("Legal basis: {basis}"));
        let parts: Vec<&str> =
            [self.description.as_deref(), basis.as_deref()].into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join("\n"))
    }

    /// Whether the values stay in AWS: the transfer drops the column or sets it to NULL.
    pub fn stays_in_aws(&self) -> bool {
        matches!(self.transform, Some(Transform::Drop | Transform::SetNull))
    }

    /// Whether all values of the column stay text if one of them does not fit.
    pub fn may_stay_text(&self) -> bool {
        match self.mode {
            Mode::Nullable => self.on_misfit == Some(OnMisfit::KeepText),
            Mode::Repeated => self.array_nulls == Some(ArrayNulls::Text),
        }
    }

    /// The BigQuery column type, for a column that is not dropped.
    pub fn column_type(&self) -> ColumnType {
        ColumnType { ty: self.bigquery_type, repeated: !self.mode.is_nullable() }
    }

    /// Whether the column's smallest and largest value may be written down. `landbridge check`
    /// refuses `bounds: true` where this is false; the class and the transform are examined here
    /// too, so that no caller depends on that check.
    pub fn allows_bounds(&self) -> bool {
        self.bounds && self.class == CLASS_NONE && self.transform.is_none()
    }

    /// The class whose policy tag the column has; `None` for class `none`.
    pub fn tagged_class(&self) -> Option<&str> {
        (self.class != CLASS_NONE).then_some(self.class.as_str())
    }
}

impl TimeRules {
    /// The rules for a table: the zone of its contract, otherwise of the source.
    pub fn of(config: &Config, table: Option<&TableContract>) -> Self {
        let zone = table.and_then(|table| table.zone.as_ref()).or(config.source.zone.as_ref());
        Self { naive_times: config.warehouse.naive_times, zone: zone.cloned() }
    }
}

impl Contract {
    /// The contract of the source table `schema.table`.
    pub fn table(&self, schema: &str, table: &str) -> Option<&TableContract> {
        self.tables.get(&format!("{schema}.{table}"))
    }

    /// BigQuery name of a source table: the name set in the contract, otherwise
    /// [`default_table_name`].
    pub fn bigquery_table_name(&self, database: &str, schema: &str, table: &str) -> String {
        self.table(schema, table)
            .and_then(|entry| entry.table.clone())
            .unwrap_or_else(|| default_table_name(database, schema, table))
    }

    /// Whom the contract names as owners and consumers of tables, by the table's name in BigQuery.
    pub fn concerns(&self) -> BTreeMap<String, String> {
        let names = self.bigquery_tables();
        let of = |(source, table): (&String, &TableContract)| {
            Some((names[source].clone(), table.concerns()?))
        };
        self.tables.iter().filter_map(of).collect()
    }

    /// The BigQuery name of each table, by its name in the source.
    pub fn bigquery_tables(&self) -> BTreeMap<String, String> {
        let name = |table: &String| (table.clone(), crate::models::bigquery_table(self, table));
        self.tables.keys().map(name).collect()
    }
}

/// The JSON Schema of the file, as stored in `schemas/contract.schema.json`.
pub fn schema() -> serde_json::Value {
    yaml::schema_of::<Contract>()
}

/// Default BigQuery name of a source table; see [`names::table_name`].
pub fn default_table_name(database: &str, schema: &str, table: &str) -> String {
    names::table_name(database, schema, table)
}
