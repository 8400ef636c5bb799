//! The policy tags of one table: computed from the record of its rows, set conditionally.

use landbridge_core::config::{CLASS_NONE, CLASS_UNCLASSIFIED};
use landbridge_core::describe;
use landbridge_core::diff::{LiveColumn, PolicyTags, TableColumn, policy_tag_for};
use landbridge_core::protection::TableRows;
use landbridge_core::types::BigQueryType;
use landbridge_core::{Error, ErrorKind, Result};
use landbridge_gcp::bigquery::{TableInfo, TableStamp};
use landbridge_ledger::records::{self, Claim};

use super::closed::Closed;
use super::report::TagChange;
use crate::{Context, Tick, deployment, time_travel};

/// How often a table is read again because someone else changed it in between.
const MAX_READS: usize = 8;

/// The table of one pass.
pub(super) struct TableTags<'a> {
    pub(super) context: &'a Context,
    pub(super) table: &'a str,
    /// Whether the contract is not applied yet: what differs then need not have been changed by others.
    pub(super) new: bool,
    pub(super) tick: Tick,
    pub(super) window_hours: u32,
}

impl TableTags<'_> {
    /// Sets the tag that each column must have now. Returns what was changed, also if an error
    /// followed, and which columns of class `none` stay closed.
    pub(super) async fn protect(&self) -> (Vec<TagChange>, Closed, Result<()>) {
        let (mut changes, mut closed) = (Vec::new(), Closed::default());
        let result = self.set_tags(&mut changes, &mut closed).await;
        (changes, closed, result)
    }

    async fn set_tags(&self, changes: &mut Vec<TagChange>, closed: &mut Closed) -> Result<()> {
        let ledger = self.context.ledger.source();
        let dataset = &self.context.config.warehouse.dataset;
        let bigquery = &self.context.gcp.bigquery;
        let number = self.context.deployment.number;
        for _ in 0..MAX_READS {
            let Some(live) = bigquery.table(dataset, self.table).await? else { return Ok(()) };
            // The claim is read after the table: a load that the claim does not mention has not
            // changed the table yet, and its change makes this one's condition fail.
            let name = match live.day_partitions {
                None => records::claim(self.table),
                Some(_) => records::history_claim(self.table),
            };
            let claim = ledger.value(&name).await?;
            // An earlier version of one of them says nothing about the rows.
            let claim = claim.filter(|claim| claim.describes(live.stamp.load, live.rows));
            if live.stamp.contract > number {
                return Ok(());
            }
            // What the table itself says of its columns holds for its history.
            if live.day_partitions.is_none() {
                *closed = Closed::of(self.table, claim.as_ref(), &self.context.contract);
            }
            let window_hours = self.window_hours(claim.as_ref()).await?;
            let (columns, missing_tag) = self.columns_now(&live, claim.as_ref(), window_hours);
            let found = super::report::changes(self.context, self.table, &live, &columns);
            if found.is_empty() && live.stamp.contract == number {
                return missing_tag.map_or(Ok(()), Err);
            }
            if !deployment::is_newest(self.context, &ledger).await? {
                return Ok(());
            }
            if self.new {
                // Before the patch, after which nothing shows it any more.
                let removed = super::report::removed(self.context, self.table, &live, &columns);
                let day = self.context.calendar.day_of(self.tick.now);
                super::report::report_removed(self.context, &removed, day).await?;
            }
            let stamp = TableStamp { contract: number, ..live.stamp };
            let patched = bigquery.patch_table(dataset, self.table, &live, &columns, stamp).await?;
            if patched.is_some() {
                changes.extend(found);
            }
            // The next round reads the table back.
        }
        Err(Error::new(
            ErrorKind::Transient,
            "a table does not keep the policy tags that are set, or is changed all the time",
            format!("{dataset}.{}", self.table),
        ))
    }

    /// How long former rows of this table can be read; asked only if it has any.
    async fn window_hours(&self, claim: Option<&Claim>) -> Result<u32> {
        let Some(claim) = claim.filter(|claim| !claim.former.is_empty()) else {
            return Ok(self.window_hours);
        };
        let newest = claim.loaded.as_ref().or_else(|| claim.kept.descriptions().next());
        let source_table = newest.map_or("", |rows| &rows.source_table);
        let contract = self.context.contract.tables.get(source_table);
        let dataset_hours = self.window_hours;
        time_travel::window_hours(self.context, self.table, contract, dataset_hours, self.tick)
            .await
    }

    /// The live columns with the tags that they must have now. A class without a policy tag is
    /// replaced by `unclassified`, and is an error.
    fn columns_now(
        &self,
        live: &TableInfo,
        claim: Option<&Claim>,
        window_hours: u32,
    ) -> (Vec<TableColumn>, Option<Error>) {
        let unknown = TableRows::unknown();
        let mut readable =
            claim.map(|claim| claim.readable(self.tick.now, window_hours)).unwrap_or_default();
        let has_unrecorded_rows = readable.current.is_empty() && live.rows > 0;
        if claim.is_none() || has_unrecorded_rows {
            readable.current.push(&unknown);
        }
        let table = claim.map_or(self.table, |claim| claim.contract_table(self.table));
        let mut missing = None;
        let column = |column: &LiveColumn| {
            let contract = &self.context.contract;
            let now = readable.class_now(table, &column.name, contract);
            let tags = &self.context.tags;
            let mut class = match live.day_partitions {
                None => now.class,
                Some(_) => with_tag(now.class, tags),
            };
            let policy_tag = policy_tag_for(&class, tags).or_else(|error| {
                missing.get_or_insert(error);
                CLASS_UNCLASSIFIED.clone_into(&mut class);
                policy_tag_for(&class, tags)
            });
            let own = describe::own_part(column.description.as_deref());
            TableColumn {
                name: column.name.clone(),
                // The type of a live column is not changed.
                ty: BigQueryType::String,
                repeated: false,
                // Without a tag for `unclassified`, the tag stays as it is.
                policy_tag: policy_tag.map_or_else(|_| column.policy_tag.clone(), |it| it.cloned()),
                description: Some(describe::column(own, &class, &self.context.config)),
            }
        };
        let columns = live.live.columns.iter().filter(|it| is_leaf(it)).map(column).collect();
        (columns, missing)
    }
}

/// Whether a column can have a policy tag: a RECORD cannot (BigQuery documentation, "Column-level
/// access control"). Landbridge creates none.
fn is_leaf(column: &LiveColumn) -> bool {
    !matches!(column.ty.as_str(), "RECORD" | "STRUCT")
}

/// The class, if it has a tag. Rows of past days can have a class that landbridge.yaml does not have any more:
/// no reader may read it then.
pub(crate) fn with_tag(class: String, tags: &PolicyTags) -> String {
    match class == CLASS_NONE || tags.contains_key(&class) {
        true => class,
        false => CLASS_UNCLASSIFIED.to_owned(),
    }
}
