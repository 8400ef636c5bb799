//! The temporary tables of one script, in a dataset that only the script knows.
//!
//! The dataset has a random name and is in no list. `CREATE TEMP TABLE t` puts `t` there, and the other
//! statements of the script find it before a table of the default dataset (GoogleSQL reference,
//! "CREATE TABLE", "Temporary tables"). It needs no permission: knowing the name is the permission.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Map;

use super::BigQuery;
use super::names::{TEMPORARY_PREFIX, TableName, is_temporary};
use crate::error::GoogleError;

/// # Errors
/// 400 for a name that is kept for temporary tables.
pub(super) fn check_not_temporary(dataset: &str) -> Result<(), GoogleError> {
    if !is_temporary(dataset) {
        return Ok(());
    }
    Err(GoogleError::invalid(format!(
        "The local warehouse keeps names with {TEMPORARY_PREFIX} for temporary tables."
    )))
}

/// The temporary tables of one script.
#[derive(Clone, Debug)]
pub(crate) struct TemporaryTables {
    dataset: String,
    names: Arc<Mutex<BTreeSet<String>>>,
}

impl TemporaryTables {
    pub(super) fn new() -> Self {
        let mut bytes = [0; 16];
        // Without random numbers, the name is empty and no table can be created.
        let random = getrandom::fill(&mut bytes).is_ok();
        let name: String = bytes.iter().map(|it| format!("{it:02x}")).collect();
        let dataset = if random { format!("{TEMPORARY_PREFIX}{name}") } else { String::new() };
        Self { dataset, names: Arc::default() }
    }

    /// The temporary table that a path means, if there is one: `t` or `_SESSION.t`.
    pub(super) fn find(&self, path: &[impl AsRef<str>], project: &str) -> Option<TableName> {
        let parts: Vec<&str> = path.iter().map(AsRef::as_ref).collect();
        let table = match parts.as_slice() {
            [session, table] if session.eq_ignore_ascii_case("_SESSION") => *table,
            [table] if self.locked().contains(*table) => *table,
            _ => return None,
        };
        Some(TableName::new(project, &self.dataset, table))
    }

    pub(super) fn forget(&self, name: &TableName) {
        if name.dataset == self.dataset {
            self.locked().remove(&name.table);
        }
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, BTreeSet<String>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BigQuery {
    /// Takes a name for a temporary table, and makes the dataset for it.
    pub(super) fn take_temporary_name(
        &self,
        tables: &TemporaryTables,
        table: &str,
    ) -> Result<(), GoogleError> {
        if !self.catalog().datasets.contains_key(&tables.dataset) {
            self.create_dataset(&tables.dataset, &self.location, Map::new())?;
        }
        tables.locked().insert(table.to_owned());
        Ok(())
    }

    /// Removes all temporary tables of a script.
    pub(super) fn drop_temporary(&self, tables: &TemporaryTables) {
        self.catalog().datasets.remove(&tables.dataset);
    }
}
