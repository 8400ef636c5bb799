//! Transactions of a script (Google's documentation, "Multi-statement transactions").
//!
//! The statements of a transaction run on a copy of the catalog, whose rows are shared and not copied. Nothing
//! of it is seen outside until COMMIT TRANSACTION puts the changed tables in the place of the old ones, all in
//! one step. If another job changed one of them meanwhile, the commit fails and nothing is written.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::bigquery::BigQuery;
use crate::bigquery::catalog::Catalog;
use crate::bigquery::statements::is_query;
use crate::bigquery::statements::tokens::{Cursor, tokenize};
use crate::error::GoogleError;

/// Statements that a transaction may contain, besides queries.
const ALLOWED: [&str; 5] = ["INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE"];

/// An open transaction.
pub(super) struct Transaction {
    /// The server with the copy of the catalog.
    pub(super) server: BigQuery,
    /// The version of each table, by dataset and name, when the transaction began.
    before: BTreeMap<(String, String), u64>,
}

impl Transaction {
    /// Begins: the statements see the tables as they are now.
    pub(super) fn begin(server: &BigQuery) -> Self {
        let catalog = server.catalog();
        let copy = Catalog {
            datasets: catalog.datasets.clone(),
            changes: catalog.changes.clone(),
            numbers_in_tags: catalog.numbers_in_tags,
            ..Catalog::default()
        };
        let before = versions(&copy);
        drop(catalog);
        let server = BigQuery { catalog: Arc::new(Mutex::new(copy)), ..server.clone() };
        Self { server, before }
    }

    /// # Errors
    /// The statement changes more than rows and temporary tables.
    pub(super) fn check(sql: &str) -> Result<(), GoogleError> {
        let tokens = tokenize(sql)?;
        let cursor = Cursor::new(sql, &tokens);
        let makes_temporary = {
            let mut next = cursor.clone();
            next.accepts(&["CREATE"]) && {
                next.accepts(&["OR", "REPLACE"]);
                ["TEMP", "TEMPORARY"].iter().any(|it| next.is_next(&[it]))
            }
        };
        let allowed = ALLOWED.iter().any(|it| cursor.is_next(&[it]));
        if is_query(&cursor) || allowed || makes_temporary {
            return Ok(());
        }
        Err(GoogleError::invalid_query(format!(
            "{} is not supported in a transaction: queries, DML and temporary tables are. End the transaction \
             before it.",
            cursor.peek_text().to_ascii_uppercase()
        )))
    }

    /// Writes the changed tables, all in one step.
    ///
    /// # Errors
    /// Another job changed one of the tables since the transaction began: nothing is written.
    pub(super) fn commit(self, server: &BigQuery) -> Result<(), GoogleError> {
        let copy = self.server.catalog();
        let after = versions(&copy);
        let mut catalog = server.catalog();
        let now = versions(&catalog);
        let changed: Vec<_> =
            after.iter().filter(|(name, version)| self.before.get(name) != Some(version)).collect();
        for (name, _) in &changed {
            if now.get(name) != self.before.get(name) {
                let (dataset, table) = name;
                return Err(GoogleError::invalid_query(format!(
                    "Transaction is aborted due to concurrent update against table \
                     {}:{dataset}.{table}. Run the script again.",
                    server.project
                )));
            }
        }
        for ((dataset, table), _) in changed {
            let Some(made) = copy.datasets.get(dataset) else { continue };
            let Some(rows) = made.tables.get(table) else { continue };
            let place = catalog.datasets.entry(dataset.clone());
            place.or_insert_with(|| made.clone()).tables.insert(table.clone(), rows.clone());
        }
        Ok(())
    }
}

fn versions(catalog: &Catalog) -> BTreeMap<(String, String), u64> {
    let tables = catalog.datasets.iter().flat_map(|(dataset, it)| {
        it.tables.iter().map(|(name, table)| ((dataset.clone(), name.clone()), table.version()))
    });
    tables.collect()
}
