//! Under which names in BigQuery earlier days loaded the tables of the source. A claim belongs to a name; what is known
//! of a table's values is known of the table of the source.

use std::collections::BTreeMap;

use landbridge_core::Result;
use landbridge_core::calendar::Day;
use landbridge_ledger::records::PLAN;
use tokio::sync::OnceCell;

use crate::Context;

/// The number of plans that are read: the plans of the longest time-travel window, and of one day more.
const PLANS: usize = 8;
/// So many days are searched for them, because the functions may have paused.
const DAYS: usize = 31;

/// The names of one tick, read when the first table needs them: on an ordinary day none does.
#[derive(Default)]
pub(super) struct EarlierNames(OnceCell<BTreeMap<String, Vec<String>>>);

impl EarlierNames {
    /// The BigQuery tables into which plans of days before `day` loaded this table of the source, the newest first.
    ///
    /// # Errors
    /// Any ledger error.
    pub(super) async fn of(
        &self,
        context: &Context,
        day: Day,
        source_table: &str,
    ) -> Result<&[String]> {
        let all = self.0.get_or_try_init(|| read(context, day)).await?;
        Ok(all.get(source_table).map_or(&[], Vec::as_slice))
    }
}

async fn read(context: &Context, day: Day) -> Result<BTreeMap<String, Vec<String>>> {
    let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let days = std::iter::successors(day.before(), |day| day.before());
    let mut found = 0;
    for day in days.take(DAYS) {
        let Some(plan) = context.ledger(day).value(&PLAN).await? else { continue };
        for entry in plan.tables {
            let of_source = names.entry(entry.source_table).or_default();
            if !of_source.contains(&entry.table) {
                of_source.push(entry.table);
            }
        }
        found += 1;
        if found == PLANS {
            break;
        }
    }
    Ok(names)
}
