//! The figures of columns that the transfer of an object computes, and seals for its record, for a proof and
//! for audits.
//!
//! A key that cannot be read now is waited for until the deadline. After it, or if the cause does not pass by itself,
//! objects are transferred without figures, and one notice says so; but a table that an audit may block is held
//! (`landbridge_core::audit::without_key`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use landbridge_core::audit::{Hidden, WithoutKey, without_key};
use landbridge_core::calendar::Day;
use landbridge_core::config::{AuditLevel, CLASS_NONE, CLASS_UNCLASSIFIED, KeptColumns, Mask};
use landbridge_core::plan::{Problem, TablePlan};
use landbridge_core::proof::ColumnProof;
use landbridge_core::proof::verdict::shows_something;
use landbridge_core::{Error, ErrorKind, Result};
use landbridge_ledger::records::{self, audit_context, proof_context, row_proof_context};
use landbridge_parquet::rewrite::{AuditKey, ProofKey, ProofPlan, RewriteReport};
use tokio::sync::OnceCell;

use super::slots::{ROW_MEMORY, SMALL, SMALL_AT_ONCE};
use super::token_key::DayTokenKey;
use crate::{Context, alert};

/// What the objects of one tick share.
#[derive(Debug)]
pub(super) struct Shared {
    /// The day of the objects.
    pub(super) day: Day,
    pub(super) tokens: DayTokenKey,
    /// Whether the deadline of the day has passed.
    pub(super) is_late: bool,
    proof: OnceCell<Result<ProofKey, Arc<Error>>>,
    audit: OnceCell<Result<AuditKey, Arc<Error>>>,
    /// Whether something went on without a key that could not be read.
    went_on: WentOn,
}

/// What went on without its figures.
#[derive(Debug, Default)]
struct WentOn {
    proof: AtomicBool,
    audit: AtomicBool,
}

/// What a person can do about a key that cannot be read.
const REMEDY: &str = "create the named secret, or grant the function transfer access to it; until then, verdicts of audits are `not known` and columns are not provable";

impl Shared {
    pub(super) fn new(day: Day, is_late: bool) -> Self {
        Self {
            day,
            tokens: DayTokenKey::default(),
            is_late,
            proof: OnceCell::default(),
            audit: OnceCell::default(),
            went_on: WentOn::default(),
        }
    }

    /// The figures that an object of this table, of `bytes`, needs; `None` if it needs none.
    ///
    /// # Errors
    /// The error of a key that passes, before the deadline; [`ErrorKind::Config`] if the table is held without it.
    pub(super) async fn figures_of(
        &self,
        context: &Context,
        table: &TablePlan,
        bytes: u64,
    ) -> Result<Option<TableFigures>> {
        let values = value_sets(context, table);
        let (audit, unsealed) = match self.audit_key_of(context, table).await? {
            Ok(key) => (key, false),
            Err(_) => (None, true),
        };
        let settings = context.config.proof.as_ref();
        let proof = self.proof_key(context).await?;
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
        let has_any = plan.is_some() || audit.is_some() || unsealed;
        let takes_over = contents && !all;
        let figures = TableFigures { day: self.day, plan, proof, audit, unsealed, takes_over };
        Ok(has_any.then_some(figures))
    }

    /// The key of a table's audits: the inner error if the table goes on without it. `None` without
    /// `transfer.token_key`, or if the table is not audited.
    ///
    /// # Errors
    /// The error of the key if the table waits for it; [`ErrorKind::Config`] if the table is held without it.
    pub(super) async fn audit_key_of(
        &self,
        context: &Context,
        table: &TablePlan,
    ) -> Result<Result<Option<AuditKey>, Arc<Error>>> {
        let (config, name) = (&context.config, &table.source_table);
        if config.transfer.token_key.is_none() || !config.audits.audits(name) {
            return Ok(Ok(None));
        }
        let level = config.audits.level_of_sealed(name);
        let error = match self.audit.get_or_init(|| audit_key(context)).await {
            Ok(key) => return Ok(Ok(Some(key.clone()))),
            Err(error) => error,
        };
        let accepted = context.redo.accepts_audits(table.redo);
        match without_key(error.kind(), self.is_late, level, accepted) {
            WithoutKey::Waits => Err(again(error)),
            WithoutKey::Holds => Err(held(error, self.day, name)),
            WithoutKey::GoesOn => {
                self.went_on.audit.fetch_or(level != AuditLevel::Off, Ordering::Relaxed);
                Ok(Err(error.clone()))
            }
        }
    }

    /// The key of figures for a proof; `None` without `proof`, or if it cannot be read and the objects go on.
    pub(super) async fn proof_key(&self, context: &Context) -> Result<Option<ProofKey>> {
        let Some(settings) = &context.config.proof else { return Ok(None) };
        let error = match self.proof.get_or_init(|| proof_key(context, &settings.key)).await {
            Ok(key) => return Ok(Some(key.clone())),
            Err(error) => error,
        };
        // A proof holds no table.
        match without_key(error.kind(), self.is_late, AuditLevel::Warn, false) {
            WithoutKey::Waits => Err(again(error)),
            WithoutKey::Holds | WithoutKey::GoesOn => {
                self.went_on.proof.store(true, Ordering::Relaxed);
                Ok(None)
            }
        }
    }

    /// Says in one notice what went on without a key that could not be read.
    ///
    /// # Errors
    /// Any ledger error.
    pub(super) async fn report(&self, context: &Context) -> Result<()> {
        let of_audit = self.audit.get().and_then(|key| key.as_ref().err());
        let of_proof = self.proof.get().and_then(|key| key.as_ref().err());
        for (error, went_on, what) in [
            (
                of_audit,
                &self.went_on.audit,
                "tables are audited without the bounds and sums of their columns",
            ),
            (
                of_proof,
                &self.went_on.proof,
                "objects are transferred without the figures that prove their columns",
            ),
        ] {
            let Some(error) = error.filter(|_| went_on.load(Ordering::Relaxed)) else { continue };
            let problem = Problem::notice(what, error.to_string(), REMEDY);
            let key = format!("{}\n{}", error.kind().name(), error.context());
            alert::notice(&context.ledger.source(), &problem, &key, self.day).await?;
        }
        Ok(())
    }
}

/// The same error once more: a tick reads a key once, for all objects.
fn again(error: &Error) -> Error {
    Error::new(error.kind(), error.what(), error.context())
}

/// Why a table that an audit may block is not published without the key.
fn held(error: &Error, day: Day, source_table: &str) -> Error {
    let context = format!(
        "{source_table}: {error}; make the secret readable and the day continues, or publish the table without these audits: `landbridge redo {day} --table {source_table} --accept-audits`"
    );
    Error::new(
        ErrorKind::Config,
        "the token key cannot be read, so audits that may block a table cannot be made",
        context,
    )
}

async fn audit_key(context: &Context) -> Result<AuditKey, Arc<Error>> {
    match context.token_key().await {
        Ok(key) => Ok(key.audit_key(&context.config.source.name)),
        Err(error) => {
            tracing::warn!(%error, "the key of the figures of audits cannot be read");
            Err(Arc::new(error))
        }
    }
}

async fn proof_key(context: &Context, secret: &str) -> Result<ProofKey, Arc<Error>> {
    let read = async {
        let value = context.aws.secrets.get(secret).await?;
        let location = format!("secret {secret}");
        ProofKey::parse(value.bytes(), &location, &context.config.source.name)
    };
    match read.await {
        Ok(key) => Ok(key),
        Err(error) => {
            tracing::warn!(%error, "the key of the figures of a proof cannot be read");
            Err(Arc::new(error))
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
    /// Whether audits need figures that cannot be sealed.
    pub(super) unsealed: bool,
    /// Whether figures of the loaded day are taken over where the bytes are the same.
    takes_over: bool,
}

impl TableFigures {
    /// The plan of an object that computes the figures of all columns, and takes none over.
    pub(super) fn plan_of_all(self) -> Option<ProofPlan> {
        let plan = self.plan.filter(|plan| !plan.only_values)?;
        Some(ProofPlan { kept: true, contents: false, ..plan })
    }

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
