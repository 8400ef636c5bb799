//! A table that keeps its rows: the transfer found that its export has the same content as that of the day whose rows
//! the table has. What the transfer cannot see is checked here: that our own load job wrote the rows, and
//! that schema, tags and labels are right. If anything differs, the table is transferred and loaded as on every day.
//!
//! The order protects the statement of the receipt. The description is patched under the condition that the table is
//! the one that was checked; then the claim is replaced under the condition that no other load has taken it; then
//! the receipt is written. A tick that dies in between leaves a table that the next tick checks again.

use landbridge_core::Result;
use landbridge_core::diff::{SchemaChange, diff_table};
use landbridge_core::protection::TableRows;
use landbridge_core::receipt::{Note, NoteCode, Receipt};
use landbridge_gcp::bigquery::{TableInfo, TableStamp};
use landbridge_ledger::records::{self, Claim, EqualBy, Intent, UnchangedRecord};

use super::audits::{self, TableAudits};
use super::claim::{Held, is_put_back};
use super::{Prepared, TableLoad};
use crate::deployment;
use crate::load::stats;
use crate::plan::read_items;
use crate::time_travel;
use crate::transfer::text_columns;
use crate::unchanged::{self, Origin};

impl TableLoad<'_> {
    /// Publishes a table that keeps its rows. `None`: not finished, or the table is carried after all; the next tick
    /// continues.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub(in crate::load) async fn keep_rows(&self, origin: &Origin) -> Result<Option<Receipt>> {
        let Self { context, ledger, table, .. } = *self;
        let dataset = &context.config.warehouse.dataset;
        // Before the claim: a load writes its number into the claim before it labels the table.
        let live = context.gcp.bigquery.table(dataset, &table.table).await?;
        let Some(claim) = ledger.source().get(&records::claim(&table.table)).await? else {
            return self.carry("the table has no claim").await;
        };
        if claim.value.day > self.day.day {
            return self.supersede(claim.value.day).await.map(Some);
        }
        let Some(live) = live else { return self.carry("the table does not exist").await };
        let rows = match self.same_rows(&origin.record, &claim.value, &live) {
            Ok(rows) => rows.clone(),
            Err(why) => return self.carry(why).await,
        };
        let held = self.hold_as_is(claim);
        let text = text_columns::decided(&origin.ledger, &origin.plan).await?;
        let items = read_items(&origin.ledger, &origin.plan).await?;
        if context.config.history_of(&table.source_table).is_some()
            && self.changed_object(&items).await?.is_some()
        {
            return self
                .carry("its history needs the objects of the earlier day, which are gone")
                .await;
        }
        let (resolved, stats) = self.checked(Some(&live), &text, &items)?;
        let audits = match audits::read(self).await? {
            TableAudits::Waits => return Ok(None),
            TableAudits::Blocked(problem) => return self.hold(problem).await.map(Some),
            TableAudits::Publishes(audits) => audits,
        };
        let contract = context.contract.tables.get(&table.source_table);
        let hours = self.window_hours;
        let window_hours =
            time_travel::window_hours(context, &table.table, contract, hours, self.tick).await?;
        let load = Self { window_hours, ..*self };
        let now = load.classes_now(&resolved, &held);
        let change = diff_table(
            &self.name(),
            &context.config.source.name,
            &now.columns,
            Some(&live.live),
            &context.tags,
        )?
        .described(&now.columns, &context.config);
        let stamp = TableStamp { contract: context.deployment.number, load: held.claim.sequence };
        if live.stamp != stamp || !matches!(change, SchemaChange::Unchanged(_)) {
            return self.carry("its schema, tags or labels changed").await;
        }
        if !deployment::is_newest(context, &ledger.source()).await? {
            return Ok(None);
        }
        let intent = Intent { rows_before: Some(live.rows), changes: Vec::new(), other_key: None };
        let proven = stats::proven_columns(&items);
        let key = rows.token_key.clone();
        let prepared = Prepared { resolved, stats, proven, bytes_sent: 0, intent, key, audits };
        let Some((held, live)) = self.confirm(held, &rows, live).await? else { return Ok(None) };
        let mut receipt = self.published(&prepared, now).await?;
        (receipt.files, receipt.bytes) = (0, 0);
        receipt.unchanged_since = Some(origin.record.since);
        receipt.notes.push(Note::new(NoteCode::Unchanged, note(&origin.record)));
        self.publish(&prepared, (&held, &change), &live, &mut receipt).await?;
        tracing::info!(table = self.name(), since = %origin.record.since, "table unchanged");
        Ok(Some(receipt))
    }

    /// The rows in the table, if they are those that the transfer compared, and nothing has written the table since
    /// their load job.
    fn same_rows<'c>(
        &self,
        record: &UnchangedRecord,
        claim: &'c Claim,
        live: &TableInfo,
    ) -> Result<&'c TableRows, &'static str> {
        let rows = claim.loaded.as_ref().ok_or("the rows of the table are not known")?;
        let is_compared = claim.loading.is_none()
            && claim.sequence == record.sequence
            && (rows.day, rows.job.as_str()) == (Some(record.since), record.job.as_str());
        if !is_compared {
            return Err("other rows were loaded after the comparison");
        }
        if is_put_back(claim, Some(live)) || claim.mark.is_none() || claim.mark != live.mark {
            return Err(
                "something other than Landbridge's load job has written or changed the table",
            );
        }
        if live.rows != self.table.rows {
            return Err("the table has another number of rows");
        }
        if live.live.source_label.as_ref() != Some(&self.context.config.source.name) {
            return Err("the table has no label of this source");
        }
        Ok(rows)
    }

    /// Says in the table's description and in its claim that the rows are also the rows of this day. `None` if the table or the claim
    /// is not the one that was checked any more.
    async fn confirm(
        &self,
        mut held: Held,
        rows: &TableRows,
        live: TableInfo,
    ) -> Result<Option<(Held, TableInfo)>> {
        let (dataset, table) = (&self.context.config.warehouse.dataset, &self.table.table);
        let wanted = self.description(&live, rows.day);
        let live = if live.description.as_deref() == Some(wanted.as_str()) {
            live
        } else {
            let bigquery = &self.context.gcp.bigquery;
            match bigquery.describe_table(dataset, table, &live, &wanted).await? {
                Some(described) => described,
                None => return Ok(None),
            }
        };
        let day = self.day.day;
        let loaded = Some(TableRows { equal_on: Some(day), ..rows.clone() });
        let next = Claim { day, loaded, mark: live.mark, ..held.claim.clone() };
        if next != held.claim && !self.replace_claim(&mut held, next).await? {
            return Ok(None);
        }
        Ok(Some((held, live)))
    }

    /// Leaves the table to the transfer, as on every day.
    async fn carry(&self, why: &'static str) -> Result<Option<Receipt>> {
        tracing::info!(
            table = self.name(),
            why,
            "a table is carried although its export is unchanged"
        );
        unchanged::carry(self.ledger, self.table, why, self.tick.now).await?;
        Ok(None)
    }

    /// Publishes a table that the transfer found unchanged; `None` if that does not hold any more.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub(in crate::load) async fn run_unchanged(&self) -> Result<Option<Receipt>> {
        if let Some(problem) = &self.table.problem {
            return self.hold(problem.clone()).await.map(Some);
        }
        match unchanged::origin(self.context, self.ledger, self.table, self.tick.now).await? {
            Some(origin) => Box::pin(self.keep_rows(&origin)).await,
            None => Ok(None),
        }
    }
}

fn note(record: &UnchangedRecord) -> String {
    let UnchangedRecord { since, compared_with, by, .. } = record;
    let what = match by {
        EqualBy::Bytes => format!("the same content as that of {compared_with}"),
        EqualBy::Checksums => {
            format!("files with the same lengths and checksums as that of {compared_with}")
        }
        EqualBy::Figures => format!(
            "other files, and by the figures of its columns and rows the same rows as that of {since}"
        ),
        EqualBy::Rows => {
            format!(
                "other files, and by its key and values the same rows as that of {compared_with}"
            )
        }
    };
    format!(
        "unchanged since {since}: the export has {what}, so nothing was transferred, and the table keeps its rows"
    )
}
