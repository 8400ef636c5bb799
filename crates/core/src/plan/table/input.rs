//! What a table is planned from.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::contract::{Others, TableContract};
use crate::manifest::TableStatus;
use crate::names::ColumnNames;
use crate::names::columns::LandedColumns;
use crate::plan::objects::ObjectMeta;
use crate::types::{BigQueryType, Engine, ParquetColumn, TimeRules};

/// A data object of the export, with the contents of its Parquet footer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataFile {
    /// The object.
    pub object: ObjectMeta,
    /// Rows.
    pub rows: u64,
    /// Top-level columns, in order. Files with the same columns share them: a table can have thousands of
    /// files and of columns.
    pub columns: Arc<[ParquetColumn]>,
    /// How the file is split at row groups, in order; one part means that it is not split.
    pub parts: Vec<FilePart>,
}

/// A part of a file that is split at row groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilePart {
    /// The row groups of this part.
    pub row_groups: Range<usize>,
    /// Number of rows in them.
    pub rows: u64,
}

/// The inputs of [`plan_table`](super::plan_table).
#[derive(Clone, Debug)]
pub struct TableInput<'a> {
    /// `schema.table`.
    pub source_table: &'a str,
    /// The BigQuery table.
    pub table: &'a str,
    /// The BigQuery table if the contract sets no other.
    pub default_table: &'a str,
    /// The engine of the source database.
    pub engine: Engine,
    /// The table's entry in the manifest.
    pub status: &'a TableStatus,
    /// Its data objects, in the order of their keys.
    pub files: &'a [DataFile],
    /// The table's contract, if it is in contract.yaml.
    pub contract: Option<&'a TableContract>,
    /// What happens to columns that the contract does not name.
    pub others: Others,
    /// What its columns were called on the newest day that landed.
    pub landed: &'a LandedColumns,
    /// The columns that the export had then and that stayed in AWS.
    pub dropped: &'a BTreeSet<String>,
    /// Which column names are loaded as they are.
    pub column_names: ColumnNames,
    /// How its times without a zone are loaded.
    pub times: &'a TimeRules,
    /// The BigQuery types with which its columns have landed, by source column.
    pub landed_types: &'a BTreeMap<String, BigQueryType>,
    /// Name prefix of its objects in Cloud Storage, without a trailing slash.
    pub prefix: &'a str,
    /// The objects that its load job can name: [`MAX_LOAD_URIS`], or less in a test.
    pub max_load_uris: usize,
}

/// The objects that one load job can name; a wildcard names more (Google Cloud's documentation, "Quotas
/// and limits", load jobs: 10,000 source URIs in a job configuration).
pub const MAX_LOAD_URIS: usize = 10_000;
