//! The proof: rows and tags of the table, read back and compared with the plan. What differs is
//! not published.

use landbridge_core::audit::Check;
use landbridge_core::diff::{SchemaChange, TableColumn, is_same_tag, policy_tag_for};
use landbridge_core::names::is_same;
use landbridge_core::plan::Problem;
use landbridge_core::plan::table::ResolvedTable;
use landbridge_core::receipt::{Note, NoteCode, Receipt};
use landbridge_core::{Error, ErrorKind, Result};
use landbridge_gcp::bigquery::TableInfo;

use super::claim::Held;
use super::rows::LoadedRows;
use super::schema::column_with_wrong_tag;
use super::{Prepared, TableLoad};
use crate::alert;

/// The table as it was read back, and what the receipt must mention of it.
pub(super) struct Proof {
    pub(super) state: TableInfo,
    pub(super) notes: Vec<Note>,
}

impl TableLoad<'_> {
    /// Compares rows and tags with the plan. `None`: the tags of a newer contract or load are set.
    pub(super) async fn prove(
        &self,
        change: &SchemaChange,
        held: &Held,
        loaded: &LoadedRows,
    ) -> Result<Option<Proof>> {
        let state = self.read_back().await?;
        if self.is_overtaken(&state, held) {
            return Ok(None);
        }
        let planned = self.table.rows;
        let found = match self.history {
            None => state.rows,
            Some(_) => self.partition_rows(&loaded.job).await?,
        };
        // The rows that a merge changed were compared when it ended.
        let are_loaded = self.delta.is_some() || loaded.rows == planned;
        if !are_loaded || found != planned {
            return Err(Error::new(
                ErrorKind::Corrupt,
                "the row counts of a table differ",
                format!(
                    "{}: {planned} planned, {} loaded by job {}, {} in the table. The job has replaced the former rows; when the cause is found, `landbridge redo {} --table {}` loads the table again",
                    self.name(),
                    loaded.rows,
                    loaded.job,
                    found,
                    self.day.day,
                    self.table.source_table,
                ),
            ));
        }
        match column_with_wrong_tag(&state, change.columns()) {
            None => Ok(Some(Proof { state, notes: Vec::new() })),
            Some(column) => self.restore_tags(change, state, &column).await.map(Some),
        }
    }

    /// Whether every column of `now` has the tag of its class among `columns`.
    pub(super) fn has_tags_of(&self, now: &ResolvedTable, columns: &[TableColumn]) -> Result<bool> {
        for desired in &now.columns {
            let tag = policy_tag_for(&desired.class, &self.context.tags)?;
            let found = columns.iter().find(|it| is_same(&it.name, &desired.name));
            let has_tag = |column: &TableColumn| {
                is_same_tag(column.policy_tag.as_deref(), tag.map(String::as_str))
            };
            if !found.is_some_and(has_tag) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Records for each column of the receipt whether the tag of its class was read back.
    pub(super) fn record_tags(&self, receipt: &mut Receipt, state: &TableInfo) -> Result<()> {
        for column in &mut receipt.columns {
            let wanted = policy_tag_for(&column.class, &self.context.tags)?;
            let live = state.live.columns.iter().find(|live| is_same(&live.name, &column.name));
            let wanted = wanted.map(String::as_str);
            column.tag_read_back = wanted.is_none()
                || live.is_some_and(|live| is_same_tag(live.policy_tag.as_deref(), wanted));
        }
        Ok(())
    }

    /// Sets the tags again after the load lost the tag of `column`. The rows are loaded already,
    /// so the column is closed first and the alert raised afterwards.
    ///
    /// A later load can also have set the tags that differ, for its own rows. Such a load has set
    /// its number before its rows: either the caller saw it, or this patch is refused.
    async fn restore_tags(
        &self,
        change: &SchemaChange,
        live: TableInfo,
        column: &str,
    ) -> Result<Proof> {
        let (dataset, table) = (&self.context.config.warehouse.dataset, &self.table.table);
        let bigquery = &self.context.gcp.bigquery;
        bigquery.patch_table(dataset, table, &live, change.columns(), live.stamp).await?;
        let problem = Problem::new(
            ErrorKind::Rejected,
            "a policy tag was lost during the load and is set again",
            format!("{}.{column}", self.name()),
        );
        alert::raise(self.ledger, &problem, &self.subject(), self.tick.now).await?;
        let note = Note::of_column(NoteCode::PolicyTagRestored, column, problem.to_string());
        let state = self.read_back().await?;
        match column_with_wrong_tag(&state, change.columns()) {
            None => Ok(Proof { state, notes: vec![note] }),
            Some(column) => Err(Error::new(
                ErrorKind::Rejected,
                "BigQuery does not keep a policy tag",
                format!("{}.{column}", self.name()),
            )),
        }
    }

    /// Reports a table that lost more rows than the limit. It is published nevertheless.
    pub(super) async fn check_lost_rows(
        &self,
        prepared: &Prepared,
        receipt: &mut Receipt,
    ) -> Result<()> {
        let limit = u64::from(self.context.config.checks.max_shrink_percent);
        let Some(before) = prepared.intent.rows_before.filter(|before| *before > 0) else {
            return Ok(());
        };
        let lost = before.saturating_sub(self.table.rows);
        if lost.saturating_mul(100) <= before.saturating_mul(limit) {
            return Ok(());
        }
        let rows = format!("{before} rows before, {} today", self.table.rows);
        let problem = Problem::notice(
            "a table shrank beyond the limit",
            format!("{}: {rows}", self.table.table),
            "check whether the source deleted the rows on purpose; today's rows are published, and the snapshot of the day before still contains the others",
        );
        // The audit of the rows says the same, once.
        if !prepared.audits.has(Check::Rows) {
            alert::raise(self.ledger, &problem, &self.subject(), self.tick.now).await?;
        }
        let text = format!("{}: {rows}", problem.what);
        receipt.notes.push(Note::new(NoteCode::TableShrank, text));
        Ok(())
    }
}
