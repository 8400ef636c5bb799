//! Columns that the deployed contract calls `none` and that stay closed, because of what their values look like, or
//! because nothing is known of them. The load says so with each day; a contract is in force before the next load.

use landbridge_core::Result;
use landbridge_core::calendar::Day;
use landbridge_core::contract::Contract;
use landbridge_core::incident::what;
use landbridge_core::plan::Problem;
use landbridge_ledger::records::Claim;

use crate::{Context, alert};

/// How many columns of a table are explained; the receipt of the next day explains all.
const EXPLAINED: usize = 5;

/// The columns of one table, by their names in the source.
#[derive(Debug, Default)]
pub(super) struct Closed {
    table: String,
    source_table: String,
    /// Those whose values look personal, each with what was found.
    suspected: Vec<(String, String)>,
    /// Those whose values were never judged.
    not_judged: Vec<String>,
}

impl Closed {
    /// The columns of a BigQuery table, by the newest rows of its claim.
    pub(super) fn of(table: &str, claim: Option<&Claim>, contract: &Contract) -> Self {
        let newest = claim.and_then(|claim| claim.loading.as_ref().or(claim.loaded.as_ref()));
        let Some(rows) = newest else { return Self::default() };
        let suspected = rows
            .suspected(contract)
            .map(|(name, looks_like)| (name.to_owned(), looks_like.reason.clone()));
        let not_judged = rows.not_judged(contract).filter(|(_, it)| it.never_before);
        Self {
            table: table.to_owned(),
            source_table: rows.source_table.clone(),
            suspected: suspected.collect(),
            not_judged: not_judged.map(|(name, _)| name.to_owned()).collect(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.suspected.is_empty() && self.not_judged.is_empty()
    }

    fn found(&self) -> String {
        let found = self.suspected.iter().take(EXPLAINED);
        let found: Vec<String> = found.map(|(name, why)| format!("`{name}`: {why}")).collect();
        found.join("; ")
    }
}

/// Reports these columns: what looks personal with the notice of the load, so that it is one incident.
///
/// # Errors
/// Any ledger error.
pub(super) async fn report(context: &Context, closed: &[Closed], day: Day) -> Result<()> {
    let dataset = &context.config.warehouse.dataset;
    for table in closed {
        let Closed { table: name, source_table, suspected, not_judged } = table;
        let ask = format!(
            "look at the values of {source_table} in the source, then give the columns a class, or write `pinned: true` if they are harmless, and deploy"
        );
        if !suspected.is_empty() {
            let columns: Vec<&str> = suspected.iter().map(|(column, _)| column.as_str()).collect();
            let problem = Problem::notice(
                what::LOOKS_PERSONAL,
                format!("{dataset}.{name}: {}", columns.join(", ")),
                &format!(
                    "they are masked for everyone until contract.yaml says more ({}): {ask}",
                    table.found()
                ),
            );
            let key = alert::looks_personal_key(name, columns);
            alert::notice(&context.ledger.source(), &problem, &key, day).await?;
        }
        if !not_judged.is_empty() {
            let columns = not_judged.join(", ");
            let problem = Problem::notice(
                what::NOT_JUDGED,
                format!("{dataset}.{name}: {columns}"),
                &format!("they are masked for everyone until a sample can be read, or: {ask}"),
            );
            let key = alert::not_judged_key(name, &columns);
            alert::notice(&context.ledger.source(), &problem, &key, day).await?;
        }
    }
    Ok(())
}
