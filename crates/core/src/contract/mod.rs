//! `contract.yaml`: every column of every table, with its source type, its
//! BigQuery type and its class of personal data. Proposed by a command,
//! committed by people, reviewed as a diff.
//!
//! | module | what it holds |
//! |---|---|
//! | here | [`Contract`], [`parse`], [`schema`], [`default_table_name`] |
//! | `validate` | what a contract must keep, alone and against the config |
//! | `propose` | a first contract from what a source holds |
//! | `hints` | which class a column's name and type suggest |
//! | `render` | the contract as text that reviews well |

mod hints;
mod propose;
mod render;
mod validate;

#[cfg(test)]
mod tests;

pub use propose::{ProposedColumn, ProposedTable};

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    config::{CLASS_NONE, Config},
    ids::short_hash,
    rewrite::OnMisfit,
    types::BigQueryType,
    types::ColumnType,
    yaml::{self, Diagnostics, Violation, format},
};

/// The file's usual name, beside `landbridge.yaml`.
pub const FILE_NAME: &str = "contract.yaml";

/// The only version of the file's format so far.
pub const VERSION: u32 = 1;

/// What every column of every table is, and who may read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// Version of this file's format: 1.
    #[schemars(range(min = 1, max = 1))]
    pub version: u32,
    /// The tables by their name in the source, `schema.table` (PostgreSQL) or
    /// `database.table` (MySQL).
    #[serde(default)]
    pub tables: BTreeMap<String, TableContract>,
}

/// One table of the contract.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TableContract {
    /// Name of the table in BigQuery, when it is not the derived one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "format::bigquery_table")]
    pub table: Option<String>,
    /// What the table holds; becomes the table's description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "format::description")]
    pub description: Option<String>,
    /// The columns by their name in the source.
    #[schemars(extend("minProperties" = 1))]
    pub columns: BTreeMap<String, ColumnContract>,
}

/// One column of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ColumnContract {
    /// The column's type in the source database, as the export's manifest
    /// writes it, for example `character varying`.
    #[schemars(schema_with = "format::source_type")]
    pub source: String,
    /// The column's type in BigQuery. Where the export writes text and this says
    /// otherwise, the transfer reads the text as this type.
    #[serde(rename = "type")]
    pub bigquery_type: BigQueryType,
    /// Whether the column is an array of that type.
    #[serde(default, skip_serializing_if = "Mode::is_nullable")]
    pub mode: Mode,
    /// The column's class of personal data: one of `pii.classes`,
    /// `unclassified` (NULL for everyone) or `none` (readable by all).
    #[schemars(schema_with = "format::class_reference")]
    pub class: String,
    /// What the transfer does to the column before it leaves AWS; left out, it is carried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transform: Option<Transform>,
    /// Separates tokens that must not be joined: in another domain the same
    /// value has another token. Left out, tokens of all columns are joinable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "format::description")]
    pub token_domain: Option<String>,
    /// What becomes of a text that cannot be read as the column's type; left out, `set_null`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_misfit: Option<OnMisfit>,
    /// What the column holds; becomes the column's description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "format::description")]
    pub description: Option<String>,
}

/// Whether a column holds one value or many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Mode {
    /// One value or NULL.
    #[default]
    Nullable,
    /// An array of values, as a one-dimensional PostgreSQL array lands.
    Repeated,
}

impl Mode {
    /// Whether this is what a column is that says nothing.
    pub fn is_nullable(&self) -> bool {
        *self == Self::Nullable
    }
}

/// What the transfer does to a column that may not leave AWS as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Transform {
    /// It is in no byte of Cloud Storage, and not in BigQuery.
    Drop,
    /// It is in no byte of Cloud Storage; BigQuery has the column, NULL in every row.
    SetNull,
    /// Every value becomes a keyed token: equal values have equal tokens.
    Tokenise,
}

impl Transform {
    /// As written in the file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::SetNull => "set_null",
            Self::Tokenise => "tokenise",
        }
    }
}

impl TableContract {
    /// A fingerprint of what the transfer makes of the table: it is carried anew when this
    /// changes between the plan of the day and its end. Classes and descriptions do not count.
    pub fn transfer_fingerprint(&self) -> String {
        #[derive(Serialize)]
        struct Transferred<'a> {
            source: &'a str,
            r#type: BigQueryType,
            mode: Mode,
            transform: Option<Transform>,
            token_domain: Option<&'a str>,
            on_misfit: Option<OnMisfit>,
        }
        let columns = self.columns.iter().map(|(name, column)| {
            let column = Transferred {
                source: &column.source,
                r#type: column.bigquery_type,
                mode: column.mode,
                transform: column.transform,
                token_domain: column.token_domain.as_deref(),
                on_misfit: column.on_misfit,
            };
            (name.as_str(), column)
        });
        let columns: BTreeMap<&str, Transferred<'_>> = columns.collect();
        short_hash(&serde_json::to_string(&columns).expect("names and enums are JSON"))
    }
}

impl ColumnContract {
    /// How the column lands, when it does.
    pub fn column_type(&self) -> ColumnType {
        ColumnType { ty: self.bigquery_type, repeated: !self.mode.is_nullable() }
    }

    /// The class whose policy tag the column carries; `None` when everyone may
    /// read it.
    pub fn tagged_class(&self) -> Option<&str> {
        (self.class != CLASS_NONE).then_some(self.class.as_str())
    }
}

impl Contract {
    /// The table of that name in the source, as `schema` and `table`.
    pub fn table(&self, schema: &str, table: &str) -> Option<&TableContract> {
        self.tables.get(&format!("{schema}.{table}"))
    }

    /// Name of a source table in BigQuery: the one the contract gives, else
    /// the derived one of [`default_table_name`].
    pub fn bigquery_table_name(&self, database: &str, schema: &str, table: &str) -> String {
        self.table(schema, table)
            .and_then(|entry| entry.table.clone())
            .unwrap_or_else(|| default_table_name(database, schema, table))
    }

    /// Every fault of this value against the config, none when it may be
    /// used. [`parse`] has done this already.
    pub fn validate(&self, config: &Config) -> Vec<Violation> {
        let mut problems = yaml::violations_of(self);
        problems.extend(validate::against(self, config));
        problems
    }
}

/// Reads the text of a `contract.yaml` and checks it against the config.
/// `file` is only used to name it in faults.
///
/// # Errors
/// Every fault found, each with its line.
pub fn parse(file: &str, text: &str, config: &Config) -> Result<Contract, Diagnostics> {
    yaml::parse_checked(file, text, |contract| validate::against(contract, config))
}

/// The JSON Schema of the file, as kept in `schemas/contract.schema.json`.
pub fn schema() -> serde_json::Value {
    yaml::schema_of::<Contract>()
}

/// BigQuery name of a table for which the contract gives none: the table's own
/// name in the default schema (`public`, or MySQL's schema that is the
/// database itself), else `schema__table`. Characters other than ASCII
/// letters, digits and `_` become `_`.
pub fn default_table_name(database: &str, schema: &str, table: &str) -> String {
    let word = |name: &str| -> String {
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
    };
    if schema == "public" || schema == database {
        word(table)
    } else {
        format!("{}__{}", word(schema), word(table))
    }
}
