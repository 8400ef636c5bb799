//! What tests read directly: every version of a table's rows that somebody could still read, and
//! what a principal can read of it.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use arrow::array::RecordBatch;
use jiff::Timestamp;

use crate::bigquery::names::TableName;
use crate::bigquery::query::cells;
use crate::bigquery::query::masked_table::ColumnView;
use crate::error::GoogleError;
use crate::masking::MaskingRule;
use crate::servers::LocalGoogle;

/// One version of a table's rows.
#[derive(Clone, Debug)]
pub struct RowVersion {
    /// Identifies this version. A version keeps its number; no other version of any table has it.
    pub number: u64,
    /// When the rows became current.
    pub since: Timestamp,
    /// When other rows replaced them; `None` for the current rows.
    pub replaced_at: Option<Timestamp>,
    /// The rows, unmasked, with the columns of the table when they were replaced.
    pub batches: Vec<RecordBatch>,
}

/// A version of a table's rows as a principal reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionReading {
    /// The number of rows that the principal sees: 0 if the table has row access policies and none
    /// of them names the principal.
    pub row_count: usize,
    /// All columns, in the order of the version's schema.
    pub columns: Vec<ColumnReading>,
}

/// A column as a principal reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnReading {
    /// The column's name.
    pub name: String,
    /// The resource name of the policy tag that applies, if any.
    pub tag: Option<String>,
    /// How the principal may read the column.
    pub access: ColumnAccess,
    /// The values as text, in the order of the rows; `None` is NULL. Empty if access is denied.
    pub cells: Vec<Option<String>>,
}

/// How a principal may read a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ColumnAccess {
    /// The values are plain.
    Plain,
    /// The values are masked with a rule.
    Masked(MaskingRule),
    /// A RECORD with members that are plain and members that are masked.
    PartlyMasked,
    /// A query that reads the column fails with this error.
    Denied(GoogleError),
}

impl LocalGoogle {
    /// Every version of a table's rows that can still be read: the current rows first, then the
    /// former rows from the newest to the oldest, as far as the dataset's time-travel window
    /// reaches. Empty if the table does not exist.
    ///
    /// Rows that were replaced in the same second are included. The virtual clock shows whole
    /// seconds, so `FOR SYSTEM_TIME AS OF` finds no instant at which they were current, but with a
    /// real clock there is one.
    pub fn row_versions(&self, dataset: &str, table: &str) -> Vec<RowVersion> {
        let name = TableName::new(&self.bigquery.project, dataset, table);
        let now = self.bigquery.clock.now();
        let mut catalog = self.bigquery.catalog();
        let Ok(table) = catalog.table_in_window(&name, now) else { return Vec::new() };
        (table.versions().into_iter())
            .map(|it| RowVersion {
                number: it.number,
                since: it.since,
                replaced_at: it.replaced_at,
                batches: it
                    .rows
                    .batches_with_schema(&crate::bigquery::schema::arrow_schema(&it.fields)),
            })
            .collect()
    }

    /// What a principal (an e-mail address or a token) can read of a version of a table's rows,
    /// without an HTTP call. The columns are masked with the policy tags that the columns of these
    /// names have now. A column that the table no longer has counts as one without a tag, because that
    /// is the worst case; a query of it fails.
    ///
    /// # Errors
    /// 401 for an unknown principal, 403 if it may not read the dataset, or the former rows of a table
    /// that has or has had row access policies, 404 if the table does not exist or the version cannot
    /// be read any more.
    pub fn read_version_as(
        &self,
        principal: &str,
        dataset: &str,
        table: &str,
        version: u64,
    ) -> Result<VersionReading, GoogleError> {
        let caller = self.bigquery.with_access(|access| access.find_principal(principal))?;
        let name = TableName::new(&self.bigquery.project, dataset, table);
        let masked = self.bigquery.masked_version(&caller, &name, version)?;
        let mut reading = VersionReading { row_count: masked.row_count(), columns: Vec::new() };
        for (at, (field, view)) in masked.fields.iter().zip(masked.views()).enumerate() {
            let access = match view {
                ColumnView::Plain => ColumnAccess::Plain,
                ColumnView::Masked(rule) => ColumnAccess::Masked(*rule),
                ColumnView::Members(_) => ColumnAccess::PartlyMasked,
                ColumnView::Denied(error) => ColumnAccess::Denied(error.clone()),
            };
            let mut cells = Vec::new();
            if !matches!(access, ColumnAccess::Denied(_)) {
                let batches = masked.masked_batches(&[at]).map_err(|_| {
                    GoogleError::new(500, "internalError", "The column could not be masked.")
                })?;
                for batch in &batches {
                    let column = batch.column(0);
                    cells.extend(
                        (0..batch.num_rows()).map(|row| cells::cell_text(field, column, row)),
                    );
                }
            }
            let (name, tag) = (field.name.clone(), field.tag().map(str::to_owned));
            reading.columns.push(ColumnReading { name, tag, access, cells });
        }
        Ok(reading)
    }

    /// A value that is different whenever [`row_versions`](Self::row_versions) or
    /// [`read_version_as`](Self::read_version_as) of the table could return something else: after
    /// a change of rows, columns, tags, row access policies or anybody's access, and when former rows leave the
    /// time-travel window. Cheap: reads no rows.
    pub fn state_token(&self, dataset: &str, table: &str) -> u64 {
        let name = TableName::new(&self.bigquery.project, dataset, table);
        let now = self.bigquery.clock.now();
        let mut hasher = DefaultHasher::new();
        if let Ok(table) = self.bigquery.catalog().table_in_window(&name, now) {
            let former = table.former_rows.len();
            (table.version(), table.row_access.changed, former).hash(&mut hasher);
        }
        self.bigquery.with_access(|access| access.changes()).hash(&mut hasher);
        hasher.finish()
    }
}
