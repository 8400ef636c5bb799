//! The proof: rows and tags of the table, read back and compared with the plan. What differs is
//! not published.

use landbridge_core::diff::{SchemaChange, policy_tag_for};
use landbridge_core::plan::Problem;
use landbridge_core::receipt::{Note, NoteCode, Receipt};
use landbridge_core::{Error, ErrorKind, Result};
use landbridge_gcp::bigquery::TableInfo;
use landbridge_ledger::records::Intent;

use super::TableLoad;
use super::schema::column_with_wrong_tag;
use crate::alert;

impl TableLoad<'_> {
    /// Compares rows and tags with the plan and adds them to the receipt.
    pub(super) async fn prove(&self, change: &SchemaChange, receipt: &mut Receipt) -> Result<()> {
        let mut state = self.read_back().await?;
        receipt.rows_table = Some(state.rows);
        let (planned, loaded) = (self.table.rows, receipt.rows_loaded.unwrap_or(0));
        if loaded != planned || state.rows != planned {
            return Err(Error::new(
                ErrorKind::Corrupt,
                "the row counts of a table differ",
                format!(
                    "{}: {planned} planned, {loaded} loaded, {} in the table",
                    self.name(),
                    state.rows
                ),
            ));
        }
        if let Some(column) = column_with_wrong_tag(&state, change.columns()) {
            state = self.restore_tags(change, &column, receipt).await?;
        }
        for column in &mut receipt.columns {
            let wanted = policy_tag_for(&column.class, &self.context.tags)?;
            let live =
                state.live.columns.iter().find(|live| live.name.eq_ignore_ascii_case(&column.name));
            column.tag_read_back =
                wanted.is_none() || live.is_some_and(|live| live.policy_tag.as_ref() == wanted);
        }
        Ok(())
    }

    /// Sets the tags again after the load lost the tag of `column`. The rows are loaded already,
    /// so the column is closed first and the alert raised afterwards.
    async fn restore_tags(
        &self,
        change: &SchemaChange,
        column: &str,
        receipt: &mut Receipt,
    ) -> Result<TableInfo> {
        let dataset = &self.context.config.warehouse.dataset;
        let bigquery = &self.context.gcp.bigquery;
        bigquery.patch_table(dataset, &self.table.table, change.columns()).await?;
        let problem = Problem::new(
            ErrorKind::Rejected,
            "a policy tag was lost during the load and is set again",
            format!("{}.{column}", self.name()),
        );
        alert::raise(self.ledger, &problem, &self.table.table, self.tick.now).await?;
        receipt.notes.push(Note::of_column(
            NoteCode::PolicyTagRestored,
            column,
            problem.to_string(),
        ));
        let state = self.read_back().await?;
        match column_with_wrong_tag(&state, change.columns()) {
            None => Ok(state),
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
        intent: &Intent,
        receipt: &mut Receipt,
    ) -> Result<()> {
        let limit = u64::from(self.context.config.checks.max_shrink_percent);
        let Some(before) = intent.rows_before.filter(|before| *before > 0) else { return Ok(()) };
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
        alert::raise(self.ledger, &problem, &self.table.table, self.tick.now).await?;
        let text = format!("{}: {rows}", problem.what);
        receipt.notes.push(Note::new(NoteCode::TableShrank, text));
        Ok(())
    }
}
