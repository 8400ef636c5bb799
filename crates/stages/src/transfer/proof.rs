//! The figures of columns that the transfer of an object computes, and seals for its record.
//!
//! Proof never stops a transfer: without the key, objects are transferred without figures, which the log
//! says once per tick.

use std::collections::{BTreeMap, BTreeSet};

use landbridge_core::Result;
use landbridge_core::calendar::Day;
use landbridge_core::config::{CLASS_NONE, CLASS_UNCLASSIFIED, KeptColumns, Mask};
use landbridge_core::plan::TablePlan;
use landbridge_core::proof::ColumnProof;
use landbridge_core::proof::verdict::shows_something;
use landbridge_ledger::records::{self, proof_context, row_proof_context};
use landbridge_parquet::rewrite::{ProofKey, ProofPlan, RewriteReport};
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
}

impl Shared {
    pub(super) fn new(day: Day) -> Self {
        Self { day, tokens: DayTokenKey::default(), proof: OnceCell::default() }
    }

    /// The figures that an object of this table, of `bytes`, needs; `None` without `proof` in the configuration, or
    /// without the key.
    pub(super) async fn proof_of(
        &self,
        context: &Context,
        table: &TablePlan,
        bytes: u64,
    ) -> Option<TableProof> {
        let settings = context.config.proof.as_ref()?;
        let key = self.proof.get_or_init(|| key(context, &settings.key)).await.clone()?;
        let contents = settings.kept == KeptColumns::Changed;
        let all = settings.kept.are_decoded(self.day, &table.source_table);
        let (masks, open) = classes(context, table);
        let plan = ProofPlan {
            kept: contents || all,
            masks,
            open,
            contents,
            known: BTreeMap::new(),
            // Small objects share the memory of one.
            row_memory: ROW_MEMORY / if bytes < SMALL { SMALL_AT_ONCE as usize } else { 1 },
        };
        Some(TableProof { day: self.day, plan, key, takes_over: contents && !all })
    }
}

async fn key(context: &Context, secret: &str) -> Option<ProofKey> {
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
pub(super) struct TableProof {
    day: Day,
    pub(super) plan: ProofPlan,
    key: ProofKey,
    /// Whether figures of the loaded day are taken over where the bytes are the same.
    takes_over: bool,
}

impl TableProof {
    /// The plan of an object, with the figures of the day whose rows the table has. Without them, everything
    /// is decoded.
    pub(super) async fn plan_of(
        &self,
        context: &Context,
        table: &TablePlan,
        number: usize,
    ) -> ProofPlan {
        let mut plan = self.plan.clone();
        if self.takes_over {
            match self.earlier(context, table, number).await {
                Ok(known) => plan.known = known,
                Err(error) => {
                    tracing::warn!(%error, table = table.table, "earlier figures cannot be read; all columns are decoded");
                }
            }
        }
        plan
    }

    /// The figures that the loaded day recorded of the object with this number. What they are of is proven by
    /// the digest of the bytes, so it does not matter whether it is the same object.
    async fn earlier(
        &self,
        context: &Context,
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
            let proof = self.key.open(&context.each_ref().map(String::as_str), &sealed)?;
            proof.content.is_some().then_some((column, proof))
        });
        Ok(open.collect())
    }

    /// The figures of an object's columns, sealed. Nothing else may write them down.
    pub(super) fn sealed(
        &self,
        table: &TablePlan,
        number: usize,
        report: &RewriteReport,
    ) -> BTreeMap<String, String> {
        let columns = report.columns.iter().filter_map(|column| {
            let context = proof_context(self.day, table, number, &column.name);
            let sealed =
                self.key.seal(&context.each_ref().map(String::as_str), column.proof.as_ref()?);
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
        let sets = report.row_proofs.iter().map(|(set, proof)| {
            let context = row_proof_context(self.day, table, number, set.name());
            let context = context.each_ref().map(String::as_str);
            (set.name().to_owned(), self.key.seal_rows(&context, proof))
        });
        sets.collect()
    }
}
