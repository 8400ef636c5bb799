//! Notices about columns whose protection changed.

use std::collections::BTreeMap;

use futures::{StreamExt, TryStreamExt};
use landbridge_core::Result;
use landbridge_core::calendar::Day;
use landbridge_core::config::CLASS_NONE;
use landbridge_core::describe;
use landbridge_core::diff::{LiveColumn, TableColumn, is_same_tag};
use landbridge_core::names::is_same;
use landbridge_core::plan::Problem;
use landbridge_core::protection::class_rank;
use landbridge_core::receipt::Receipt;
use landbridge_core::types::BigQueryType;
use landbridge_gcp::bigquery::TableInfo;
use landbridge_ledger::records;

use crate::{Context, alert};

/// Columns that a notice names; it counts the others.
const NAMED: usize = 20;
/// How many days of receipts are searched: the default retention of the ledger.
const RECEIPT_DAYS: usize = 400;
/// Receipts read at once.
const AT_ONCE: usize = 16;

/// A tag that was changed, in terms of classes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TagChange {
    table: String,
    column: String,
    /// The class before.
    from: String,
    /// The class now.
    to: String,
    /// Whether receipts can contain bounds of a column of this type.
    can_have_bounds: bool,
}

impl TagChange {
    fn opens(&self) -> bool {
        class_rank(&self.to) < class_rank(&self.from)
            || class_rank(&self.to) == 1 && class_rank(&self.from) == 1
    }
}

impl std::fmt::Display for TagChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{} ({} → {})", self.table, self.column, self.from, self.to)
    }
}

/// The tags that a patch of `live` to `columns` changes.
pub(super) fn changes(
    context: &Context,
    table: &str,
    live: &TableInfo,
    columns: &[TableColumn],
) -> Vec<TagChange> {
    let tag = |column: &LiveColumn| (column.name.clone(), column.policy_tag.clone());
    let before: Vec<_> = live.live.columns.iter().map(tag).collect();
    let mut changes = between(context, table, &before, columns);
    for change in &mut changes {
        let column = live.live.columns.iter().find(|column| column.name == change.column);
        let ty = column.and_then(|column| column.ty.parse::<BigQueryType>().ok());
        change.can_have_bounds = ty.is_some_and(|ty| {
            use BigQueryType::{Bool, Bytes, Json, String};
            !matches!(ty, String | Bytes | Bool | Json)
        });
    }
    changes
}

/// The columns of a loaded table whose protection became looser after the proof.
pub(crate) fn opened(
    context: &Context,
    table: &str,
    before: &[TableColumn],
    after: &[TableColumn],
) -> Vec<TagChange> {
    let tag = |column: &TableColumn| (column.name.clone(), column.policy_tag.clone());
    let before: Vec<_> = before.iter().map(tag).collect();
    let mut changes = between(context, table, &before, after);
    changes.retain(TagChange::opens);
    changes
}

fn between(
    context: &Context,
    table: &str,
    before: &[(String, Option<String>)],
    after: &[TableColumn],
) -> Vec<TagChange> {
    let change = |column: &TableColumn| {
        let (_, tag) = before.iter().find(|(name, _)| is_same(name, &column.name))?;
        (!is_same_tag(tag.as_deref(), column.policy_tag.as_deref())).then(|| TagChange {
            table: table.to_owned(),
            column: column.name.clone(),
            from: class_of(context, tag.as_deref()),
            to: class_of(context, column.policy_tag.as_deref()),
            can_have_bounds: false,
        })
    };
    after.iter().filter_map(change).collect()
}

/// The columns whose tag something other than Landbridge has removed or replaced since Landbridge set it, and that a patch to
/// `columns` gives a tag. The description of a column names the class that was set, whatever contract is deployed now.
pub(crate) fn removed(
    context: &Context,
    table: &str,
    live: &TableInfo,
    columns: &[TableColumn],
) -> Vec<TagChange> {
    let change = |column: &LiveColumn| {
        let set = describe::class_of(column.description.as_deref())?;
        let from = class_of(context, column.policy_tag.as_deref());
        // A tag that landbridge.yaml does not know can be the one of a class until the last deployment.
        let differs = set != from && (column.policy_tag.is_none() || from != ANOTHER_TAG);
        let wanted = columns.iter().find(|it| is_same(&it.name, &column.name));
        let is_closed = wanted.is_some_and(|it| it.policy_tag.is_some());
        (differs && is_closed).then(|| TagChange {
            table: table.to_owned(),
            column: column.name.clone(),
            from,
            to: set.to_owned(),
            can_have_bounds: false,
        })
    };
    live.live.columns.iter().filter_map(change).collect()
}

/// What stands for a tag that no class of landbridge.yaml has.
const ANOTHER_TAG: &str = "another tag";

/// The class of a policy tag.
fn class_of(context: &Context, tag: Option<&str>) -> String {
    let Some(tag) = tag else { return CLASS_NONE.to_owned() };
    let class = context.tags.iter().find(|(_, name)| is_same_tag(Some(name.as_str()), Some(tag)));
    class.map_or_else(|| ANOTHER_TAG.to_owned(), |(class, _)| class.clone())
}

/// Reports what a pass changed. `new`: the contract is new; otherwise the daily comparison found
/// tags that someone else had changed.
///
/// # Errors
/// Any ledger error.
pub(super) async fn report(
    context: &Context,
    changes: &[TagChange],
    new: bool,
    day: Day,
) -> Result<()> {
    if !new {
        return report_removed(context, changes, day).await;
    }
    let opened: Vec<TagChange> = changes.iter().filter(|it| it.opens()).cloned().collect();
    report_opened(context, &opened, day).await?;
    report_bounds(context, changes, day).await
}

/// Reports tags that something other than Landbridge has removed: on each day on which it happens, because it is an event that can
/// be repeated, and not a state that lasts.
///
/// # Errors
/// Any ledger error.
pub(crate) async fn report_removed(
    context: &Context,
    removed: &[TagChange],
    day: Day,
) -> Result<()> {
    if removed.is_empty() {
        return Ok(());
    }
    let problem = Problem::notice(
        "policy tags differed from the contract and are set again",
        list(removed),
        "find out who changed them: BigQuery's audit log names the caller of tables.patch",
    );
    let key = format!("{}\n{day}", problem.context);
    alert::notice(&context.ledger.source(), &problem, &key, day).await
}

/// Reports columns that more people can read now, once per contract.
///
/// # Errors
/// Any ledger error.
pub(crate) async fn report_opened(context: &Context, opened: &[TagChange], day: Day) -> Result<()> {
    if opened.is_empty() {
        return Ok(());
    }
    let problem = Problem::notice(
        "the deployed contract opens columns",
        format!("contract {}: {}", context.deployment.digest, list(opened)),
        "no action is needed if this was intended; otherwise give the columns their class back in contract.yaml and deploy it: it is in force within five minutes",
    );
    alert::notice(&context.ledger.source(), &problem, &problem.context, day).await
}

/// Reports receipts that contain bounds of columns that are hidden now.
async fn report_bounds(context: &Context, changes: &[TagChange], day: Day) -> Result<()> {
    let mut closed: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for change in changes.iter().filter(|it| it.from == CLASS_NONE && it.can_have_bounds) {
        closed.entry(&change.table).or_default().push(&change.column);
    }
    for (table, columns) in closed {
        let found = days_with_bounds(context, table, &columns, day).await?;
        for (column, days) in found {
            let (Some(last), Some(first)) = (days.first(), days.last()) else { continue };
            let count = days.len();
            let problem = Problem::notice(
                "older receipts contain the smallest and largest value of a column that is now protected",
                format!("{table}.{column}: {count} receipts from {first} to {last}"),
                "remove them: docs/ledger.md, section \"Removing bounds\"",
            );
            alert::notice(&context.ledger.source(), &problem, &problem.context, day).await?;
        }
    }
    Ok(())
}

/// The days whose receipt of the table has bounds, by column, the newest first. Each receipt is
/// read once.
async fn days_with_bounds<'a>(
    context: &Context,
    table: &str,
    columns: &[&'a str],
    day: Day,
) -> Result<BTreeMap<&'a str, Vec<Day>>> {
    let days = std::iter::successors(Some(day), |day| day.before());
    let receipts: Vec<(Day, Option<Receipt>)> = futures::stream::iter(days.take(RECEIPT_DAYS))
        .map(|day| async move {
            let receipt = context.ledger(day).value(&records::receipt(table)).await?;
            Ok::<_, landbridge_core::Error>((day, receipt))
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    let mut found: BTreeMap<&str, Vec<Day>> = BTreeMap::new();
    for (day, receipt) in &receipts {
        for column in receipt.iter().flat_map(|receipt| &receipt.columns) {
            if (column.min.is_some() || column.max.is_some())
                && let Some(name) = columns.iter().find(|name| **name == column.name)
            {
                found.entry(name).or_default().push(*day);
            }
        }
    }
    Ok(found)
}

fn list(changes: &[TagChange]) -> String {
    let named: Vec<String> = changes.iter().take(NAMED).map(ToString::to_string).collect();
    match changes.len().saturating_sub(NAMED) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}
