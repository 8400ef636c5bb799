//! The figures of columns that the transfer of an object computes, and seals for its record: those of a proof, and
//! those of audits.
//!
//! Neither ever stops a transfer: without the key, objects are transferred without figures, which the log says once
//! per tick.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use landbridge_core::audit::Hidden;
use landbridge_core::calendar::Day;
use landbridge_core::config::{AuditLevel, CLASS_NONE, CLASS_UNCLASSIFIED, Mask};
use landbridge_core::plan::TablePlan;
use landbridge_core::proof::verdict::shows_something;
use landbridge_ledger::records::{audit_context, proof_context};
use landbridge_parquet::rewrite::{AuditKey, ProofKey, ProofPlan, RewriteReport};
use tokio::sync::OnceCell;

use super::token_key::DayTokenKey;
use crate::Context;

/// What the objects of one tick share.
#[derive(Debug)]
pub(super) struct Shared {
    /// The day of the objects.
    pub(super) day: Day,
    pub(super) tokens: DayTokenKey,
    keys: OnceCell<Option<Keys>>,
}

/// The keys that seal figures.
#[derive(Clone, Debug)]
struct Keys {
    proof: ProofKey,
    audit: AuditKey,
}

impl Shared {
    pub(super) fn new(day: Day) -> Self {
        Self { day, tokens: DayTokenKey::default(), keys: OnceCell::default() }
    }

    /// The figures that an object of this table needs; `None` if it needs none.
    pub(super) async fn figures_of(
        &self,
        context: &Context,
        table: &TablePlan,
    ) -> Option<TableFigures> {
        let values = value_sets(context, table);
        let is_audited = context.config.audits.audits(&table.source_table);
        let settings = context.config.proof;
        let keys = match settings.is_some() || is_audited {
            true => self.keys(context).await,
            false => None,
        };
        let kept = settings.is_some_and(|it| it.kept.are_proven(self.day, &table.source_table));
        let is_proven = settings.is_some() && keys.is_some();
        let plan = (is_proven || !values.is_empty()).then(|| ProofPlan {
            kept: kept && is_proven,
            masks: if is_proven { masks(context, table) } else { BTreeMap::new() },
            values,
            only_values: !is_proven,
        });
        let audit = keys.as_ref().filter(|_| is_audited).map(|keys| keys.audit.clone());
        let proof = keys.filter(|_| is_proven).map(|keys| keys.proof);
        let has_any = plan.is_some() || audit.is_some();
        has_any.then_some(TableFigures { day: self.day, plan, proof, audit })
    }

    /// The key of audits; `None` without a token key.
    pub(super) async fn audit_key(&self, context: &Context) -> Option<AuditKey> {
        self.keys(context).await.map(|keys| keys.audit)
    }

    /// `None` without `transfer.token_key`, or if it cannot be read.
    async fn keys(&self, context: &Context) -> Option<Keys> {
        context.config.transfer.token_key.as_ref()?;
        self.keys.get_or_init(|| keys(context)).await.clone()
    }
}

async fn keys(context: &Context) -> Option<Keys> {
    let source = &context.config.source.name;
    match context.token_key().await {
        Ok(key) => Some(Keys { proof: key.proof_key(source), audit: key.audit_key(source) }),
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

/// The masks of the classes that the contract gives the columns, where they show something.
fn masks(context: &Context, table: &TablePlan) -> BTreeMap<String, Mask> {
    let contract = context.contract.tables.get(&table.source_table);
    let columns = table.columns.iter().filter_map(|column| {
        let named = contract.and_then(|contract| contract.columns.get(column.key()));
        let class = named.map_or(CLASS_UNCLASSIFIED, |named| named.class.as_str());
        if class == CLASS_NONE {
            return None;
        }
        let mask = context.config.class(class)?.mask;
        shows_something(mask).then(|| (column.parquet.name.clone(), mask))
    });
    columns.collect()
}

/// The figures of one table's objects.
pub(super) struct TableFigures {
    day: Day,
    /// What the rewriter computes; `None` if it computes nothing beside its report.
    pub(super) plan: Option<ProofPlan>,
    proof: Option<ProofKey>,
    audit: Option<AuditKey>,
}

impl TableFigures {
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
