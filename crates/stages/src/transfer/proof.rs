//! The figures of columns that the transfer of an object computes, and seals for its record, for a proof and
//! for audits.
//!
//! Neither ever stops a transfer: without the key, objects are transferred without figures, which the log says once
//! per tick.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use landbridge_core::Result;
use landbridge_core::audit::Hidden;
use landbridge_core::calendar::Day;
use landbridge_core::config::{AuditLevel, CLASS_NONE, CLASS_UNCLASSIFIED, KeptColumns, Mask};
use landbridge_core::plan::TablePlan;
use landbridge_core::proof::ColumnProof;
use landbridge_core::proof::verdict::shows_something;
use landbridge_ledger::records::{self, audit_context, proof_context, row_proof_context};
use landbridge_parquet::rewrite::{AuditKey, ProofKey, ProofPlan, RewriteReport};
use tokio::sync::OnceCell;

use super::slots::{ROW_MEMORY, SMALL, SMALL_AT_ONCE};
use super::token_key::DayTokenKey;
use crate::Context;

/// What the objects of one tick share.
#[derive(Debug)]
pub(super) struct Shared {
    /// The day of the objects.
    pub(super) day: Day,
    pub(super) tokens: DayTokenKey,
    proof: OnceCell<Option<ProofKey>>,
    audit: OnceCell<Option<AuditKey>>,
}

impl Shared {
    pub(super) fn new(day: Day) -> Self {
        Self {
            day,
            tokens: DayTokenKey::default(),
            proof: OnceCell::default(),
            audit: OnceCell::default(),
        }
    }

    /// The figures that an object of this table, of `bytes`, needs; `None` if it needs none.
    pub(super) async fn figures_of(
        &self,
        context: &Context,
        table: &TablePlan,
        bytes: u64,
    ) -> Option<TableFigures> {
        let values = value_sets(context, table);
        let is_audited = context.config.audits.audits(&table.source_table);
        let audit = if is_audited { self.audit_key(context).await } else { None };
        let settings = context.config.proof.as_ref();
        let proof = match settings {
            Some(settings) => {
                self.proof.get_or_init(|| proof_key(context, &settings.key)).await.clone()
            }
            None => None,
        };
        let kept = settings.filter(|_| proof.is_some()).map(|settings| settings.kept);
        let contents = kept == Some(KeptColumns::Changed);
        let all = kept.is_some_and(|it| it.are_decoded(self.day, &table.source_table));
        let plan = (proof.is_some() || !values.is_empty()).then(|| {
            let (masks, open) =
                if proof.is_some() { classes(context, table) } else { Default::default() };
            ProofPlan {
                kept: contents || all,
                masks,
                open,
                values,
                only_values: proof.is_none(),
                contents,
                known: BTreeMap::new(),
                // Small objects share the memory of one.
                row_memory: ROW_MEMORY / if bytes < SMALL { SMALL_AT_ONCE as usize } else { 1 },
            }
        });
        let has_any = plan.is_some() || audit.is_some();
        let takes_over = contents && !all;
        has_any.then_some(TableFigures { day: self.day, plan, proof, audit, takes_over })
    }

    /// The key of audits; `None` without `transfer.token_key`, or if it cannot be read.
    pub(super) async fn audit_key(&self, context: &Context) -> Option<AuditKey> {
        context.config.transfer.token_key.as_ref()?;
        self.audit.get_or_init(|| audit_key(context)).await.clone()
    }
}

async fn audit_key(context: &Context) -> Option<AuditKey> {
    match context.token_key().await {
        Ok(key) => Some(key.audit_key(&context.config.source.name)),
        Err(error) => {
            tracing::warn!(%error, "tables are audited without the sums and bounds of their columns");
            None
        }
    }
}

async fn proof_key(context: &Context, secret: &str) -> Option<ProofKey> {
    let read = async {
        let value = context.aws.secrets.get(secret).await?;
        let location = format!("secret {secret}");
        ProofKey::parse(value.bytes(), &location, &context.config.source.name)
    };
    match read.await {
        Ok(key) => Some(key),
        Err(error) => {
            tracing::warn!(%error, "objects are transferred without figures of their columns");
            None
        }
    }
}

/// The declared sets of values, by the columns' names in the source.
fn value_sets(context: &Context, table: &TablePlan) -> BTreeMap<String, Arc<BTreeSet<String>>> {
    let audits = &context.config.audits;
    let level = audits.level(&table.source_table, landbridge_core::audit::Check::Values);
    let declared = audits.table(&table.source_table).filter(|_| level != AuditLevel::Off);
    let sets = declared.iter().flat_map(|declared| &declared.values);
    sets.map(|(column, values)| (column.clone(), Arc::new(values.iter().cloned().collect())))
        .collect()
}

/// The masks of the classes that the contract gives the columns, where they show something, and the
/// columns of the class `none`.
fn classes(context: &Context, table: &TablePlan) -> (BTreeMap<String, Mask>, BTreeSet<String>) {
    let contract = context.contract.tables.get(&table.source_table);
    let (mut masks, mut open) = (BTreeMap::new(), BTreeSet::new());
    for column in &table.columns {
        let named = contract.and_then(|contract| contract.columns.get(column.key()));
        let class = named.map_or(CLASS_UNCLASSIFIED, |named| named.class.as_str());
        let name = column.parquet.name.clone();
        if class == CLASS_NONE {
            open.insert(name);
        } else if let Some(class) = context.config.class(class)
            && shows_something(class.mask)
        {
            masks.insert(name, class.mask);
        }
    }
    (masks, open)
}

/// The figures of one table's objects.
pub(super) struct TableFigures {
    day: Day,
    /// What the rewriter computes; `None` if it computes nothing beside its report.
    plan: Option<ProofPlan>,
    proof: Option<ProofKey>,
    audit: Option<AuditKey>,
    /// Whether figures of the loaded day are taken over where the bytes are the same.
    takes_over: bool,
}

impl TableFigures {
    /// The plan of an object, with the figures of the day whose rows the table has. Without them, everything
    /// is decoded.
    pub(super) async fn plan_of(
        &self,
        context: &Context,
        table: &TablePlan,
        number: usize,
    ) -> Option<ProofPlan> {
        let mut plan = self.plan.clone()?;
        if let Some(key) = self.proof.as_ref().filter(|_| self.takes_over) {
            match self.earlier(context, key, table, number).await {
                Ok(known) => plan.known = known,
                Err(error) => {
                    tracing::warn!(%error, table = table.table, "earlier figures cannot be read; all columns are decoded");
                }
            }
        }
        // The counts of an audit are of today, and not in the figures of another day.
        plan.known.retain(|column, _| !plan.values.contains_key(column));
        Some(plan)
    }

    /// The figures that the loaded day recorded of the object with this number. What they are of is proven by
    /// the digest of the bytes, so it does not matter whether it is the same object.
    async fn earlier(
        &self,
        context: &Context,
        key: &ProofKey,
        table: &TablePlan,
        number: usize,
    ) -> Result<BTreeMap<String, ColumnProof>> {
        let claim = context.ledger.source().value(&records::claim(&table.table)).await?;
        let rows = claim.and_then(|claim| claim.loaded);
        let Some(day) = rows.and_then(|rows| rows.day) else { return Ok(BTreeMap::new()) };
        let ledger = context.ledger(day);
        let Some(plan) = ledger.value(&records::table_plan(&table.table)).await? else {
            return Ok(BTreeMap::new());
        };
        let Some(item) = ledger.value(&records::item(&plan, number)).await? else {
            return Ok(BTreeMap::new());
        };
        let open = item.proof.into_iter().filter_map(|(column, sealed)| {
            let context = proof_context(day, &plan, number, &column);
            let proof = key.open(&context.each_ref().map(String::as_str), &sealed)?;
            proof.content.is_some().then_some((column, proof))
        });
        Ok(open.collect())
    }

    /// The figures of an object's columns for a proof, sealed. Nothing else may write them down.
    pub(super) fn sealed(
        &self,
        table: &TablePlan,
        number: usize,
        report: &RewriteReport,
    ) -> BTreeMap<String, String> {
        let Some(key) = &self.proof else { return BTreeMap::new() };
        let columns = report.columns.iter().filter_map(|column| {
            let context = proof_context(self.day, table, number, &column.name);
            let sealed = key.seal(&context.each_ref().map(String::as_str), column.proof.as_ref()?);
            Some((column.name.clone(), sealed))
        });
        columns.collect()
    }

    /// The fingerprints of an object's rows, likewise.
    pub(super) fn sealed_rows(
        &self,
        table: &TablePlan,
        number: usize,
        report: &RewriteReport,
    ) -> BTreeMap<String, String> {
        let Some(key) = &self.proof else { return BTreeMap::new() };
        let sets = report.row_proofs.iter().map(|(set, proof)| {
            let context = row_proof_context(self.day, table, number, set.name());
            let context = context.each_ref().map(String::as_str);
            (set.name().to_owned(), key.seal_rows(&context, proof))
        });
        sets.collect()
    }

    /// The bounds and sums of an object's columns for audits, sealed, likewise.
    pub(super) fn audit(
        &self,
        table: &TablePlan,
        number: usize,
        report: &RewriteReport,
    ) -> BTreeMap<String, String> {
        let Some(key) = &self.audit else { return BTreeMap::new() };
        let record = table.record_name();
        let columns = report.columns.iter().filter_map(|column| {
            let total = column.proof.as_ref().and_then(|proof| proof.plain.total);
            let hidden = Hidden { min: column.min, max: column.max, total };
            let context = audit_context(self.day, &record, &number.to_string(), &column.name);
            let sealed = key.seal(&context.each_ref().map(String::as_str), &hidden);
            (!hidden.is_empty()).then_some((column.name.clone(), sealed))
        });
        columns.collect()
    }
}
