//! The load of one table. It fails closed: columns and policy tags are set before the data, the
//! rows are replaced by one job, and the receipt is written only after rows and tags were read
//! back.
//!
//! | module | responsibility |
//! |---|---|
//! | here | the order of the steps, and the receipts |
//! | [`attempts`] | when a load that failed is tried again |
//! | [`claim`] | which rows the table has, and which load may replace them |
//! | [`objects`] | comparing the objects in Cloud Storage with what was transferred |
//! | [`judged`] | columns of class `none` whose values look personal or cannot be judged |
//! | [`schema`] | creating or patching the table, and its policy tags |
//! | [`rows`] | the load job |
//! | [`audits`] | what the audits of a table mean for it |
//! | [`missing_columns`] | columns that were there and are not in today's export |
//! | `history` | keeping the rows of one day in a history table |
//! | [`proof`] | comparing rows and tags with the plan |
//! | `unchanged` | a table that keeps its rows, because its export has the same content |
//! | `delta` | a table into which only the rows that changed are merged |

mod attempts;
mod audits;
mod claim;
mod delta;
mod history;
mod judged;
mod missing_columns;
mod objects;
mod proof;
mod rows;
mod schema;
mod unchanged;

pub(super) use history::{DayKept, choose};
pub(super) use rows::wait_for_job;

use std::collections::BTreeSet;

use std::cmp::Ordering;

use landbridge_core::calendar::Day;
use landbridge_core::diff::{SchemaChange, diff_table};
use landbridge_core::plan::table::{ResolvedTable, resolve_table};
use landbridge_core::plan::{DayPlan, Problem, SourceColumn, TablePlan};
use landbridge_core::receipt::{Note, NoteCode, Receipt, ReceiptState};
use landbridge_core::retype::CheckedTable;
use landbridge_core::rewrite::Action;
use landbridge_core::types::TimeRules;
use landbridge_core::{ErrorKind, Result};
use landbridge_gcp::bigquery::TableInfo;
use landbridge_ledger::records::{self, Claim, EXPORT, Intent, ItemRecord, TOKEN_KEY};
use landbridge_ledger::{DayLedger, Written};

use self::audits::{Findings, TableAudits};
use self::claim::{ClaimOutcome, Held};
pub(super) use self::delta::Merge;
use super::earlier::EarlierNames;
use super::slots::Slot;
use super::stats::{self, TableStats};
use super::{clock_changes, misfits};
use crate::alert::{self, Subject};
use crate::plan::read_items;
use crate::transfer::text_columns;
use crate::{Context, Tick, export, protect, time_travel};

/// The load of one table by one tick.
#[derive(Clone, Copy)]
pub(super) struct TableLoad<'a> {
    pub(super) context: &'a Context,
    pub(super) ledger: &'a DayLedger,
    pub(super) day: &'a DayPlan,
    pub(super) table: &'a TablePlan,
    pub(super) tick: Tick,
    /// The dataset's time-travel window.
    pub(super) window_hours: u32,
    /// The slot in which it runs.
    pub(super) slot: &'a Slot,
    /// The names of tables on earlier days.
    pub(super) names: &'a EarlierNames,
    /// The day's rows become a partition of a history table. [`Self::table`] has its name then.
    pub(super) history: Option<&'a History>,
    /// The rows that changed, which are merged into the table instead of replacing all of its rows.
    pub(super) delta: Option<&'a Merge>,
}

/// The history table that gets the rows of a day.
#[derive(Clone, Debug)]
pub(super) struct History {
    /// The table whose days it keeps.
    pub(super) of: String,
    /// How many days are kept.
    pub(super) days: u32,
}

/// What is known of a table before it is loaded.
struct Prepared {
    resolved: ResolvedTable,
    stats: TableStats,
    /// The columns that have figures.
    proven: BTreeSet<String>,
    /// The bytes of the objects.
    bytes_sent: u64,
    intent: Intent,
    key: Option<String>,
    audits: Findings,
}

impl TableLoad<'_> {
    /// Loads a table whose objects are all in Cloud Storage. `None`: not finished, the next tick
    /// continues.
    ///
    /// The order of the steps protects the rows. The claim names every set of rows that the table
    /// can contain; the tags for all of them are set before the job is inserted; a class that
    /// describes only the new rows applies after the proof.
    ///
    /// # Errors
    /// An error that holds the table ([`ErrorKind::holds_table`](landbridge_core::ErrorKind::holds_table)),
    /// or one of the tick.
    pub(super) async fn run(&self) -> Result<Option<Receipt>> {
        let Self { context, ledger, table, .. } = *self;
        if let Some(problem) = &table.problem {
            return self.hold(problem.clone()).await.map(Some);
        }
        let dataset = &context.config.warehouse.dataset;
        let live = context.gcp.bigquery.table(dataset, &table.table).await?;
        if live.as_ref().is_some_and(|live| live.day_partitions.is_some()) {
            let what = "the table keeps the history of another table, or was partitioned by a person, so it is not loaded";
            let mut problem = Problem::new(ErrorKind::Held, what, self.name());
            "give the table another name in contract.yaml (`table:`) and deploy it"
                .clone_into(&mut problem.action);
            return self.hold(problem).await.map(Some);
        }
        let text = text_columns::decided(ledger, table).await?;
        let items = read_items(ledger, table).await?;
        if self.is_only_measured(&items).await? {
            return Ok(None);
        }
        let (resolved, stats) = self.checked(live.as_ref(), &text, &items)?;
        let audits = match audits::read(self).await? {
            TableAudits::Waits => return Ok(None),
            TableAudits::Blocked(problem) => return self.hold(problem).await.map(Some),
            TableAudits::Publishes(audits) => audits,
        };
        if let Some(problem) = self.changed_object(&items).await? {
            return self.hold(problem).await.map(Some);
        }
        let change = diff_table(
            &self.name(),
            &context.config.source.name,
            &resolved.columns,
            live.as_ref().map(|state| &state.live),
            &context.tags,
        )?;
        let key = self.token_key().await?;
        let rows = self.rows_to_load(&resolved, &text, key.as_deref(), &items);
        if self.waits(&rows.digest).await? {
            return Ok(None);
        }
        let intent = self.record_intent(live.as_ref(), &change, key.as_deref()).await?;
        let proven = stats::proven_columns(&items);
        let bytes_sent = items.iter().map(|item| item.bytes).sum();
        let prepared = Prepared { resolved, stats, proven, bytes_sent, intent, key, audits };
        match self.claim(rows, live.as_ref()).await? {
            ClaimOutcome::Won(held) => self.load(prepared, *held).await,
            ClaimOutcome::Retry | ClaimOutcome::OtherRows(_) => Ok(None),
            ClaimOutcome::Superseded(by) => self.supersede(by).await.map(Some),
        }
    }

    /// The resolved table and its statistics, if the values that did not fit and the types hold it not.
    fn checked(
        &self,
        live: Option<&TableInfo>,
        text: &BTreeSet<String>,
        items: &[ItemRecord],
    ) -> Result<(ResolvedTable, TableStats)> {
        let Self { context, table, .. } = *self;
        let contract = context.contract.tables.get(&table.source_table);
        let column_names = context.config.warehouse.column_names;
        let times = TimeRules::of(&context.config, contract);
        let others = context.contract.others_of(&table.source_table);
        let resolved = resolve_table(table, contract, others, text, column_names, &times)?;
        let stats = stats::merge(items);
        let checked =
            misfits::Checked { name: &self.name(), live, plan: table, resolved: &resolved };
        checked.array_nulls(&stats, contract)?;
        checked.share(&stats, context.config.checks.max_misfit_percent)?;
        self.check_types(&resolved, live)?;
        Ok((resolved, stats))
    }

    /// Checks that no column of a table of ours changed its type.
    fn check_types(&self, resolved: &ResolvedTable, live: Option<&TableInfo>) -> Result<()> {
        let config = &self.context.config;
        let own = live.filter(|it| it.live.source_label.as_ref() == Some(&config.source.name));
        let Some(live) = own else { return Ok(()) };
        let checked = CheckedTable {
            name: &self.name(),
            plan: self.table,
            desired: &resolved.columns,
            contract: &self.context.contract,
            config,
        };
        checked.has_types_of(&live.live)
    }

    /// Loads a claimed table. How long its former rows can be read depends on the table.
    async fn load(&self, prepared: Prepared, held: Held) -> Result<Option<Receipt>> {
        let contract = self.context.contract.tables.get(&self.table.source_table);
        let (table, hours) = (&self.table.table, self.window_hours);
        let window_hours =
            time_travel::window_hours(self.context, table, contract, hours, self.tick);
        // A table that does not exist yet has neither former rows nor a policy.
        let window_hours =
            if prepared.intent.rows_before.is_some() { window_hours.await? } else { hours };
        Self { window_hours, ..*self }.replace_rows(prepared, held).await
    }

    /// Replaces the rows of a claimed table, proves them, and publishes the table.
    async fn replace_rows(&self, prepared: Prepared, mut held: Held) -> Result<Option<Receipt>> {
        let Some(before) = self.prepare_schema(&prepared.resolved, &mut held).await? else {
            return Ok(None);
        };
        let loaded = match self.delta {
            Some(merge) => self.merge_rows(merge, &held, &before).await?,
            None => self.load_rows(&mut held, &before).await?,
        };
        let Some(loaded) = loaded else { return Ok(None) };
        let Some(mut proof) = self.prove(&before, &held, &loaded).await? else { return Ok(None) };
        if !self.still_held(&held).await? || !self.finish_claim(&mut held, loaded.ended_at).await? {
            return Ok(None);
        }
        // Only now may a column have the class of the new rows.
        let now = self.classes_now(&prepared.resolved, &held);
        if !self.has_tags_of(&now, before.columns())? {
            let Some(after) = self.prepare_schema(&prepared.resolved, &mut held).await? else {
                return Ok(None);
            };
            let table = &self.table.table;
            let opened = protect::opened(self.context, table, before.columns(), after.columns());
            protect::report_opened(self.context, &opened, self.day.day).await?;
            proof.state = self.read_back().await?;
        }
        let described = self.describe_rows(&held, &proof.state).await?;
        if self.context.config.transfer.unchanged.skips() {
            let states = (&proof.state, described.as_ref());
            self.mark_table(&mut held, loaded.ended_at, states).await?;
        }
        let mut receipt = self.published(&prepared, now).await?;
        receipt.job = Some(loaded.job.to_string());
        receipt.load_ms = loaded.duration_ms;
        receipt.rows_loaded = Some(loaded.rows);
        receipt.notes.append(&mut proof.notes);
        if let Some(merge) = self.delta {
            delta::describe(&mut receipt, merge);
        }
        self.check_lost_rows(&prepared, &mut receipt).await?;
        self.publish(&prepared, (&held, &before), &proof.state, &mut receipt).await?;
        let (rows, job) = (loaded.rows, loaded.job.as_str());
        tracing::info!(table = self.name(), rows, job, "table published");
        Ok(Some(receipt))
    }

    /// Completes and writes the receipt of a table that is proven: `state` is the table as it was read back.
    async fn publish(
        &self,
        prepared: &Prepared,
        (held, change): (&Held, &SchemaChange),
        state: &TableInfo,
        receipt: &mut Receipt,
    ) -> Result<()> {
        receipt.rows_table = Some(state.rows);
        self.record_tags(receipt, state)?;
        audits::report(self, &prepared.audits, receipt).await?;
        missing_columns::report(self, &prepared.resolved, change.columns(), receipt).await?;
        self.report_unclassified(receipt).await?;
        self.report_looks_personal(receipt).await?;
        self.report_not_judged(held).await?;
        self.write(receipt).await?;
        Ok(())
    }

    /// The receipt of a published table, without its load job and what was read back. `now` has the classes in
    /// force.
    async fn published(&self, prepared: &Prepared, now: ResolvedTable) -> Result<Receipt> {
        let contract = self.context.contract.tables.get(&self.table.source_table);
        let mut receipt = self.receipt(ReceiptState::Published).await?;
        receipt.columns = stats::receipt_columns(
            self.table,
            contract,
            &now,
            &prepared.stats,
            &stats::Proven { config: &self.context.config, columns: &prepared.proven },
        );
        receipt.dropped_columns = stats::dropped_columns(self.table);
        receipt.bytes_sent = Some(prepared.bytes_sent);
        let all = std::mem::take(&mut receipt.notes);
        receipt.notes = now.notes;
        let is_of_day =
            |note: &Note| matches!(note.code, NoteCode::LateSnapshot | NoteCode::Redone);
        receipt.notes.extend(all.into_iter().filter(is_of_day));
        receipt.notes.extend(misfits::notes(&prepared.stats));
        receipt.notes.extend(clock_changes::notes(&prepared.stats));
        receipt.notes.extend(prepared.intent.changes.iter().cloned());
        if let Some(day) = prepared.intent.other_key {
            let key = prepared.key.clone().unwrap_or_default();
            receipt.notes.push(self.report_changed_key(day, key).await?);
        }
        Ok(receipt)
    }

    /// `dataset.table`.
    fn name(&self) -> String {
        format!("{}.{}", self.context.config.warehouse.dataset, self.table.table)
    }

    /// Records what was found before anything is changed; the first record of the day counts, or of the
    /// request to do it again.
    async fn record_intent(
        &self,
        live: Option<&TableInfo>,
        change: &SchemaChange,
        key: Option<&str>,
    ) -> Result<Intent> {
        let name = records::intent(&self.table.table, self.table.redo);
        if let Some(found) = self.ledger.value(&name).await? {
            return Ok(found);
        }
        let changes = match change {
            SchemaChange::Create(columns) => vec![Note::new(
                NoteCode::TableCreated,
                format!("schema: created with {} columns", columns.len()),
            )],
            SchemaChange::Patch { notes, .. } => {
                let note = |text| Note::new(NoteCode::SchemaChanged, format!("schema: {text}"));
                notes.iter().map(note).collect()
            }
            SchemaChange::Unchanged(_) => Vec::new(),
        };
        let other_key = match key {
            Some(key) => self.last_day_of_other_key(key).await?,
            None => None,
        };
        let intent = Intent { rows_before: live.map(|state| state.rows), changes, other_key };
        Ok(self.ledger.create_or_get(&name, &intent).await?.value)
    }

    /// The id of the key that the table's tokens are made with today, if it has any.
    async fn token_key(&self) -> Result<Option<String>> {
        let tokens = |column: &SourceColumn| matches!(column.action, Action::Tokenise { .. });
        if !self.table.columns.iter().any(tokens) {
            return Ok(None);
        }
        Ok(self.ledger.value(&TOKEN_KEY).await?.map(|record| record.id))
    }

    /// The last loaded day of this table, if its tokens were made with another key.
    async fn last_day_of_other_key(&self, key: &str) -> Result<Option<Day>> {
        let claim = self.ledger.source().value(&records::claim(&self.table.table)).await?;
        let loaded = claim.and_then(|claim| claim.loaded);
        let other = loaded.filter(|it| it.token_key.as_deref().is_some_and(|it| it != key));
        Ok(other.and_then(|it| it.day))
    }

    /// Reports that the token key changed since `day`.
    async fn report_changed_key(&self, day: Day, key: String) -> Result<Note> {
        let secret = self.context.config.transfer.token_key.as_deref().unwrap_or_default();
        let problem = Problem::notice(
            "the token key was changed",
            format!("secret {secret}"),
            "no action is needed if this was intended: the day's tables join with each other, but not with tokens kept from earlier days",
        );
        // The notice is identified by the key, so the next change is reported as well.
        alert::notice(&self.ledger.source(), &problem, &key, self.day.day).await?;
        Ok(Note::new(
            NoteCode::TokenKeyChanged,
            format!(
                "the tokens are made with another key than those of {day}: they do not join with tokens kept from that day"
            ),
        ))
    }

    /// Reports the tables and columns that the contract does not contain.
    async fn report_unclassified(&self, receipt: &Receipt) -> Result<()> {
        for note in receipt.notes.iter().filter(|note| note.code.is_unclassified()) {
            let problem = Problem::notice(
                "the source contains something that the contract does not",
                format!("{}: {note}", self.name()),
                "classify it in contract.yaml; until then it is masked for everyone",
            );
            alert::notice(&self.ledger.source(), &problem, &problem.context, self.day.day).await?;
        }
        Ok(())
    }

    /// What an alert about the table is about.
    fn subject(&self) -> Subject<'_> {
        Subject::of_redo(&self.table.table, self.table.redo)
    }

    /// Raises an alert and writes the receipt of a held table. Both say which rows the table has.
    ///
    /// # Errors
    /// Any ledger error.
    pub(super) async fn hold(&self, mut problem: Problem) -> Result<Receipt> {
        let claim = self.ledger.source().value(&records::claim(&self.table.table)).await?;
        if let Some(kept) = kept_rows(claim.as_ref()) {
            problem.action = format!("{}; {kept}", problem.action);
        }
        alert::raise(self.ledger, &problem, &self.subject(), self.tick.now).await?;
        let mut receipt = self.receipt(ReceiptState::Held).await?;
        receipt.problem = Some(problem);
        self.write(&receipt).await
    }

    /// Writes the receipt of a table that already has the data of a newer day.
    async fn supersede(&self, newer: Day) -> Result<Receipt> {
        if self.context.redo.is_backfill(self.table.redo) {
            // Only the history wants the rows: what the day says of the table stays true.
            let earlier = self.ledger.value(&records::receipt(&self.table.table)).await?;
            if let Some(earlier) = earlier.filter(|it| it.state == ReceiptState::Published) {
                let receipt = Receipt { redo: self.table.redo, ..earlier };
                return self.write(&receipt).await;
            }
        }
        let mut receipt = self.receipt(ReceiptState::Superseded).await?;
        receipt.notes.push(Note::new(
            NoteCode::Superseded,
            format!("the table has the data of {newer}, so this day is not loaded"),
        ));
        self.write(&receipt).await
    }

    /// A receipt with what the plan and the export say.
    async fn receipt(&self, state: ReceiptState) -> Result<Receipt> {
        let export = self.ledger.value(&EXPORT).await?;
        let table = self.table;
        let late = export.as_ref().filter(|it| export::is_late(self.context, self.day.day, it));
        let late = late.map(|export| {
            let text =
                format!("the export hour has no snapshot: these rows are of {}", export.snapshot);
            Note::new(NoteCode::LateSnapshot, text)
        });
        let redone = (table.redo > 0).then(|| {
            let text = format!("the day is done again: request {} of an operator", table.redo);
            Note::new(NoteCode::Redone, text)
        });
        Ok(Receipt {
            table: table.table.clone(),
            snapshot_at: export.as_ref().and_then(|export| export.snapshot_at),
            files: table.items.len() as u64,
            bytes: table.bytes,
            rows_footer: table.rows,
            rows_planned: table.items.iter().map(|item| item.rows).sum(),
            notes: table.notes.iter().cloned().chain(late).chain(redone).collect(),
            export_started_at: export.as_ref().and_then(|export| export.started_at),
            export_ended_at: export.as_ref().and_then(|export| export.ended_at),
            redo: table.redo,
            ..Receipt::new(self.day, &table.source_table, state, self.tick.now)
        })
    }

    /// Writes a receipt unless there is a final or an equivalent one, or one of a newer request. Returns
    /// the one that counts.
    async fn write(&self, receipt: &Receipt) -> Result<Receipt> {
        let name = records::receipt(&receipt.table);
        let counts = |earlier: &Receipt| {
            let is_same = earlier.state == receipt.state && earlier.problem == receipt.problem;
            match earlier.redo.cmp(&receipt.redo) {
                Ordering::Less => false,
                Ordering::Equal => earlier.is_final() || is_same,
                Ordering::Greater => true,
            }
        };
        let written = match self.ledger.get(&name).await? {
            Some(earlier) if counts(&earlier.value) => return Ok(earlier.value),
            Some(earlier) => self.ledger.replace(&name, &earlier.etag, receipt).await?,
            None => self.ledger.create(&name, receipt).await?,
        };
        let recorded = match written {
            Written::Yes => None,
            Written::Overtaken => self.ledger.value(&name).await?,
        };
        Ok(recorded.unwrap_or_else(|| receipt.clone()))
    }
}

/// Which rows a held table has, as the end of a sentence; `None` while a load job may be replacing
/// them.
fn kept_rows(claim: Option<&Claim>) -> Option<String> {
    match claim {
        Some(claim) if claim.loading.is_some() => None,
        Some(Claim { loaded: Some(rows), .. }) => Some(match rows.newest_day() {
            Some(day) => format!("the table keeps its rows of {day}"),
            None => "the table keeps the rows that it has".to_owned(),
        }),
        _ => Some("no day of this table is loaded yet".to_owned()),
    }
}
