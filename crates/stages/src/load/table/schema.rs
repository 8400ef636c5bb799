//! Creating or patching the table, with the policy tags that its rows need now.

use jiff::Timestamp;
use landbridge_core::calendar::Day;
use landbridge_core::describe;
use landbridge_core::diff::{SchemaChange, TableColumn, diff_table, is_same_tag};
use landbridge_core::names::is_same;
use landbridge_core::plan::table::ResolvedTable;
use landbridge_core::receipt::{Note, NoteCode};
use landbridge_core::{Created, Error, ErrorKind, Result};
use landbridge_gcp::bigquery::{NewTable, Patched, TableInfo, TableStamp};

use super::TableLoad;
use super::claim::Held;
use crate::protect::with_tag;
use crate::{deployment, protect};

/// How often a table is read again because someone else changed it in between.
const MAX_READS: usize = 5;

impl TableLoad<'_> {
    /// The resolved table with the classes that its columns have now, and a note for each column
    /// whose class in the contract has to wait.
    pub(super) fn classes_now(&self, resolved: &ResolvedTable, held: &Held) -> ResolvedTable {
        let mut now = resolved.clone();
        let readable = held.claim.readable(self.tick.now, self.window_hours);
        for column in &mut now.columns {
            let table = held.claim.contract_table(&self.table.table);
            let mut class = readable.class_now(table, &column.name, &self.context.contract);
            if self.history.is_some() {
                class.class = with_tag(class.class, &self.context.tags);
            }
            let waits = class.waits_until.map(|until| waiting_note(&column.name, until));
            now.notes.extend(waits);
            now.notes.extend(self.other_source_type(&column.source_column, held));
            now.notes.extend(self.looks_personal(&column.source_column, held));
            now.notes.extend(self.not_judged(&column.source_column, held));
            column.class = class.class;
        }
        now
    }

    /// A note if the contract describes a column of another source type than the export's.
    fn other_source_type(&self, column: &str, held: &Held) -> Option<Note> {
        let rows = held.newest_rows()?;
        let rows = rows.columns.as_ref()?.get(column)?;
        let contract = self.context.contract.tables.get(&self.table.source_table)?;
        let named = contract
            .columns
            .get(column)
            .or_else(|| contract.columns.get(rows.contract_key.as_ref()?))?;
        if rows.has_source_type(&named.source) {
            return None;
        }
        let (actual, expected) = (&rows.source, &named.source);
        let text = format!(
            "column `{column}` is masked for everyone: its source type is `{actual}`, and contract.yaml describes one of type `{expected}`"
        );
        Some(Note::of_column(NoteCode::SourceTypeDiffers, column, text))
    }

    /// Creates or patches the table so that every column has the tag that the rows of the claim
    /// need, and reads the tags back. `None`: a newer contract is deployed, or a newer load has taken
    /// the table over.
    pub(super) async fn prepare_schema(
        &self,
        resolved: &ResolvedTable,
        held: &mut Held,
    ) -> Result<Option<SchemaChange>> {
        let dataset = &self.context.config.warehouse.dataset;
        let bigquery = &self.context.gcp.bigquery;
        let now = self.classes_now(resolved, held);
        for _ in 0..MAX_READS {
            let live = bigquery.table(dataset, &self.table.table).await?;
            let change = diff_table(
                &self.name(),
                &self.context.config.source.name,
                &now.columns,
                live.as_ref().map(|state| &state.live),
                &self.context.tags,
            )?
            .described(&now.columns, &self.context.config);
            let number = self.context.deployment.number;
            if live.as_ref().is_some_and(|live| self.is_overtaken(live, held)) {
                return Ok(None);
            }
            let stamp = TableStamp { contract: number, load: held.claim.sequence };
            let is_current = |live: &TableInfo| {
                matches!(change, SchemaChange::Unchanged(_)) && live.stamp == stamp
            };
            if live.as_ref().is_some_and(is_current) {
                return Ok(Some(change));
            }
            if !deployment::is_newest(self.context, &self.ledger.source()).await? {
                return Ok(None);
            }
            match &live {
                None if self.create_table(change.columns(), stamp).await? == Patched::Yes => {}
                None => continue,
                Some(live) => {
                    let (table, columns) = (&self.table.table, change.columns());
                    // Before the patch, after which nothing shows it any more.
                    let removed = protect::removed(self.context, table, live, columns);
                    protect::report_removed(self.context, &removed, self.day.day).await?;
                    let patched =
                        bigquery.patch_table(dataset, table, live, columns, stamp).await?;
                    let Some(patched) = patched else { continue };
                    if !self.follow_mark(held, live, &patched).await? {
                        return Ok(None);
                    }
                }
            }
            return match column_with_wrong_tag(&self.read_back().await?, change.columns()) {
                None => Ok(Some(change)),
                Some(column) => Err(Error::new(
                    ErrorKind::Rejected,
                    "BigQuery did not keep a policy tag that was set, so no data is loaded",
                    format!("{}.{column}", self.name()),
                )),
            };
        }
        Err(Error::new(
            ErrorKind::Transient,
            "a table was changed by someone else at the same time",
            self.name(),
        ))
    }

    /// Whether a newer contract or a newer load has set the tags of the table. Each load sets its number
    /// before its rows, so tags without that number are those that were there before.
    pub(super) fn is_overtaken(&self, live: &TableInfo, held: &Held) -> bool {
        live.stamp.contract > self.context.deployment.number
            || live.stamp.load > held.claim.sequence
    }

    /// Creates the table. If it exists meanwhile, it is read again.
    async fn create_table(&self, columns: &[TableColumn], stamp: TableStamp) -> Result<Patched> {
        let contract = self.context.contract.tables.get(&self.table.source_table);
        let new = NewTable {
            columns,
            source: &self.context.config.source.name,
            description: contract.and_then(|contract| contract.description.as_deref()),
            stamp,
            keep_days: self.history.map(|it| it.days),
        };
        let dataset = &self.context.config.warehouse.dataset;
        let bigquery = &self.context.gcp.bigquery;
        Ok(match bigquery.create_table(dataset, &self.table.table, &new).await? {
            Created::New => Patched::Yes,
            Created::AlreadyExists => Patched::Overtaken,
        })
    }

    /// Says in the description of the table of which day its rows are. It is set after they were proven, so that
    /// it never names a day whose rows are not there. A table that other people change all the time keeps its
    /// description.
    ///
    /// Returns the table as it is then, if nothing else has changed it since `state` was read.
    pub(super) async fn describe_rows(
        &self,
        held: &Held,
        state: &TableInfo,
    ) -> Result<Option<TableInfo>> {
        let (dataset, table) = (&self.context.config.warehouse.dataset, &self.table.table);
        let mut live = state.clone();
        for read in 0..MAX_READS {
            if self.is_overtaken(&live, held) {
                return Ok(None);
            }
            let wanted = self.description(&live, None);
            if live.description.as_deref() == Some(wanted.as_str()) {
                return Ok((read == 0).then_some(live));
            }
            let bigquery = &self.context.gcp.bigquery;
            if let Some(patched) = bigquery.describe_table(dataset, table, &live, &wanted).await? {
                return Ok((read == 0).then_some(patched));
            }
            live = self.read_back().await?;
        }
        tracing::warn!(table = self.name(), "the description of a table does not name its day");
        Ok(None)
    }

    /// The description of the table with the rows of this day, or with the same rows since an earlier one.
    pub(super) fn description(&self, live: &TableInfo, unchanged_since: Option<Day>) -> String {
        let contract = self.context.contract.tables.get(&self.table.source_table);
        let of_contract = contract.and_then(|contract| contract.description.as_deref());
        let own = describe::own_part(live.description.as_deref()).or(of_contract);
        match self.history {
            None => describe::table(own, &self.table.source_table, self.day.day, unchanged_since),
            Some(history) => describe::history(own, &self.table.source_table, history.days),
        }
    }

    /// The table as it is now.
    pub(super) async fn read_back(&self) -> Result<TableInfo> {
        let dataset = &self.context.config.warehouse.dataset;
        self.context.gcp.bigquery.table(dataset, &self.table.table).await?.ok_or_else(|| {
            Error::new(ErrorKind::Transient, "a table was deleted during its load", self.name())
        })
    }
}

fn waiting_note(column: &str, until: Timestamp) -> Note {
    let until = until.strftime("%Y-%m-%d %H:%M UTC");
    Note::of_column(
        NoteCode::ClassWaits,
        column,
        format!(
            "column `{column}` stays unclassified until {until}: until then, time travel reaches rows that its class in the contract does not describe"
        ),
    )
}

/// The first column that does not have its tag, or, if the contract does not contain it, has none.
pub(super) fn column_with_wrong_tag(state: &TableInfo, columns: &[TableColumn]) -> Option<String> {
    let live = &state.live.columns;
    let wrong = columns.iter().find(|column| {
        let live = live.iter().find(|live| is_same(&live.name, &column.name));
        !live.is_some_and(|live| {
            is_same_tag(live.policy_tag.as_deref(), column.policy_tag.as_deref())
        })
    });
    let known = |name: &str| columns.iter().any(|column| is_same(&column.name, name));
    wrong.map(|column| column.name.clone()).or_else(|| {
        let untagged = live.iter().find(|it| !known(&it.name) && it.policy_tag.is_none());
        untagged.map(|it| it.name.clone())
    })
}
